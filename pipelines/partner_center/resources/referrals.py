"""Referrals of the analytics API: sixteen fields, ten of them dates."""

from partner_center.endpoints import ANALYTICS_SCOPE
from partner_center.listing.filters import active_since
from partner_center.records.fields import Field
from partner_center.records.reader import RecordReader
from partner_center.resources.resource import Resource
from partner_center.schema.fields import DATE_COLUMNS, DATE_FIELDS, FIELDS, TEXT_FIELDS
from partner_center.schema.tables import REFERRALS as TABLE
from partner_center.schema.tables import TEXT, TIMESTAMP

REFERRALS_PATH = "/partner/v1/analytics/referrals"

REFERRALS = Resource(
    name="referrals",
    noun="referrals",
    table=TABLE,
    path=REFERRALS_PATH,
    scope=ANALYTICS_SCOPE,
    host="base_url",
    reader=RecordReader(
        fields=(
            *(Field(name, to, TEXT, takes_number=name == "id") for name, to in TEXT_FIELDS.items()),
            *(Field(name, to, TIMESTAMP) for name, to in DATE_FIELDS.items()),
        ),
        expected=frozenset(FIELDS),
        counted_by=("status", "createdDate"),
    ),
    cursor="last_activity_date",
    activity_columns=DATE_COLUMNS,
    changes_since=active_since,
    created_field="createdDate",
    # greatest() leaves nulls out, and is null only where all of them are.
    computed={"last_activity_date": f"greatest({', '.join(DATE_COLUMNS)})"},
    cell=("status", "date_trunc('month', created_date)::date"),
)
