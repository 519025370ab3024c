"""Customers' searches in which the partner came up; they have no identifier."""

from datetime import datetime

from partner_center.endpoints import ANALYTICS_SCOPE
from partner_center.records.fields import Field
from partner_center.records.reader import RecordReader
from partner_center.resources.resource import Resource
from partner_center.schema.tables import SEARCH_DAYS

_PATHS = {
    "company_name": "companyName",
    "contact_button_clicked": "contactButtonClicked",
    "details_viewed": "detailsViewed",
    "referral_submitted": "referralSubmitted",
    "keyword_country": "keywordCountry",
    "keyword_industry_focus": "keywordIndustryFocus",
    "keyword_product": "keywordProduct",
    "keyword_search_text": "keywordSearchText",
    "mpn_id": "mpnId",
    "partner_market": "partnerMarket",
    "search_date": "searchDate",
}
# What a later edition of the reference calls it.
_RENAMED = {"mpn_id": "partnerId"}
# Only grouped answers have these.
_IGNORED = ("searchResultPageViews", "profileViews", "contactClicks", "referralCount")


def _searched_since(moment: datetime) -> str:
    """Searches of the day of `moment` and later ones."""
    return f"searchDate ge cast('{moment.date().isoformat()}T00:00:00Z',Edm.DateTimeOffset)"


SEARCH = Resource(
    name="search",
    noun="searches",
    table=SEARCH_DAYS,
    path="/partner/v1/analytics/search",
    scope=ANALYTICS_SCOPE,
    host="base_url",
    reader=RecordReader(
        fields=tuple(
            Field(
                _PATHS[each.name],
                each.name,
                each.type,
                takes_number=each.name == "mpn_id",
                renamed=_RENAMED.get(each.name, ""),
            )
            for each in SEARCH_DAYS.schema
        ),
        ignored=frozenset(_IGNORED),
        expected=frozenset({"searchDate"}),
    ),
    cursor="search_date",
    activity_columns=("search_date",),
    changes_since=_searched_since,
)
