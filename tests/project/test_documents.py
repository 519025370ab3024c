"""What the documents tell users is so: commands, options, keys, messages, links, pictures."""

import ast
import json
import re
import runpy
import shutil
import tomllib
from xml.etree import ElementTree

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import PluggableRunContext
from typer.main import get_command

from partner_center.settings import resolve_settings
from partner_referrals.cli import app
from partner_referrals.settings import SETTINGS
from support.documents import ROOT, blocks, commands, documents
from support.records import referral

COMMANDS = get_command(app).commands
DOCUMENTS = documents()
REFERENCE = "docs/configuration.md"

# A key of the reference: its name, its default, its variable.
KEY = re.compile(r"^\| `(\w+)` \| (?:`(.*?)`)? *\| `(\w+)` \|", re.MULTILINE)
# What stands in a message where a value goes in.
GAP = "…"


def text_of(document):
    return (ROOT / document).read_text("utf-8")


def options_of(name):
    return {option for each in COMMANDS[name].params for option in each.opts if option[0] == "-"}


def reference():
    """The default of each documented variable."""
    return {variable: default for _, default, variable in KEY.findall(text_of(REFERENCE))}


# Commands


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_are_understood(document):
    """Every command line is one that the program takes, its options included."""
    for name, *arguments in commands(document):
        # Raises where an option or an argument is unknown.
        COMMANDS[name].make_context(name, arguments)


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_work(document, serve, referrals, warehouse, tmp_path):
    """Every command line that needs no account does what it is shown for, against the stand-in."""
    shown = [
        [word.replace("/srv", str(tmp_path)) for word in command]
        for command in commands(document)
        # These have tests of their own; a word in capitals stands for the user's own.
        if not {"demo", "login", "sandbox", "--send-test"} & set(command)
        and not any(re.search(r"\b[A-Z]{3,}\b", word) for word in command)
    ]
    if not shown:
        pytest.skip("it shows no such command")
    for place in ("bi", "backup"):
        (tmp_path / place).mkdir()
    serve(referral("a"), referral("b"))
    assert 0 == referrals("load")[0]
    shutil.copy(warehouse, "demo.duckdb")

    for command in shown:
        # The warehouse knows nothing before the load above.
        command = [word.replace("2026-01-01", "2199-01-01") for word in command]
        code, _, told = referrals(*command)
        assert 0 == code, f"{command}: {told}"


def test_readme_lists_every_command_with_its_options():
    """The table of commands is whole, and names no option that does not exist."""
    table = text_of("README.md").partition("## Commands")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `referrals (\w+).*?` \| (.*) \|$", table, re.MULTILINE))

    assert set(COMMANDS) == set(rows)
    assert {name: options_of(name) - {"--help", "--warehouse"} for name in COMMANDS} == {
        name: set(re.findall(r"--[\w-]+", row)) for name, row in rows.items()
    }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document):
    """Whatever `make` is asked for, the Makefile makes."""
    asked = re.findall(r"^\$ make ([a-z-]+)|`make ([a-z-]+)`", text_of(document), re.MULTILINE)
    (targets,) = re.findall(r"^\.PHONY: (.*)$", text_of("Makefile"), re.MULTILINE)

    assert set() == {"".join(each) for each in asked} - set(targets.split())


# Configuration


def test_configuration_reference_is_made_from_the_code():
    """`make docs` was run after the last change of a setting."""
    made = runpy.run_path(str(ROOT / "docs/scripts/configuration.py"))["reference"]()

    assert made == text_of(REFERENCE)


def test_every_key_has_a_meaning():
    """No row of the reference is left without a sentence."""
    rows = [line for line in text_of(REFERENCE).splitlines() if line.startswith("| `")]

    assert len(rows) > 15
    assert [] == [row for row in rows if not re.search(r"\| [A-Z][^|]+\. \|$", row)]


def test_variables_of_the_reference_are_read(monkeypatch):
    """Each variable of Partner Center's settings arrives where the program looks."""
    prefix = "SOURCES__PARTNER_CENTER__"
    values = {name: "17" for name in reference() if name.startswith(prefix)}
    values[f"{prefix}CLOUD"] = "germany"
    values[f"{prefix}RESOURCES"] = '["search"]'
    for name in ("BASE_URL", "ENGAGEMENTS_BASE_URL", "CREDENTIALS__AUTHORITY"):
        values[prefix + name] = "https://partner.example"
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    settings = resolve_settings()

    found = {}
    for name in values:
        *sections, key = name.removeprefix(prefix).lower().split("__")
        value = getattr(settings.credentials if sections else settings, key)
        found[name] = (
            json.dumps(value) if isinstance(value, list) else f"{value}".removesuffix(".0")
        )
    assert values == found


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_other_variables_of_the_reference_are_read(setting, monkeypatch):
    """So does each of the others."""
    variable = f"{setting.section}__{setting.name}".upper()
    assert variable in reference()
    monkeypatch.setenv(variable, "https://chat.example")

    assert "https://chat.example" == setting.read()


def test_run_time_keys_are_those_that_are_read():
    """The reference has the keys of dlt that requests follow, all and no other."""
    read = {
        key
        for path in (ROOT / "pipelines").rglob("*.py")
        for key in re.findall(
            r"(?<!\.)(?:runtime|RuntimeConfiguration\(\)\))\.(\w+)", path.read_text("utf-8")
        )
    }

    assert {f"RUNTIME__{key.upper()}" for key in read} == {
        name for name in reference() if name.startswith("RUNTIME__")
    }


def test_credentials_in_the_wrong_file_are_refused(tmp_path, referrals):
    """config.toml, which is committed, is no place for them."""
    file = tmp_path / "elsewhere" / ".dlt" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[sources.partner_center.credentials]\naccess_token = 'canary'\n")
    # dlt reads its files once in the life of a process, unless told.
    run_context = Container()[PluggableRunContext]
    run_context.reload(str(tmp_path / "elsewhere"))
    try:
        code, _, told = referrals("load")
    finally:
        run_context.reload(str(tmp_path))

    assert 2 == code
    assert "[sources.partner_center.credentials] stands in config.toml, but secrets are" in told
    assert "canary" not in told


@pytest.mark.parametrize("document", DOCUMENTS)
def test_keys_and_variables_exist(document):
    """Every key in a TOML block and every variable stands in the reference."""
    named = set(re.findall(r"\b(?:SOURCES|PUBLISH|ALERTS|VIEWS|RUNTIME)__\w+", text_of(document)))
    for block in blocks(document, "toml"):
        sections = [("", tomllib.loads(block))]
        for path, table in sections:
            for key, value in table.items():
                name = f"{path}__{key}".strip("_").upper()
                if isinstance(value, dict):
                    sections.append((name, value))
                else:
                    named.add(name)

    assert set() == named - set(reference())


def test_every_mart_is_offered_to_bi_tools():
    """Metabase's Init SQL has a view for each mart, and no document names a file of no mart."""
    marts = {path.stem for path in (ROOT / "sql" / "marts").glob("*.sql")}
    text = text_of("docs/bi.md")

    assert marts == set(re.findall(r"view (\w+) as from '/srv/bi/referrals/\1\.parquet'", text))
    assert set() == set(re.findall(r"(\w+)\.parquet", text)) - marts


# Messages


def told_texts():
    """Every text in the code, with a gap where a value goes in."""
    for path in (ROOT / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) else GAP for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_messages_of_the_troubleshooting_page_exist():
    """What users look for is what the program says, word for word."""
    rows = re.findall(r'^\| (".*?") \| ', text_of("docs/troubleshooting.md"), re.MULTILINE)
    quoted = [text.removesuffix(f" {GAP}") for row in rows for text in re.findall('"(.*?)"', row)]
    told = list(told_texts())

    assert len(quoted) > 40
    assert [] == [text for text in quoted if not any(text in each for each in told)]


# What is shown and linked


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Every relative link leads to a file, and to a heading of it."""
    place = (ROOT / document).parent
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text_of(document)):
        path = place / target if target else ROOT / document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_pictures_are_small_and_shown():
    """Who clones the project does not pay for them, and none is left over."""
    pictures = list((ROOT / "docs/pictures").iterdir())

    assert sum(picture.stat().st_size for picture in pictures) < 300_000
    assert [] == [
        picture.name
        for picture in pictures
        if f"(docs/pictures/{picture.name})" not in text_of("README.md")
    ]


def test_picture_of_the_terminal_fetches_nothing():
    """No font, style or image comes from elsewhere when somebody looks at it."""
    text = text_of("docs/pictures/terminal.svg")
    ElementTree.fromstring(text)

    assert [] == re.findall(r"url\((?!#)|@import|href=|src=", text)
