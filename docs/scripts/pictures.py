"""Makes the README's pictures from the demo's own data: `make pictures`."""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

PICTURES = Path(__file__).parent.parent / "pictures"
COLUMNS = 100

# Rich's own frame, less the fonts that it would fetch from elsewhere.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Run the demo, and picture what it prints and what it writes."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        # The command on the path, as a user has it, is the one that it tells to try next.
        installed = Path(sys.executable).parent
        variables = {
            "COLUMNS": str(COLUMNS),
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{installed}{os.pathsep}{os.environ['PATH']}",
        }
        demo = subprocess.run(
            [installed / "referrals", "demo"],
            cwd=place,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        # In a terminal, lines do not begin with the time.
        printed = re.sub(r"^\d{4}-[\dT:-]+Z ", "", demo.stdout, flags=re.MULTILINE)
        picture_terminal("referrals demo", printed, PICTURES / "terminal.svg")
        picture_report(Path(place) / "demo.html", PICTURES / "report.png")


def picture_terminal(command: str, printed: str, picture: Path) -> None:
    """Picture a command and what it printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text(printed.rstrip()))
    svg = console.export_svg(
        title="", theme=DIMMED_MONOKAI, code_format=FRAME, unique_id="terminal"
    )
    picture.write_text(svg, "utf-8")


def picture_report(page: Path, picture: Path) -> None:
    """Picture the first screen of a report, as on a desk."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        window = browser.new_page(viewport={"width": 1200, "height": 800})
        window.context.set_offline(True)
        window.goto(page.as_uri())
        window.wait_for_selector("html[data-drawn]", state="attached")
        window.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
