"""Loads: brings a warehouse up to what Partner Center shows now.

from partner_referrals.load import LoadOptions, load

run = load(Path("referrals.duckdb"), LoadOptions(full=True))
"""

from partner_referrals.load.options import LoadOptions
from partner_referrals.load.run import load
from partner_referrals.warehouse.tables import LoadRun

__all__ = ["LoadOptions", "LoadRun", "load"]
