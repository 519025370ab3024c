"""Where Partner Center is: its clouds, its hosts, the permissions that it asks for, its limits."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from partner_center.errors import UsageError

# The delegated permission of the Partner Center API ("Partner Center authentication").
ANALYTICS_SCOPE = "https://api.partnercenter.microsoft.com/user_impersonation"
# The engagements API takes tokens of another audience ("Referrals API authentication").
ENGAGEMENTS_SCOPE = "https://api.partner.microsoft.com/.default"

# The endpoint refuses top >= 10000 (Partner Center docs, "Get all referrals analytics").
MAX_PAGE_SIZE = 9_999

# One host for every cloud, as far as documented.
ENGAGEMENTS_BASE_URL = "https://api.partner.microsoft.com"
RESOURCE_NAMES = ("referrals", "engagements", "search")

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[\w.:%-]+")


@dataclass(frozen=True)
class Cloud:
    """One of Microsoft's clouds that offer referrals analytics."""

    base_url: str
    authority: str


CLOUDS = {
    "global": Cloud("https://api.partnercenter.microsoft.com", "https://login.microsoftonline.com"),
    "us_government": Cloud(
        "https://api.partnercenter.microsoft.com", "https://login.microsoftonline.us"
    ),
    "germany": Cloud("https://api.partnercenter.microsoft.com", "https://login.microsoftonline.de"),
}


def is_loopback(url: str) -> bool:
    """Whether `url` stays on this machine."""
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def is_safe_url(url: str) -> bool:
    """Whether `url` is an address that can be asked, https or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # ValueError: a name or a port that is none.
        host.encode("idna")
        is_address = _HOST.fullmatch(host) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return bool(is_address) and is_safe


def require_safe_url(url: str, option: str) -> None:
    """Raise UsageError unless `url` may be asked, and holds nothing that messages must not show."""
    if any(mark in url for mark in "@?#"):
        raise UsageError(
            f"{option} holds a user name, a password or a query, which would be shown in messages "
            "and kept in load_runs. Nothing was sent; write the address alone: https://HOST/PATH"
        )
    if not is_safe_url(url):
        raise UsageError(
            f"{option} is '{url}', which is no https address. A token must not travel in the "
            "clear, and a port is a number from 1 to 65535. Nothing was sent. Write https://..."
        )
