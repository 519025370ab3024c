"""Microsoft Partner Center's referrals analytics as a dlt source.

import dlt
from partner_center import partner_center

dlt.pipeline("crm", destination="duckdb").run(partner_center(filter="status eq 'Won'"))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partner_center.source import connect, partner_center

__all__ = ["connect", "partner_center"]


def __getattr__(name: str) -> Any:
    """Import the source when it is asked for: dlt takes over a second."""
    if name in __all__:
        return getattr(import_module("partner_center.source"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
