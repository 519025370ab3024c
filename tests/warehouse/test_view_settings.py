"""What the user sets for the views: own exchange rates, and the resource of the funnel."""

import re
from datetime import date

import duckdb
import pytest

from partner_referrals.errors import UsageError
from partner_referrals.warehouse.dialects import view_ddl
from partner_referrals.warehouse.view_settings import ViewSettings, read_funnel, read_fx_rates
from partner_referrals.warehouse.views import refresh_views
from support.views import make_warehouse

HEADER = "CurrencyCode,USDPerUnit,Month\n"


@pytest.fixture
def rates(tmp_path):
    """A file of exchange rates as Partner Center writes them."""
    path = tmp_path / "rates.csv"
    path.write_text('"CurrencyCode","USDPerUnit","Month"\n"EUR","1.085","202601"\n')
    return path


def test_own_rates_are_read(rates):
    """A line becomes a currency, the first day of its month, and a rate."""
    assert [("EUR", date(2026, 1, 1), 1.085)] == read_fx_rates(rates)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1 is not CurrencyCode,USDPerUnit,Month"),
        ("CurrencyCode;USDPerUnit;Month\n", "line 1"),
        (HEADER + "EUR,1.085,2026-01\n", "line 2: Month is '2026-01'"),
        (HEADER + "EUR,1.085,202613\n", "line 2: Month is '202613'"),
        (HEADER + "EUR,1.085,202601\nGBP,cheap,202601\n", "line 3: USDPerUnit is 'cheap'"),
        (HEADER + "EUR,0,202601\n", "line 2: USDPerUnit is '0'"),
        (HEADER + "EUR,inf,202601\n", "line 2: USDPerUnit is 'inf'"),
        (HEADER + "EUR,1e308,202601\n", "line 2: USDPerUnit is '1e308'"),
        (HEADER + "EUR,1e-308,202601\n", "line 2: USDPerUnit is '1e-308'"),
        (HEADER + "Euro,1.085,202601\n", "line 2: CurrencyCode is 'Euro'"),
        (HEADER + "EUR,1.085\n", "line 2 does not have 3 values"),
        (HEADER + "EUR,1.085,202601\neur,1.1,202601\n", "line 3 gives EUR another rate for 202601"),
    ],
)
def test_bad_rates_are_refused(tmp_path, text, reason):
    """A file that cannot be used is refused with its path, the line and the reason."""
    path = tmp_path / "rates.csv"
    path.write_text(text)

    with pytest.raises(UsageError, match=f"rates.csv.*{re.escape(reason)}"):
        read_fx_rates(path)


def test_unknown_funnel_is_refused():
    """A resource that the funnel cannot count is refused, and the choices are named."""
    with pytest.raises(UsageError, match=r"'deals'.*referrals or engagements"):
        read_funnel("deals")


def test_refresh_takes_own_rates_and_forgets_them(tmp_path, rates):
    """They are in effect from one refresh to the next, which may have none."""
    found = []
    with duckdb.connect(make_warehouse(tmp_path / "referrals.duckdb")) as connection:
        for file in (rates, None):
            refresh_views(connection, ViewSettings(fx_rates=file))
            found.append(connection.execute("from staging.fx_rates").fetchall())

    assert [[("EUR", date(2026, 1, 1), 1.085, "file")], []] == found


@pytest.mark.parametrize("dialect", ["postgres", "spark"])
def test_settings_are_in_the_ddl(rates, dialect):
    """Other engines get the rates and the funnel's resource as rows of a view."""
    ddl = "\n".join(view_ddl(dialect, ViewSettings(fx_rates=rates, funnel="engagements")))

    assert re.search(r"settings\.fx_rates as.*?1\.085", ddl, re.DOTALL)
    assert re.search(r"settings\.funnel as.*?'engagements'", ddl, re.DOTALL)


def test_command_refuses_bad_rates(referrals, tmp_path, monkeypatch):
    """`referrals views` ends with exit 2 and says which line is wrong."""
    path = tmp_path / "rates.csv"
    path.write_text(HEADER + "EUR,cheap,202601\n")
    monkeypatch.setenv("VIEWS__FX_RATES", str(path))

    code, _, err = referrals("views", "--dialect", "postgres")

    assert 2 == code
    assert "rates.csv cannot be used: line 2" in " ".join(err.split())
