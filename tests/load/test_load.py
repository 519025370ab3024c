"""Loads: every referral once, its history unbroken, and the run says so."""

import hashlib
import json
import threading
from datetime import datetime, timedelta

import duckdb
import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from partner_center.resources import REFERRALS
from partner_center.schema.fields import FIELD_COLUMNS
from partner_center_sandbox import Sandbox
from partner_referrals.errors import ReferralsError, ServerFailed, UsageError, WarehouseFailed
from partner_referrals.publish.publish import publish
from partner_referrals.warehouse.tables import LoadRun
from support.loads import load_everything, load_from
from support.records import NOW, referral

CURRENT = "from partner_center.referrals where valid_to is null"
LATER = NOW + timedelta(days=1)


def versions_of(ask, referral_id):
    return ask(
        "select status from partner_center.referrals where id = $id order by valid_from",
        id=referral_id,
    )


def test_first_load_brings_every_referral(partner_center, load, ask):
    """The warehouse holds what the server holds, field by field; rejects are set aside."""
    run = load()

    page = REFERRALS.reader.read_page(json.dumps(partner_center.records()).encode())
    expected = sorted(tuple(row.values()) for row in page.rows.to_pylist())
    assert repr(expected) == repr(sorted(ask(f"select {', '.join(FIELD_COLUMNS)} {CURRENT}")))
    assert ("full", True, True) == (run.mode, run.succeeded, run.reconciled)
    assert len(partner_center.records()) == run.server_total


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", ["o'brien", "100% data", "year=2024", "{x} [a]*", "$HOME; #\"'%s", " ~naïve ü"]
)
def test_folder_may_have_any_name(partner_center, tmp_path, folder):
    """A folder's name is neither SQL nor template, pattern, partition or variable."""
    warehouse = tmp_path / folder / "referrals.duckdb"
    warehouse.parent.mkdir()
    for day in range(2):
        load_from(partner_center, warehouse, NOW + timedelta(days=day))
    (tmp_path / folder / "published").mkdir()
    publish(warehouse, tmp_path / folder / "published")

    with duckdb.connect(warehouse, read_only=True) as connection:
        runs = connection.execute("select succeeded from partner_center.load_runs").fetchall()
    assert [(True,), (True,)] == runs


def test_second_load_brings_no_version(partner_center, load, ask):
    """Nothing changed, so nothing is written but the run's row."""
    load()

    run = load(LATER)

    assert ("incremental", 0, 0) == (run.mode, run.rows_new, run.rows_changed)
    assert [(0,)] == ask("select count(*) from partner_center.referrals where valid_to is not null")


def test_next_day_brings_exactly_the_changes(configure, load, ask):
    """An incremental load finds the new and the moved referrals, and no others."""
    with Sandbox(count=3_000, now=NOW) as partner_center:
        configure(partner_center)
        _compare_next_day(partner_center, load, ask)


def _compare_next_day(partner_center, load, ask):
    before = {record["id"]: record for record in partner_center.records()}
    load()
    partner_center.next_day()
    after = {record["id"]: record for record in partner_center.records()}
    new = after.keys() - before.keys()
    changed = {key for key in before if before[key] != after[key]}

    run = load(LATER)

    assert new
    assert changed
    assert ("incremental", len(new), len(changed)) == (run.mode, run.rows_new, run.rows_changed)
    found = ask("select id from partner_center.referrals where valid_from = $later", later=LATER)
    assert {str(key) for key in new | changed} == {row[0] for row in found}


def test_change_and_back_makes_three_versions(serve, load, ask):
    """A to B to A is history, each version from the end of the one before."""
    sandbox = serve(referral("a", status="New"))
    for day, status in enumerate(["New", "Accepted", "New"]):
        sandbox.put(referral("a", status=status))
        load(NOW + timedelta(days=day), full=True)

    assert [("New",), ("Accepted",), ("New",)] == versions_of(ask, "a")
    assert [(NOW, NOW + timedelta(days=1))] == ask(
        "select valid_from, valid_to from partner_center.referrals order by valid_from limit 1"
    )


def test_empty_source_makes_all_tables_and_views(serve, load, ask):
    """A partner without referrals has a warehouse that answers all the same."""
    serve()

    run = load()

    assert (0, True) == (run.rows_received, run.reconciled)
    for table in ("referrals", "referral_rejects", "referral_totals"):
        assert [(0,)] == ask(f"select count(*) from partner_center.{table}")
    assert [(0,)] == ask("select referral_count from marts.freshness")


def test_columns_are_naive_and_as_promised(serve, load, ask):
    """Every column is there though all null, and no time carries a zone."""
    serve(referral("a"))
    load()

    found = ask(
        "select column_name, data_type from duckdb_columns() "
        "where schema_name = 'partner_center' and table_name = 'referrals'"
    )

    dates = [(column, "TIMESTAMP") for column in FIELD_COLUMNS if column.endswith("_date")]
    texts = [(column, "VARCHAR") for column in FIELD_COLUMNS if not column.endswith("_date")]
    others = [
        ("last_activity_date", "TIMESTAMP"),
        ("is_listed", "BOOLEAN"),
        ("content_hash", "BIGINT"),
        ("valid_from", "TIMESTAMP"),
        ("valid_to", "TIMESTAMP"),
    ]
    assert sorted(texts + dates + others) == sorted(found)


def test_content_hash_is_frozen(serve, load, ask):
    """Every warehouse holds these values: the definition is recomputed here by hand."""
    serve(
        referral("ä1", status="New", customerName="", createdDate="2026-03-01T08:00:00.000001"),
    )
    load()
    created = (datetime(2026, 3, 1, 8) - datetime(1970, 1, 1)) // timedelta(microseconds=1) + 1
    text = f"3:ä13:New:0:::{created},,,,,,,,,,1"
    digits = hashlib.md5(text.encode()).hexdigest()[:15]

    assert [(int(digits, 16),)] == ask(f"select content_hash {CURRENT}")


def test_last_activity_is_the_latest_milestone(serve, load, ask):
    """Whatever the order of the dates."""
    serve(referral("a", wonDate="2026-03-05T00:00:00", archivedDate="2026-03-04T00:00:00"))
    load()

    assert [(datetime(2026, 3, 5),)] == ask(f"select last_activity_date {CURRENT}")


def test_future_date_does_not_move_the_cursor(serve, load, ask):
    """A referral won in 2099 does not hide what changes from now on."""
    sandbox = serve(referral("a", wonDate="2099-01-01T00:00:00"), referral("b"))
    load()
    sandbox.put(referral("b", acceptedDate="2026-03-31T20:00:00", status="Accepted"))

    run = load(LATER)

    assert ("incremental", 1) == (run.mode, run.rows_changed)


def test_server_that_compares_no_dates_is_listed_whole(serve, load):
    """A 400 for the date filter costs one request, and the run goes on with everything."""
    sandbox = serve(referral("a"))
    load()
    sandbox.behaviour.refuses_date_filter = True
    sandbox.put(referral("a", status="Won", wonDate="2026-03-30T00:00:00"))

    run = load(LATER)

    assert ("full", 1, True) == (run.mode, run.rows_changed, run.reconciled)


def test_rename_is_found_by_the_weekly_full_listing(serve, load, ask):
    """A corrected name moves no date; a week after the last full listing everything is read."""
    sandbox = serve(referral("a", createdDate="2025-01-01T00:00:00"), referral("b"))
    load()
    sandbox.put(referral("a", createdDate="2025-01-01T00:00:00", customerName="Right Ltd"))

    assert ("incremental", 0) == (lambda run: (run.mode, run.rows_changed))(load(LATER))
    assert ("full", 1) == (lambda run: (run.mode, run.rows_changed))(load(NOW + timedelta(days=8)))


def test_late_referral_is_found_by_reconciling(serve, load, ask):
    """One whose dates all lie before the lookback is listed with its month, in the same run."""
    sandbox = serve(referral("a"), *(referral(f"b{n}") for n in range(5)))
    load()
    sandbox.put(referral("late", createdDate="2024-05-05T00:00:00"))

    run = load(LATER)

    assert ("incremental", 1, True) == (run.mode, run.rows_new, run.reconciled)
    assert "createdDate ge cast('2024-05-01" in sandbox.requests[-3].params["filter"]


def test_deleted_referral_vanishes(serve, load, ask):
    """It gets a version that is not listed, keeps its row, and may come back."""
    sandbox = serve(*(referral(f"r{n}") for n in range(10)))
    load()
    sandbox.delete("r3")

    run = load(LATER)

    assert ("full", 1, True) == (run.mode, run.rows_vanished, run.reconciled)
    assert [(False,)] == ask(f"select is_listed {CURRENT} and id = 'r3'")
    sandbox.put(referral("r3"))
    assert 1 == load(LATER + timedelta(hours=1)).rows_changed
    assert [(True,)] == ask(f"select is_listed {CURRENT} and id = 'r3'")


@pytest.mark.parametrize(("allow_vanish", "vanished"), [(False, 0), (True, 9)])
def test_most_of_the_table_does_not_vanish_by_itself(serve, load, notes, allow_vanish, vanished):
    """An answer that would wipe more than a fifth is not believed unless the user insists."""
    sandbox = serve(*(referral(f"r{n}") for n in range(10)))
    load()
    for n in range(9):
        sandbox.delete(f"r{n}")

    run = load(LATER, full=True, allow_vanish=allow_vanish)

    assert vanished == run.rows_vanished
    assert allow_vanish == run.reconciled
    assert allow_vanish != any("--allow-vanish" in warning for warning in notes.warnings)


def test_reject_is_kept_once_with_its_reason(serve, load, ask):
    """A record that cannot be read is set aside, reconciled, and not repeated every night."""
    sandbox = serve(referral("a", wonDate="soon"), referral("b"))

    first = load()
    second = load(LATER)

    assert [('wonDate is "soon", not a date', NOW)] == ask(
        "select reason, rejected_at from partner_center.referral_rejects"
    )
    assert (1, True, True) == (first.rows_rejected, first.reconciled, second.reconciled)
    assert len(sandbox.records()) == second.warehouse_total


def test_known_referral_that_is_rejected_keeps_its_version(serve, load, ask):
    """A bad date in a record that was good yesterday neither changes nor removes it."""
    sandbox = serve(referral("a", status="New"), *(referral(f"b{n}") for n in range(5)))
    load()
    sandbox.put(referral("a", status="Won", wonDate="soon"))

    run = load(LATER, full=True)

    assert [("New",)] == versions_of(ask, "a")
    assert (0, True) == (run.rows_vanished, run.reconciled)


def test_last_received_of_one_id_wins(serve, load, ask):
    """An id that stands twice in the listing has one current version."""
    serve(referral("a", status="New"), referral("a", status="Won"))

    load()

    assert [("Won",)] == ask(f"select status {CURRENT}")


def test_total_and_groups_are_asked_for_at_the_same_time(serve, load):
    """Neither request for the server's counts waits for the other one's answer."""
    sandbox = serve(referral("a"))
    together = threading.Barrier(2, timeout=20)

    def wait_for_the_other(request):
        if "groupby" in request.params or request.params.get("top") == "1":
            together.wait()

    sandbox.behaviour.on_request = wait_for_the_other

    assert load().reconciled
    assert not together.broken


def test_counts_that_differ_are_said(serve, load, notes):
    """What came is loaded, the run tells the difference, and it is no failure."""
    sandbox = serve(referral("a"))
    sandbox.behaviour.total_offset = 3
    sandbox.behaviour.refuses_groupby = True

    run = load()

    assert (True, False, 4, 1) == (
        run.succeeded,
        run.reconciled,
        run.server_total,
        run.warehouse_total,
    )
    assert any("counts differ" in warning for warning in notes.warnings)


def test_counts_that_differ_where_no_dates_compare(serve, load, notes):
    """Months cannot be asked for again there; the run says what differs, and has loaded."""
    sandbox = serve(referral("a"), referral("a", status="Won"))
    sandbox.behaviour.refuses_date_filter = True

    run = load()

    assert (True, False, 1) == (run.succeeded, run.reconciled, run.rows_new)
    assert any("counts differ" in warning for warning in notes.warnings)


def test_server_without_counts_is_not_reconciled(serve, load):
    """With neither total nor groups nothing is claimed, and nothing judged vanished."""
    sandbox = serve(*(referral(f"r{n}") for n in range(10)))
    sandbox.behaviour.has_total = False
    sandbox.behaviour.refuses_groupby = True
    load()
    sandbox.delete("r3")

    run = load(LATER, full=True)

    assert (None, 0) == (run.reconciled, run.rows_vanished)


def test_grouped_counts_stand_in_for_a_total(serve, load):
    """Without a total in the answers the sum of the groups verifies a listing."""
    sandbox = serve(*(referral(f"r{n}") for n in range(10)))
    sandbox.behaviour.has_total = False
    load()
    sandbox.delete("r3")

    run = load(LATER, full=True)

    assert (True, 1, 9) == (run.reconciled, run.rows_vanished, run.server_total)


def test_referral_that_moves_while_it_is_listed_stays(serve, load, ask, monkeypatch):
    """One goes and one comes between two pages: the count is right, and one was not met."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", "5")
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PARALLEL_REQUESTS", "1")
    sandbox = serve(*(referral(f"r{number}") for number in range(10)))
    load()

    def move(request):
        if request.params.get("skip") == "5":
            sandbox.behaviour.on_request = None
            sandbox.delete("r2")
            sandbox.put(referral("new"))

    sandbox.behaviour.on_request = move
    first, second = load(LATER, full=True), load(LATER + timedelta(hours=1))

    # The first reading met what went meanwhile, so that the next load marks it.
    assert (0, False) == (first.rows_vanished, first.reconciled)
    assert (1, True) == (second.rows_vanished, second.reconciled)
    assert [("r2",)] == ask(f"select id {CURRENT} and not is_listed")


def test_second_reading_that_fails_costs_no_first(serve, load, ask, monkeypatch, notes):
    """What came is merged, and nothing is judged vanished."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", "5")
    sandbox = serve(*(referral(f"r{number}") for number in range(10)))
    load()
    sandbox.delete("r2")
    sandbox.put(referral("new"))
    sandbox.put(referral("newer"))
    firsts = []

    def refuse(request):
        is_page = "groupby" not in request.params and request.params.get("top") == "5"
        firsts.extend([1] * (is_page and request.params.get("skip", "0") == "0"))
        return JSONResponse({}, 429, {"Retry-After": "90000"}) if len(firsts) > 1 else None

    sandbox.behaviour.on_request = refuse
    run = load(LATER, full=True)

    assert (True, False, 2, 0) == (run.succeeded, run.reconciled, run.rows_new, run.rows_vanished)
    assert any("no record is marked as no longer listed" in warning for warning in notes.warnings)
    assert [] == ask(f"select id {CURRENT} and not is_listed")


def test_searches_are_loaded_right_once_they_have_an_order(warehouse, ask):
    """The count is right in any case; two readings that differ show that it proves nothing."""
    searches = [{"searchDate": "2026-03-01", "keywordSearchText": str(n)} for n in range(30)]
    with Sandbox([], searches=searches, now=NOW) as sandbox:
        sandbox.behaviour.short_pages = 5
        sandbox.behaviour.shuffle = True
        load_everything(sandbox, warehouse, resources=["search"])
        sandbox.behaviour.shuffle = False
        load_everything(sandbox, warehouse, LATER, resources=["search"])

    assert [(False,), (True,)] == ask(
        "select reconciled from partner_center.load_runs order by started_at"
    )
    assert [(30,)] == ask(
        "select count(distinct keyword_search_text) from partner_center.search_days"
    )


@pytest.mark.parametrize("full", [True, False])
def test_listing_that_lacks_records_does_not_reconcile(serve, load, monkeypatch, full):
    """The warehouse holds as many as the server counts, but what was not seen may have changed."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", "5")
    sandbox = serve(*(referral(f"r{number:02}") for number in range(12)))
    load()
    sandbox.behaviour.ignores_skip = True
    sandbox.behaviour.refuses_date_filter = full

    run = load(LATER, full=full)

    assert ("full", 12, 12, False) == (
        run.mode,
        run.server_total,
        run.warehouse_total,
        run.reconciled,
    )
    assert 0 == run.rows_vanished


def test_referral_vanishes_where_only_windows_can_be_listed(serve, load, monkeypatch):
    """What windows list whole counts as a complete listing, so that deletions are found."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", "5")
    days = [f"2026-03-{day:02}T00:00:00" for day in range(1, 13)]
    sandbox = serve(*(referral(f"r{day[8:10]}", createdDate=day) for day in days))
    sandbox.behaviour.ignores_skip = True
    load()
    sandbox.delete("r03")

    run = load(LATER, full=True)

    assert (1, True, 11) == (run.rows_vanished, run.reconciled, run.warehouse_total)


def test_months_that_cannot_be_merged_fail_the_load(serve, load, monkeypatch):
    """Only the request for single months is optional, not what becomes of its answer."""
    sandbox = serve(referral("a"), *(referral(f"b{n}") for n in range(5)))
    load()
    sandbox.put(referral("late", createdDate="2024-05-05T00:00:00"))
    taken = []

    def fail(connection, merge):
        taken.append(merge)
        if len(taken) > 1:
            raise WarehouseFailed("After the merge referrals stand twice.")

    monkeypatch.setattr("partner_referrals.load.passes.check_merged", fail)

    with pytest.raises(WarehouseFailed, match="stand twice"):
        load(LATER)


def test_server_totals_are_kept(serve, load, ask):
    """Per load, status and created month."""
    serve(referral("a"), referral("b"), referral("c", createdDate=None))
    load()

    assert [(NOW, "New", datetime(2026, 3, 1).date(), 2), (NOW, "New", None, 1)] == ask(
        "select * from partner_center.referral_totals order by created_month nulls last"
    )


def test_filtered_load_neither_reconciles_nor_moves_the_cursor(serve, load, ask):
    """It brings its part, and the next plain load is the same as without it."""
    sandbox = serve(referral("a", status="Won"), referral("b"))

    run = load(filter="status eq 'Won'")

    assert ("filtered", 1, None) == (run.mode, run.rows_new, run.reconciled)
    assert "full" == load(LATER).mode
    assert 2 == len(sandbox.records()) == ask(f"select count(*) {CURRENT}")[0][0]


def test_changes_before_what_a_filter_brought_are_found(serve, load, ask, monkeypatch):
    """No count tells that an acceptance is missing, so the filter may not hide it."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__LOOKBACK_DAYS", "1")
    sandbox = serve(referral("a"), referral("b"))
    sandbox.behaviour.refuses_groupby = True
    load()
    days = [NOW + timedelta(days=number) for number in range(6)]
    sandbox.put(referral("a", status="Accepted", acceptedDate=days[1].isoformat()))
    sandbox.put(referral("b", status="Won", wonDate=days[5].isoformat()))
    load(days[5], filter="status eq 'Won'")

    run = load(days[5] + timedelta(hours=1))

    assert "incremental" == run.mode
    assert [("Accepted",), ("Won",)] == ask(f"select status {CURRENT} order by id")


def test_wrong_filter_is_the_users(serve, load):
    """A filter that the server refuses is told with the server's words, exit code 2."""
    serve(referral("a"))

    with pytest.raises(UsageError, match="colour"):
        load(filter="colour eq 'red'")


def test_clock_set_back_breaks_no_history(serve, load, ask):
    """No version ends before it begins."""
    sandbox = serve(referral("a", status="New"))
    load()
    sandbox.put(referral("a", status="Won"))

    load(NOW - timedelta(hours=1), full=True)

    assert [("New",), ("Won",)] == versions_of(ask, "a")
    assert [(0,)] == ask(
        "select count(*) from partner_center.referrals where valid_to <= valid_from"
    )


def test_failed_run_is_recorded_and_changes_nothing(serve, load, ask):
    """load_runs says why; the views still answer as of the load before."""
    sandbox = serve(referral("a"))
    load()
    sandbox.behaviour.on_request = lambda _: PlainTextResponse("", 500)

    with pytest.raises(ServerFailed):
        load(LATER)

    assert [(True, None), (False, "Partner Center")] == ask(
        "select succeeded, left(error, 14) from partner_center.load_runs order by started_at"
    )
    assert [(NOW,)] == ask("select last_load_at from marts.freshness")


def test_run_is_recorded_in_full(serve, load, ask):
    """The row that a run returns is the row that it wrote."""
    serve(referral("a"))

    run = load()

    names = ", ".join(LoadRun.__dataclass_fields__)
    assert [tuple(run.as_row().values())] == ask(f"select {names} from partner_center.load_runs")


def test_unknown_field_is_reported_once(serve, load, notes):
    """A field that the endpoint grew is told, and the rest of the record loads."""
    serve(*(referral(f"r{n}", leadScore=n) for n in range(3)))

    load()

    assert 1 == sum("leadScore" in warning for warning in notes.warnings)


def test_field_that_vanished_is_reported(serve, load, notes, ask):
    """Its values become null as the source has it, which is told; the old ones stay in history."""
    sandbox = serve(referral("a", customerName="Right Ltd"))
    load()
    record = referral("a")
    del record["customerName"]
    sandbox.put(record)

    load(LATER, full=True)

    assert any("customerName" in warning for warning in notes.warnings)
    assert [("Right Ltd",), (None,)] == ask(
        "select customer_name from partner_center.referrals order by valid_from"
    )


def test_field_that_changes_type_costs_no_referral(serve, load, ask):
    """A listing without one readable record fails; its rejects and every version are kept."""
    sandbox = serve(*(referral(f"r{n}") for n in range(3)))
    load()
    for n in range(3):
        sandbox.put(referral(f"r{n}", status=7))

    with pytest.raises(ReferralsError, match=r"None of what Partner Center sent \(3 records\)"):
        load(LATER, full=True)

    assert [(3,)] == ask("select count(*) from partner_center.referral_rejects")
    assert [("New",)] * 3 == ask(f"select status {CURRENT}")


def test_empty_answer_wipes_nothing(serve, load, ask, notes):
    """A 200 without rows from a tenant that had some is doubted, and said."""
    sandbox = serve(*(referral(f"r{n}") for n in range(10)))
    load()
    for n in range(10):
        sandbox.delete(f"r{n}")

    run = load(LATER, full=True)

    assert (0, False) == (run.rows_vanished, run.reconciled)
    assert [(10,)] == ask(f"select count(*) {CURRENT} and is_listed")


def test_status_that_moved_no_date_is_found_by_reconciling(serve, load, ask):
    """The counts per status differ, so its month is listed again in the same run."""
    sandbox = serve(*(referral(f"r{n}", createdDate="2024-05-05T00:00:00") for n in range(5)),
                    *(referral(f"s{n}") for n in range(20)))  # fmt: skip
    load()
    sandbox.put(referral("r3", createdDate="2024-05-05T00:00:00", status="Lost"))

    run = load(LATER)

    assert ("incremental", 1, True) == (run.mode, run.rows_changed, run.reconciled)


def test_clock_a_day_ahead_breaks_no_history(serve, load, ask):
    """When the clock is right again, versions go on from where the wrong one put them."""
    sandbox = serve(referral("a", status="New"))
    load(LATER)
    sandbox.put(referral("a", status="Won"))

    load(NOW, full=True)

    assert [("New",), ("Won",)] == versions_of(ask, "a")
    assert [(0,)] == ask(
        "select count(*) from partner_center.referrals where valid_to <= valid_from"
    )


def test_nothing_is_left_behind(serve, load, tmp_path):
    """dlt's working directory and the spool go with the run."""
    serve(referral("a"))

    load()

    assert {"referrals.duckdb", "referrals.duckdb.lock"} == {
        path.name for path in tmp_path.iterdir()
    }


def test_changes_stand_once_in_the_warehouse(serve, load, ask):
    """dlt's staging copy of the last changes goes with the merge."""
    sandbox = serve(referral("a"), referral("b"))
    load()
    sandbox.put(referral("a", status="Won"))

    load(LATER, full=True)

    assert ["New", "Won"] == [status for (status,) in versions_of(ask, "a")]
    assert [(0,)] == ask("select count(*) from partner_center_staging.referrals")


def test_settings_for_another_dlt_pipeline_change_no_load(serve, load, ask, monkeypatch):
    """What is set in the environment for all of dlt's pipelines leaves the tables as they are."""
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID", "true")
    monkeypatch.setenv("SCHEMA__NAMING", "sql_cs_v1")
    sandbox = serve(referral("a"))
    load()
    sandbox.put(referral("a", status="Won"))

    load(LATER, full=True)

    assert ["New", "Won"] == [status for (status,) in versions_of(ask, "a")]


def test_source_works_in_another_dlt_project(serve, tmp_path):
    """One import, any destination; the aggregates are a second resource."""
    import dlt

    from partner_center import partner_center

    serve(referral("a", wonDate="2026-03-05T00:00:00"), referral("b", status="Won"))
    target = tmp_path / "crm.duckdb"
    pipeline = dlt.pipeline(
        "crm",
        pipelines_dir=str(tmp_path / "dlt"),
        destination=dlt.destinations.duckdb(str(target)),
        dataset_name="referrals",
    )

    pipeline.run(partner_center(), loader_file_format="parquet")

    with duckdb.connect(str(target)) as connection:
        assert [("a", datetime(2026, 3, 5)), ("b", datetime(2026, 3, 1, 8))] == connection.execute(
            "select id, last_activity_date from referrals.referrals "
            "where valid_to is null order by id"
        ).fetchall()
        assert [("New", 1), ("Won", 1)] == connection.execute(
            "select status, referral_count from referrals.referral_aggregates order by status"
        ).fetchall()


@pytest.mark.parametrize("name", ["marts", "partner_center"])
def test_warehouse_named_like_a_schema_is_refused(serve, tmp_path, referrals, name):
    """DuckDB could not tell the file's name from the schema's."""
    serve(referral("a"))

    code, _, told = referrals("load", "--warehouse", tmp_path / f"{name}.duckdb")

    assert 2 == code
    assert "another name" in told


@pytest.mark.slow
def test_texts_beyond_the_memory_of_a_load(serve, load):
    """Names that together are larger than what DuckDB may use at other times are loaded."""
    serve(*(referral(f"r{number}", customerName="x" * 12_000_000) for number in range(15)))

    run = load()

    assert (15, True) == (run.rows_new, run.reconciled)
