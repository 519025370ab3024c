"""The tables of this source, each declared once: its columns, their types and what they mean."""

from dataclasses import dataclass

import pyarrow as pa

from partner_center.schema.fields import DATE_FIELDS, TEXT_FIELDS

TEXT, TIMESTAMP, DATE = pa.string(), pa.timestamp("us"), pa.date32()
BOOLEAN, WHOLE_NUMBER, NUMBER, MONEY = pa.bool_(), pa.int64(), pa.float64(), pa.decimal128(18, 2)


@dataclass(frozen=True)
class Table:
    """A table of the schema `partner_center`.

    `meaning` says what it holds and, on a second line, what one row is. The fields of `schema`
    carry the meaning of their columns.
    """

    name: str
    meaning: str
    schema: pa.Schema

    @property
    def column_meanings(self) -> dict[str, str]:
        """What each column means, in their order."""
        return {field.name: field.metadata[b"comment"].decode() for field in self.schema}


def column(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = True) -> pa.Field:
    """A column that carries its meaning."""
    return pa.field(name, kind, nullable=nullable, metadata={"comment": meaning})


def _validity(what: str) -> list[pa.Field]:
    """The columns that every table of observed versions has besides those of its source."""
    return [
        column("is_listed", BOOLEAN, f"false once Partner Center no longer listed the {what}"),
        column(
            "content_hash",
            WHOLE_NUMBER,
            "hash of the fields and is_listed, which tells versions apart",
            nullable=False,
        ),
        column("valid_from", TIMESTAMP, "when the warehouse first saw this version, UTC"),
        column("valid_to", TIMESTAMP, "when the next version took its place, UTC; null if current"),
    ]


REFERRALS = Table(
    "referrals",
    "Every observed version of every referral, field by field as Partner Center gave it. No row "
    "is ever deleted.\nGrain: one row per id, valid_from",
    pa.schema(
        [
            *(
                column(name, TEXT, f"`{field}` of the endpoint", nullable=name != "id")
                for field, name in TEXT_FIELDS.items()
            ),
            *(
                column(name, TIMESTAMP, f"`{field}` of the endpoint, UTC")
                for field, name in DATE_FIELDS.items()
            ),
            column(
                "last_activity_date", TIMESTAMP, "the latest of the ten dates, UTC; null if none"
            ),
            *_validity("referral"),
        ]
    ),
)

REFERRAL_REJECTS = Table(
    "referral_rejects",
    "Records of any resource that could not be read.\nGrain: one row per record, reason",
    pa.schema(
        [
            column("record", TEXT, "the record as it was received, JSON", nullable=False),
            column("reason", TEXT, "the field and value that could not be read", nullable=False),
            column("rejected_at", TIMESTAMP, "when it was first seen, UTC", nullable=False),
        ]
    ),
)

ENGAGEMENTS = Table(
    "engagements",
    "Every observed version of every deal of the engagements endpoint, without contacts, notes "
    "and addresses. No row is ever deleted.\nGrain: one row per id, valid_from",
    pa.schema(
        [
            column("id", TEXT, "identifier of the deal", nullable=False),
            column("engagement_id", TEXT, "what the rows of one deal at several partners share"),
            column("name", TEXT, "what the deal is called"),
            column("organization_id", TEXT, "whose row of the deal this is, or `msft`"),
            column("organization_name", TEXT, "the name of that organisation"),
            column("external_reference_id", TEXT, "the deal's identifier in the partner's CRM"),
            column("status", TEXT, "New, Active or Closed"),
            column("substatus", TEXT, "Pending, Received, Accepted, Won, Lost, Declined, Expired, "
                   "Error"),
            column("status_reason", TEXT, "why it was closed, as Partner Center has it"),
            column("type", TEXT, "Shared or Independent"),
            column("qualification", TEXT, "Direct, MarketingQualified or SalesQualified"),
            column("direction", TEXT, "Incoming or Outgoing, as Partner Center has it"),
            column("sales_stage", TEXT, "a percentage as text, or the name of a stage"),
            column("referral_source", TEXT, "`referralSource` of the endpoint"),
            column("call_to_action", TEXT, "`callToAction` of the endpoint"),
            column("campaign_id", TEXT, "`campaignId` of the endpoint"),
            column("referral_program", TEXT, "`referralProgram` of the endpoint"),
            column("mpn_id", TEXT, "the partner's Microsoft Partner Network id"),
            column("registration_status", TEXT, "where the registration of the deal stands"),
            column("microsoft_msx_id", TEXT, "Microsoft's own id of the deal; set: it accepted it"),
            column("invited_by_organization_id", TEXT, "the organisation that invited the owner"),
            column("assistance_request_code", TEXT, "the help that Microsoft was asked for"),
            column("is_shared_with_microsoft", BOOLEAN, "whether Microsoft's sellers may see it"),
            column("is_spam", BOOLEAN, "`isSpam` of the endpoint"),
            column("quality", TEXT, "`quality` of the endpoint"),
            column("customer_name", TEXT, "the customer's name"),
            column("customer_size", TEXT, "the customer's size, in one of two scales"),
            column("customer_country", TEXT, "the customer's country, ISO 3166 alpha-2"),
            column("deal_value", MONEY, "what the deal is worth, in `currency`"),
            column("currency", TEXT, "currency of `deal_value`, ISO 4217"),
            column("closing_date_time", TIMESTAMP, "when it is expected to close, UTC"),
            column("created_date_time", TIMESTAMP, "when it was created, UTC"),
            column("accepted_date_time", TIMESTAMP, "when it was accepted, UTC"),
            column("closed_date_time", TIMESTAMP, "when it was closed, however it ended, UTC"),
            column("expiration_date_time", TIMESTAMP, "when it expires or expired, UTC"),
            column("updated_date_time", TIMESTAMP, "when it was last edited, UTC"),
            *_validity("deal"),
        ]
    ),
)  # fmt: skip

ENGAGEMENT_TAGS = Table(
    "engagement_tags",
    "What the current deals are about.\nGrain: one row per id, kind, value",
    pa.schema(
        [
            column("id", TEXT, "identifier of the deal", nullable=False),
            column("kind", TEXT, "solution, solution_area, solution_play, industry, product, "
                   "service, partner_role or tag", nullable=False),
            column("value", TEXT, "the name or id that Partner Center gives", nullable=False),
        ]
    ),
)  # fmt: skip

SEARCH_DAYS = Table(
    "search_days",
    "Customers' searches in which the partner came up. A window of days is replaced as a whole.\n"
    "Grain: one row per search; equal searches of one day are equal rows",
    pa.schema(
        [
            column("company_name", TEXT, "the partner's name as it came up"),
            column("contact_button_clicked", BOOLEAN, "whether the customer chose to contact"),
            column("details_viewed", BOOLEAN, "whether the customer opened the partner's profile"),
            column("referral_submitted", BOOLEAN, "whether the search led to a referral"),
            column("keyword_country", TEXT, "the country that was searched for"),
            column("keyword_industry_focus", TEXT, "the industry that was searched for"),
            column("keyword_product", TEXT, "the product that was searched for"),
            column("keyword_search_text", TEXT, "the words that were searched for"),
            column("mpn_id", TEXT, "the partner's Microsoft Partner Network id"),
            column("partner_market", TEXT, "the market of the partner's location"),
            column("search_date", DATE, "the day of the search"),
        ]
    ),
)

FX_RATES = Table(
    "fx_rates",
    "What one unit of a currency is worth in US dollars in a month.\n"
    "Grain: one row per currency_code, month",
    pa.schema(
        [
            column("currency_code", TEXT, "the currency, ISO 4217", nullable=False),
            column("month", DATE, "first day of the month", nullable=False),
            column("usd_per_unit", NUMBER, "US dollars for one unit", nullable=False),
            column("origin", TEXT, "`partner_center`, or `file` for `[views] fx_rates`"),
        ]
    ),
)

SOURCE_TABLES = (
    REFERRALS,
    REFERRAL_REJECTS,
    ENGAGEMENTS,
    ENGAGEMENT_TAGS,
    SEARCH_DAYS,
    FX_RATES,
)
