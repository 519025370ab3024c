"""Loads: brings a warehouse up to what Partner Center shows now.

from pathlib import Path

from partner_referrals.load import LoadOptions, load

run = load(Path("referrals.duckdb"), LoadOptions(full=True))

`load_resources` loads every resource that the configuration names.
"""

from partner_referrals.load.options import LoadOptions
from partner_referrals.load.outcome import LoadOutcome
from partner_referrals.load.run import load, load_resources
from partner_referrals.warehouse.tables import LoadRun

__all__ = ["LoadOptions", "LoadOutcome", "LoadRun", "load", "load_resources"]
