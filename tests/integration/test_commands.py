"""Commands as people type them: output in each form, and exit codes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import Workplace

ROOT = Path(__file__).parents[2]


def run(place: Workplace, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from engine.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        cwd=place.root,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_parse_answers_as_a_table_and_as_one_object(workplace: Workplace) -> None:
    shown = run(workplace, "parse", "scale amf to 5", "-n", "core")
    assert shown.returncode == 0
    assert "replicas" in shown.stdout
    found = json.loads(run(workplace, "parse", "scale amf to 5", "-n", "core", "-o", "json").stdout)
    assert (found["apiVersion"], found["kind"]) == ("conductor-watch/v1", "Reading")
    assert found["namespaced"][0]["namespace"] == "core"


def test_parse_of_a_text_that_is_refused_is_a_negative_answer(workplace: Workplace) -> None:
    found = run(workplace, "parse", "scale amf", "-o", "yaml")
    assert found.returncode == 1
    assert yaml.safe_load(found.stdout)["refusal"]["reason"] == "Ambiguous"


def test_plan_shows_the_files_and_writes_nothing(workplace: Workplace) -> None:
    found = run(
        workplace, "plan", "scale amf to 5", "-n", "core", "--settings", "settings.yaml", "-o", "json"
    )
    assert found.returncode == 0, found.stderr
    (plan,) = json.loads(found.stdout)["plans"]
    assert plan["step"] == "execute"
    assert any(name.endswith("deployment-amf.yaml") for name in plan["files"])
    assert not (workplace.root / "out").exists()


def test_plan_of_a_manifest_that_is_refused_is_a_negative_answer(workplace: Workplace) -> None:
    file = workplace.intent("scale", "scale nothing-there to 5")
    assert run(workplace, "plan", str(file), "--settings", "settings.yaml").returncode == 1


def test_run_once_does_everything_and_sums_up(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.intent("vague", "scale amf")
    found = run(workplace, "run", "--once", "--settings", "settings.yaml")
    assert found.returncode == 0, found.stderr
    assert "2 intents: 1 Completed, 1 Failed; 1 packages" in found.stdout
    assert workplace.reason("scale") == "Completed"


def test_history_and_audit_are_told_from_the_store(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    found = run(workplace, "history", "core/scale", "--settings", "settings.yaml", "-o", "json")
    body = json.loads(found.stdout)
    assert [item["state"] for item in body["generations"]] == ["confirmed"]
    assert [item["kind"] for item in body["audit"]] == ["Executed", "Decided", "Seen"]
    assert run(workplace, "audit", "verify", "--settings", "settings.yaml").returncode == 0


def test_history_of_what_was_never_seen_is_not_found(workplace: Workplace) -> None:
    assert run(workplace, "history", "core/scale", "--settings", "settings.yaml").returncode == 4
    workplace.settle()
    assert run(workplace, "history", "core/scale", "--settings", "settings.yaml").returncode == 4
    assert run(workplace, "history", "scale", "--settings", "settings.yaml").returncode == 2


def test_a_changed_audit_record_is_found(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    with sqlite3.connect(workplace.settings.store.path) as connection:
        connection.execute("DROP TRIGGER audit_is_never_changed")
        connection.execute("UPDATE audit SET body = replace(body, 'core', 'edge') WHERE seq = 2")
    connection.close()
    found = run(workplace, "audit", "verify", "--settings", "settings.yaml", "-o", "json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["firstBroken"] == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "--settings", "settings.yaml"], 0),
        (["rules", "lint", "--settings", "settings.yaml"], 0),
        (["rules", "show", "--settings", "settings.yaml"], 0),
        (["schema"], 0),
        (["nonsense"], 2),
        (["run", "--settings", "missing.yaml"], 2),
        (["parse"], 2),
    ],
)
def test_exit_codes_are_those_of_the_manual(workplace: Workplace, arguments: list[str], code: int) -> None:
    assert run(workplace, *arguments).returncode == code


def test_rules_that_do_not_load_are_told_with_their_place(workplace: Workplace) -> None:
    workplace.write("rules/own.yaml", "apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {nam: x}\n")
    found = run(workplace, "rules", "lint", "--settings", "settings.yaml")
    assert found.returncode == 2
    assert "own.yaml:3:" in found.stdout + found.stderr


def test_eval_scores_and_writes_predictions(workplace: Workplace) -> None:
    example = {"id": "a", "text": "scale amf to 5", "namespace": "core"}
    wrong = {**example, "id": "b", "expect": {"refuse": "Ambiguous"}}
    action = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5}
    lines = [{**example, "expect": {"intents": [action]}}, wrong]
    (workplace.root / "labelled.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = run(workplace, "eval", "labelled.jsonl", "--predictions", "predictions.jsonl", "-o", "json")
    assert found.returncode == 0
    assert json.loads(found.stdout)["overall"]["wrong"] == 1
    assert run(workplace, "eval", "labelled.jsonl", "--strict").returncode == 1
    assert run(workplace, "eval", "labelled.jsonl", "--min-exact", "90").returncode == 1
    written = (workplace.root / "predictions.jsonl").read_text()
    predictions = [json.loads(line) for line in written.splitlines()]
    assert predictions[0] == {"id": "a", "expect": {"intents": [action]}}


def test_an_upgrade_lists_the_readings_that_change(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    unchanged = run(workplace, "upgrade", "check", "--settings", "settings.yaml", "-o", "json")
    assert (unchanged.returncode, json.loads(unchanged.stdout)["read"]) == (0, 1)
    with sqlite3.connect(workplace.settings.store.path) as connection:
        connection.execute("UPDATE readings SET body = replace(body, '\"replicas\":5', '\"replicas\":6')")
    connection.close()
    found = run(workplace, "upgrade", "check", "--settings", "settings.yaml", "-o", "json")
    assert found.returncode == 1
    (change,) = json.loads(found.stdout)["changes"]
    assert (change["intent"], change["before"]["intents"][0]["replicas"]) == ("core/scale", 6)
