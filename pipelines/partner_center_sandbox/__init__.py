"""A local stand-in for Partner Center: its referrals endpoint and its sign-in authority."""

from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.faults import Reset, api_error, sign_in_error, throttled
from partner_center_sandbox.records_file import records_from
from partner_center_sandbox.sandbox import Sandbox

__all__ = [
    "Behaviour",
    "RecordedRequest",
    "Reset",
    "Sandbox",
    "api_error",
    "records_from",
    "sign_in_error",
    "throttled",
]
