"""A store that was lost is rebuilt from what was shown and what the executor kept: nothing is done twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from engine.executors.base import Effect, ExecuteOutcome, ProbeOutcome, ReadBackOutcome, Retry
from engine.executors.directory import DirectoryExecutor
from store import open_read_only, owners
from tests.integration.conftest import Workplace

REFUSES = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - name: no-scaling
    match: {intentTypes: [scaling]}
    then: {refuse: "nothing is scaled any more"}
"""


def lose_store(place: Workplace) -> None:
    for path in place.settings.store.path.parent.glob("store.db*"):
        path.unlink()


def lose_status(place: Workplace, name: str) -> None:
    (place.root / "out/status/core" / f"{name}.yaml").unlink()


def owner_of(place: Workplace, field: str) -> str:
    with open_read_only(place.settings.store.path) as reader:
        owned = owners.of_target(reader, "core", "amf")
    return next((item.owner.intent_name for item in owned if item.field == field), "")


def replicas(place: Workplace) -> int:
    found: int = place.package("amf")["Deployment"]["spec"]["replicas"]
    return found


def aged(path: Path, seconds: float) -> None:
    earlier = path.stat().st_mtime - seconds
    os.utime(path, (earlier, earlier))


def test_who_decides_which_field_is_known_again(workplace: Workplace) -> None:
    workplace.intent("older", "scale amf to 4")
    workplace.settle()
    lose_store(workplace)
    workplace.settle()
    assert owner_of(workplace, "Deployment/amf:spec.replicas") == "older"
    workplace.intent("newer", "scale amf to 6")
    workplace.settle()
    assert (workplace.reason("older"), workplace.reason("newer")) == ("Superseded", "Completed")
    assert replicas(workplace) == 6


def test_the_status_alone_tells_who_decides_which_field(workplace: Workplace) -> None:
    workplace.intent("older", "scale amf to 4")
    workplace.settle()
    lose_store(workplace)
    shutil.rmtree(workplace.root / "out/effects")
    workplace.settle()
    assert owner_of(workplace, "Deployment/amf:spec.replicas") == "older"


def test_what_was_taken_over_stays_with_whoever_took_it(workplace: Workplace) -> None:
    workplace.intent("older", "scale amf to 4")
    workplace.settle()
    aged(workplace.intent("newer", "scale amf to 6"), 3600)  # restored files have the times of their copy
    workplace.settle()
    lose_store(workplace)
    workplace.settle()
    assert owner_of(workplace, "Deployment/amf:spec.replicas") == "newer"
    assert (workplace.reason("older"), workplace.reason("newer")) == ("Superseded", "Completed")
    assert replicas(workplace) == 6
    assert len(workplace.revisions("amf")) == 2


def test_an_older_wish_that_waited_does_not_undo_a_newer_one(workplace: Workplace) -> None:
    aged(workplace.intent("older", "scale amf to 4", suspend=True), 10)
    workplace.intent("newer", "scale amf to 6")
    workplace.settle()
    assert (workplace.reason("older"), workplace.reason("newer")) == ("Suspended", "Completed")
    lose_store(workplace)
    aged(workplace.intent("older", "scale amf to 4"), 10)
    workplace.settle()
    assert (workplace.reason("older"), workplace.reason("newer")) == ("Superseded", "Completed")
    assert replicas(workplace) == 6


def test_an_effect_that_nobody_reported_is_found_as_it_was_decided(workplace: Workplace) -> None:
    workplace.intent("more", "add 2 replicas to amf")
    workplace.settle()
    workplace.workload("amf", replicas=4)  # applied
    lose_store(workplace)
    lose_status(workplace, "more")
    workplace.write("rules/own.yaml", REFUSES)  # a decision is never made anew
    workplace.settle()
    assert workplace.reason("more") == "Completed"
    assert workplace.status("more")["interpretation"]["actions"][0]["replicas"] == 4
    assert replicas(workplace) == 4
    assert len(workplace.revisions("amf")) == 1
    assert owner_of(workplace, "Deployment/amf:spec.replicas") == "more"


def test_what_was_begun_is_finished_as_it_was_decided(workplace: Workplace) -> None:
    workplace.intent("more", "add 2 replicas to amf")
    workplace.settle()
    workplace.workload("amf", replicas=3)  # somebody else's doing
    shutil.rmtree(workplace.root / "out/revisions")
    shutil.rmtree(workplace.root / "out/packages")
    lose_store(workplace)
    lose_status(workplace, "more")
    workplace.settle()
    assert workplace.reason("more") == "Completed"
    assert replicas(workplace) == 4


def test_a_wish_that_was_done_before_it_was_suspended_is_not_done_again(workplace: Workplace) -> None:
    workplace.intent("more", "add 2 replicas to amf")
    workplace.settle()
    workplace.workload("amf", replicas=4)
    workplace.intent("more", "add 2 replicas to amf", suspend=True)
    workplace.settle()
    assert workplace.reason("more") == "Suspended"
    lose_store(workplace)
    workplace.settle()
    workplace.intent("more", "add 2 replicas to amf")
    workplace.settle()
    assert workplace.reason("more") == "Completed"
    assert replicas(workplace) == 4
    assert len(workplace.revisions("amf")) == 1


def test_a_retry_that_waited_is_tried_again_as_it_was_decided(workplace: Workplace) -> None:
    real = DirectoryExecutor(workplace.settings.output.directory)

    class Fails:
        name = "directory"

        def execute(self, effect: Effect) -> ExecuteOutcome:
            real._remember(effect)
            return Retry("BackingOff", "try again", after=3600)

        def read_back(self, effect: Effect) -> ReadBackOutcome:
            return real.read_back(effect)

        def probe(self) -> ProbeOutcome:
            return real.probe()

    workplace.intent("more", "add 2 replicas to amf")
    daemon = workplace.start(executors={"directory": Fails()})
    workplace.until(lambda: workplace.reason("more") == "BackingOff", 60)
    workplace.stop(daemon)
    workplace.workload("amf", replicas=3)
    lose_store(workplace)
    workplace.settle()
    assert workplace.reason("more") == "Completed"
    assert replicas(workplace) == 4


def test_the_history_of_a_status_outlives_the_store(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    lose_store(workplace)
    workplace.intent("scale", "scale amf to 7")
    workplace.settle()
    assert [entry["generation"] for entry in workplace.status("scale")["history"]] == [2, 1]
    assert len(workplace.revisions("amf")) == 2
