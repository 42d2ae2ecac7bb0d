"""`rules test`, `diff` and `reapply`, on rules in real files and on what a real daemon has decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from engine import contract
from engine.cli.rules_commands import rules_command
from engine.planning import bounds_of, load_rules
from engine.rehearsal import past
from rules import evaluate
from store import open_read_only
from tests.integration.conftest import Workplace

CAP = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {{name: own}}
vars: {{own: {most}}}
rules:
  - name: cap
    match: {{intentTypes: [scaling]}}
    when: action.replicas > vars.own
    then: {{refuse: "at most ${{vars.own}}"}}
  - name: nobody-tests-this
    when: action.target == "upf"
    then: {{priority: 9}}
"""
CASES = """\
apiVersion: conductor-watch/v1
kind: RuleTest
metadata: {{name: own}}
given: {{facts: {{exists: true, kind: Deployment, hpa: ""}}}}
cases:
  - name: six is too many
    actions: [{{intent_type: scaling, target: amf, namespace: core, replicas: 6}}]
    expect: {{verdict: refuse, rule: own/cap}}
  - name: four is not
    actions: [{{intent_type: scaling, target: amf, namespace: core, replicas: 4}}]
    expect: {{verdict: {verdict}}}
"""


def run(workplace: Workplace, *arguments: str) -> Result:
    name, *rest = arguments
    settings = ["--settings", str(workplace.root / "settings.yaml")]
    return CliRunner().invoke(rules_command, [name, *settings, *rest], standalone_mode=False)


def answer(result: Result) -> dict[str, Any]:
    if result.exception:
        raise result.exception
    found: dict[str, Any] = json.loads(result.output)
    return found


def write(workplace: Workplace, name: str, most: int) -> str:
    return str(workplace.write(f"{name}/own.yaml", CAP.format(most=most)))


def test_cases_that_pass_and_rules_that_none_touches_are_told(workplace: Workplace) -> None:
    write(workplace, "rules", 5)
    workplace.write("rules/tests.yaml", CASES.format(verdict="proceed"))
    result = run(workplace, "test", "--coverage", "--timing", "-o", "json")
    found = answer(result)
    assert result.return_value == 0
    assert (found["kind"], found["passed"], found["failed"]) == ("RuleTestRun", 2, 0)
    assert "own/nobody-tests-this" in found["untouched"]
    assert "own/cap" not in found["untouched"]
    assert {each["evaluations"] for each in found["slowest"]} == {2}


def test_a_case_that_fails_is_named_with_its_place(workplace: Workplace) -> None:
    write(workplace, "rules", 5)
    workplace.write("rules/tests.yaml", CASES.format(verdict="hold"))
    result = run(workplace, "test")
    assert result.return_value == 1
    assert "four is not" in result.output
    assert "rules/tests.yaml:9:" in result.output.replace("\n", "")
    assert "verdict: expected hold, got proceed" in result.output
    assert "1 passed, 1 failed" in result.output


def test_tests_of_their_own_test_the_rules_of_the_settings(workplace: Workplace) -> None:
    write(workplace, "rules", 5)
    tests = workplace.write("elsewhere/tests.yaml", CASES.format(verdict="proceed"))
    found = answer(run(workplace, "test", str(tests), "-o", "json"))
    assert [case["rule"] for case in found["cases"]] == ["own/cap", ""]


def test_the_shipped_cases_run_on_the_shipped_rules(workplace: Workplace) -> None:
    write(workplace, "rules", 5)
    workplace.write("rules/tests.yaml", CASES.format(verdict="proceed"))
    result = run(workplace, "test", "--shipped", "--coverage", "-o", "json")
    found = answer(result)
    assert result.return_value == 0
    assert {case["test"] for case in found["cases"]} == {"own", "default"}
    assert found["untouched"] == ["own/nobody-tests-this"]


def test_ci_reads_the_results_as_junit(workplace: Workplace) -> None:
    write(workplace, "rules", 5)
    workplace.write("rules/tests.yaml", CASES.format(verdict="hold"))
    result = run(workplace, "test", "-o", "junit")
    assert result.return_value == 1
    root = ET.fromstring(result.output)
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "2", "1")
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("own", "2", "1")
    assert [case.get("name") for case in suite] == ["six is too many", "four is not"]
    (failure,) = suite.findall("testcase/failure")
    assert failure.text == "verdict: expected hold, got proceed"


def test_rules_without_a_test_are_told_of(workplace: Workplace) -> None:
    write(workplace, "rules", 5)
    result = run(workplace, "test")
    assert "no document of kind RuleTest" in str(result.exception)


def test_cases_run_within_the_bounds_of_the_settings(workplace: Workplace) -> None:
    routed = CAP.format(most=5).replace("then: {priority: 9}", "then: {execute: {repository: edge}}")
    case = """\
---
apiVersion: conductor-watch/v1
kind: RuleTest
metadata: {name: own}
cases:
  - name: the settings choose what no rule does
    actions: [{intent_type: scaling, target: amf, namespace: core, replicas: 4}]
    facts: {exists: true, kind: Deployment, hpa: ""}
    expect: {verdict: proceed, route: {repository: main, lifecycle: Published}}
"""
    workplace.write("rules/own.yaml", routed + case)
    assert run(workplace, "test").return_value == 0
    settings = workplace.root / "settings.yaml"
    bounds = "bounds: {repositories: [main], highestLifecycle"
    settings.write_text(settings.read_text().replace("bounds: {highestLifecycle", bounds))
    refused = run(workplace, "test")
    assert "own.yaml:12:21: rules[1].then.execute: chooses" in str(refused.exception)


def test_rules_are_shown_with_where_they_and_their_vars_come_from(workplace: Workplace) -> None:
    own = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
vars: {maxReplicas: 40, mine: 3}
disable: [default/stop]
rules:
  - {name: cap, match: {intentTypes: [scaling]}, when: action.replicas > vars.mine, then: {refuse: no}}
"""
    file = workplace.write("rules/own.yaml", own)
    found = answer(run(workplace, "show", "-o", "json"))
    rules = {each["rule"]: each for each in found["rules"]}
    assert next(iter(rules)) == "own/cap"
    assert (rules["own/cap"]["source"], rules["own/cap"]["origin"]) == ("user", f"{file}:7:5")
    assert (rules["own/cap"]["vars"], rules["own/cap"]["overridden"]) == (["mine"], [])
    cap = rules["default/replicas-cap"]
    assert (cap["source"], cap["overridden"]) == ("shipped", ["maxReplicas"])
    assert cap["origin"].startswith("30-scaling.yaml:")
    assert "default/stop" not in rules
    (disabled,) = found["disabled"]
    assert (disabled["rule"], disabled["source"]) == ("default/stop", "shipped")
    assert (disabled["disabledBy"], disabled["disabledAt"]) == ("own", f"{file}:5:11")
    assert found["vars"]["mine"] == {"value": 3, "source": "user", "origin": f"{file}:4:31"}
    most = found["vars"]["maxReplicas"]
    assert (most["value"], most["origin"], most["overrides"]["value"]) == (40, f"{file}:4:21", 100)
    assert found["vars"]["mayStop"]["source"] == "shipped"


def test_people_see_conditions_as_they_are_written(workplace: Workplace) -> None:
    workplace.write("rules/own.yaml", CAP.format(most=5) + "disable: [default/stop]\n")
    shown = "".join(run(workplace, "show").output.split())
    assert "vars.grants[intent.namespace].exists(" in shown
    assert "Disabled" in shown


@pytest.fixture
def decided(workplace: Workplace) -> Workplace:
    """A workplace with a scaling that took effect, one that was refused, and one that could not be read."""
    write(workplace, "rules", 5)
    workplace.intent("done", "scale amf to 4")
    workplace.intent("refused", "scale smf to 6")
    workplace.intent("unread", "make everything nice")
    workplace.settle()
    assert workplace.reason("done") == "Completed"
    assert workplace.reason("refused") == "RuleRefused"
    return workplace


def test_a_diff_lists_the_past_decisions_that_would_change(decided: Workplace) -> None:
    old, new = write(decided, "old", 5), write(decided, "new", 3)
    result = run(decided, "diff", old, new, "-o", "json")
    found = answer(result)
    assert result.return_value == 0
    assert (found["decisions"], found["changed"]) == (2, 1)
    assert found["transitions"] == {"proceed → refuse": 1}
    (difference,) = found["differences"]
    assert (difference["intent"], difference["generation"]) == ("core/done", 1)
    assert difference["before"]["rule"] == ""
    assert difference["after"]["rule"] == "own/cap"
    assert "verdict" in difference["fields"]


def test_a_diff_says_by_its_exit_code_that_something_changes(decided: Workplace) -> None:
    old, new = write(decided, "old", 5), write(decided, "new", 9)
    result = run(decided, "diff", old, new, "--exit-code")
    assert result.return_value == 1
    assert "refuse → proceed: 1" in result.output
    assert run(decided, "diff", old, old, "--exit-code").return_value == 0


def test_a_diff_goes_by_the_facts_of_the_decision(decided: Workplace) -> None:
    """The live object that the decision saw is another one by now."""
    decided.workload("amf", replicas=9)
    rule = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - {name: growing, when: facts.replicas == 2, then: {refuse: no}}
"""
    empty = decided.write("old/none.yaml", rule.replace("== 2", "== 9"))
    new = decided.write("new/growing.yaml", rule)
    found = answer(run(decided, "diff", str(empty), str(new), "-o", "json"))
    assert [each["intent"] for each in found["differences"]] == ["core/done", "core/refused"]


def test_a_cap_that_refuses_the_same_in_other_words_changes_nothing(decided: Workplace) -> None:
    old, new = write(decided, "old", 5), write(decided, "new", 4)
    assert answer(run(decided, "diff", old, new, "-o", "json"))["changed"] == 0


@pytest.mark.parametrize("kind", ["jsonl", "yaml"])
def test_a_diff_against_a_file_reads_texts_and_looks_at_the_live_objects(
    workplace: Workplace, kind: str
) -> None:
    old, new = write(workplace, "old", 5), write(workplace, "new", 3)
    if kind == "jsonl":
        lines = [{"text": "scale amf to 4", "namespace": "core"}, {"text": "be nice", "namespace": "core"}]
        file = workplace.write("wishes.jsonl", "\n".join(map(json.dumps, lines)))
    else:
        file = workplace.intent("wish", "scale amf to 4")
    found = answer(run(workplace, "diff", old, new, "--against", str(file), "-o", "json"))
    assert (found["decisions"], found["changed"]) == (1, 1)
    assert len(found["undecided"]) == (1 if kind == "jsonl" else 0)


def test_a_line_that_is_no_wish_is_named(workplace: Workplace) -> None:
    old = write(workplace, "old", 5)
    file = workplace.write("wishes.jsonl", '{"text": "scale amf to 4"}\n["amf"]\n')
    result = run(workplace, "diff", old, old, "--against", str(file))
    assert "wishes.jsonl:2" in str(result.exception)


def test_finished_intents_that_would_be_decided_otherwise_are_listed(decided: Workplace) -> None:
    assert answer(run(decided, "reapply", "--dry-run", "-o", "json"))["changed"] == 0
    write(decided, "rules", 3)
    found = answer(run(decided, "reapply", "--dry-run", "-o", "json"))
    assert (found["decisions"], found["changed"]) == (1, 1)
    assert found["differences"][0]["after"]["rule"] == "own/cap"
    assert answer(run(decided, "reapply", "--dry-run", "-n", "lab", "-o", "json"))["decisions"] == 0


def test_nothing_is_decided_anew_without_a_daemon(decided: Workplace) -> None:
    assert "no daemon answers" in str(run(decided, "reapply").exception)
    assert decided.reason("done") == "Completed"


def test_what_was_stored_is_all_that_the_decision_read(decided: Workplace) -> None:
    """Each stored snapshot decides again just as it was decided, the trace of every rule included."""
    book, bounds = load_rules(decided.settings), bounds_of(decided.settings)
    with open_read_only(decided.settings.store.path) as reader:
        cases = list(past(reader))
    assert len(cases) == 2
    for case in cases:
        assert case.snapshot is not None
        again = evaluate(case.snapshot, book, bounds, contract.said_problems)
        assert json.loads(json.dumps(again.to_json())) == case.decision


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(rules_command, ["diff", str(tmp_path / "no"), str(tmp_path)])
    assert result.exit_code == 2


def test_only_fields_that_both_intents_write_are_taken_over(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 4")
    workplace.settle()
    workplace.intent("image", "set the memory limit of amf to 2Gi")
    workplace.intent("again", "scale amf to 5")
    workplace.settle()
    assert workplace.reason("image") == "Completed"
    assert not [text for text in workplace.status("image")["decision"]["warnings"] if "takes over" in text]
    (warning,) = workplace.status("again")["decision"]["warnings"]
    assert warning == "takes over Deployment/amf:spec.replicas from core/scale"


def test_a_rule_can_refuse_what_the_text_did_not_say(workplace: Workplace) -> None:
    rule = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - name: say-it
    when: facts.assumed.exists(f, f.like("*.protocol"))
    then: {refuse: "say the protocol, do not have ${facts.assumed} assumed"}
"""
    workplace.write("rules/own.yaml", rule)
    workplace.intent("unsaid", "deny smf access to amf on port 80")
    workplace.intent("said", "deny smf access to amf on port 80/TCP")
    workplace.settle()
    assert workplace.reason("unsaid") == "RuleRefused"
    assert "network_policy.ports[0].protocol" in workplace.status("unsaid")["lastMessage"]
    assert workplace.status("said")["decision"]["rule"] != "own/say-it"


def test_what_a_rule_makes_of_an_action_is_checked_by_the_contract(workplace: Workplace) -> None:
    rule = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - {name: breaks, match: {intentTypes: [scaling]}, when: action.target == "amf", then: {set: {replicas: -1}}}
"""
    workplace.write("rules/own.yaml", rule)
    workplace.intent("broken", "scale amf to 3")
    workplace.intent("whole", "scale smf to 3")
    workplace.settle()
    assert workplace.reason("broken") == "RuleError"
    assert "own/breaks" in workplace.status("broken")["lastMessage"]
    assert workplace.reason("whole") == "Completed"
