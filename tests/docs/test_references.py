"""What pages name exists: links, commands, options, settings, variables, reasons, exit codes, targets."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from prometheus_client import generate_latest
from pydantic import BaseModel

from docs import generate
from engine.cli.kubectl import conductor
from engine.cli.output import Exit
from engine.metrics import Metrics
from engine.pipeline.reporting import Notice
from engine.reasons import Reason
from engine.scheduler import Ticker
from engine.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from tests.docs.pages import PAGES, ROOT, CommandLine, anchors, command_lines, links, rows

TEXTS = {str(page.relative_to(ROOT)): page.read_text() for page in PAGES}
COMMANDS = dict(generate.commands())


def settings_of(model: type[BaseModel], above: str = "") -> set[str]:
    found = set()
    for field in model.model_fields.values():
        name = f"{above}{field.alias}"
        section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        found |= {name} | settings_of(field.annotation, f"{name}.") if section else {name}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_resolves(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {target.name}#{anchor}"


@pytest.mark.parametrize("name", TEXTS)
def test_every_option_that_is_named_exists(name: str) -> None:
    ours = {
        option
        for command in (*COMMANDS.values(), conductor, *conductor.commands.values())
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    others = {
        "--replicas",
        "--for",
        "--overwrite",
        "--no-preserve-root",
    }  # of kubectl and of rm, in sentences
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXTS[name]))
    assert named <= ours | others


@pytest.mark.parametrize("line", command_lines("conductor-watch"), ids=str)
def test_every_command_that_is_shown_can_be_given(line: CommandLine) -> None:
    length = next(length for length in (3, 2) if line.words[:length] in COMMANDS)
    name, arguments = line.words[:length], list(line.words[length:])
    assert COMMANDS[name].make_context(" ".join(name), arguments).command is COMMANDS[name]


def test_every_command_is_in_the_changelog() -> None:
    named = set(re.findall(r"`(?:conductor-watch )?([a-z]+(?: [a-z]+)?)`", TEXTS["CHANGELOG.md"]))
    assert {" ".join(words[1:]) for words in COMMANDS} <= named


@pytest.mark.parametrize("name", TEXTS)
def test_every_setting_that_is_named_exists(name: str) -> None:
    known = settings_of(Settings)
    sections = "|".join({key.partition(".")[0] for key in known if "." in key})
    named = set(re.findall(rf"`((?:{sections})\.[a-zA-Z]+)`", TEXTS[name]))
    assert {setting for setting in named if not setting.endswith((".md", ".py"))} <= known


@pytest.mark.parametrize("name", TEXTS)
def test_every_environment_variable_that_is_named_is_a_setting(name: str, tmp_path: Path) -> None:
    table = re.findall(rf"\| `({ENVIRONMENT_PREFIX}[A-Z_]+)` \| `?(\[.*?\]|\S*?)`? \|", TEXTS[name])
    examples = re.findall(rf"`({ENVIRONMENT_PREFIX}[A-Z_]+)=(.*?)`", TEXTS[name])
    for variable, value in [*table, *((key, text.strip("'")) for key, text in examples)]:
        load_settings(None, {variable: "null" if value == "unset" else value})


def test_every_reason_is_explained_once_and_there_are_no_others() -> None:
    cells = [
        cell for row in rows("docs/operating.md", "| Reason | What to do |") for cell in row[0].split(", ")
    ]
    assert sorted(cells) == sorted(Reason)


def test_every_exit_code_is_explained_and_there_are_no_others() -> None:
    codes = {int(code) for code, *_ in rows("docs/operating.md", "| Code | Of | Means |")}
    assert codes == {code.value for code in Exit}


def test_every_metric_is_explained_and_there_are_no_others() -> None:
    metrics = Metrics(dict, Ticker())
    metrics.observe(
        Notice("core", "amf", {"phase": "Completed", "conditions": [{"reason": "Completed"}]}, 0.1)
    )
    types = re.findall(r"^# TYPE (\w+) (\w+)$", generate_latest(metrics.registry).decode(), re.MULTILINE)
    served = [(name, kind) for name, kind in types if not name.endswith("_created")]
    explained = rows("docs/operating.md", "| Metric | Type | Labels | Meaning |")
    assert sorted((name.strip("`"), kind) for name, kind, *_ in explained) == sorted(served)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for text in TEXTS.values() for target in re.findall(r"`make ([a-z]+)`", text)}
    shown = {line.words[1] for line in command_lines("make")}
    assert {"run", "test"} <= shown
    assert named | shown <= targets


def test_every_folder_and_file_that_the_guide_for_contributors_names_exists() -> None:
    text = TEXTS["docs/contributing.md"]
    named = re.findall(r"`((?:documents|engine|nlp|rules|store|tests|examples|docs)/[\w./-]*)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
