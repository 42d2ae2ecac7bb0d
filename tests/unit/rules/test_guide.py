"""docs/rules.md: its examples load and do what they say, and its tables are complete."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

import rules
from documents import DocumentError
from rules.functions import FUNCTIONS
from rules.models import MatchSpec, Mode, ThenSpec

GUIDE = (Path(__file__).parents[3] / "docs/rules.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
BROKEN = re.findall(r"^```yaml broken\n(.*?)^```\n+```text\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_does_what_its_cases_say(
    example: str, tmp_path: Path, schema: dict[str, Any], contract: rules.Contract
) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(example)
    book = rules.load([file], schema)
    results = rules.run_tests(book, book.tests, contract)
    assert results
    assert [(each.case, each.failures) for each in results if not each.passed] == []
    assert not [name for name in rules.untouched(book, results) if name.startswith("site/")]
    assert book.warnings == ()


@pytest.mark.parametrize(("example", "told"), BROKEN)
def test_a_broken_example_is_told_as_shown(
    example: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schema: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text(example)
    with pytest.raises(DocumentError) as caught:
        rules.load([Path("site.yaml")], schema)
    assert str(caught.value).strip() == told.strip()


def test_the_guide_has_examples_of_both_kinds() -> None:
    assert len(EXAMPLES) >= 5
    assert len(BROKEN) == 1


def test_the_guide_lists_every_shipped_rule_and_var(shipped: rules.RuleBook) -> None:
    section = GUIDE.split("## The shipped rules")[1]
    assert re.findall(r"^\| `(default/[a-z-]+)` \|", section, re.MULTILINE) == [
        each.id for each in shipped.rules
    ]
    assert [name for name in shipped.vars if f"`{name}`" not in section] == []


def test_the_guide_names_all_that_rules_can_read_and_do() -> None:
    records = (rules.IntentView, rules.Facts, rules.ContainerFacts, rules.History)
    names = {to_camel(item.name) for record in records for item in fields(record)} - {"unknown"}
    names |= {to_camel(name) for spec in (MatchSpec, ThenSpec) for name in spec.model_fields}
    names |= {str(mode) for mode in Mode}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", GUIDE)) == []


def test_the_guide_names_every_function() -> None:
    described = re.findall(r"^\| `(?:text\.)?([A-Za-z]+)\(", GUIDE, re.MULTILINE)
    assert described == list(FUNCTIONS)
