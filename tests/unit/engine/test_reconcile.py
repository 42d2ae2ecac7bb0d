"""One test for each guard of a look, in the order in which the guards are asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import rules
from engine import contract
from engine.contract import schema
from engine.reasons import Reason
from engine.reconcile import Looker, Standing, Step, admission, read
from engine.reconcile.decide import GUARDS as DECISION_GUARDS
from engine.settings import FeatureSettings, PausedSettings
from tests.unit.engine.conftest import NOW, LookAt, make_intent


def with_rules(looker: Looker, tmp_path: Path, text: str) -> Looker:
    """The same looker with rules of its own before the shipped ones."""
    file = tmp_path / "rules.yaml"
    file.write_text(f"apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {{name: own}}\nrules:\n{text}")
    return replace(looker, book=rules.load([file], schema()))


def look(looker: Looker, text: str, **spec: object) -> tuple[Step, Reason, str]:
    ruling = looker.look(Standing(make_intent(text, **spec)), rules.History(), NOW).ruling
    return ruling.step, ruling.reason, ruling.message


def test_the_guards_are_asked_in_this_order() -> None:
    names = [guard.__name__ for guard in (*admission.GUARDS, *read.GUARDS, *DECISION_GUARDS)]
    assert names == [
        "malformed",
        "existing",
        "suspended",
        "paused",
        "unchanged",
        "refused",
        "switched_off",
        "outside_contract",
        "unresolved",
        "outside_contract",
    ]


def test_a_malformed_manifest_is_refused_with_its_problem(looker: Looker) -> None:
    ruling = looker.look(Standing(None, problem="a.yaml:1:1: no YAML"), rules.History(), NOW).ruling
    assert (ruling.step, ruling.reason, ruling.message) == (
        Step.REFUSE,
        Reason.INVALID,
        "a.yaml:1:1: no YAML",
    )


def test_a_suspended_intent_waits_until_its_spec_changes(looker: Looker) -> None:
    assert look(looker, "scale amf to 5", suspend=True)[:2] == (Step.WAIT, Reason.SUSPENDED)


def test_a_paused_intent_waits_and_says_by_what(looker: Looker) -> None:
    standing = Standing(make_intent("scale amf to 5"), paused="the settings pause the namespace core")
    ruling = looker.look(standing, rules.History(), NOW).ruling
    assert (ruling.step, ruling.reason) == (Step.WAIT, Reason.PAUSED)
    assert "namespace core" in ruling.message


def test_suspending_counts_before_pausing(looker: Looker) -> None:
    standing = Standing(make_intent("scale amf to 5", suspend=True), paused="paused")
    assert looker.look(standing, rules.History(), NOW).ruling.reason is Reason.SUSPENDED


def test_a_generation_that_wishes_what_was_done_is_finished_without_effect(looker: Looker) -> None:
    standing = Standing(make_intent("scale amf to 5"), confirmed=True)
    ruling = looker.look(standing, rules.History(), NOW).ruling
    assert (ruling.step, ruling.reason) == (Step.FINISH, Reason.COMPLETED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("scale amf", Reason.AMBIGUOUS),
        ("do not scale amf to 5", Reason.UNSUPPORTED),
        ("scale amf to -1", Reason.INVALID),
        ("scale amf to 5; rm -rf /", Reason.UNSAFE),
    ],
)
def test_a_text_that_is_not_read_whole_is_refused_with_its_reason(
    looker: Looker, text: str, reason: Reason
) -> None:
    assert look(looker, text)[:2] == (Step.REFUSE, reason)


def test_a_text_that_contradicts_the_target_namespace_is_invalid(looker: Looker) -> None:
    step, reason, message = look(looker, "scale amf to 5 in namespace core", targetNamespace="edge")
    assert (step, reason) == (Step.REFUSE, Reason.INVALID)
    assert "core" in message
    assert "edge" in message


def test_an_action_outside_the_contract_is_invalid() -> None:
    action = {"intent_type": "scaling", "target": "AMF", "namespace": "core", "replicas": 5}
    ruling = read.contract_ruling(action, contract.base())
    assert ruling is not None
    assert (ruling.step, ruling.reason) == (Step.REFUSE, Reason.INVALID)
    assert "target" in ruling.message


def test_a_relative_number_without_a_live_object_misses_a_fact(looker: Looker) -> None:
    assert look(looker, "double smf")[:2] == (Step.REFUSE, Reason.MISSING_FACT)


def test_a_kind_that_is_not_the_live_one_is_invalid(looker: Looker) -> None:
    step, reason, message = look(looker, "scale the amf statefulset to 5")
    assert (step, reason) == (Step.REFUSE, Reason.INVALID)
    assert "Deployment" in message


def test_a_resolved_number_outside_the_contract_is_invalid(looker: Looker) -> None:
    assert look(looker, "scale amf 9000x")[:2] == (Step.REFUSE, Reason.INVALID)


def test_a_rule_that_refuses_refuses_with_its_words(looker: Looker, tmp_path: Path) -> None:
    refusing = with_rules(
        looker,
        tmp_path,
        '  - {name: never, match: {intentTypes: [scaling]}, then: {refuse: "not ${action.target}"}}\n',
    )
    assert look(refusing, "scale amf to 5") == (Step.REFUSE, Reason.RULE_REFUSED, "not amf")


def test_a_rule_that_holds_lets_the_intent_wait(looker: Looker, tmp_path: Path) -> None:
    holding = with_rules(
        looker,
        tmp_path,
        "  - {name: ask, match: {intentTypes: [scaling]}, then: {hold: {until: approved}}}\n",
    )
    assert look(holding, "scale amf to 5")[:2] == (Step.WAIT, Reason.HELD)


def test_a_rule_that_sets_changes_what_is_written(looker: Looker, tmp_path: Path) -> None:
    setting = with_rules(
        looker,
        tmp_path,
        "  - name: least\n    match: {intentTypes: [scaling]}\n"
        "    when: action.replicas < 3\n    then: {set: {replicas: 3}}\n",
    )
    found = setting.look(Standing(make_intent("scale amf to 2")), rules.History(), NOW)
    assert found.decided is not None
    assert found.decided.plan is not None
    assert found.decided.plan.packages[0].objects[0]["spec"]["replicas"] == 3


def test_actions_of_several_executors_are_refused(looker: Looker, tmp_path: Path) -> None:
    split = with_rules(
        replace(looker, bounds=replace(looker.bounds, executors=frozenset({"directory", "porch"}))),
        tmp_path,
        "  - {name: else, match: {intentTypes: [resource_limits]}, then: {execute: {executor: porch}}}\n",
    )
    step, reason, message = look(split, "scale amf to 5; limit amf to 2 CPUs")
    assert (step, reason) == (Step.REFUSE, Reason.RULE_ERROR)
    assert "directory, porch" in message


def test_what_cannot_be_written_safely_is_refused(look_at: LookAt) -> None:
    ruling = look_at("set LOG_LEVEL to debug on amf").ruling
    assert ruling.step is Step.REFUSE
    assert ruling.reason is not Reason.PROCESSING


def test_a_dry_run_is_decided_and_writes_nothing(look_at: LookAt) -> None:
    found = look_at("scale amf to 5", dryRun=True)
    assert (found.ruling.step, found.ruling.reason) == (Step.FINISH, Reason.DRY_RUN)
    assert found.decided is not None
    assert found.decided.plan is not None


def test_an_intent_that_passes_every_guard_is_executed(look_at: LookAt) -> None:
    found = look_at("scale amf to 5")
    assert (found.ruling.step, found.ruling.reason) == (Step.EXECUTE, Reason.PROCESSING)
    assert found.decided is not None
    assert found.decided.plan is not None
    assert [change.fields for change in found.decided.plan.packages] == [("Deployment/amf:spec.replicas",)]


def test_a_relative_number_says_from_what_it_was_made(look_at: LookAt) -> None:
    found = look_at("double amf")
    assert found.snapshot is not None
    assert [action["replicas"] for action in found.actions] == [8]
    assert any(value.field == "replicas" and "4" in value.why for _, value in found.snapshot.from_live)


def test_the_same_snapshot_is_decided_the_same(looker: Looker) -> None:
    first = looker.look(Standing(make_intent("scale amf to 5")), rules.History(), NOW)
    assert looker.look(Standing(make_intent("scale amf to 5")), rules.History(), NOW) == first


def test_a_type_that_the_settings_have_off_waits(looker: Looker) -> None:
    features = FeatureSettings(scaling=["edge*"])
    off = replace(looker, switches=replace(looker.switches, features=features))
    assert look(off, "scale amf to 5") == (
        Step.WAIT,
        Reason.PAUSED,
        "off in this namespace by the settings: features.scaling",
    )


def test_a_paused_executor_lets_what_it_would_write_wait(looker: Looker) -> None:
    paused = PausedSettings(executors=["directory"])
    waiting = replace(looker, switches=replace(looker.switches, paused=paused))
    assert look(waiting, "scale amf to 5")[:2] == (Step.WAIT, Reason.PAUSED)


def test_in_shadow_everything_is_decided_and_nothing_is_written(looker: Looker) -> None:
    found = looker.look(Standing(make_intent("scale amf to 5"), shadow=True), rules.History(), NOW)
    assert found.ruling.step is Step.FINISH
    assert found.ruling.message.startswith("shadow: would write main/core-amf-")


def test_an_approval_lifts_a_hold(looker: Looker, tmp_path: Path) -> None:
    holding = with_rules(
        looker,
        tmp_path,
        "  - {name: ask, match: {intentTypes: [scaling]}, then: {hold: {until: approved}}}\n",
    )
    standing = Standing(make_intent("scale amf to 5"), approved=True)
    assert holding.look(standing, rules.History(), NOW).ruling.step is Step.EXECUTE
