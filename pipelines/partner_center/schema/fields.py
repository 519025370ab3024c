"""The fields, milestones and statuses of a referral."""

# The ten lifecycle dates, in the order in which a referral can meet them
# (Partner Center REST reference, "Get all referrals analytics").
MILESTONES = (
    "created",
    "acknowledged",
    "accepted",
    "won",
    "lost",
    "declined",
    "expired",
    "missed",
    "skipped",
    "archived",
)

# Ways in which a referral ends; `archived` is filing, not an outcome.
TERMINAL_MILESTONES = ("won", "lost", "declined", "expired", "missed", "skipped")

# API field -> warehouse column.
TEXT_FIELDS = {
    "id": "id",
    "status": "status",
    "customerMarket": "customer_market",
    "customerName": "customer_name",
    "customerOrgSize": "customer_org_size",
    "partnerMarket": "partner_market",
}
DATE_FIELDS = {f"{milestone}Date": f"{milestone}_date" for milestone in MILESTONES}
FIELDS = {**TEXT_FIELDS, **DATE_FIELDS}

DATE_COLUMNS = tuple(DATE_FIELDS.values())
FIELD_COLUMNS = tuple(FIELDS.values())

STATUSES = ("New", *(name.title() for name in MILESTONES[1:]), "Error")
_STATUS_BY_LOWER_NAME = {status.lower(): status for status in STATUSES}


def known_status(status: str | None) -> str | None:
    """A status in its known spelling, whatever its case; others as they are."""
    return status and _STATUS_BY_LOWER_NAME.get(status.lower(), status)
