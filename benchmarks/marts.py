"""How long each mart takes, as a multiple of one plain scan of the referrals.

    python benchmarks/marts.py [ROWS] [--history SHARE] [--memory 8GB]

Makes ROWS synthetic referrals (one million unless told otherwise) in a temporary warehouse, where
SHARE of them have an earlier version, and prints per mart the best of three runs that compute
every column of every row. The scan counts every date column and takes its smallest and largest
value. A mart past its goal is marked, and the exit code is 1.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from partner_center.schema.fields import DATE_COLUMNS
from partner_referrals.warehouse.tables import create_tables
from partner_referrals.warehouse.views import refresh_views, view_definitions

GOALS = {"stage_durations": 45, "conversion_curve": 75, "forecast": 60, "forecast_backtest": 60}
OTHER_GOAL = 15
RUNS = 3

# Both eras, four years, four in ten won or lost, one in seven still open, some nulls.
REFERRALS = """
insert into partner_center.referrals by name
with chances as (
    select
        number,
        timestamp '2017-01-01' + to_microseconds((random() * 126e12)::bigint) as created_date,
        random() as responding, random() as accepting, random() as ending,
        random() as first_pace, random() as second_pace,
        random() as market, random() as size
    from range($rows) as numbers(number)
), responded as (
    select
        *,
        case when responding < 0.7
            then created_date + to_microseconds((first_pace * 2.6e11)::bigint)
        end as acknowledged_date,
        case when responding < 0.5
            then created_date + to_microseconds((first_pace * 2.6e11 + accepting * 6e11)::bigint)
        end as accepted_date
    from chances
), ended as (
    select
        *,
        case when accepted_date is not null and ending < 0.3
            then accepted_date + to_microseconds((second_pace * 78e11)::bigint)
        end as won_date,
        case when accepted_date is not null and ending between 0.3 and 0.85
            then accepted_date + to_microseconds((second_pace * 52e11)::bigint)
        end as lost_date,
        case when accepted_date is null and ending < 0.4
            then created_date + to_microseconds((second_pace * 4e11)::bigint)
        end as declined_date,
        case when accepted_date is null and ending between 0.4 and 0.9
            then created_date + interval 14 day + to_microseconds((second_pace * 4e9)::bigint)
        end as expired_date
    from responded
)
select
    'R' || lpad(number::varchar, 10, '0') as id,
    case
        when won_date is not null then 'Won' when lost_date is not null then 'Lost'
        when declined_date is not null then 'Declined' when expired_date is not null then 'Expired'
        when accepted_date is not null then 'Accepted'
        when acknowledged_date is not null then 'Acknowledged' else 'New'
    end as status,
    case when market > 0.02 then 'M' || (market * market * 60)::integer end as customer_market,
    'Customer ' || (number % 300000) as customer_name,
    case when size > 0.05
        then ['1to9', '10to50', '51to250', '251to1000', '1001to5000'][1 + (size * 4.9)::integer % 5]
            || 'employees'
    end as customer_org_size,
    ['US', 'DE', 'GB', 'FR', 'JP'][1 + (first_pace * 4.9)::integer % 5] as partner_market,
    created_date, acknowledged_date, accepted_date, won_date, lost_date, declined_date,
    expired_date, null::timestamp as missed_date, null::timestamp as skipped_date,
    null::timestamp as archived_date,
    greatest(
        created_date, acknowledged_date, accepted_date, won_date, lost_date, declined_date,
        expired_date
    ) as last_activity_date,
    true as is_listed, (hash(number) >> 1)::bigint as content_hash,
    timestamp '2020-12-31 12:00:00' as valid_from, null::timestamp as valid_to
from ended;
"""
HISTORY = """
insert into partner_center.referrals by name
select
    * replace (
        'New' as status, (hash(id) >> 1)::bigint as content_hash,
        null as accepted_date, null as won_date,
        valid_from - interval 1 day as valid_from, valid_from as valid_to
    )
from partner_center.referrals
where hash(id) % 1000 < 1000 * $share;
"""
LOAD_RUN = """
insert into partner_center.load_runs by name
select
    '1' as run_id, timestamp '2020-12-31 12:00:00' as started_at,
    timestamp '2020-12-31 12:10:00' as finished_at, 'full' as mode, true as succeeded,
    0::bigint as server_total, true as reconciled, 'referrals' as resource;
checkpoint;
"""


def make_warehouse(connection: duckdb.DuckDBPyConnection, rows: int, share: float) -> None:
    """Fill a new warehouse with referrals and every view."""
    create_tables(connection)
    connection.execute("select setseed(0.5)")
    connection.execute(REFERRALS, {"rows": rows})
    connection.execute(HISTORY, {"share": share})
    connection.execute(LOAD_RUN)
    refresh_views(connection)


def every_column(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    """A query that computes each column of each row, and returns one row."""
    columns = [row[0] for row in connection.execute(f"describe {view}").fetchall()]
    return f"select {', '.join(f'count({c}), min({c}), max({c})' for c in columns)} from {view}"


def best_seconds(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    """The shortest of a few runs."""
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        connection.execute(query).fetchall()
        taken.append(time.perf_counter() - started)
    return min(taken)


def main() -> int:
    """Print the table; 1 if a mart takes longer than its goal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--history", type=float, default=0.0)
    parser.add_argument("--memory", default="8GB")
    asked = parser.parse_args()
    columns = ", ".join(f"count({c}), min({c}), max({c})" for c in DATE_COLUMNS)
    failed = False
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(Path(folder) / "benchmark.duckdb") as connection,
    ):
        connection.execute(f"set memory_limit = '{asked.memory}'")
        make_warehouse(connection, asked.rows, asked.history)
        print(f"{'view':<22}{'rows':>12}{'seconds':>9}{'x scan':>8}{'goal':>6}")
        for view in [each for each in view_definitions() if each.schema == "marts"]:
            # Measured anew beside each mart: a machine is rarely quiet for long.
            scan = best_seconds(connection, f"select {columns} from partner_center.referrals")
            seconds = best_seconds(connection, every_column(connection, view.qualified_name))
            count = connection.execute(f"select count(*) from {view.qualified_name}").fetchall()[0][
                0
            ]
            goal = GOALS.get(view.name, OTHER_GOAL)
            failed |= seconds > goal * scan
            mark = " missed" if seconds > goal * scan else ""
            ratio = seconds / scan
            print(f"{view.name:<22}{count:>12,}{seconds:>9.3f}{ratio:>8.1f}{goal:>6}{mark}")
        print(f"{'(the scan)':<22}{asked.rows:>12,}{scan:>9.3f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
