"""Rules, lexicon and switches edited under a running daemon."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from documents import Watched
from engine.pipeline.daemon import Daemon
from store import decisions, history, open_read_only
from tests.integration.conftest import Workplace

CAP = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {{name: own}}
vars: {{maxReplicas: {most}}}
rules: []
"""


def rules_problem(daemon: Daemon) -> str:
    return next(item.problem for item in daemon.reloaded if item.name == "rules")


def test_a_refusal_is_looked_at_again_once_its_rules_change(workplace: Workplace) -> None:
    workplace.write("rules/own.yaml", CAP.format(most=4))
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "RuleRefused")
    workplace.write("rules/own.yaml", CAP.format(most=6))
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.stop(daemon)


@pytest.mark.parametrize("then", ["{refuse: no}", "{hold: {until: approved}}"], ids=["refused", "held"])
def test_what_waits_for_other_rules_is_looked_at_once_for_each_digest(
    workplace: Workplace, then: str
) -> None:
    rule = CAP.replace(
        "rules: []", f"rules: [{{{{name: no, then: {then.replace('{', '{{').replace('}', '}}')}}}}}]"
    )
    workplace.write("rules/own.yaml", rule.format(most=50))
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(daemon.settled)
    for most in (51, 52, 53):
        workplace.write("rules/own.yaml", rule.format(most=most))
        for _ in range(2):
            daemon.reload(always=True)
            workplace.until(daemon.settled)
    workplace.stop(daemon)
    with open_read_only(workplace.settings.store.path) as reader:
        found = history.of_intent(reader, "core", "scale", limit=50)
    digests = [decision.rules_digest for decision in found.decisions]
    assert len(digests) == len(set(digests)) == 4
    assert {decision.reason for decision in found.decisions} <= {"RuleRefused", "Held"}


def test_what_is_done_is_not_decided_again_by_other_rules(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.write("rules/own.yaml", CAP.format(most=4))
    workplace.until(lambda: daemon.reload() or daemon.decider.looker.book.vars["maxReplicas"] == 4)
    workplace.until(daemon.settled)
    assert workplace.reason("scale") == "Completed"
    workplace.stop(daemon)


@pytest.mark.parametrize(
    "broken",
    [
        "rules: [",
        CAP.format(most=4).replace("rules: []", "rules: [{name: x, when: action.nope, then: {refuse: no}}]"),
        CAP.format(most=4) + "vars: {}\n",
    ],
    ids=["no YAML", "unknown field", "duplicate key"],
)
def test_broken_rules_leave_the_last_good_ones_in_force(workplace: Workplace, broken: str) -> None:
    workplace.write("rules/own.yaml", CAP.format(most=4))
    daemon = workplace.start()
    before = daemon.decider.looker.book.digest
    workplace.write("rules/own.yaml", broken)
    workplace.until(lambda: bool(rules_problem(daemon)))
    assert "own.yaml" in rules_problem(daemon)
    assert daemon.decider.looker.book.digest == before
    workplace.intent("scale", "scale amf to 5")
    workplace.until(lambda: workplace.reason("scale") == "RuleRefused")
    workplace.write("rules/own.yaml", CAP.format(most=6))
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert not rules_problem(daemon)
    workplace.stop(daemon)


def test_rules_whose_own_tests_fail_are_not_taken_up(workplace: Workplace) -> None:
    daemon = workplace.start()
    before = daemon.decider.looker.book.digest
    case = """\
---
apiVersion: conductor-watch/v1
kind: RuleTest
metadata: {name: own}
cases:
  - name: five is too many
    actions: [{intent_type: scaling, target: amf, namespace: core, replicas: 5}]
    facts: {exists: true, kind: Deployment, hpa: "", origin: directory}
    expect: {verdict: refuse}
"""
    workplace.write("rules/own.yaml", CAP.format(most=10) + case)
    workplace.until(lambda: bool(rules_problem(daemon)))
    assert "five is too many" in rules_problem(daemon)
    assert daemon.decider.looker.book.digest == before
    workplace.stop(daemon)


def test_a_swapped_link_of_a_mounted_volume_is_taken_up(workplace: Workplace) -> None:
    rules = workplace.root / "rules"
    for number, most in ((1, 4), (2, 6)):
        (rules / f"..{number}").mkdir()
        (rules / f"..{number}" / "own.yaml").write_text(CAP.format(most=most))
    (rules / "..data").symlink_to("..1")
    (rules / "own.yaml").symlink_to("..data/own.yaml")
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "RuleRefused")
    (rules / "..next").symlink_to("..2")
    (rules / "..next").replace(rules / "..data")
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.stop(daemon)


def test_swaps_under_load_leave_each_decision_with_one_valid_digest(workplace: Workplace) -> None:
    """A hundred swaps, broken ones among them, while intents are decided."""
    daemon = workplace.start()
    valid = {daemon.decider.looker.book.digest}
    for number in range(100):
        text = "rules: [" if number % 5 == 4 else CAP.format(most=200 + number)
        workplace.write("rules/own.yaml", text)
        workplace.intent(f"scale-{number % 20}", f"scale amf to {1 + number % 9}")
        daemon.reload()
        valid.add(daemon.decider.looker.book.digest)
    workplace.until(daemon.settled)
    workplace.stop(daemon)
    assert len(valid) == 81
    with open_read_only(workplace.settings.store.path) as reader:
        for number in range(20):
            for decision in history.of_intent(reader, "core", f"scale-{number}", limit=200).decisions:
                assert decision.rules_digest in valid
                assert json.loads(decision.body)["decision"]["rulesDigest"] == decision.rules_digest


def test_pausing_takes_effect_and_its_end_too(workplace: Workplace) -> None:
    file = workplace.root / "settings.yaml"
    text = file.read_text()
    daemon = workplace.start(file=file)
    file.write_text(text + "paused: {namespaces: [core]}\n")
    daemon.reload(always=True)
    workplace.intent("scale", "scale amf to 5")
    workplace.until(lambda: workplace.reason("scale") == "Paused")
    file.write_text(text)
    daemon.reload(always=True)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.stop(daemon)


def test_a_namespace_in_shadow_is_decided_and_recorded_only(workplace: Workplace) -> None:
    file = workplace.root / "settings.yaml"
    file.write_text(file.read_text() + "shadow: {namespaces: [core]}\n")
    daemon = workplace.start(file=file)
    daemon.reload(always=True)
    workplace.intent("scale", "scale amf to 5")
    workplace.until(lambda: daemon.store.read(lambda reader: bool(generations(reader))))
    workplace.until(daemon.settled)
    workplace.stop(daemon)
    assert not (workplace.root / "out/packages").exists()
    assert not workplace.status("scale")
    with open_read_only(workplace.settings.store.path) as reader:
        (generation,) = generations(reader)
        assert decisions.latest(reader, generation.id) is not None
    assert generation.message.startswith("shadow: would write")


def generations(reader: object) -> tuple:
    return history.of_intent(reader, "core", "scale", limit=5).generations  # type: ignore[arg-type]


def test_a_rate_limit_lets_the_rest_wait_for_their_turn(workplace: Workplace) -> None:
    rule = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - {name: slowly, then: {rateLimit: {per: namespace, burst: 2, refill: 1h}}}
"""
    workplace.write("rules/own.yaml", rule)
    for number in range(4):
        workplace.workload(f"nf-{number}")
        workplace.intent(f"scale-{number}", f"scale nf-{number} to 5")
    workplace.settle()
    reasons = sorted(workplace.reason(f"scale-{number}") for number in range(4))
    assert reasons == ["Completed", "Completed", "RateLimited", "RateLimited"]
    (limited,) = [n for n in range(4) if workplace.reason(f"scale-{n}") == "RateLimited"][:1]
    assert "nextRetryTime" in workplace.status(f"scale-{limited}")


def test_files_that_are_swapped_without_saying_anything_else_are_no_change(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    watched = Watched([tmp_path])
    assert watched.changed()
    shutil.copy(file, tmp_path / ".copy")
    (tmp_path / ".copy").replace(file)
    assert not watched.changed()
    file.write_text("a: 2\n")
    assert watched.changed()


def test_files_that_are_being_written_wait_for_their_end(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    watched = Watched([tmp_path])
    written = file.stat().st_mtime
    assert not watched.at_rest(written + 0.05)
    assert watched.at_rest(written + 0.5)
    assert watched.at_rest(written - 60)  # a clock that was set back is no reason to wait
    assert watched.changed()
    assert watched.confirm()
    file.write_text("")
    assert not watched.confirm()
    file.write_text("a: 1\n")
    assert watched.changed()


def test_an_emptied_file_of_rules_is_none_without_rules(workplace: Workplace) -> None:
    file = workplace.write("rules/own.yaml", CAP.format(most=4))
    daemon = workplace.start()
    file.write_text("")
    daemon.reload(always=True)
    assert "own.yaml:1:1: is empty" in rules_problem(daemon)
    assert daemon.decider.looker.book.vars["maxReplicas"] == 4
    workplace.stop(daemon)
