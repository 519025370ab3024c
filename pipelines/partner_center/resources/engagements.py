"""Deals of the engagements API, without the people, notes and addresses in them."""

from collections.abc import Iterator
from typing import Any

from partner_center.endpoints import ENGAGEMENTS_SCOPE
from partner_center.records.envelope import Record
from partner_center.records.fields import Field, decode_name
from partner_center.records.reader import RecordReader
from partner_center.resources.resource import Paging, Resource
from partner_center.schema.tables import ENGAGEMENTS as TABLE

# The documented maximum of `$top`.
_PAGE_SIZE = 100

# Column -> where the record has it.
_PATHS = {
    "id": "id",
    "engagement_id": "engagementId",
    "name": "name",
    "organization_id": "organizationId",
    "organization_name": "organizationName",
    "external_reference_id": "externalReferenceId",
    "status": "status",
    "substatus": "substatus",
    "status_reason": "statusReason",
    "type": "type",
    "qualification": "qualification",
    "direction": "direction",
    "sales_stage": "salesStage",
    "referral_source": "referralSource",
    "call_to_action": "callToAction",
    "campaign_id": "campaignId",
    "referral_program": "referralProgram",
    "mpn_id": "mpnId",
    "registration_status": "registrationStatus",
    "microsoft_msx_id": "trackingInfo.microsoftMsxId",
    "invited_by_organization_id": "inviteContext.invitedBy.organizationId",
    "assistance_request_code": "inviteContext.assistanceRequestCode",
    "is_shared_with_microsoft": "consent.consentToShareReferralWithMicrosoftSellers",
    "is_spam": "isSpam",
    "quality": "quality",
    "customer_name": "customerProfile.name",
    "customer_size": "customerProfile.size",
    "customer_country": "customerProfile.address.country",
    "deal_value": "details.dealValue",
    "currency": "details.currency",
    "closing_date_time": "details.closingDateTime",
    "created_date_time": "createdDateTime",
    "accepted_date_time": "acceptedDateTime",
    "closed_date_time": "closedDateTime",
    "expiration_date_time": "expirationDateTime",
    "updated_date_time": "updatedDateTime",
}
# A percentage or an identifier may come as a number.
_NUMBERS = ("id", "mpn_id", "sales_stage", "campaign_id")

# Known, and either personal, of no use here, or read as tags.
_IGNORED = (
    "team",
    "tags",
    "eTag",
    "@odata.etag",
    "registrations",
    "consent.consentToToShareInfoWithOthers",
    "consent.consentToShareInfoWithOthers",
    "consent.consentToContact",
    "customerProfile.team",
    "customerProfile.ids",
    *(f"customerProfile.address.{part}" for part in ("city", "state", "postalCode", "region")),
    *(f"customerProfile.address.addressLine{part}" for part in ("", "1", "2")),
    "details.notes",
    "details.requirements",
    "inviteContext.invitedMpnId",
    "inviteContext.notes",
    "inviteContext.invitedBy.organizationName",
)
_REQUIREMENTS = {
    "solutions": "solution",
    "industries": "industry",
    "products": "product",
    "services": "service",
}
_ATTRIBUTES = {
    "partnerrole": "partner_role",
    "solutionarea": "solution_area",
    "solutionplay": "solution_play",
}


def _read_tags(record: Record) -> Iterator[tuple[str, str]]:
    """What a deal is about, as kind and value; what is not understood is left out."""
    requirements = _at(_at(record, "details"), "requirements")
    for name, kind in _REQUIREMENTS.items():
        for value in map(_name_or_id, _items(requirements, name)):
            if value:
                yield kind, value
    for each in _items(_at(requirements, "additionalRequirements"), "attributes"):
        kind_name, value = _at(each, "type"), _name_or_id(each)
        if value and isinstance(kind_name, str) and kind_name.lower() in _ATTRIBUTES:
            yield _ATTRIBUTES[kind_name.lower()], value
    for each in _items(record, "tags"):
        if isinstance(each, str) and each.strip():
            yield "tag", each.strip()


def _at(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Record) else None


def _items(value: Any, name: str) -> list[Any]:
    items = _at(value, name)
    return items if isinstance(items, list) else []


def _name_or_id(item: Any) -> str | None:
    """The name of a solution, product and the like, or else its id."""
    for text in (_at(item, "name"), _at(item, "id"), item):
        if isinstance(text, str) and text.strip():
            return str(text).strip()
    return None


ENGAGEMENTS = Resource(
    name="engagements",
    noun="deals",
    table=TABLE,
    path="/v1.0/engagements/referrals",
    scope=ENGAGEMENTS_SCOPE,
    host="engagements_base_url",
    reader=RecordReader(
        fields=tuple(
            Field(
                path,
                column,
                TABLE.schema.field(column).type,
                takes_number=column in _NUMBERS,
                clean=decode_name if column == "name" else None,
            )
            for column, path in _PATHS.items()
        ),
        ignored=frozenset(_IGNORED),
        expected=frozenset({"id", "status", "createdDateTime", "updatedDateTime"}),
        is_private=True,
        tags=_read_tags,
    ),
    cursor="updated_date_time",
    activity_columns=("updated_date_time",),
    paging=Paging(
        top="$top",
        skip="$skip",
        is_skip_sure=False,
        filter="$filter",
        max_size=_PAGE_SIZE,
        order={"$orderby": "updatedDateTime desc"},
        trusts_host_only=True,
    ),
    has_tags=True,
    rates_path=lambda month: f"/v1.0/sales/fxrates(Month='{month:%Y%m}')/$value",
)
