"""How long each mart takes, as a multiple of one plain scan of the records that it counts.

    python benchmarks/marts.py [ROWS] [--history SHARE] [--memory 8GB]

Makes ROWS synthetic referrals and as many deals (one million unless told otherwise) in a temporary
warehouse, where SHARE of them have an earlier version, and prints per mart the best of three runs
that compute every column of every row. The scan counts every date column, of the referrals or of
the deals, and takes its smallest and largest value. A mart past its goal is marked, and the exit
code is 1.
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

GOALS = {"conversion_curve": 30, "forecast": 60, "forecast_backtest": 60}
OTHER_GOAL = 15
# These count deals, and are compared with a scan of these.
DEAL_MARTS = ("deals", "pipeline", "deal_win_rates", "deal_trends", "loss_reasons")
DEAL_GOAL = 20
DEAL_DATES = (
    "created_date_time", "accepted_date_time", "closed_date_time", "closing_date_time",
    "updated_date_time",
)  # fmt: skip
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
# One in ten is a referral too, by its id or by what both say; one in fifty has an ending without a
# date, one in seven no value, four in ten another currency than the dollar.
DEALS = """
insert into partner_center.engagements by name
select
    case when number % 20 = 0 then referrals.id else uuid()::varchar end as id,
    'E' || (number // 2) as engagement_id,
    'Deal ' || number as name,
    case when random() < 0.9 then 'our organization' else 'msft' end as organization_id,
    case when closed_at is null then 'Active' else 'Closed' end as status,
    case
        when won_date is not null then 'Won' when lost_date is not null then 'Lost'
        when declined_date is not null then 'Declined' when expired_date is not null then 'Expired'
        when accepted_date is not null then 'Accepted' else 'Pending'
    end as substatus,
    ['Price', 'Timing', 'Competitor', null][1 + (random() * 3.9)::integer % 4] as status_reason,
    ['Shared', 'Independent'][1 + (random() * 1.9)::integer % 2] as type,
    ['Direct', 'SalesQualified', 'None'][1 + (random() * 2.9)::integer % 3] as qualification,
    ['Incoming', 'Outgoing'][1 + (random() * 1.9)::integer % 2] as direction,
    ['20', '40', 'Propose', '100', null][1 + (random() * 4.9)::integer % 5] as sales_stage,
    random() < 0.5 as is_shared_with_microsoft,
    case when random() < 0.5 then 'msft' else 'a partner' end as invited_by_organization_id,
    case when random() < 0.5 then 'Workload' end as assistance_request_code,
    case when number % 10 = 0 then customer_name else 'Client ' || number end as customer_name,
    customer_market as customer_country,
    case when random() < 0.86 then (random() * 1e5)::decimal(18, 2) end as deal_value,
    ['USD', 'USD', 'USD', 'EUR', 'GBP', 'JPY'][1 + (random() * 5.9)::integer % 6] as currency,
    created_date + to_days((random() * 200)::integer) as closing_date_time,
    created_date as created_date_time,
    accepted_date as accepted_date_time,
    case when random() < 0.98 then closed_at end as closed_date_time,
    last_activity_date as updated_date_time,
    true as is_listed, (hash(number) >> 1)::bigint as content_hash,
    timestamp '2020-12-31 12:00:00' as valid_from, null::timestamp as valid_to
from (
    select
        *, substr(id, 2)::bigint as number,
        coalesce(won_date, lost_date, declined_date, expired_date) as closed_at
    from partner_center.referrals
) as referrals;
insert into partner_center.engagement_tags
select id, kind, tags[1 + (hash(id, kind) % 5)::integer]
from partner_center.engagements
cross join (
    values
        ('solution_area', ['Azure', 'Security', 'Modern Work', 'Business Applications', 'Azure']),
        ('industry', ['Retail', 'Health', 'Education', 'Energy', 'Finance'])
) as kinds (kind, tags);
insert into partner_center.fx_rates
select currency, month::date, 0.5 + random(), 'partner_center'
from (values ('EUR'), ('GBP'), ('JPY')) as currencies (currency)
cross join range(date '2017-01-01', date '2021-01-01', interval 1 month) as months (month);
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
insert into partner_center.engagements by name
select
    * replace (
        'Active' as status, 'Accepted' as substatus, (hash(id) >> 1)::bigint as content_hash,
        null as closed_date_time, closing_date_time - interval 9 day as closing_date_time,
        valid_from - interval 1 day as valid_from, valid_from as valid_to
    )
from partner_center.engagements
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
    """Fill a new warehouse with referrals, deals and every view."""
    create_tables(connection)
    connection.execute("select setseed(0.5)")
    connection.execute(REFERRALS, {"rows": rows})
    connection.execute(DEALS)
    for statement in HISTORY.split(";")[:-1]:
        connection.execute(statement, {"share": share})
    connection.execute(LOAD_RUN)
    refresh_views(connection)


def every_column(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    """A query that computes each column of each row, and returns one row."""
    columns = [row[0] for row in connection.execute(f"describe {view}").fetchall()]
    return f"select {', '.join(f'count({c}), min({c}), max({c})' for c in columns)} from {view}"


def scan_beside(mart: str) -> str:
    """The query that a mart is compared with."""
    of_deals = mart in DEAL_MARTS
    dates = DEAL_DATES if of_deals else DATE_COLUMNS
    columns = ", ".join(f"count({c}), min({c}), max({c})" for c in dates)
    return f"select {columns} from partner_center.{'engagements' if of_deals else 'referrals'}"


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
            scan = best_seconds(connection, scan_beside(view.name))
            seconds = best_seconds(connection, every_column(connection, view.qualified_name))
            count = connection.execute(f"select count(*) from {view.qualified_name}").fetchall()[0][
                0
            ]
            goal = DEAL_GOAL if view.name in DEAL_MARTS else GOALS.get(view.name, OTHER_GOAL)
            failed |= seconds > goal * scan
            mark = " missed" if seconds > goal * scan else ""
            ratio = seconds / scan
            print(f"{view.name:<22}{count:>12,}{seconds:>9.3f}{ratio:>8.1f}{goal:>6}{mark}")
        print(f"{'(the scan)':<22}{asked.rows:>12,}{scan:>9.3f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
