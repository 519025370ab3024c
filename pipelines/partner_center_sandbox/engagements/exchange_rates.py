"""Makes up the monthly exchange rates that the engagements API offers as CSV."""

import re
from math import sin
from zlib import crc32

from partner_center_sandbox.faults import Refused

# US dollars for one unit, around which the months vary by up to 5 %.
USD_PER_UNIT = {
    "USD": 1.0,
    "EUR": 1.09,
    "GBP": 1.27,
    "JPY": 0.0069,
    "BRL": 0.2,
    "INR": 0.012,
    "CAD": 0.74,
    "AUD": 0.66,
    "CHF": 1.13,
}
RATES_PATH = re.compile(r"/v1\.0/sales/fxrates\(Month='(?P<month>[^']*)'\)/\$value")


def exchange_rates_csv(month: str, last_month: str) -> str:
    """The rates of a month (YYYYMM) until `last_month`; raises Refused for any other."""
    if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", month, re.ASCII):
        raise Refused(400, f"Month is a year and a month, such as 202401, not {month!r}.")
    if not "201601" <= month <= last_month:
        raise Refused(404, f"There are no exchange rates for {month}.")
    lines = ['"CurrencyCode","USDPerUnit","Month"']
    lines += [f'"{code}","{_rate(code, month):.6f}","{month}"' for code in USD_PER_UNIT]
    return "\r\n".join(lines) + "\r\n"


def _rate(code: str, month: str) -> float:
    if code == "USD":
        return 1.0
    months = int(month[:4]) * 12 + int(month[4:])
    return USD_PER_UNIT[code] * (1 + 0.05 * sin(months / 5 + crc32(code.encode()) % 7))
