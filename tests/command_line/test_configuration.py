"""The configuration: files, environment variables, and what is refused."""

import os
import string
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import PluggableRunContext
from dlt.common.runtime.run_context import RunContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partner_center.configuration import read_runtime
from partner_center.configuration_files import (
    check_names,
    look_up,
    read_file,
    settings_directories,
)
from partner_center.settings import (
    PartnerCenterCredentials,
    PartnerCenterSettings,
    known_keys,
)
from partner_center.sign_in import token_cache
from partner_referrals.errors import UsageError
from partner_referrals.settings import (
    PIPELINE_MATERIALISE,
    PIPELINE_WAREHOUSE,
    PUBLISH_DIR,
    VIEWS_SLA_RULES,
    locate_warehouse,
)
from partner_referrals.warehouse.connection import require_usable
from partner_referrals.warehouse.sla_rules import read_sla_rules
from support.records import referral

KNOWN = {**known_keys(), "publish": {"dir"}, "alerts": {"webhook", "heartbeat"}}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file of a project elsewhere; returns its path."""
    project = tmp_path / "project"
    (project / ".dlt").mkdir(parents=True)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(project))

    def write_file(text: str | bytes, name: str = "config.toml") -> Path:
        file = project / ".dlt" / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write_file


@pytest.fixture
def loaded_warehouse(serve, referrals, warehouse):
    """A warehouse with one referral."""
    serve(referral("a"))
    assert 0 == referrals("load")[0]
    return warehouse


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (b"[publish\ndir = 1", "line 1, is not TOML"),
        (b'\n[publish]\ndir = "C:\\srv\\bi"\n', r"line 3, .*single quotes: 'C:\\srv'"),
        (b'[publish]\ndir = "C:\\users"\n', "line 2, .*single quotes"),
        (b"a = 1\na = 2\n", "line 2, is not TOML"),
        (b"\xef\xbb\xbf[publish]\n", "byte order mark"),
        ("[publish]\n".encode("utf-16"), "not UTF-8"),
        (b"[publish]\ndir = '\xff'\n", "not UTF-8"),
    ],
)
def test_broken_file_is_named_with_its_line(write, contents, said):
    """One sentence says where the fault is, and how a Windows path is written."""
    file = write(contents)

    with pytest.raises(UsageError, match=said) as refused:
        read_file(file)

    assert str(refused.value).startswith(str(file))


@pytest.mark.parametrize("contents", ["[publish\n", "[runtime]\nrequest_timeout = 'abc'\n"])
def test_broken_configuration_ends_each_command_in_a_sentence(write, contents):
    """Exit code 2; dlt would show a traceback already when it is imported."""
    write(contents)

    ended = subprocess.run(
        [sys.executable, "-m", "partner_referrals", "load", "--json"],
        capture_output=True,
        text=True,
    )

    assert (2, 1, 1) == (ended.returncode, ended.stdout.count("\n"), ended.stderr.count("\n"))


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (
            "",
            "destination.postgres, credentials is not set. Write postgresql://",
        ),
        (
            "[destination.postgres]\ncredentials = 'canary'",
            "[destination.postgres.credentials] stands in config.toml",
        ),
    ],
)
def test_misplaced_value_is_told_in_plain_words(
    write, serve, referrals, monkeypatch, contents, said
):
    """Which section, where it stands or should, and what to write; the value is not shown."""
    write(contents)
    serve(referral("a"))
    monkeypatch.setenv("PIPELINE__DESTINATION", "postgres")
    Container()[PluggableRunContext] = PluggableRunContext()

    code, _, told = referrals("load")

    assert 2 == code
    assert said in told
    assert "canary" not in told


def test_address_of_postgres_is_checked(serve, referrals, monkeypatch):
    """What is no such address is told without showing it, as it may hold a password."""
    serve(referral("a"))
    monkeypatch.setenv("PIPELINE__DESTINATION", "postgres")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "canary")

    code, _, told = referrals("load")

    assert 2 == code
    assert "credentials is not the address of a server. Write postgresql://" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"sources": {"partner_center": {"page_sise": 10}}}, "Did you mean 'page_size'"),
        ({"sources": {"partner_center": {"credential": {}}}}, "Did you mean 'credentials'"),
        ({"sources": {"partner_centre": {}}}, "Did you mean 'partner_center'"),
        ({"source": {}}, "Did you mean 'sources'"),
        ({"alert": {"webhook": "x"}}, "Did you mean 'alerts'"),
        ({"publish": {"directory": "x"}}, "Did you mean 'dir'|Known are: dir"),
        ({"publish": "bi"}, "must be a section"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest(document, said):
    """A misspelt setting must not be passed over."""
    with pytest.raises(UsageError, match=said):
        check_names({Path("config.toml"): document}, (), KNOWN)


def test_sections_of_others_are_left_alone():
    """dlt has settings of its own, and so have other sources and a second account."""
    document = {
        "runtime": {"log_level": "WARNING"},
        "normalize": {"workers": 1},
        "sources": {"partner_center_eu": {"x": 1}, "partner_center": {"fabrikam": {"x": 1}}},
    }

    check_names({Path("config.toml"): document}, ("PATH", "LOAD__WORKERS", "CI"), KNOWN)


@pytest.mark.parametrize(
    ("text", "is_set"), [("true", True), ("'True'", True), ("false", False), ("''", False)]
)
def test_flag_is_read(write, text, is_set):
    """As TOML has it, or as a text like that of a variable."""
    write(f"[pipeline]\nmaterialise = {text}\n")

    assert is_set == PIPELINE_MATERIALISE.read_flag()


def test_flag_is_true_or_false(monkeypatch):
    """Anything else is refused."""
    monkeypatch.setenv("PIPELINE__MATERIALISE", "maybe")
    with pytest.raises(UsageError, match="materialise is 'maybe'"):
        PIPELINE_MATERIALISE.read_flag()


def test_unknown_variable_is_refused():
    """As in a file."""
    with pytest.raises(UsageError, match="Did you mean 'page_size'"):
        check_names({}, ["SOURCES__PARTNER_CENTER__PAGE_SISE"], KNOWN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_timeout", "0"),
        ("request_timeout", "nan"),
        ("request_timeout", "1e300"),
        ("request_max_attempts", "0"),
        ("request_backoff_factor", "-1"),
        ("request_max_retry_delay", "nan"),
    ],
)
def test_limit_of_requests_out_of_range_is_named(monkeypatch, name, value):
    """dlt takes any number for its settings."""
    monkeypatch.setenv(f"RUNTIME__{name.upper()}", value)

    with pytest.raises(UsageError, match=rf"runtime\.{name} is .* must lie between"):
        read_runtime()


def test_secrets_are_cleaned():
    """What comes along when a token is copied is no part of it."""
    configured = PartnerCenterSettings(
        credentials=PartnerCenterCredentials(
            client_secret="s3cret\n", refresh_token=" r ", access_token="Bearer  x.y.z\r\n"
        )
    )
    configured.complete()

    credentials = configured.credentials
    assert ("s3cret", "r", "x.y.z") == (
        credentials.client_secret, credentials.refresh_token, credentials.access_token
    )  # fmt: skip


def test_relative_path_starts_at_the_project(write, tmp_path, monkeypatch):
    """Whatever the working directory is; a variable's starts there."""
    write('[publish]\ndir = "bi"\n[views]\nsla_rules = "rules.csv"\n')
    project = tmp_path / "project"

    assert project / "bi" == PUBLISH_DIR.read_path()
    assert project / "rules.csv" == VIEWS_SLA_RULES.read_path()
    monkeypatch.setenv("PUBLISH__DIR", "here")
    assert Path("here") == PUBLISH_DIR.read_path()


def test_token_cache_may_be_in_the_home(write):
    """As every path of a file."""
    write('[sources.partner_center.credentials]\ntoken_cache = "~/tokens.json"\n', "secrets.toml")

    asked = (
        "from partner_center.settings import resolve_settings\n"
        "print(resolve_settings().credentials.token_cache)"
    )
    found = subprocess.check_output([sys.executable, "-c", asked], text=True)

    assert f"{Path.home() / 'tokens.json'}\n" == found


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HOME": "{}"},
        {"HOME": "{}", "XDG_DATA_HOME": "{}/data"},
        {"HOME": "{}/nowhere", "DLT_PROJECT_DIR": "{}/project"},
    ],
)
@pytest.mark.parametrize("has_directory", [True, False])
@pytest.mark.filterwarnings("ignore:XDG_DATA_HOME is set")
def test_files_are_sought_where_dlt_seeks_them(variables, has_directory, tmp_path, monkeypatch):
    """Both read the same files, for a user whether root or not."""
    if has_directory:
        (tmp_path / ".dlt").mkdir()
    for user in (0, 1_000):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(tmp_path))
        context = RunContext(None)

        assert (
            Path(context.settings_dir), Path(context.global_dir)
        ) == settings_directories()  # fmt: skip


READ = """
import sys
from partner_referrals.cli import main
for command in (["status"], ["query", "select 1"], ["report"], ["publish", "bi"], ["backup", "b"]):
    sys.argv = ["referrals", *command]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, command
    assert "dlt" not in sys.modules, command
"""


@pytest.mark.slow
def test_commands_that_read_start_without_dlt(write, loaded_warehouse):
    """It takes half a second; what stands in its settings, or the source's, stops no query."""
    write("[runtime]\nrequest_timeout = 'abc'\n[sources.partner_center]\npage_sise = 1\n")
    environment = {**os.environ, "REFERRALS_WAREHOUSE": str(loaded_warehouse)}

    read = subprocess.run(
        [sys.executable, "-c", READ], env=environment, capture_output=True, text=True
    )

    assert 0 == read.returncode, read.stderr
    assert 2 == subprocess.run([sys.executable, "-m", "partner_referrals", "load"]).returncode


def test_secrets_file_wins_over_config_file(write):
    """As everywhere in dlt."""
    write('[publish]\ndir = "a"\n')
    write('[publish]\ndir = "b"\n', "secrets.toml")

    assert "b" == look_up("publish", "dir")[0]


@pytest.mark.parametrize("value", ['"C:\\new"', "3", "true", "['a']"])
def test_value_that_is_no_path_is_refused(write, value):
    """A newline in a path is a Windows path in double quotes."""
    write(f"[publish]\ndir = {value}\n")

    with pytest.raises(UsageError, match=r"publish"):
        PUBLISH_DIR.read_path()


def test_warehouse_is_found_in_order(write, tmp_path):
    """The option, then the configuration, then the default."""
    assert Path("referrals.duckdb") == locate_warehouse(None)
    write('[pipeline]\nwarehouse = "kept.duckdb"\n')
    assert tmp_path / "project" / "kept.duckdb" == locate_warehouse(None)
    assert Path("other.duckdb") == locate_warehouse(Path("other.duckdb"))
    assert "REFERRALS_WAREHOUSE" in PIPELINE_WAREHOUSE.meaning


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "x" * 300, "what?.duckdb", "\udce9.duckdb", "information_schema.duckdb",
     "/dev/null"],
)  # fmt: skip
def test_unusable_warehouse_is_refused(name):
    """Before anything else happens."""
    with pytest.raises(UsageError, match="The warehouse"):
        require_usable(locate_warehouse(Path(name)))


def test_user_without_home_is_told(monkeypatch):
    """As in a container whose user is in no passwd file."""
    monkeypatch.setattr(token_cache, "user_data_path", lambda *_, **__: Path("~/.local/share"))

    with pytest.raises(UsageError, match="Set HOME"):
        token_cache.default_path()


@pytest.mark.parametrize("hours", ["0", "-1", "2147483647", "9" * 40])
def test_limit_out_of_range_is_refused_with_its_line(tmp_path, hours):
    """DuckDB would fail in the middle of a query."""
    file = tmp_path / "rules.csv"
    file.write_text(f"rule,applies_from,applies_to,limit_hours\na,,,1\nb,,,{hours}\n")

    with pytest.raises(UsageError, match="line 3"):
        read_sla_rules(file)


def test_sla_rules_are_checked_before_anything_is_listed(serve, referrals, monkeypatch):
    """A load of an hour would end in the same message."""
    requests = []
    serve().behaviour.on_request = requests.append
    monkeypatch.setenv("VIEWS__SLA_RULES", "nowhere.csv")

    assert 2 == referrals("load")[0]
    assert [] == requests


NAMES = st.text(string.ascii_letters + "_.é\n\0\\'\"", max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OURS = st.sampled_from(["sources", "partner_center", "credentials", "publish", "alerts", "dir"])
DOCUMENTS = st.dictionaries(
    OURS | NAMES, VALUES | st.dictionaries(OURS | NAMES, VALUES, max_size=3), max_size=4
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50, deadline=None)
@given(DOCUMENTS, st.lists(NAMES, max_size=3))
def test_any_document_is_taken_or_refused(document, variables):
    """No traceback whatever stands in it."""
    with suppress(UsageError):
        check_names({Path("x"): document}, variables, KNOWN)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text("[]=\"'\\#\n\r\t a1.{},ü\ufeff", max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path, contents):
    """No traceback whatever a file holds."""
    file = tmp_path / "config.toml"
    file.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with suppress(UsageError):
        assert isinstance(read_file(file), dict)
