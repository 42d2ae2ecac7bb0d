"""What is done decided anew: by other rules when somebody asks, or because a newer wish has gone."""

from __future__ import annotations

import json
import time
from typing import Any

import yaml
from click.testing import CliRunner, Result

from engine.cli.rules_commands import rules_command
from engine.pipeline.daemon import Daemon
from store import audit, open_read_only
from tests.integration.conftest import Workplace

HEAD = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {{name: own}}
"""
CAP = HEAD + "vars: {{maxReplicas: {most}}}\n"
SET = HEAD + (
    "rules:\n  - {{name: most, match: {{intentTypes: [scaling]}}, when: action.replicas > {most},"
    " then: {{set: {{replicas: {most}}}}}}}\n"
)


def reapply(place: Workplace, *arguments: str) -> Result:
    settings = ["--settings", str(place.root / "settings.yaml")]
    return CliRunner().invoke(
        rules_command, ["reapply", *settings, *arguments, "-o", "json"], standalone_mode=False
    )


def answer(result: Result) -> dict[str, Any]:
    if result.exception:
        raise result.exception
    found: dict[str, Any] = json.loads(result.output)
    return found


def replicas(place: Workplace, target: str = "amf") -> int:
    found: int = place.package(target)["Deployment"]["spec"]["replicas"]
    return found


def done(place: Workplace, **texts: str) -> Daemon:
    """Has intents done, and leaves the daemon running."""
    for name, text in texts.items():
        place.intent(name, text)
    daemon = place.start()
    place.until(daemon.settled)
    place.until(lambda: all(place.reason(name) == "Completed" for name in texts))
    return daemon


def test_what_the_rules_decide_otherwise_is_done_anew_and_nothing_else(workplace: Workplace) -> None:
    daemon = done(workplace, large="scale amf to 8", small="scale smf to 3")
    workplace.write("rules/own.yaml", SET.format(most=5))
    found = answer(reapply(workplace, "--rate", "6000"))
    assert (found["compared"], [each["intent"] for each in found["reapplied"]]) == (2, ["core/large"])
    assert found["rulesDigest"] == daemon.decider.looker.book.digest
    workplace.until(lambda: replicas(workplace) == 5)
    workplace.until(lambda: workplace.status("large")["decision"]["rulesDigest"] == found["rulesDigest"])
    assert workplace.reason("large") == "Completed"
    assert (len(workplace.revisions("amf")), len(workplace.revisions("smf"))) == (2, 1)
    assert answer(reapply(workplace))["reapplied"] == []
    workplace.stop(daemon)


def test_rules_that_go_back_and_forth_have_an_effect_each_time(workplace: Workplace) -> None:
    daemon = done(workplace, large="scale amf to 8")
    for most in (5, 9, 5):
        workplace.write("rules/own.yaml", SET.format(most=most))
        assert len(answer(reapply(workplace, "--rate", "6000"))["reapplied"]) == 1
        workplace.until(lambda most=most: replicas(workplace) == min(most, 8))
        workplace.until(daemon.settled)
    assert len(workplace.revisions("amf")) == 4
    workplace.stop(daemon)


def test_double_stays_the_number_that_it_was(workplace: Workplace) -> None:
    daemon = done(workplace, twice="double the amf")
    assert replicas(workplace) == 4
    workplace.workload("amf", replicas=40)
    workplace.write("rules/own.yaml", SET.format(most=3))
    answer(reapply(workplace, "--rate", "6000"))
    workplace.until(lambda: replicas(workplace) == 3)
    why = "as it was decided first"

    def kept() -> dict[str, Any]:
        assumed = workplace.status("twice")["interpretation"]["assumed"]
        return {each["field"]: each["value"] for each in assumed if each["why"] == why}

    workplace.until(lambda: kept() == {"replicas": 4, "target_kind": "Deployment"})
    workplace.stop(daemon)


def test_what_is_refused_now_says_so_and_keeps_what_it_wrote(workplace: Workplace) -> None:
    daemon = done(workplace, large="scale amf to 8")
    workplace.write("rules/own.yaml", CAP.format(most=5))
    answer(reapply(workplace, "--rate", "6000"))
    workplace.until(lambda: workplace.reason("large") == "RuleRefused")
    assert workplace.status("large")["packages"]
    assert replicas(workplace) == 8
    workplace.write("rules/own.yaml", CAP.format(most=10))
    workplace.until(lambda: workplace.reason("large") == "Completed")
    workplace.until(daemon.settled)
    assert len(workplace.revisions("amf")) == 1
    workplace.stop(daemon)


def test_an_intent_whose_treatment_changed_since_is_decided_anew_too(workplace: Workplace) -> None:
    daemon = done(workplace, large="scale amf to 8")
    workplace.intent("large", "scale amf to 8", priority=9)
    workplace.until(lambda: workplace.status("large")["observedGeneration"] == 2)
    workplace.until(daemon.settled)
    workplace.write("rules/own.yaml", SET.format(most=5))
    assert len(answer(reapply(workplace, "--rate", "6000"))["reapplied"]) == 1
    workplace.until(lambda: replicas(workplace) == 5)
    workplace.until(daemon.settled)
    workplace.intent("large", "scale amf to 8", priority=3)
    workplace.until(lambda: workplace.status("large")["observedGeneration"] == 3)
    workplace.until(daemon.settled)
    assert workplace.reason("large") == "Completed"
    assert (replicas(workplace), len(workplace.revisions("amf"))) == (5, 2)
    workplace.stop(daemon)


def test_they_take_their_turn_over_a_restart(workplace: Workplace) -> None:
    daemon = done(workplace, one="scale amf to 8", two="scale smf to 8")
    workplace.write("rules/own.yaml", SET.format(most=5))
    found = answer(reapply(workplace, "--rate", "1"))
    first, second = (each["at"] for each in found["reapplied"])
    assert first < second
    workplace.until(lambda: replicas(workplace) == 5)
    workplace.stop(daemon)
    assert (workplace.reason("two"), replicas(workplace, "smf")) == ("Completed", 8)
    workplace.settle()
    assert replicas(workplace, "smf") == 8
    later = workplace.start(clock=lambda: time.time() + 61)
    workplace.until(lambda: replicas(workplace, "smf") == 5)
    workplace.stop(later)


def test_who_reapplied_stands_in_the_audit_log(workplace: Workplace) -> None:
    daemon = done(workplace, large="scale amf to 8")
    workplace.write("rules/own.yaml", SET.format(most=5))
    answer(reapply(workplace, "--rate", "6000"))
    workplace.until(lambda: replicas(workplace) == 5)
    workplace.stop(daemon)
    with open_read_only(workplace.settings.store.path) as reader:
        records = audit.of_intent(reader, "core", "large", limit=50)
        assert audit.verify(reader, None).first_broken is None
    kinds = [record.entry.kind for record in reversed(records)]
    assert kinds == ["Seen", "Decided", "Executed", "Reapplied", "Decided", "Executed"]
    said = next(json.loads(record.entry.body) for record in records if record.entry.kind == "Reapplied")
    assert said["who"]
    assert said["rulesDigest"]


def test_rules_that_cannot_be_used_reapply_nothing(workplace: Workplace) -> None:
    daemon = done(workplace, large="scale amf to 8")
    workplace.write("rules/own.yaml", "rules: [")
    result = reapply(workplace)
    assert "own.yaml" in str(result.exception)
    assert result.exception is not None
    assert getattr(result.exception, "code", None) == 1
    workplace.stop(daemon)


def test_an_intent_comes_back_when_the_newer_one_is_removed(workplace: Workplace) -> None:
    daemon = done(workplace, older="scale amf to 4")
    newer = workplace.intent("newer", "scale amf to 6")
    workplace.until(lambda: workplace.reason("older") == "Superseded")
    workplace.until(lambda: replicas(workplace) == 6)
    newer.unlink()
    workplace.until(lambda: workplace.reason("older") == "Completed")
    workplace.until(lambda: replicas(workplace) == 4)
    workplace.stop(daemon)


def test_an_intent_comes_back_when_the_newer_one_turns_to_another_target(workplace: Workplace) -> None:
    daemon = done(workplace, older="double the amf")
    workplace.intent("newer", "scale amf to 6")
    workplace.until(lambda: workplace.reason("older") == "Superseded")
    workplace.until(lambda: workplace.reason("newer") == "Completed")
    workplace.intent("newer", "scale smf to 6")
    workplace.until(lambda: replicas(workplace) == 4)
    workplace.until(lambda: workplace.reason("older") == "Completed")
    workplace.stop(daemon)


def test_of_several_the_newest_comes_back(workplace: Workplace) -> None:
    daemon = done(workplace, first="scale amf to 3")
    workplace.intent("second", "scale amf to 4")
    workplace.until(lambda: workplace.reason("first") == "Superseded")
    third = workplace.intent("third", "scale amf to 6")
    workplace.until(lambda: workplace.reason("second") == "Superseded")
    workplace.until(lambda: replicas(workplace) == 6)
    third.unlink()
    workplace.until(lambda: workplace.reason("second") == "Completed")
    workplace.until(daemon.settled)
    assert workplace.reason("first") == "Superseded"
    assert replicas(workplace) == 4
    workplace.stop(daemon)


def test_what_was_late_for_a_field_gets_it_once_it_is_free(workplace: Workplace) -> None:
    workplace.write("rules/own.yaml", CAP.format(most=10))
    workplace.intent("older", "scale amf to 50")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("older") == "RuleRefused")
    newer = workplace.intent("newer", "scale amf to 6")
    workplace.until(lambda: workplace.reason("newer") == "Completed")
    workplace.write("rules/own.yaml", CAP.format(most=200))
    workplace.until(lambda: workplace.reason("older") == "Superseded")
    newer.unlink()
    workplace.until(lambda: workplace.reason("older") == "Completed")
    workplace.until(lambda: replicas(workplace) == 50)
    workplace.stop(daemon)


def test_two_intents_about_one_host_of_the_mesh_know_of_each_other(workplace: Workplace) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "amf-sbi", "namespace": "core"},
        "spec": {"selector": {"app": "amf"}, "ports": [{"name": "http", "port": 80}]},
    }
    workplace.write("live/service.yaml", yaml.safe_dump(service))
    daemon = done(workplace, one="set the request timeout of amf to 5s")
    workplace.intent("two", "set the request timeout of amf to 9s")
    workplace.until(lambda: workplace.reason("two") == "Completed")
    workplace.until(lambda: workplace.reason("one") == "Superseded")
    warnings = workplace.status("two")["decision"]["warnings"]
    assert [text for text in warnings if "VirtualService/amf-sbi" in text and "from core/one" in text]
    workplace.stop(daemon)
