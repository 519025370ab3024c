"""A local stand-in for Partner Center: its referrals endpoint and its sign-in authority."""

from pipelines.sandbox.behaviour import Behaviour, RecordedRequest
from pipelines.sandbox.faults import Reset, api_error, sign_in_error, throttled
from pipelines.sandbox.records_file import records_from
from pipelines.sandbox.sandbox import Sandbox

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
