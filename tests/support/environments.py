"""Virtual environments for programs that are not the project's own dependencies."""

import subprocess
import sys
from pathlib import Path

_UV = Path(sys.executable).with_name("uv")


def make_environment(directory: Path, *packages: str, python: str = sys.executable) -> Path:
    """A new environment in `directory` that holds these packages; its Python."""
    subprocess.run([_UV, "venv", "--quiet", "--python", python, directory], check=True)
    interpreter = directory / "bin" / "python"
    subprocess.run(
        [_UV, "pip", "install", "--quiet", "--python", interpreter, *packages], check=True
    )
    return interpreter


def run(python: Path, script: str, *arguments: object, **options: object) -> str:
    """What a script prints in an environment."""
    done = subprocess.run(
        [python, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        **options,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout
