"""Deals and searches: loaded beside referrals, each by itself, and without anybody's contacts."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from starlette.responses import Response

from partner_center.settings import PartnerCenterCredentials, PartnerCenterSettings
from partner_center_sandbox import Sandbox
from partner_referrals.load import LoadOptions, load_resources
from support.records import NOW

PLANTED = "planted-person"


def deal(number, **fields):
    """A deal as the endpoint sends it, last changed `number` hours ago, full of personal data."""
    moment = (NOW - timedelta(hours=number)).isoformat() + ".1234567Z"
    return {
        "id": str(UUID(int=number + 1)),
        "name": "A &amp; B  ",
        "status": "New",
        "createdDateTime": moment,
        "updatedDateTime": moment,
        "customerProfile": {
            "name": "Customer",
            "address": {"country": "DE", "city": PLANTED, "addressLine1": PLANTED},
            "team": [{"firstName": PLANTED, "email": f"{PLANTED}@x.example"}],
            "ids": [{"idType": "External", "id": PLANTED}],
        },
        "team": [{"phoneNumber": PLANTED}],
        "details": {
            "notes": PLANTED,
            "dealValue": "1500.5",
            "currency": "EUR",
            "requirements": {"industries": [{"id": "Retail"}]},
        },
        "mystery": {"email": PLANTED},
    } | fields


@pytest.fixture
def sandbox():
    """Serves 250 deals in three pages; six cannot be read, five of these for a person in them."""
    deals = [deal(number) for number in range(250)]
    deals[1] = deal(1, details={"dealValue": "much", "notes": PLANTED})
    deals[2] = deal(2, name={"email": PLANTED})
    deals[4] = deal(4, customerProfile=PLANTED)
    deals[5] = deal(5, customerProfile={"name": "Customer", "address": [PLANTED]})
    deals[6] = deal(6, details=PLANTED)
    deals[7] = deal(7, inviteContext={"invitedBy": PLANTED})
    with Sandbox([], engagements=deals, searches=[], now=NOW) as running:
        yield running


@pytest.fixture
def load_all(sandbox, warehouse, notes):
    """Loads all three resources; how each run went."""

    def run(hours=0, token=None, **options):
        settings = PartnerCenterSettings(
            base_url=sandbox.base_url,
            engagements_base_url=sandbox.base_url,
            resources=["referrals", "engagements", "search"],
            credentials=PartnerCenterCredentials(
                access_token=sandbox.access_token,
                engagements_access_token=token or sandbox.engagements_access_token,
            ),
        )
        settings.complete()
        now = NOW + timedelta(hours=hours)
        return load_resources(
            warehouse,
            LoadOptions(**options),
            settings=settings,
            clock=lambda: now,
            progress=notes,
        )

    return run


def run_of(outcome, resource="engagements"):
    return next(run for run in outcome.runs if run.resource == resource)


def test_deals_are_listed_by_their_links(load_all, ask):
    """Three pages behind the documented links, verified by the count; text and value are read."""
    run = run_of(load_all())

    assert (244, 6, 250, True) == (
        run.rows_new,
        run.rows_rejected,
        run.server_total,
        run.reconciled,
    )
    assert [("A & B", "1500.50", ".123456")] == ask(
        "select distinct name, deal_value::varchar, right(updated_date_time::varchar, 7) "
        "from partner_center.engagements"
    )
    assert [("industry", "Retail", 244)] == ask(
        "select kind, value, count(*) from partner_center.engagement_tags group by all"
    )


def test_nobody_is_stored_or_told(load_all, warehouse, notes, ask):
    """Nothing that a load leaves or tells holds a contact, note or address, rejects included."""
    load_all()

    reasons = "select reason from partner_center.referral_rejects order by reason"
    assert [
        ("customerProfile is a text, not an object",),
        ("customerProfile.address is a list, not an object",),
        ("details is a text, not an object",),
        ('details.dealValue is "much", not an amount of at most 16 digits',),
        ("inviteContext.invitedBy is a text, not an object",),
        ("name is an object",),
    ] == ask(reasons)
    assert PLANTED not in " ".join(notes.warnings)
    assert [] == [
        file.name
        for file in warehouse.parent.rglob("*")
        if file.is_file() and PLANTED.encode() in file.read_bytes()
    ]


def test_reading_ends_where_all_is_known(load_all, sandbox, ask):
    """A later load reads the newest page or two, and makes a version of what changed."""
    load_all()
    sandbox.engagements.put(
        deal(3, status="Closed", updatedDateTime=f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    )

    run = run_of(load_all(hours=2))

    assert ("incremental", 1, True) == (run.mode, run.rows_changed, run.reconciled)
    assert [("New",), ("Closed",)] == ask(
        "select status from partner_center.engagements where id = $id order by valid_from",
        id=str(UUID(int=4)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("switch", ["ignores_orderby", "refuses_orderby"])
def test_server_that_does_not_sort_is_listed_whole(load_all, sandbox, switch):
    """Where what changed last does not come first, only a full listing finds it."""
    load_all()
    sandbox.engagements.put(deal(0, updatedDateTime="2020-01-01T00:00:00Z"))
    setattr(sandbox.behaviour.engagements, switch, True)

    run = run_of(load_all(hours=1))

    assert ("full", True) == (run.mode, run.reconciled)


@pytest.mark.slow
def test_deleted_deal_vanishes_after_a_full_listing(load_all, sandbox, ask):
    """The count does not agree, so everything is listed, and what is missing has vanished."""
    load_all()
    sandbox.engagements.delete(str(UUID(int=101)))

    run = run_of(load_all(hours=1))

    assert ("full", 1, True) == (run.mode, run.rows_vanished, run.reconciled)
    assert [(1,)] == ask("select count(*) from partner_center.engagements where not is_listed")


def test_refused_second_audience_leaves_the_others_loaded(load_all):
    """The other two are loaded; the exit code is that of the sign-in."""
    outcome = load_all(token="no token")

    assert ["referrals", "search"] == [run.resource for run in outcome.succeeded]
    with pytest.raises(Exception, match="set a fresh engagements_access_token") as raised:
        outcome.raise_worst()
    assert 3 == raised.value.exit_code


def test_link_to_another_host_is_refused(load_all, sandbox):
    """The token is not sent there."""
    sandbox.behaviour.engagements.next_link = "foreign_host"

    run = run_of(load_all())

    assert not run.succeeded
    assert "the token is not sent there" in (run.error or "")


def test_refused_exchange_rates_stop_nothing(load_all, sandbox, ask, notes):
    """Many who may see deals may not see rates; what is said of it is no failure of the load."""
    sandbox.behaviour.engagements.refuses_exchange_rates = True

    run = run_of(load_all())

    assert run.succeeded
    assert [(0,)] == ask("select count(*) from partner_center.fx_rates")
    (said,) = (each for each in notes.sentences if "let them read exchange rates" in each)
    assert "Referrals admin" not in said
    assert "as it was" not in said


def rate_rows(month, *rates):
    """The answer with the rates of a month, each a currency and a text."""
    lines = ["CurrencyCode,USDPerUnit,Month", *(f"{code},{rate},{month}" for code, rate in rates)]
    return Response("\n".join(lines), media_type="text/csv")


def test_bad_exchange_rate_costs_no_other(load_all, sandbox, ask, notes):
    """Of a month with rates that cannot be, the others are kept, and one sentence tells it."""
    odd = [("ZWL", "0"), ("XXX", "1e308"), ("GBP", "cheap"), ("JPY", ""), ("BRL", "-1"), ("", "1")]
    sandbox.behaviour.on_request = lambda request: (
        rate_rows("202603", ("EUR", "1.1"), *odd, ("CHF", "1.2"))
        if "fxrates" in request.path
        else None
    )

    load_all()

    assert [("CHF", 1.2), ("EUR", 1.1)] == ask(
        "select currency_code, usd_per_unit from partner_center.fx_rates order by all"
    )
    (told,) = [each for each in notes.sentences if "rates" in each]
    assert "6 of its rows cannot be used, the first: USDPerUnit is '0' for ZWL" in told


@pytest.mark.slow
def test_months_without_exchange_rates_hide_no_others(load_all, sandbox, ask):
    """Where the newest months have none, the next loads ask for older ones, a few at a time."""
    for month in range(1, 10):
        closed = {"closedDateTime": f"2025-{month:02}-10T00:00:00Z"}
        sandbox.engagements.put(deal(month + 10, substatus="Won", status="Closed", **closed))
    asked = []

    def answer(request):
        if "fxrates" not in request.path:
            return None
        month = re.search(r"\d{6}", request.path)[0]
        asked[-1].append(month)
        has_none = month > "202503" or month == "202502"
        return Response(status_code=404) if has_none else rate_rows(month, ("EUR", "1.1"))

    sandbox.behaviour.on_request = answer
    for hours in range(5):
        asked.append([])
        load_all(hours)

    assert ["202603", "202509", "202508"] == asked[0]
    assert [3, 3, 3, 7, 3] == [len(months) for months in asked]
    assert [("2025-01",), ("2025-03",)] == ask(
        "select strftime(month, '%Y-%m') from partner_center.fx_rates order by all"
    )
