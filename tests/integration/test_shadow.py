"""`shadow report`, on what a real daemon has decided in shadow."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.cli.shadow import shadow_command
from engine.settings import load_settings
from tests.integration.conftest import SETTINGS, Workplace


@pytest.fixture
def shadow(workplace: Workplace) -> Workplace:
    """A workplace whose namespace core is in shadow, with every kind of decision."""
    file = workplace.root / "settings.yaml"
    file.write_text(SETTINGS + "shadow: {namespaces: [core]}\n")
    workplace.settings = load_settings(file, {})
    workplace.workload("udm")
    workplace.workload("nrf", namespace="lab")
    workplace.intent("amf", "scale amf to 5")
    workplace.intent("smf", "scale smf to 4")
    workplace.intent("udm", "scale udm to 101")
    workplace.intent("vague", "make everything nice")
    workplace.intent("trial", "scale udm to 3", dryRun=True)
    workplace.intent("elsewhere", "scale nrf to 3", namespace="lab")
    workplace.settle()
    return workplace


def report(workplace: Workplace, *arguments: str) -> Result:
    settings = ["--settings", str(workplace.root / "settings.yaml")]
    return CliRunner().invoke(shadow_command, ["report", *settings, *arguments], standalone_mode=False)


def answer(workplace: Workplace, *arguments: str) -> dict[str, Any]:
    result = report(workplace, *arguments, "-o", "json")
    if result.exception:
        raise result.exception
    found: dict[str, Any] = json.loads(result.output)
    return found


def handed_over(workplace: Workplace, name: str, replicas: int, target: str, **more: Any) -> None:
    """Writes a file as readers of version 1.0.0 know it."""
    document = {
        "intent_type": "scaling",
        "target": target,
        "namespace": "core",
        "replicas": replicas,
        "source": "user",
        "created_at": "2026-01-01T00:00:00Z",
        **more,
    }
    workplace.write(f"handoff/intent-{name}.json", json.dumps(document))


def agreements(found: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    return {each["subject"]: (each["agreement"], each["differences"]) for each in found["findings"]}


def test_agreement_with_another_systems_files_is_told_by_type(shadow: Workplace) -> None:
    handed_over(shadow, "1", 5, "amf")
    handed_over(shadow, "2", 9, "smf")
    handed_over(shadow, "3", 2, "pcf")
    handed_over(shadow, "4", 2, "nrf", namespace="lab")
    found = answer(shadow, "--against", str(shadow.root / "handoff"))
    seen = agreements(found)
    assert seen.pop("core/udm")[0] == "same"  # refused here, and not done there
    assert seen == {
        "core/amf": ("same", []),
        "core/smf": ("differs", ["replicas: 4 here, 9 there"]),
        "core/pcf": ("only there", []),
    }
    assert found["agreement"] == {"scaling": {"same": 2, "differs": 1, "only there": 1, "samePercent": 50.0}}
    assert [each["intent"] for each in found["unread"]] == ["core/vague"]


def test_a_file_of_the_newer_contract_is_compared_in_all_that_it_says(shadow: Workplace) -> None:
    handed_over(shadow, "1", 5, "amf", autoscale={"min_replicas": 5, "max_replicas": 9})
    found = agreements(answer(shadow, "--against", str(shadow.root / "handoff")))
    assert found["core/amf"] == (
        "differs",
        ['autoscale: nothing here, {"min_replicas": 5, "max_replicas": 9} there'],
    )


def test_what_is_refused_here_and_done_there_differs(shadow: Workplace) -> None:
    handed_over(shadow, "1", 100, "udm")
    found = answer(shadow, "--against", str(shadow.root / "handoff"))
    agreement, (difference,) = agreements(found)["core/udm"]
    assert agreement == "differs"
    assert difference.startswith("done there, not here: RuleRefused")


def test_what_nobody_did_there_is_absent(shadow: Workplace) -> None:
    (shadow.root / "handoff").mkdir()
    found = agreements(answer(shadow, "--against", str(shadow.root / "handoff")))
    assert (found["core/amf"][0], found["core/udm"][0]) == ("absent", "same")


def test_the_newest_file_of_a_target_counts(shadow: Workplace) -> None:
    handed_over(shadow, "b-older", 9, "amf")
    handed_over(shadow, "a-newer", 5, "amf")
    os.utime(shadow.root / "handoff/intent-b-older.json", (1, 1))
    found = agreements(answer(shadow, "--against", str(shadow.root / "handoff")))
    assert found["core/amf"] == ("same", [])


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"intent_type": "scaling", "target": 5}', b"\xff".decode("latin1")]
)
def test_a_file_that_is_no_intent_is_left_out_and_told(shadow: Workplace, content: str) -> None:
    shadow.write("handoff/intent-odd.json", content)
    found = answer(shadow, "--against", str(shadow.root / "handoff"))
    (problem,) = found["problems"]
    assert "intent-odd.json" in problem


def test_agreement_with_the_live_objects_is_told_by_what_would_change(shadow: Workplace) -> None:
    found = agreements(answer(shadow))
    assert found["Deployment core/amf"] == ("differs", ["spec.replicas: 5 here, 2 there"])
    shadow.workload("amf", replicas=5)
    (shadow.root / "live/core-smf.yaml").unlink()
    found = agreements(answer(shadow))
    assert found["Deployment core/amf"] == ("same", [])
    assert found["Deployment core/smf"] == ("absent", [])
    assert set(found) == {"Deployment core/amf", "Deployment core/smf"}


def test_live_objects_that_cannot_be_read_are_neither_same_nor_absent(shadow: Workplace) -> None:
    shadow.write("live/core-amf.yaml", "kind: Deployment\nspec: [")
    found = answer(shadow)
    assert agreements(found)["Deployment core/amf"][0] == "unknown"
    assert found["problems"]


def test_people_see_a_table_of_the_agreement_and_the_differences(shadow: Workplace) -> None:
    result = report(shadow)
    assert result.return_value == 0
    assert "Agreement with live" in result.output
    assert "spec.replicas: 5 here, 2 there" in result.output
    assert "not decided: core/vague" in result.output


def test_a_report_without_shadow_says_what_to_set(workplace: Workplace) -> None:
    assert "shadow.namespaces" in str(report(workplace).exception)


def test_a_folder_that_is_not_there_is_named(shadow: Workplace) -> None:
    assert "nowhere" in str(report(shadow, "--against", "nowhere").exception)
