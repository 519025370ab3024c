"""The fields of one engagement referral, as they are named in the answers."""

DATE_FIELDS = (
    "createdDateTime",
    "updatedDateTime",
    "acceptedDateTime",
    "closedDateTime",
    "expirationDateTime",
    "closingDateTime",
)
FIELDS = frozenset(
    {
        *("id", "engagementId", "name", "organizationId", "organizationName"),
        *("externalReferenceId", "createdDateTime", "updatedDateTime", "expirationDateTime"),
        *("acceptedDateTime", "closedDateTime", "status", "substatus", "statusReason", "type"),
        *("qualification", "direction", "salesStage", "referralSource", "callToAction", "quality"),
        *("isSpam", "campaignId", "referralProgram", "mpnId", "tags", "eTag"),
        *("registrationStatus", "registrations", "customerProfile", "consent", "details", "team"),
        *("inviteContext", "trackingInfo"),
    }
)
