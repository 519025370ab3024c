"""Where Partner Center is: its clouds, its hosts, the permissions that it asks for, its limits."""

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


def require_tls(url: str, option: str) -> None:
    """Raise UsageError unless `url` is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and is_loopback(url):
        return
    raise UsageError(
        f"{option} is '{url}', which is no https address, so the token would travel in the clear. "
        "Nothing was sent. Write https://..."
    )
