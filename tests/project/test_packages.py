"""The packages in another project, which has a package `pipelines` of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from partner_center_sandbox import Sandbox
from support.records import referral

ROOT = Path(__file__).parents[2]
_UV = Path(sys.executable).with_name("uv")

# The copied folder must do without the application; nothing of this project is importable.
PROGRAM = """\
import sys

sys.modules["partner_referrals"] = None
import dlt

from partner_center import partner_center
from pipelines.crm import NAME

file = dlt.destinations.duckdb("crm.duckdb")
pipeline = dlt.pipeline(NAME, pipelines_dir="state", destination=file)
pipeline.run(partner_center().with_resources("referrals"), loader_file_format="parquet")
print(sys.modules["partner_center"].__file__)
print(len(pipeline.dataset().referrals.fetchall()))
"""


@pytest.fixture
def project(tmp_path):
    """A dlt project of somebody else."""
    place = tmp_path / "project"
    (place / "pipelines").mkdir(parents=True)
    (place / "pipelines" / "__init__.py").touch()
    (place / "pipelines" / "crm.py").write_text('NAME = "crm"\n')
    (place / "main.py").write_text(PROGRAM)
    return place


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where the wheel is installed, and nothing else."""
    place = tmp_path_factory.mktemp("wheel") / "site"
    command = [
        _UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation",
        "--python", sys.executable, "--target", place, ROOT,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return place


def run(project, *arguments, path=""):
    """What a program in the project prints."""
    with Sandbox([referral("a"), referral("b")]) as sandbox:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(path), "."])),
            "SOURCES__PARTNER_CENTER__BASE_URL": sandbox.base_url,
            "SOURCES__PARTNER_CENTER__CREDENTIALS__ACCESS_TOKEN": sandbox.access_token,
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
        )
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_copied_source_loads_in_another_project(project):
    """The folder of the source is all that is needed."""
    shutil.copytree(ROOT / "pipelines" / "partner_center", project / "partner_center")

    file, rows = run(project, "main.py")

    assert project in Path(file).parents
    assert rows == "2"


@pytest.mark.slow
def test_wheel_loads_in_another_project(project, installed):
    """The source of the wheel, beside the project's own `pipelines`."""
    file, rows = run(project, "main.py", path=installed)

    assert installed in Path(file).parents
    assert rows == "2"


@pytest.mark.slow
def test_command_of_the_wheel_has_its_views(project, installed):
    """The command finds its SQL where no clone is, and is not led astray by `pipelines`."""
    run(project, "-m", "partner_referrals", "load", path=installed)

    answer = run(
        project, "-m", "partner_referrals", "query", "--format", "csv",
        "select count(*) from marts.referrals", path=installed,
    )  # fmt: skip

    assert answer[-1] == "2"
