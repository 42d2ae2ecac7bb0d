"""Several intents about one field: the newest wish holds, whatever the order in which they are decided."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import yaml

from engine.executors.base import Effect, ExecuteOutcome, ProbeOutcome, ReadBackOutcome, Retry
from engine.executors.directory import DirectoryExecutor
from store import open_read_only, owners
from tests.integration.conftest import Workplace

CAP = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {{name: own}}
vars: {{maxReplicas: {most}}}
rules: []
"""


def replicas(place: Workplace) -> int:
    found: int = place.package("amf")["Deployment"]["spec"]["replicas"]
    return found


def aged(path: Path, seconds: float) -> None:
    earlier = path.stat().st_mtime - seconds
    os.utime(path, (earlier, earlier))


def test_a_failed_try_that_comes_back_does_not_undo_what_is_newer(workplace: Workplace) -> None:
    began, go_on = threading.Event(), threading.Event()
    real = DirectoryExecutor(workplace.settings.output.directory)

    class FailsFirst:
        name = "directory"

        def execute(self, effect: Effect) -> ExecuteOutcome:
            if effect.intent == "core/older" and not began.is_set():
                began.set()
                go_on.wait(30)
                return Retry("BackingOff", "try again", after=0.1)
            return real.execute(effect)

        def read_back(self, effect: Effect) -> ReadBackOutcome:
            return real.read_back(effect)

        def probe(self) -> ProbeOutcome:
            return real.probe()

    workplace.intent("older", "scale amf to 4")
    daemon = workplace.start(executors={"directory": FailsFirst()})
    assert began.wait(30)
    workplace.intent("newer", "scale amf to 6")
    workplace.until(lambda: owner_of(workplace) == "newer")
    go_on.set()
    workplace.until(daemon.settled)
    workplace.until(lambda: workplace.reason("older") == "Superseded")
    workplace.until(lambda: workplace.reason("newer") == "Completed")
    assert replicas(workplace) == 6


def owner_of(place: Workplace) -> str:
    with open_read_only(place.settings.store.path) as reader:
        owned = owners.of_target(reader, "core", "amf")
    return owned[0].owner.intent_name if owned else ""


def test_of_two_in_one_look_the_newer_holds_though_the_older_is_more_urgent(workplace: Workplace) -> None:
    aged(workplace.intent("older", "scale amf to 4", priority=10), 10)
    workplace.intent("newer", "scale amf to 6", priority=0)
    workplace.settle()
    assert (workplace.reason("older"), workplace.reason("newer")) == ("Superseded", "Completed")
    assert replicas(workplace) == 6


def test_what_other_rules_let_pass_late_does_not_undo_what_is_newer(workplace: Workplace) -> None:
    workplace.write("rules/own.yaml", CAP.format(most=10))
    workplace.intent("older", "scale amf to 50")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("older") == "RuleRefused")
    workplace.intent("newer", "scale amf to 6")
    workplace.until(lambda: workplace.reason("newer") == "Completed")
    workplace.write("rules/own.yaml", CAP.format(most=200))
    workplace.until(lambda: workplace.reason("older") == "Superseded")
    workplace.stop(daemon)
    assert workplace.reason("newer") == "Completed"
    assert replicas(workplace) == 6


def test_a_superseded_intent_stays_so_when_only_its_treatment_changes(workplace: Workplace) -> None:
    workplace.intent("older", "scale amf to 4")
    workplace.settle()
    workplace.intent("newer", "scale amf to 6")
    workplace.settle()
    workplace.intent("older", "scale amf to 4", priority=9)
    workplace.settle()
    assert workplace.reason("older") == "Superseded"
    assert workplace.status("older")["packages"]


def test_a_superseded_intent_stays_so_though_it_was_suspended_meanwhile(workplace: Workplace) -> None:
    workplace.intent("older", "scale amf to 4")
    workplace.settle()
    workplace.intent("newer", "scale amf to 6")
    workplace.settle()
    for _ in range(2):
        workplace.intent("older", "scale amf to 4", suspend=True)
        workplace.settle()
        assert workplace.reason("older") == "Suspended"
        workplace.intent("older", "scale amf to 4")
        workplace.settle()
    assert workplace.reason("older") == "Superseded"
    assert (
        "Deployment/amf:spec.replicas was taken over by core/newer"
        in workplace.status("older")["lastMessage"]
    )
    assert workplace.status("older")["packages"]


def test_an_intent_is_told_though_its_last_generation_changed_nothing(
    workplace: Workplace,
) -> None:
    workplace.intent("older", "scale amf to 4")
    workplace.settle()
    workplace.intent("older", "scale amf to 4", priority=9)
    workplace.settle()
    workplace.intent("newer", "scale amf to 6")
    workplace.settle()
    assert workplace.reason("older") == "Superseded"


def test_a_retargeted_intent_frees_what_it_wished_before(workplace: Workplace) -> None:
    workplace.intent("one", "scale amf to 4")
    workplace.settle()
    workplace.intent("one", "scale smf to 4")
    workplace.settle()
    assert owner_of(workplace) == ""


@pytest.mark.parametrize("name", ["../../victim", "a\0b", "/abs", "x" * 254, "Upper"])
def test_a_name_that_cannot_be_one_is_no_path(workplace: Workplace, name: str) -> None:
    manifest = {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": name, "namespace": "core"},
        "spec": {"intent": "scale amf to 5"},
    }
    workplace.write("intents/bad.yaml", yaml.safe_dump(manifest))
    workplace.intent("good", "scale amf to 5")
    before = {path for path in workplace.root.rglob("*.yaml") if "out" not in path.parts}
    workplace.settle()
    assert workplace.reason("good") == "Completed"
    assert {path for path in workplace.root.rglob("*.yaml") if "out" not in path.parts} == before
    assert [path.name for path in (workplace.root / "out/status").rglob("*")] == ["core", "good.yaml"]


def test_the_longest_name_gets_its_status(workplace: Workplace) -> None:
    name = ".".join(["x" * 62] * 4)
    manifest = {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": name, "namespace": "core"},
        "spec": {"intent": "scale amf to 5"},
    }
    workplace.write("intents/long.yaml", yaml.safe_dump(manifest))
    workplace.settle()
    (status,) = (workplace.root / "out/status/core").iterdir()
    assert yaml.safe_load(status.read_text())["phase"] == "Completed"


def test_no_secret_of_a_faulty_manifest_is_kept(workplace: Workplace) -> None:
    workplace.write(
        "intents/bad.yaml",
        "apiVersion: nephoran.com/v1\nkind: NetworkIntent\nmetadata: {name: bad, namespace: core}\n"
        "spec: {intent: [set DB_PASSWORD=hunter2secret on amf]}\n",
    )
    workplace.intent("good", "scale amf to 5", parameters={"DB_PASSWORD": "hunter2secret"})
    workplace.settle()
    assert workplace.reason("good") == "Completed"
    for path in (workplace.root / "out").rglob("*"):
        assert not path.is_file() or b"hunter2secret" not in path.read_bytes(), path


def test_a_handoff_that_fails_is_made_up_for(workplace: Workplace) -> None:
    blocker = workplace.root / "out/handoff"
    blocker.parent.mkdir(parents=True, exist_ok=True)
    blocker.write_text("in the way")
    workplace.intent("scale", "scale amf to 5")
    workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "ReadBack")
    blocker.unlink()
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert list((workplace.root / "out/handoff").rglob("intent-core-scale-*.json"))
    assert len(workplace.revisions("amf")) == 1
