"""The report in a real browser without a network: drawn, readable everywhere, nothing false."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, sync_playwright

from partner_center_sandbox import Sandbox
from partner_referrals.report import write_report
from support.loads import build_warehouse
from support.records import NOW, referral

SECTIONS = ("funnel", "trend", "cohorts", "wins", "curves", "respond", "accept", "open")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
HOSTILE = "</script><script>window.isHacked = 1</script><img src=x onerror='isHacked = 1'>\u2028"

# Drawn marks, not the empty groups that every chart has.
MARKS = """section => document.querySelectorAll(
    `#${section} .charts svg :is(.mark-rect, .mark-text, .mark-line, .mark-symbol) > *`).length"""
# Texts that can be seen and do not end within their chart.
CUT = """() => [...document.querySelectorAll('.charts svg text:not([opacity="0"])')]
    .filter(text => {
        const [inner, outer] = [text, text.closest('svg')].map(box => box.getBoundingClientRect());
        return inner.left < outer.left - 1 || inner.right > outer.right + 1;
    })
    .map(text => text.textContent)"""

# What marks, lines and names are filled and drawn with; patterns are made of such colours.
COLOURS = """() => [...document.querySelectorAll('.charts svg :is(path, line, text)')]
    .flatMap(mark => [getComputedStyle(mark).fill, getComputedStyle(mark).stroke])
    .filter(colour => /^rgb/.test(colour) && !/, 0\\)$/.test(colour))"""

pytestmark = pytest.mark.browser


@dataclass
class Window:
    """A page that is open, with what it complained of and what it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def choose(self, value):
        self.page.select_option("#segment", value)
        self.wait_for(value)

    def wait_for(self, value):
        self.page.wait_for_selector(f"html[data-drawn='{value}']", state="attached")

    def marks(self):
        return {section: self.page.evaluate(MARKS, section) for section in SECTIONS}

    def drawings(self):
        return {
            section: self.page.locator(f"#{section} .charts").first.inner_html()
            for section in SECTIONS
        }

    def style(self, selector, name):
        return self.page.locator(selector).first.evaluate(
            "(element, name) => getComputedStyle(element)[name]", name
        )


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
    """Writes the report on some records, or on 400 made-up ones."""

    def write(records=None):
        folder = tmp_path_factory.mktemp("report")
        with Sandbox(records, count=400, now=NOW) as sandbox:
            warehouse = build_warehouse(folder / "referrals.duckdb", sandbox)
        write_report(warehouse, folder / "report.html")
        return folder / "report.html"

    return write


@pytest.fixture(scope="module")
def made_up_report(report_on):
    """The report on 400 made-up referrals."""
    return report_on()


@pytest.fixture(scope="module")
def desk(browser, made_up_report):
    """It, opened on a desk."""
    with opened(browser, made_up_report) as window:
        yield window


@contextmanager
def opened(browser, path, width=1400, color_scheme="light"):
    """A report that has drawn itself, in a browser that reaches no network."""
    size = {"width": width, "height": 900}
    with browser.new_context(viewport=size, color_scheme=color_scheme) as context:
        context.set_offline(True)
        window = Window(context.new_page())
        window.page.on("console", lambda message: window.complaints.append(message.text))
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.page.on("request", lambda request: window.requests.append(request.url))
        window.page.goto(path.as_uri())
        window.wait_for("0")
        yield window


class TestOnADesk:
    """1400 pixels wide, light."""

    def test_every_chart_is_drawn(self, desk):
        """Each section holds marks, for all referrals as for one market."""
        assert all(count > 3 for count in desk.marks().values())
        assert [] == desk.page.evaluate(CUT)

    def test_choosing_a_segment_changes_every_chart(self, desk):
        """What is chosen filters each section, and back again."""
        before = desk.drawings()
        desk.choose("1")
        after = desk.drawings()
        desk.choose("0")

        assert [] == [section for section in SECTIONS if before[section] == after[section]]
        assert before.keys() == desk.drawings().keys()

    def test_what_is_not_known_yet_is_hatched(self, desk):
        """In the heat map as many cells are hatched as its table has without a rate."""
        hatched = desk.page.locator("#cohorts .charts [fill='url(#hatch)']").count()

        assert 5 <= hatched == desk.page.locator("#cohorts td", has_text="–").count()

    def test_every_chart_is_a_table_too(self, desk):
        """Below each chart the same figures can be opened as a table."""
        assert [] == [
            section
            for section in SECTIONS
            if not desk.page.locator(f"#{section} details td").count()
        ]

    def test_dark_needs_no_other_drawing(self, desk):
        """Every colour of every chart follows the reader's colour scheme as it stands."""
        light = desk.page.evaluate(COLOURS)
        desk.page.emulate_media(color_scheme="dark")
        dark = desk.page.evaluate(COLOURS)
        desk.page.emulate_media(color_scheme="light")

        assert set() == set(light) & set(dark)
        assert light == desk.page.evaluate(COLOURS)

    def test_prints_light_and_without_controls(self, desk):
        """On paper a dark page is light, names what is shown and has nothing to click."""
        desk.page.emulate_media(media="print", color_scheme="dark")
        seen = (
            desk.style("body", "backgroundColor"),
            desk.style(".card", "backgroundColor"),
            desk.page.locator("#segment").is_visible(),
            desk.page.locator("#chosen").is_visible(),
            desk.page.locator("summary").first.is_visible(),
        )
        desk.page.emulate_media(media="screen", color_scheme="light")

        assert ("rgb(255, 255, 255)", "rgb(255, 255, 255)", False, True, False) == seen

    def test_no_complaint_and_no_request(self, desk):
        """After all this the console is empty, and nothing but the file was asked for."""
        assert [] == desk.complaints
        assert ["report.html"] == [url.rpartition("/")[2] for url in desk.requests]


def test_readable_on_a_phone(browser, made_up_report):
    """400 pixels wide and dark: every chart is drawn, nothing is cut or runs off the side."""
    with opened(browser, made_up_report, width=400, color_scheme="dark") as phone:
        assert all(count > 3 for count in phone.marks().values())
        assert 400 == phone.page.evaluate("document.documentElement.scrollWidth")
        assert [] == phone.page.evaluate(CUT)
        assert [] == phone.complaints


def test_without_referrals_it_says_so(browser, report_on):
    """An empty warehouse gives a sentence and the state of the load, no figure and no chart."""
    with opened(browser, report_on([])) as window:
        assert "There are no referrals" in window.page.locator(".banner").inner_text()
        assert not window.page.locator("main").is_visible()
        assert not window.page.locator("#chooser").is_visible()
        assert 0 == window.page.locator(".charts svg").count()
        assert [] == window.complaints


def test_of_one_referral_only_counts_are_drawn(browser, report_on):
    """One won referral is no rate of 100%: no percentage, no curve, no rate, no heat map."""
    won = referral("1", status="Won", acceptedDate="2026-03-02", wonDate="2026-03-03")
    with opened(browser, report_on([won])) as window:
        marks = window.marks()
        texts = [
            window.page.locator("main").inner_text(),
            *window.page.locator("main svg text").all_text_contents(),
        ]

        assert "only one referral" in window.page.locator(".banner").inner_text()
        assert [] == [text for text in texts if "%" in text]
        assert ["cohorts", "wins", "curves", "open"] == [
            section for section in SECTIONS if not marks[section]
        ]
        assert [] == window.complaints


def test_names_are_text(browser, report_on):
    """A name that is markup or script stands there as it is, and does nothing."""
    names = {"customerName": HOSTILE, "customerMarket": HOSTILE, "partnerMarket": "<b>DE</b>"}
    records = [
        referral(str(number), **names, acceptedDate="2026-03-02", lostDate="2026-03-04")
        for number in range(12)
    ]
    with opened(browser, report_on([*records, referral("open", **names)])) as window:
        window.choose("1")

        assert HOSTILE.strip() == window.page.locator("#first bdi").first.inner_text().strip()
        assert window.page.evaluate("window.isHacked === undefined")
        assert 0 == window.page.locator("main img, main b:has-text('DE')").count()
        assert [] == window.complaints
