"""Prints the page as PDF or PNG, where this machine has a browser for it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from partner_referrals.errors import UsageError

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
# Nothing but the page is to be opened, and nothing to be asked of anybody.
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    # The page draws itself; its time runs ahead until it has.
    "--virtual-time-budget=30000",
)
# What fits a mail: what has to be done, and how the month went.
_PICTURE_SIZE = "1200,1500"
_MAX_SECONDS = 120
PRINTED = (".pdf", ".png")


def print_page(page: str, kind: str) -> bytes:
    """The page as a whole PDF, or its first screen as a PNG of 1200 by 1500 pixels.

    `kind` is ".pdf" or ".png". Raises UsageError where no browser is found, or it prints nothing.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise UsageError(
            f"A {kind} needs Chromium, Chrome or Edge on this machine's PATH, and there is none. "
            "Write the report as .html: any browser prints it."
        )
    with tempfile.TemporaryDirectory(
        # The browser's helpers may still write when it has ended.
        prefix="referrals-report-",
        ignore_cleanup_errors=True,
    ) as place:
        source, printed = Path(place) / "report.html", Path(place) / f"report{kind}"
        source.write_text(page, encoding="utf-8")
        task = (
            (f"--print-to-pdf={printed}", "--no-pdf-header-footer")
            if kind == ".pdf"
            else (f"--screenshot={printed}", f"--window-size={_PICTURE_SIZE}")
        )
        # Chromium's own sandbox refuses to run for root, as in a container.
        own = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        try:
            subprocess.run(
                [
                    browser,
                    *_FLAGS,
                    *own,
                    f"--user-data-dir={place}/profile",
                    *task,
                    source.as_uri(),
                ],
                check=True,
                capture_output=True,
                timeout=_MAX_SECONDS,
            )
            return printed.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(
                f"{browser} did not print the report as {kind}. Write it as .html: any browser "
                "prints it."
            ) from error
