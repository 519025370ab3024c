"""The report in a real browser without a network: drawn, readable everywhere, nothing false."""

import csv
import re
import shutil
import struct
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from partner_center_sandbox import Sandbox
from partner_referrals.report import write_report
from support.loads import load_everything, make_warehouse
from support.records import NOW, referral

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
HOSTILE = "</script><script>window.isHacked = 1</script><img src=x onerror='isHacked = 1'>\u2028"
# Filters as the address has them, and the same in SQL.
FILTERS = {
    "": "true",
    "customer_market=US": "customer_market = 'US'",
    "origin=own": "is_accepted_at_creation",
    "period=2025": "year(created_at) = 2025",
    "period=2025&customer_market=US&origin=incoming": (
        "year(created_at) = 2025 and customer_market = 'US' and not is_accepted_at_creation"
    ),
}
# The same in SQL for deals, which have no customer size and an origin of three kinds.
DEAL_FILTERS = {
    "": "true",
    "customer_market=US": "customer_market = 'US'",
    "origin=own": "direction = 'own'",
    "period=2025&origin=incoming": "year(created_at) = 2025 and direction = 'incoming'",
    "customer_org_size=10to50employees": "true",
}
OUTCOMES = ("won", "lost", "declined", "expired", "missed", "skipped", "archived", "open")

pytestmark = pytest.mark.browser


@dataclass
class Window:
    """A page that is open, with what it complained of and what it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def choose(self, address):
        """Open an address of the page, and wait until it is drawn."""
        self.page.evaluate("address => { location.hash = address }", address)
        names = [each.split("=")[0] for each in address.split("&") if each]
        assert names.count("show") == 0
        self.page.wait_for_selector(
            f"html[data-drawn='{address or 'all'}']", state="attached", timeout=10_000
        )

    def table(self, name, section="main"):
        """A table by its caption: the texts of each row by the text of its first cell."""
        rows = self.page.evaluate(
            """([section, name]) => [...document.querySelectorAll(`${section} table`)]
                .filter(table => table.caption?.textContent === name)
                .flatMap(table => [...table.tBodies[0].rows])
                .map(row => [...row.cells].map(cell => cell.textContent))""",
            [section, name],
        )
        return {row[0]: row[1:] for row in rows}

    def rows(self, selector, place):
        """The texts of each row of one of the tables that a selector finds."""
        rows = self.page.locator(selector).nth(place).locator("tbody tr").all_inner_texts()
        return [row.split("\t") for row in rows]

    def faults(self):
        """What axe-core finds that keeps people out: rule and element."""
        found = Axe().run(self.page).response["violations"]
        return [
            (each["id"], node["html"][:120])
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; without Chromium the tests of this file fail."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("There is no chromium here. On Debian: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report_on(tmp_path_factory):
    """Writes the report on some records."""

    def write(records):
        folder = tmp_path_factory.mktemp("report")
        warehouse = make_warehouse(folder / "referrals.duckdb", records)
        write_report(warehouse, folder / "report.html")
        return folder / "report.html"

    return write


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A warehouse of made-up referrals and deals, with its report beside it."""
    warehouse = tmp_path_factory.mktemp("report") / "referrals.duckdb"
    with Sandbox(count=2_000, now=NOW) as sandbox:
        load_everything(sandbox, warehouse)
    write_report(warehouse, warehouse.with_name("report.html"), targets={"win_rate": 0.45})
    return warehouse


@pytest.fixture(scope="module")
def desk(browser, made_up):
    """The report on them, opened on a desk."""
    with opened(browser, made_up.with_name("report.html")) as window:
        yield window


@pytest.fixture
def ask(made_up):
    """Asks the warehouse itself."""
    with duckdb.connect(str(made_up), read_only=True) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def opened(browser, path, width=1400, color_scheme="light", **options):
    """A report that has drawn itself, in a browser that reaches no network."""
    size = {"width": width, "height": 900}
    with browser.new_context(viewport=size, color_scheme=color_scheme, **options) as context:
        context.set_offline(True)
        window = Window(context.new_page())
        window.page.on("console", lambda message: window.complaints.append(message.text))
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.page.on("request", lambda request: window.requests.append(request.url))
        window.page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            window.page.wait_for_selector("html[data-drawn]", state="attached")
        yield window


def number(text):
    return int(text.replace(",", ""))


def estimate(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def dollars(value):
    return "–" if value is None else f"${value:,.0f}"


def worth(deals, converted, value):
    """An amount, with how many of so many deals have a value where not all have."""
    is_all = converted in (0, deals)
    return dollars(value) if is_all else f"{dollars(value)} ({converted:,} with a value)"


class TestNumbers:
    """What is drawn is what SQL answers, for all referrals and for those that a filter chooses."""

    @pytest.mark.parametrize(("address", "condition"), FILTERS.items())
    def test_outcomes_and_funnel(self, desk, ask, address, condition):
        """Every outcome and every stage, of settled referrals and of all."""
        chosen = f"from marts.referrals where is_counted and {condition}"
        outcomes = dict(ask(f"select coalesce(outcome, 'open'), count(*) {chosen} group by all"))
        (all_of_them,) = ask(
            f"""
            select count(*), count(*) filter (where furthest_stage <> 'created'),
                count(*) filter (where furthest_stage in ('accepted', 'won')),
                count(*) filter (where furthest_stage = 'won'),
                count(*) filter (where outcome is not null),
                count(*) filter (where furthest_stage = 'won' and outcome is not null)
            {chosen}
            """
        )
        desk.choose(address)

        total, _, *drawn = desk.table("All referrals", "#ends")["All referrals"]
        names = [name for name in OUTCOMES if outcomes.get(name)]
        assert sum(outcomes.values()) == number(total) > 20
        assert [outcomes[name] for name in names] == [number(each) for each in drawn]
        funnel = desk.table("All referrals, open ones included", "#funnel")
        settled = desk.table("Settled referrals", "#funnel")
        stages = ("Created", "Answered", "Accepted", "Won")
        assert list(all_of_them[:4]) == [number(funnel[stage][0]) for stage in stages]
        assert list(all_of_them[4:]) == [number(settled[stage][0]) for stage in ("Created", "Won")]

    @pytest.mark.parametrize(("address", "condition"), FILTERS.items())
    def test_answer_times(self, desk, ask, address, condition):
        """Response deadlines that were met, breached and are pending."""
        counted = ask(
            f"""
            select rule, count(*) filter (where state = 'met'),
                count(*) filter (where state = 'breached'),
                count(*) filter (where state = 'pending')
            from marts.response_sla
            semi join (
                from marts.referrals where is_counted and {condition}
            ) as chosen using (referral_id)
            group by rule
            """
        )
        desk.choose(address)

        drawn = desk.table("Response deadlines met and breached", "#respond")
        assert sorted(row[1:] for row in counted) == sorted(
            tuple(number(each) for each in row[:3]) for row in drawn.values()
        )

    def test_months(self, desk, ask):
        """What was created, won and lost in each of the last two years' months."""
        rows = ask(
            """
            select strftime(period_start, '%B %Y'), created_count, won_count, lost_count
            from marts.trends where period = 'month' and is_complete
            order by period_start desc limit 23
            """
        )
        desk.choose("")
        drawn = desk.table("Month by month", "#standing")

        assert len(rows) > 12
        assert rows == [
            (month, *(number(drawn[month][place]) for place in (0, 2, 4))) for month, *_ in rows
        ]

    def test_curve(self, desk, ask):
        """The share won and closed by day, as the mart's curve has it."""
        rows = ask(
            "select day, won_incidence, closed_incidence from marts.conversion_curve "
            "where segment = 'all' and day in (30, 90, 180) order by day"
        )
        desk.choose("")
        drawn = desk.table("Share won and closed by days since creation", "#curve")

        assert 3 == len(rows)
        for day, won, closed in rows:
            shown = [float(each.rstrip("%")) / 100 for each in drawn[str(day)][1:3]]
            assert [won, closed] == pytest.approx(shown, abs=0.0051)

    @pytest.mark.parametrize(("address", "condition"), DEAL_FILTERS.items())
    def test_deals(self, desk, ask, address, condition):
        """What open deals are worth, which are won, and why the others ended."""
        chosen = f"from marts.deals where is_counted and {condition}"
        pipeline = ask(
            f"""
            select accepted_at is not null, count(*), count(deal_value_usd), sum(deal_value_usd),
                count(*) filter (where is_overdue), count(deal_value_usd) filter (where is_overdue),
                sum(deal_value_usd) filter (where is_overdue)
            {chosen} and is_open group by all order by all desc
            """
        )
        decided = ask(
            f"""
            select count(*), count(deal_value_usd), sum(deal_value_usd)
            {chosen} and outcome in ('won', 'lost') group by outcome order by outcome desc
            """
        )
        losses = ask(
            f"""
            select coalesce(status_reason, 'not given'), outcome, count(*), count(deal_value_usd),
                sum(deal_value_usd)
            {chosen} and outcome in ('lost', 'declined', 'expired') group by all
            """
        )
        desk.choose(address)
        drawn = desk.rows("#value table", 0)
        rates = desk.rows("#value table", 1)
        reasons = desk.rows("#value table", 2)

        assert pipeline and len(reasons) == min(12, len(losses)) > 4
        assert [(row[1], worth(*row[1:4]), row[4], worth(*row[4:])) for row in pipeline] == [
            (number(row[1]), row[2], number(row[3]), row[4]) for row in drawn
        ]
        assert [(row[0], worth(*row)) for row in decided] == [
            (number(rates[0][place]), rates[0][place + 3]) for place in (1, 2)
        ]
        assert {(row[0], row[1].lower(), number(row[2]), row[3]) for row in reasons} <= {
            (reason, outcome, count, worth(count, converted, usd))
            for reason, outcome, count, converted, usd in losses
        }

    def test_deals_of_all_are_those_of_the_marts(self, desk, ask):
        """Median ages, and win rates by value."""
        ages = ask(
            "select median_age_days from marts.pipeline where segment = 'all' "
            "order by current_stage desc"
        )
        rates = ask(
            "select segment, segment_value, win_rate, value_win_rate from marts.deal_win_rates "
            "where segment in ('category', 'direction') and won_count + lost_count >= 10"
        )
        desk.choose("")
        drawn = {row[0].lower(): row for row in desk.rows("#value table", 1)}

        assert [f"{age:.0f} days" for (age,) in ages if age >= 10] == [
            row[5] for row in desk.rows("#value table", 0) if row[5].endswith("days")
        ]
        assert len(rates) > 4
        for segment, value, rate, by_value in rates:
            row = drawn[f"{segment}: {value}"]
            assert (f"{rate:.0%}", f"{by_value:.0%}") == (row[3], row[6])

    def test_forecast_of_all_is_the_mart(self, desk, ask):
        """Wins and dollars that are expected, each with its interval, and how often it held."""
        rows = ask(
            """
            select open_count, expected_won_count, expected_won_count_low,
                expected_won_count_high, expected_won_value_usd, expected_won_value_usd_low,
                expected_won_value_usd_high, sum(is_within::integer), count(is_within)
            from marts.forecast left join (
                select source, horizon_days, is_within from marts.forecast_backtest
            ) using (source, horizon_days)
            group by all order by any_value(source) desc, any_value(horizon_days)
            """
        )
        desk.choose("")

        assert 6 == len(rows)
        assert [
            (
                f"{row[0]:,}",
                estimate(row[1]),
                f"{estimate(row[2])} to {estimate(row[3])}",
                dollars(row[4]),
                "–" if row[4] is None else f"{dollars(row[5])} to {dollars(row[6])}",
                f"{row[7]} of {row[8]}",
            )
            for row in rows
        ] == [(row[1], *row[3:]) for row in desk.rows("#forecast table", 0)]

    def test_durations(self, desk, ask):
        """Half of the answers came within the median that the mart has."""
        ((count, median),) = ask(
            "select referral_count, p50_days from marts.stage_durations "
            "where segment = 'all' and from_stage = 'created' and to_stage = 'responded'"
        )
        desk.choose("")
        drawn = desk.table("Time from creation", "#steps")["until answered"]

        assert count == number(drawn[0])
        assert f"{median * 24:.0f} hours" == drawn[1]


class TestReach:
    """A number leads to its referrals."""

    def test_number_opens_its_referrals(self, desk, ask):
        """As many as the number said; searched, sorted and taken away as CSV."""
        desk.choose("customer_market=US")
        lead = desk.page.locator("#ends button.lead").nth(2)
        lost = number(lead.inner_text())
        lead.click()
        dialog = desk.page.locator("#listing")
        with desk.page.expect_download() as download:
            dialog.locator("#csv").click()
        text = download.value.path().read_text("utf-8-sig")
        rows = list(csv.reader(text.splitlines()))
        wanted = ask(
            "select referral_id from marts.referrals "
            "where outcome = 'lost' and is_counted and customer_market = 'US'"
        )
        assert f"{lost} referrals." in dialog.inner_text().replace(",", "")
        assert {name for (name,) in wanted} == {row[0] for row in rows[1:]}
        assert lost == len(rows) - 1

        dialog.locator("#search").fill(rows[5][0])
        expect(dialog.locator("tbody tr")).to_have_count(1)
        dialog.locator("#search").fill("")
        expect(dialog.locator("tbody tr")).not_to_have_count(1)
        dialog.locator("thead button").first.click()
        names = dialog.locator("tbody th").all_inner_texts()
        assert sorted(names, key=int) == names
        assert [] == desk.faults()

        desk.page.keyboard.press("Escape")
        assert not dialog.is_visible()
        assert "show" not in desk.page.url

    def test_number_opens_its_deals(self, desk, ask):
        """The deals past their expected close, from the first section and from their own."""
        desk.choose("customer_market=US")
        wanted = ask(
            "select deal_id, deal_value_usd from marts.deals "
            "where is_overdue and is_counted and customer_market = 'US'"
        )
        for lead in (
            desk.page.locator("#today li:has-text('expected to close') button.lead"),
            desk.page.locator("#value .answer button.lead").nth(1),
        ):
            assert len(wanted) == number(lead.inner_text())
            lead.click()
            dialog = desk.page.locator("#listing")
            with desk.page.expect_download() as download:
                dialog.locator("#csv").click()
            rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))

            assert "deals.csv" == download.value.suggested_filename
            assert dict(wanted) == {
                row["Deal"]: float(row["Value"]) if row["Value"] else None for row in rows
            }
            assert [] == desk.faults()
            desk.page.keyboard.press("Escape")

    @pytest.mark.parametrize(
        ("mart", "source", "key"),
        [("referrals", "referrals", "Referral"), ("deals", "engagements", "Deal")],
    )
    def test_forecast_follows_the_filters(self, desk, ask, mart, source, key):
        """It is the sum of the chances of what is open and chosen, which its list shows."""
        wanted = ask(
            f"""
            select item_id, win_90_chance
            from marts.{mart} join intermediate.forecast_items on item_id = {key}_id
            join intermediate.forecast_chances using (source, made_at, state)
            join intermediate.moments on made_at = moments.as_of
            where source = '{source}' and is_counted and is_open and customer_market = 'US'
            """
        )
        desk.choose("customer_market=US")
        row = desk.page.locator(f"#forecast tbody tr:has-text('{mart}')").nth(1)
        cells = row.locator("td").all_inner_texts()
        row.locator("button.lead").click()
        with desk.page.expect_download() as download:
            desk.page.locator("#csv").click()
        rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
        desk.page.keyboard.press("Escape")

        assert len(wanted) > 5
        assert dict(wanted) == pytest.approx(
            {row[key]: float(row["Chance within 90 days"]) for row in rows}
        )
        assert [f"{len(wanted):,}", "90 days", estimate(sum(chance for _, chance in wanted))] == (
            cells[:3]
        )

    def test_filter_that_deals_lack_is_said(self, desk):
        """Deals have no size of the customer, so its filter does not choose among them."""
        desk.choose("customer_org_size=10to50employees")
        assert "leave the deals as they are: Customer size" in (
            desk.page.locator("#value").inner_text()
        )

    def test_address_keeps_what_is_shown(self, browser, desk, made_up):
        """An address that somebody sends opens the same filter and the same referrals."""
        desk.choose("origin=own")
        desk.page.locator("#ends button.lead").first.click()
        listed = desk.page.locator("#listed").inner_text()
        address = desk.page.url
        desk.page.keyboard.press("Escape")
        with opened(browser, made_up.with_name("report.html")) as other:
            other.page.goto(address)
            other.page.reload()
            other.page.wait_for_selector("#listing[open]")

            assert listed == other.page.locator("#listed").inner_text()
            assert "own" == other.page.locator("#filter-origin").input_value()

    def test_address_of_another_report(self, desk):
        """A value that this report does not have chooses nothing, and says so."""
        desk.choose("customer_market=XX")
        assert "No referral fits" in desk.page.locator(".banner").inner_text()

    def test_keyboard_reaches_it(self, desk):
        """Tab and Enter open the referrals behind the first number; Escape goes back."""
        desk.choose("")
        desk.page.locator("#today button.lead").first.focus()
        desk.page.keyboard.press("Enter")
        assert desk.page.locator("#listing").is_visible()
        desk.page.keyboard.press("Escape")
        assert not desk.page.locator("#listing").is_visible()


class TestEverywhere:
    """At any width, in light and dark, on paper, without scripts."""

    @pytest.mark.parametrize("width", [320, 400, 800])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_nothing_runs_off_the_side(self, browser, made_up, width, scheme):
        """The page is as wide as the screen, and axe finds nothing serious."""
        path = made_up.with_name("report.html")
        with opened(browser, path, width=width, color_scheme=scheme) as window:
            assert width == window.page.evaluate("document.documentElement.scrollWidth")
            assert [] == window.faults()
            assert [] == window.complaints

    def test_every_section_is_filled(self, desk):
        """Each section that is shown has an answer in words or a table."""
        desk.choose("")
        texts = desk.page.locator("main > section:visible").all_inner_texts()

        assert len(texts) >= 11
        assert [] == [text for text in texts if len(text.splitlines()) < 3]
        assert [] == desk.faults()

    def test_target_is_drawn(self, desk):
        """The win rate to reach stands in the key and as a line in each bar."""
        desk.choose("")
        assert "target: 45%" in desk.page.locator("#wins .key").inner_text()
        assert desk.page.locator("#wins .bar .target").count() > 5

    def test_prints_light_and_without_controls(self, desk):
        """On paper a dark page is light, and has nothing to click."""
        desk.choose("")
        desk.page.emulate_media(media="print", color_scheme="dark")
        seen = (
            desk.page.evaluate("getComputedStyle(document.body).backgroundColor"),
            desk.page.locator("#filter-period").is_visible(),
            desk.page.locator("#clear").is_visible(),
            desk.page.locator("summary").first.is_visible(),
        )
        desk.page.emulate_media(media="screen", color_scheme="light")

        assert ("rgb(255, 255, 255)", False, False, False) == seen

    def test_shows_numbers_without_scripts(self, browser, desk, made_up, ask):
        """Where no script may run, the headline numbers and the tables stand in the page."""
        path = made_up.with_name("report.html")
        with opened(browser, path, java_script_enabled=False) as window:
            text = window.page.locator("main").inner_text()
            said = window.page.locator("#today p").all_inner_texts()
            funnel = window.page.locator("#funnel tbody td:nth-child(2)").all_inner_texts()
            assert not window.page.locator("#filters").is_visible()
        reached = ask(
            "select reached_count from marts.funnel_stages "
            "where segment = 'all' order by stage_order"
        )

        assert [count for (count,) in reached] == [number(each) for each in funnel]
        assert "Win rate in" in text
        assert "What has to be done now?" in text
        desk.choose("")
        assert said == desk.page.locator("#today li").all_inner_texts()[1:]
        assert 3 == len(said)

    def test_times_in_the_readers_zone(self, browser, made_up):
        """A deadline is told in the reader's own time and in UTC."""
        path = made_up.with_name("report.html")
        with opened(browser, path, timezone_id="Asia/Kolkata") as window:
            cell = window.page.locator("#today tbody th").first.inner_text()

        assert re.fullmatch(r".+ \(.+ UTC\)", cell)

    def test_in_french(self, browser, made_up, tmp_path):
        """Wording, numbers and dates are French, in the page and without its scripts."""
        write_report(made_up, tmp_path / "fr.html", language="fr")
        with opened(browser, tmp_path / "fr.html") as window:
            text = window.page.locator("body").inner_text()
            assert [] == window.faults()
            assert [] == window.complaints
        with opened(browser, tmp_path / "fr.html", java_script_enabled=False) as window:
            text += window.page.locator("body").inner_text()

        assert "Que faut-il faire maintenant" in text
        assert re.search(r"\b2\s000 recommandations", text)
        assert [] == re.findall(r"\b(?:Won|Created|Open|days|of the)\b", text)

    @pytest.mark.parametrize(("name", "begins"), [("a.pdf", b"%PDF-"), ("a.PNG", b"\x89PNG")])
    def test_prints_itself(self, browser, made_up, tmp_path, name, begins):
        """The same command writes a PDF of several pages, or a picture of the first screen."""
        out = tmp_path / name
        write_report(made_up, out)
        printed = out.read_bytes()

        assert printed.startswith(begins)
        assert [out] == list(tmp_path.iterdir())
        if name == "a.pdf":
            # Without its scripts the page would fill three.
            assert len(re.findall(rb"/Type /Page\b", printed)) >= 7
        else:
            assert (1200, 1500) == struct.unpack(">II", printed[16:24])

    def test_no_complaint_and_no_request(self, desk):
        """After all this the console is empty, and nothing but the file was asked for."""
        assert [] == desk.complaints
        assert {"report.html"} == {
            url.rpartition("/")[2].partition("#")[0]
            for url in desk.requests
            if not url.startswith("blob:")
        }


def test_without_referrals_it_says_so(browser, report_on):
    """An empty warehouse gives a sentence, no figure and no chart."""
    with opened(browser, report_on([])) as window:
        assert "There are no referrals" in window.page.locator(".banner").inner_text()
        assert not window.page.locator("main").is_visible()
        assert 0 == window.page.locator("#filters select").count()
        assert [] == window.faults()
        assert [] == window.complaints


def test_of_one_referral_only_counts_are_drawn(browser, report_on):
    """One won referral is no rate of 100%: no percentage anywhere."""
    won = referral("1", status="Won", acceptedDate="2026-03-02", wonDate="2026-03-03")
    with opened(browser, report_on([won])) as window:
        texts = window.page.locator(
            "main > section:not(#glossary):visible > :not(.note)"
        ).all_inner_texts()

        assert "only one referral" in window.page.locator(".banner").inner_text()
        assert [] == [
            line for text in texts for line in text.splitlines() if re.search(r"\d%", line)
        ]
        assert [] == window.faults()
        assert [] == window.complaints


def test_names_are_text(browser, report_on):
    """A name that is markup or script stands there as it is, and does nothing."""
    names = {"customerName": HOSTILE, "customerMarket": HOSTILE, "partnerMarket": "<b>DE</b>"}
    records = [
        referral(str(number), **names, acceptedDate="2026-03-02", lostDate="2026-03-04")
        for number in range(12)
    ]
    waiting = referral("open", **names, createdDate="2026-03-30")
    with opened(browser, report_on([*records, waiting])) as window:
        window.page.locator("#ends button.lead").first.click()

        listed = window.page.locator("#listing tbody td").first
        assert HOSTILE.strip() == listed.inner_text().strip()
        assert window.page.evaluate("window.isHacked === undefined")
        assert 0 == window.page.locator("main img, main b:has-text('DE')").count()
        assert [] == window.complaints


def test_many_values_and_scripts_of_the_world(browser, report_on):
    """Sixty markets and names from right to left leave the page as wide as it is."""
    names = ["شركة الاختبار", "株式会社テスト", "Ωμέγα & Σία", "חברה לדוגמה", "a" * 300]
    records = [
        referral(str(place), customerName=names[place % 5], customerMarket=f"Market {place % 60}")
        for place in range(240)
    ]
    with opened(browser, report_on(records), width=400) as window:
        assert "The 12 largest of 60" in window.page.locator("#ends").inner_text()
        assert 400 == window.page.evaluate("document.documentElement.scrollWidth")
        assert [] == window.faults()
