"""Describes the two resources of the analytics API: their paths, fields and grouped counts."""

from dataclasses import dataclass

from partner_center.schema.fields import DATE_FIELDS, TEXT_FIELDS


@dataclass(frozen=True)
class AnalyticsResource:
    """One resource; `counts` are the fields of a grouped answer, as SQL aggregates of its rows.

    Booleans are among the texts: they are filtered and grouped as `true` and `false`.
    """

    path: str
    item: str
    texts: tuple[str, ...]
    dates: tuple[str, ...]
    counts: dict[str, str]

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.texts, *self.dates)


REFERRALS = AnalyticsResource(
    path="/partner/v1/analytics/referrals",
    item="referral",
    texts=tuple(TEXT_FIELDS),
    dates=tuple(DATE_FIELDS),
    counts={"referralCount": "count(*)"},
)

SEARCHES = AnalyticsResource(
    path="/partner/v1/analytics/search",
    item="search",
    texts=(
        "companyName",
        "contactButtonClicked",
        "detailsViewed",
        "keywordCountry",
        "keywordIndustryFocus",
        "keywordProduct",
        "keywordSearchText",
        "mpnId",
        "partnerMarket",
        "referralSubmitted",
    ),
    dates=("searchDate",),
    counts={
        "searchResultPageViews": "count(*)",
        "profileViews": """count(*) filter ("detailsViewed" = 'true')""",
        "contactClicks": """count(*) filter ("contactButtonClicked" = 'true')""",
        "referralCount": """count(*) filter ("referralSubmitted" = 'true')""",
    },
)
