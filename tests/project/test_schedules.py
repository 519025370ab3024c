"""The recipes of docs/schedules.md are taken from there and run."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import duckdb
import pytest
import yaml
from typer.main import get_command

from partner_center.settings import PartnerCenterCredentials
from partner_referrals.cli import app
from support.documents import ROOT, blocks
from support.environments import make_environment
from support.records import referral

DOCUMENT = "docs/schedules.md"
HOME = "/srv/referrals"

# What cron and systemd give a job, and no more.
BARE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def recipe(language, heading, number=0):
    return blocks(DOCUMENT, language, heading)[number]


@pytest.fixture
def home(tmp_path, serve):
    """A place like /srv/referrals: an environment, and a configuration that finds the stand-in."""
    sandbox = serve(*(referral(f"r{number}") for number in range(7)))
    place = tmp_path / "home"
    (place / ".dlt").mkdir(parents=True)
    (place / ".venv").symlink_to(sys.prefix)
    (place / ".dlt" / "secrets.toml").write_text(
        f'[sources.partner_center]\nbase_url = "{sandbox.base_url}"\n'
        f'[sources.partner_center.credentials]\naccess_token = "{sandbox.access_token}"\n'
    )
    return place


def loaded(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute("select referral_count from marts.freshness").fetchall()


# What can be checked without running it


COMMANDS = re.findall(
    r"\breferrals ((?:load|status|publish)\b[ \w./-]*)", (ROOT / DOCUMENT).read_text("utf-8")
)


@pytest.mark.parametrize("command", sorted(set(map(str.strip, COMMANDS))))
def test_command_exists(command):
    """Every command line in the document is one that the program understands."""
    name, *arguments = command.split()
    subcommand = get_command(app).commands[name]

    # Raises where an option or an argument is unknown.
    subcommand.make_context(name, arguments)


def test_crontab_is_well_formed():
    """Each line is a variable or five time fields and a command, in which % would end the line."""
    lines = [line for line in recipe("crontab", "cron").splitlines() if line]

    number = r"(\*|\d+)"
    job = rf"{number} {number} {number} {number} {number}  [^%]+"
    assert [] == [line for line in lines if not re.fullmatch(rf"\w+=\S+|{job}", line)]


@needs_systemd
def test_systemd_accepts_the_units(tmp_path):
    """systemd itself finds nothing to say about the service and the timer."""
    # The command and its directory do not exist here.
    service = recipe("ini", "systemd").replace(f"{HOME}/.venv/bin/referrals", "/bin/true")
    (tmp_path / "referrals.service").write_text(service.replace(HOME, "/"))
    (tmp_path / "referrals.timer").write_text(recipe("ini", "systemd", 1))

    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "./referrals.service", "./referrals.timer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )

    assert (0, "") == (told.returncode, told.stderr)


def test_workflow_names_existing_settings():
    """The variables of the workflow are the credentials that the program reads."""
    (job,) = yaml.safe_load(recipe("yaml", "GitHub Actions"))["jobs"].values()
    prefix = "SOURCES__PARTNER_CENTER__CREDENTIALS__"

    named = {name.removeprefix(prefix).lower() for name in job["env"] if name.startswith(prefix)}

    assert {"tenant_id", "client_id", "client_secret", "refresh_token"} == named
    assert named <= set(PartnerCenterCredentials().keys())


def test_python_recipes_compile():
    """The DAG and the definitions are Python."""
    for heading in ("Airflow", "Dagster"):
        compile(recipe("python", heading), heading, "exec")


@pytest.mark.sweep
def test_cron_job_follows_the_schema(tmp_path):
    """The Kubernetes manifest is valid by the schema of its API, unknown fields included."""
    (tmp_path / "job.yaml").write_text(recipe("yaml", "Kubernetes"))
    python = make_environment(tmp_path / "environment", "kubernetes-validate", "setuptools")

    told = subprocess.run(
        [python.with_name("kubernetes-validate"), "--strict", tmp_path / "job.yaml"],
        capture_output=True,
        text=True,
    )

    assert 0 == told.returncode, told.stdout + told.stderr


def test_container_variables_exist():
    """The environment variables of the Azure job and of the image are settings of the program."""
    job = yaml.safe_load(recipe("yaml", "Azure Container Apps"))
    (container,) = job["properties"]["template"]["containers"]
    image = re.findall(r"^ENV (\w+)=", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    prefix = "SOURCES__PARTNER_CENTER__CREDENTIALS__"
    named = {each["name"] for each in container["env"]} | set(image)

    assert {name.removeprefix(prefix).lower() for name in named} <= set(
        PartnerCenterCredentials().keys()
    )


# What is run


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_container_steps_build_what_loads(tmp_path, serve):
    """The steps of the Containerfile, run without an engine, give a command that a user loads with
    who has no name, no home directory and nothing but the volume to write to."""
    sandbox = serve(*(referral(f"r{number}") for number in range(7)))
    text = (ROOT / "Containerfile").read_text()
    build = text.split("FROM ")[1]
    (tmp_path / "project").mkdir()
    for name in re.findall(r"^COPY (.+) \S+$", build, re.MULTILINE):
        for each in name.split():
            copy = shutil.copytree if (ROOT / each).is_dir() else shutil.copy
            copy(ROOT / each, tmp_path / "project" / each)
    for step in re.findall(r"^RUN (.+)$", build, re.MULTILINE):
        # The system's Python, which every user may run.
        command = step.replace("/venv", f"{tmp_path}/venv")
        subprocess.run(
            ["sh", "-ec", re.sub(r"^python ", "/usr/bin/python3 ", command)],
            cwd=tmp_path / "project",
            check=True,
        )
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)

    done = subprocess.run(
        ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", "env", "-i",
         f"SOURCES__PARTNER_CENTER__BASE_URL={sandbox.base_url}",
         f"SOURCES__PARTNER_CENTER__CREDENTIALS__ACCESS_TOKEN={sandbox.access_token}",
         f"SOURCES__PARTNER_CENTER__CREDENTIALS__TOKEN_CACHE={data}/token_cache.json",
         tmp_path / "venv" / "bin" / "referrals", "load"],
        cwd=data,
        capture_output=True,
        text=True,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    assert [(7,)] == loaded(data / "referrals.duckdb")


@pytest.mark.sweep
def test_cron_loads(home):
    """The commands of the crontab, run as cron runs them, load and then are content."""
    for line in recipe("crontab", "cron").splitlines():
        if line[:1].isdigit():
            command = line.split(maxsplit=5)[5].replace(HOME, str(home))
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                env=BARE | {"HOME": str(home)},
                capture_output=True,
                text=True,
            )
            # cron would mail whatever is said.
            assert (0, "", "") == (done.returncode, done.stdout, done.stderr), command

    assert [(7,)] == loaded(home / "referrals.duckdb")
    assert "7 = 7" in (home / "load.log").read_text()


@pytest.mark.sweep
def test_systemd_service_loads(home):
    """The command of the service, in its directory and with no more than systemd gives, loads."""
    service = dict(re.findall(r"^(\w+)=(.+)$", recipe("ini", "systemd"), re.MULTILINE))

    done = subprocess.run(
        shlex.split(service["ExecStart"].replace(HOME, str(home))),
        cwd=service["WorkingDirectory"].replace(HOME, str(home)),
        env=BARE | {"HOME": str(home)},
    )

    assert 0 == done.returncode
    assert [(7,)] == loaded(home / "referrals.duckdb")


@pytest.mark.sweep
def test_workflow_follows_the_schema(tmp_path):
    """The workflow is valid by the schema that editors use."""
    (tmp_path / "referrals.yml").write_text(recipe("yaml", "GitHub Actions"))
    python = make_environment(tmp_path / "environment", "check-jsonschema")

    told = subprocess.run(
        [
            python.with_name("check-jsonschema"),
            "--builtin-schema",
            "vendor.github-workflows",
            tmp_path / "referrals.yml",
        ],
        capture_output=True,
        text=True,
    )

    assert 0 == told.returncode, told.stdout


@pytest.mark.sweep
def test_workflow_loads_and_publishes(home):
    """The steps of the workflow, less setting up, leave a warehouse and the published files."""
    (job,) = yaml.safe_load(recipe("yaml", "GitHub Actions"))["jobs"].values()
    for step in job["steps"]:
        if step.get("run", "make setup") != "make setup":
            subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=home,
                env=BARE | {"HOME": str(home)},
                check=True,
            )

    assert [(7,)] == loaded(home / "referrals.duckdb")
    assert [(7,)] == loaded(home / "published" / "referrals.duckdb")


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_airflow_loads(home, tmp_path):
    """Airflow imports the DAG without complaint, and its run loads."""
    airflow = make_environment(tmp_path / "environment", "apache-airflow").with_name("airflow")
    dags = tmp_path / "airflow" / "dags"
    dags.mkdir(parents=True)
    (dags / "referrals.py").write_text(recipe("python", "Airflow").replace(HOME, str(home)))
    environment = BARE | {
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }

    for command in (
        ["db", "migrate"],
        ["dags", "list-import-errors"],
        ["dags", "test", "referrals"],
    ):
        done = subprocess.run([airflow, *command], env=environment, capture_output=True, text=True)
        assert 0 == done.returncode, done.stdout + done.stderr

    assert [(7,)] == loaded(home / "referrals.duckdb")


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_dagster_loads(home, tmp_path):
    """Dagster takes the definitions, and materialising both assets fills both databases."""
    python = make_environment(tmp_path / "environment", "dagster", "dagster-dlt", str(ROOT))
    definitions = home / "definitions.py"
    definitions.write_text(recipe("python", "Dagster").replace(HOME, str(home)))
    (home / "dagster").mkdir()
    environment = BARE | {
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(home / "dagster"),
        "DLT_DATA_DIR": str(home / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }

    done = subprocess.run(
        [python.with_name("dagster"), "asset", "materialize", "--select", "*", "-f", definitions],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert [(7,)] == loaded(home / "referrals.duckdb")
    with duckdb.connect(str(home / "crm.duckdb"), read_only=True) as connection:
        assert [(7,)] == connection.execute("select count(*) from referrals.referrals").fetchall()
