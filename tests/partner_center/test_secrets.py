"""Secrets go to the server and into the token cache, and into nothing else that a run writes."""

import logging
import shutil
import traceback
from pathlib import Path

import dlt
import duckdb
import pytest
from dlt.common.versioned_state import compress_state, decompress_state
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from partner_center import connect, partner_center
from partner_center.settings import resolve_settings
from partner_center_sandbox import Reset, api_error, sign_in_error, throttled
from support.records import referral

# Seconds each: too long for every change.
pytestmark = pytest.mark.slow

OPTION = "SOURCES__PARTNER_CENTER__"
GIVEN = "canary-of-an-access-token"


@pytest.fixture
def sandbox(serve):
    """A stand-in with three pages of referrals, one of which cannot be read."""
    return serve(*(referral(f"r{number}") for number in range(29)), referral("x", wonDate="soon"))


@pytest.fixture
def set_option(monkeypatch):
    """Sets options of the source."""
    return lambda name, value: monkeypatch.setenv(f"{OPTION}{name}", str(value))


@pytest.fixture
def server(sandbox, set_option, monkeypatch):
    """The stand-in, where a server signs in that has all kinds of secrets."""
    monkeypatch.delenv(f"{OPTION}CREDENTIALS__ACCESS_TOKEN")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.certificate))
    set_option("PAGE_SIZE", 10)
    set_option("CREDENTIALS__AUTHORITY", sandbox.authority_url)
    for name in ("tenant_id", "client_id", "client_secret", "refresh_token"):
        set_option(f"CREDENTIALS__{name.upper()}", getattr(sandbox, name))
    return sandbox


class Written:
    """Everything that this test had written, and where."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, *texts: object) -> None:
        """Note what was shown."""
        self.texts["shown"] = "\n".join([self.texts.get("shown", ""), *map(str, texts)])

    def log(self, *arguments, **named) -> logging.LogRecord:
        """Note a line of a log, wherever it goes."""
        record = logging.LogRecord(*arguments, **named)
        self.texts["log"] = f"{self.texts.get('log', '')}\n{logging.Formatter().format(record)}"
        return record

    def read_files(self, place) -> None:
        """Note what stands in the files of a directory now."""
        for path in Path(place).rglob("*"):
            if path.is_file() and not path.name.startswith("token_cache.json"):
                self.texts[str(path)] = path.read_bytes().decode("latin-1")
            if path.is_file() and path.suffix == ".duckdb":
                self.texts[f"tables of {path}"] = _tables(path)

    def leaks(self, sandbox) -> list[str]:
        """Which of the secrets that requests carried stands where."""
        secrets = {GIVEN, *_carried(sandbox)}
        return [
            f"{secret} in {place}"
            for secret in secrets
            for place, text in self.texts.items()
            if secret in text
        ]


def _carried(sandbox):
    for request in sandbox.requests:
        yield request.headers["authorization"].removeprefix("Bearer ")
    for request in sandbox.sign_in_requests:
        yield from (request.params.get(name, GIVEN) for name in ("client_secret", "refresh_token"))


def _tables(path):
    """All rows of all tables: on disk they may be compressed."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
        ).fetchall()
        rows = [
            connection.execute(f'select * from "{schema}"."{table}"').fetchall()
            for schema, table in tables
        ]
        states = [
            decompress_state(row[0])
            for schema, table in tables
            if table == "_dlt_pipeline_state"
            for row in connection.execute(f'select state from "{schema}"."{table}"').fetchall()
        ]
    return repr((rows, states))


@pytest.fixture
def written(tmp_path, monkeypatch, caplog):
    """Watches all logs down to DEBUG, and all files, those too that are removed at the end."""
    everything = Written()
    remove = shutil.rmtree

    def read_and_remove(path, *arguments, **named):
        everything.read_files(path)
        remove(path, *arguments, **named)

    monkeypatch.setattr("shutil.rmtree", read_and_remove)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    for name in (None, "dlt"):
        caplog.set_level(logging.DEBUG, name)
    logging.setLogRecordFactory(everything.log)
    yield everything
    logging.setLogRecordFactory(logging.LogRecord)


@pytest.fixture
def leaks(written, tmp_path):
    """Tells which secrets of a stand-in's clients were written where."""

    def find(sandbox):
        written.read_files(tmp_path)
        return written.leaks(sandbox)

    return find


def test_good_run_writes_no_secret(server, referrals, warehouse, written, leaks):
    """Signed in through MSAL, with a token renewed on the way."""
    server.behaviour.on_request = lambda _: (
        server.revoke_access_tokens() if len(server.requests) == 2 else None
    )

    code, *told = referrals("load", "--warehouse", warehouse, "--json")
    written.add(*told)

    assert 0 == code, told
    assert [] == leaks(server)


def echo(request):
    """What the server was sent in secret."""
    return f"You sent {request.headers['authorization']}, {request.headers['authorization'][7:]}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda request: api_error(400, echo(request)), 2),
        (lambda request: JSONResponse({"error": {"code": "x", "message": echo(request)}}, 401), 3),
        (lambda request: api_error(403, echo(request)), 3),
        (lambda request: api_error(500, echo(request)), 1),
        (lambda request: PlainTextResponse(echo(request)), 1),
        (lambda request: JSONResponse({echo(request): echo(request)}), 1),
        (lambda request: RedirectResponse(f"/?token={request.headers['authorization'][7:]}"), 1),
        (lambda request: throttled(3600), 75),
        (lambda request: Reset(), 1),
    ],
    ids=["400", "401", "403", "500", "text", "JSON", "redirect", "429", "reset"],
)
def test_failing_run_writes_no_secret(server, referrals, warehouse, written, leaks, answer, code):
    """Not even where the server says it."""
    server.behaviour.on_request = answer

    failed, *told = referrals("load", "--warehouse", warehouse)
    written.add(*told)

    assert code == failed
    assert [] == leaks(server)


def test_refused_sign_in_writes_no_secret(server, referrals, warehouse, written, leaks):
    """The authority's words are not repeated."""
    server.behaviour.on_token_request = lambda request: sign_in_error(
        "invalid_grant", 70000, f"Your token {request.params['refresh_token']} is no good."
    )

    failed, *told = referrals("load", "--warehouse", warehouse)
    written.add(*told)

    assert 3 == failed
    assert [] == leaks(server)


@pytest.mark.parametrize("token", [GIVEN, f"{GIVEN}\n", f"{GIVEN}\u20ac", f" {GIVEN}\x7f"])
def test_bad_token_of_ones_own_is_not_written(
    sandbox, set_option, referrals, warehouse, written, leaks, token
):
    """Refused by the server, or by the rules of HTTP before it is sent."""
    set_option("CREDENTIALS__ACCESS_TOKEN", token)

    failed, *told = referrals("load", "--warehouse", warehouse)
    written.add(*told)

    assert failed in (2, 3)
    assert "access_token" in told[1]
    assert [] == leaks(sandbox)


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: None,
        lambda request: api_error(500, echo(request)),
        lambda request: PlainTextResponse(request.headers["authorization"][7:]),
        lambda request: Reset(),
        lambda request: api_error(403, echo(request)),
    ],
    ids=["good", "500", "text", "reset", "403"],
)
def test_another_dlt_project_keeps_no_secret(server, tmp_path, written, leaks, answer):
    """Neither dlt's trace nor its working directory nor a traceback holds one."""
    server.behaviour.on_request = answer
    pipeline = dlt.pipeline(
        "crm",
        pipelines_dir=str(tmp_path / "pipelines"),
        destination=dlt.destinations.duckdb(str(tmp_path / "crm.duckdb")),
    )

    try:
        pipeline.run(partner_center(), loader_file_format="parquet")
    except Exception as error:
        written.add(*traceback.format_exception(error), repr(error))
    written.add(pipeline.last_trace, pipeline.last_trace.asstr(verbosity=2))

    assert [] == leaks(server)


def test_objects_show_no_secret(server, written, leaks):
    """Whoever prints what the library hands out learns none."""
    settings = resolve_settings()
    client = connect(settings)
    written.add(repr(settings), settings, repr(settings.credentials), settings.credentials)
    written.add(repr(client), repr(vars(client)))

    assert [] == leaks(server)


@pytest.mark.parametrize("place", ["shown", "log", "dlt's log", "a file", "a table", "dlt's state"])
def test_leak_would_be_found(sandbox, tmp_path, written, leaks, place):
    """The other tests look in these places, in what is removed too."""
    (tmp_path / "removed").mkdir()
    match place:
        case "shown":
            written.add(f"It is {GIVEN}!")
        case "log":
            logging.getLogger("urllib3").debug("sent %s", GIVEN)
        case "dlt's log":
            dlt.pipeline("crm", pipelines_dir=str(tmp_path))
            logging.getLogger("dlt").debug("sent %s", GIVEN)
        case "a file":
            (tmp_path / "removed" / "trace.pickle").write_bytes(b"\0" + GIVEN.encode())
        case "a table":
            _write_table(tmp_path / "removed" / "it.duckdb", "referrals", "id", GIVEN)
        case "dlt's state":
            state = compress_state({"secret": GIVEN})
            _write_table(tmp_path / "it.duckdb", "_dlt_pipeline_state", "state", state)
    shutil.rmtree(tmp_path / "removed")

    assert 1 <= len(leaks(sandbox))


def _write_table(warehouse, table, column, value):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"create table {table} ({column} varchar)")
        connection.execute(f"insert into {table} values ($1)", [value])
