"""What pages show works: manifests load, commands run, sentences are read as the page says."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from documents import parse
from engine.cli import main
from engine.describe import describe_all
from engine.network_intent import KIND, read_manifest
from engine.settings import StructuredSettings, load_settings
from engine.structured import StructuredForm, is_structured, read_structured
from nlp import Reader, in_namespace
from tests.docs.pages import Block, CommandLine, blocks, command_lines, rows

NEED_A_DAEMON = {
    ("run",),
    ("intents", "list"),
    ("intents", "retry"),
    ("intents", "approve"),
    ("rules", "reapply"),
}
"""What is only tried for its arguments; `run` has run already."""
STRUCTURED = StructuredForm(StructuredSettings(enabled=True))
"""The form of intents that state an action in fields, as the settings have it where nobody changes it."""


@cache
def reader() -> Reader:
    return Reader.load(())


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_manifest_that_is_shown_can_be_used(block: Block, tmp_path: Path) -> None:
    for document in parse(block.text, str(block)):
        assert isinstance(document.value, dict)
        if is_structured(document, STRUCTURED):
            read_structured(document, STRUCTURED)
        elif document.value.get("kind") == KIND:
            read_manifest(document)
        if document.value.get("kind") == "Settings":
            (tmp_path / "settings.yaml").write_text(block.text)
            load_settings(tmp_path / "settings.yaml", {})


@pytest.mark.parametrize(
    "line",
    [
        line
        for line in command_lines("conductor-watch")
        if not NEED_A_DAEMON & {line.words[1:2], line.words[1:3]}
    ],
    ids=str,
)
def test_every_command_that_is_shown_does_what_it_says(
    line: CommandLine, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace)
    code, output = run(capsys, *line.words[1:])
    assert code == line.exit_code
    assert output


@pytest.mark.parametrize(("text", "understood"), rows("docs/intents.md", "| Write | Understood |"))
def test_a_sentence_is_read_as_the_page_says(text: str, understood: str) -> None:
    resolution = in_namespace(reader().read(text), "core")
    assert resolution.refusal is None
    assert describe_all(resolution.actions, "core") == understood


@pytest.mark.parametrize(("text", "reason", "why"), rows("docs/intents.md", "| Not | Reason | Because |"))
def test_a_sentence_is_refused_as_the_page_says(text: str, reason: str, why: str) -> None:
    refusal = in_namespace(reader().read(text), "core").refusal
    assert refusal is not None
    assert refusal.reason == reason


def test_the_change_of_a_rule_in_the_readme_refuses_the_plan_of_its_third_step(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(workplace / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    rules = Path("examples/rules/site.yaml")
    rules.write_text(re.sub(r"^vars:$", "vars:\n  maxReplicas: 4", rules.read_text(), flags=re.MULTILINE))
    plan = next(line for line in command_lines("conductor-watch") if line.words[1] == "plan")
    code, output = run(capsys, *plan.words[1:])
    assert code == 1
    assert "default/replicas-cap" in output
