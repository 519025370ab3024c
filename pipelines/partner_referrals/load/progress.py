"""What a load reports while it runs, and the warnings that a user should read."""

from datetime import date
from typing import Protocol

from partner_center.listing.lister import Listing
from partner_center.resources import Resource
from partner_center.wording import counted
from partner_referrals.load.changes import Changes
from partner_referrals.load.reconcile import Reconciliation

SHOWN_DIFFERENCES = 20


class Progress(Protocol):
    """Receives what a load reports."""

    def page(self, rows: int, total: int | None) -> None:
        """So many rows have been received, of so many if the server says."""

    def step(self, verb: str, subject: str, outcome: str, seconds: float) -> None:
        """A step of the load is done."""

    def say(self, sentence: str) -> None:
        """A line for the user."""

    def warn(self, sentence: str) -> None:
        """Something that the user should know and that did not stop the load."""


class _Silent:
    """Reports nothing, for a caller who only wants the result."""

    def page(self, rows: int, total: int | None) -> None:
        pass

    def step(self, verb: str, subject: str, outcome: str, seconds: float) -> None:
        pass

    def say(self, sentence: str) -> None:
        pass

    def warn(self, sentence: str) -> None:
        pass


SILENT: Progress = _Silent()


def report_listing(
    progress: Progress, resource: Resource, listing: Listing, requests: int, seconds: float
) -> None:
    """Report a listing that has ended, and what was unusual about it."""
    progress.step(
        "list",
        "partner_center",
        f"{counted(listing.rows_received, resource.noun)}, {counted(requests, 'requests')}",
        seconds,
    )
    if listing.unknown_fields:
        progress.warn(
            f"Partner Center sent fields that are not known here: "
            f"{', '.join(sorted(listing.unknown_fields))}. They were left out; "
            "a newer version of this program may read them."
        )
    if listing.absent_fields and listing.filter is None:
        progress.warn(
            f"Partner Center sent none of the {resource.noun} with the fields "
            f"{', '.join(sorted(listing.absent_fields))}. They are loaded as null, the values "
            "of before stay in the history; if this is new, ask Microsoft support."
        )
    if listing.is_complete is False:
        reason = _why_incomplete(listing, resource)
        progress.warn(f"{reason} What came is loaded; no record is marked as no longer listed.")


def _why_incomplete(listing: Listing, resource: Resource) -> str:
    if listing.total is None:
        return (
            f"The end of the listing was not seen: Partner Center tells no total of its "
            f"{resource.noun}, and sends nothing new any more."
        )
    if listing.total == listing.counted:
        return f"Two readings of the {resource.noun} did not show the same ones."
    return (
        f"The listing does not add up to the {counted(listing.total, resource.noun)} that Partner "
        "Center counts."
    )


def report_changes(
    progress: Progress, resource: Resource, changes: Changes, seconds: float
) -> None:
    """Report what was merged; warn where too many records are missing to be believed."""
    if changes.withheld_count:
        progress.warn(
            f"{counted(changes.withheld_count, resource.noun)} known before are missing from the "
            "listing, more than a fifth, so none was marked as no longer listed. If they are "
            "really gone, run 'referrals load --full --allow-vanish'."
        )
    outcome = f"{changes.new_count:,} new, {changes.changed_count:,} changed"
    progress.step("load", resource.name, outcome, seconds)


def report_rejects(progress: Progress, count: int) -> None:
    """Warn of records that could not be read."""
    if count:
        progress.warn(
            f"{counted(count, 'records')} could not be read and are not loaded; each is kept with "
            "its reason in partner_center.referral_rejects."
        )


def report_differences(progress: Progress, outcome: Reconciliation) -> None:
    """Warn of the months in which the server counts other numbers than the warehouse."""
    if outcome.is_reconciled is not False:
        return
    what_to_do = "quote the months to" if outcome.differences else "ask"
    progress.warn(
        "Partner Center's counts differ from the warehouse's, or its listing was incomplete. "
        f"Everything that came is loaded; if the next runs say the same, {what_to_do} Microsoft "
        "support."
    )
    for each in outcome.differences[:SHOWN_DIFFERENCES]:
        progress.say(
            f"          created {_month(each.created_month)}  {each.status or 'null':<14}"
            f"Partner Center {each.server_count:>9,}   warehouse {each.warehouse_count:>9,}"
        )


def _month(month: date | None) -> str:
    return "undated" if month is None else f"{month:%Y-%m}"
