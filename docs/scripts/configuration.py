"""Writes docs/configuration.md from the code that reads the configuration: `make docs`."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dlt.common.configuration.specs import BaseConfiguration, RuntimeConfiguration

from partner_center.settings import PartnerCenterCredentials, PartnerCenterSettings
from partner_referrals.settings import SETTINGS

DOCUMENT = Path(__file__).parent.parent / "configuration.md"

# dlt's own, as far as requests follow them.
RUNTIME_MEANINGS = {
    "request_timeout": "Seconds in which a request has to be answered, 0.1 to 86400.",
    "request_max_attempts": "How often a request is tried before the run fails, 1 to 100.",
    "request_backoff_factor": "Seconds before the second try, doubled before each further one; "
    "0 to 86400.",
    "request_max_retry_delay": "At most so many seconds lie between two tries, 0 to 86400.",
}

INTRODUCTION = """\
# Configuration

<!-- Made by `make docs` from partner_referrals/settings.py and partner_center/settings.py. -->

Nothing has to be configured but who signs in. A key stands in `.dlt/secrets.toml` or
`.dlt/config.toml` of the directory in which `referrals` runs, below the name of its section, or in
an environment variable, which wins:

```toml
[sources.partner_center]
lookback_days = 14
```

```console
$ export SOURCES__PARTNER_CENTER__LOOKBACK_DAYS=14
```

The section of the credentials may only stand in `secrets.toml`, which git ignores;
`.dlt/secrets.toml.example` is a start. Where no default is shown, empty means not set.
"""

ENDING = """\
## Without a section

| environment variable | meaning |
|---|---|
| `REQUESTS_CA_BUNDLE` | File of certificates to trust, where your network has its own. |
| `HTTPS_PROXY`, `NO_PROXY` | The proxy, as elsewhere; not used within this machine. |
"""


class Key(NamedTuple):
    """One key of a section, as the reference shows it."""

    name: str
    default: Any
    meaning: str


def reference() -> str:
    """The whole document."""
    runtime = RuntimeConfiguration()
    sections = {
        "sources.partner_center": list(_keys(PartnerCenterSettings)),
        "sources.partner_center.credentials": list(_keys(PartnerCenterCredentials)),
    }
    for setting in SETTINGS:
        sections.setdefault(setting.section, []).append(Key(setting.name, "", setting.meaning))
    sections["runtime"] = [
        Key(name, getattr(runtime, name), meaning) for name, meaning in RUNTIME_MEANINGS.items()
    ]
    return "\n".join([INTRODUCTION, *(_section(*each) for each in sections.items()), ENDING])


def _keys(spec: type[BaseConfiguration]) -> Iterator[Key]:
    """The fields of a spec that a user may set; each has its meaning below it."""
    (tree,) = ast.parse(inspect.getsource(spec)).body
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.value or field) != "None":
            name = ast.unparse(field.target)
            (meaning,) = ast.literal_eval(ast.unparse(below)).split("\n\n")
            yield Key(name, getattr(spec(), name), " ".join(meaning.split()))


def _section(name: str, keys: list[Key]) -> str:
    lines = [f"## [{name}]", "", "| key | default | environment variable | meaning |"]
    lines.append("|---|---|---|---|")
    for key in keys:
        variable = f"{name}.{key.name}".replace(".", "__").upper()
        default = "" if key.default in ("", None) else f"`{key.default}`"
        lines.append(f"| `{key.name}` | {default} | `{variable}` | {key.meaning} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    DOCUMENT.write_text(reference(), "utf-8")
