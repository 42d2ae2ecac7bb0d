"""The main job in the embedded mode: real files in, real packages, statuses and a real store out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.settings import PausedSettings
from store import Store, StoreLocked, audit, decisions, history, open_read_only, work
from tests.integration.conftest import Workplace


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_intent_becomes_a_package_a_status_and_a_handoff_file(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5 because of the match")
    workplace.settle()
    status = workplace.status("scale")
    assert (status["phase"], workplace.reason("scale")) == ("Completed", "Completed")
    assert status["observedGeneration"] == 1
    assert status["interpretation"]["actions"][0]["replicas"] == 5
    assert status["packages"][0]["lifecycle"] == "Published"
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 5
    (handed,) = (workplace.root / "out/handoff").rglob("intent-core-scale-*-1-1.json")
    assert json.loads(handed.read_text())["replicas"] == 5


def test_a_refused_intent_says_why_and_writes_nothing(workplace: Workplace) -> None:
    workplace.intent("vague", "scale amf")
    workplace.intent("elsewhere", "scale amf to 3 in namespace other")
    workplace.settle()
    assert (workplace.status("vague")["phase"], workplace.reason("vague")) == ("Failed", "Ambiguous")
    assert workplace.reason("elsewhere") == "RuleRefused"
    assert not (workplace.root / "out/packages").exists()


def test_an_edit_is_a_new_generation_and_a_new_revision(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.intent("scale", "scale amf to 7")
    workplace.until(lambda: workplace.status("scale").get("observedGeneration") == 2)
    workplace.stop(daemon)
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 7
    assert len(workplace.revisions("amf")) == 2


def test_a_spec_changed_back_takes_effect_again(workplace: Workplace) -> None:
    for generation, replicas in enumerate((5, 7, 5), start=1):
        workplace.intent("scale", f"scale amf to {replicas}")
        workplace.settle()
        assert workplace.status("scale")["observedGeneration"] == generation
        assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == replicas
    assert len(workplace.revisions("amf")) == 3


def test_a_removed_intent_loses_its_status_and_keeps_its_package(workplace: Workplace) -> None:
    file = workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    file.unlink()
    workplace.until(lambda: not workplace.status("scale"))
    workplace.stop(daemon)
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 5


def test_an_intent_removed_while_nothing_ran_is_found_at_the_next_start(workplace: Workplace) -> None:
    file = workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    file.unlink()
    workplace.settle()
    assert not workplace.status("scale")


def test_a_restart_does_nothing_again(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.intent("double", "double smf")
    workplace.intent("vague", "scale amf")
    workplace.settle()
    before = tree(workplace.root / "out/packages") | tree(workplace.root / "out/status")
    with open_read_only(workplace.settings.store.path) as reader:
        records = len(audit.tail(reader, 1000))
    workplace.settle()
    assert tree(workplace.root / "out/packages") | tree(workplace.root / "out/status") == before
    with open_read_only(workplace.settings.store.path) as reader:
        assert len(audit.tail(reader, 1000)) == records


def test_a_suspended_intent_is_executed_once_it_is_released(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5", suspend=True)
    workplace.settle()
    assert (workplace.status("scale")["phase"], workplace.reason("scale")) == ("Pending", "Suspended")
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    assert workplace.reason("scale") == "Completed"


def test_a_dry_run_is_executed_once_it_is_meant(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5", dryRun=True)
    workplace.settle()
    assert workplace.reason("scale") == "DryRun"
    assert not (workplace.root / "out/packages").exists()
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 5


def test_a_change_of_priority_alone_has_no_second_effect(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    workplace.intent("scale", "scale amf to 5", priority=9)
    workplace.settle()
    assert workplace.status("scale")["observedGeneration"] == 2
    assert workplace.reason("scale") == "Completed"
    assert len(workplace.revisions("amf")) == 1


def test_of_two_intents_about_one_field_the_newer_holds_and_the_older_is_told(workplace: Workplace) -> None:
    workplace.intent("older", "scale amf to 5")
    workplace.settle()
    workplace.intent("newer", "scale amf to 7")
    workplace.settle()
    assert (workplace.reason("older"), workplace.reason("newer")) == ("Superseded", "Completed")
    assert "core/newer" in workplace.status("older")["lastMessage"]
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 7


def test_what_a_fact_was_missing_for_is_looked_at_again_once_it_is_there(workplace: Workplace) -> None:
    workplace.intent("double", "double upf")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("double") == "MissingFact")
    workplace.workload("upf", replicas=3)
    workplace.until(lambda: workplace.reason("double") == "Completed")
    workplace.stop(daemon)
    assert workplace.package("upf")["Deployment"]["spec"]["replicas"] == 6


def test_a_relative_number_is_resolved_once(workplace: Workplace) -> None:
    workplace.intent("double", "double amf")
    workplace.settle()
    workplace.workload("amf", replicas=4)
    workplace.settle()
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 4
    assert len(workplace.revisions("amf")) == 1


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("no YAML", lambda path: path.write_text("spec: [")),
        ("another kind", lambda path: path.write_text("apiVersion: v1\nkind: Pod\n")),
        ("10 MB", lambda path: path.write_bytes(b"a" * 10_000_000)),
        ("a link out", lambda path: path.symlink_to("/etc/hostname")),
        ("a FIFO", os.mkfifo),
        ("not UTF-8", lambda path: path.write_bytes(b"\xff\xfe")),
    ],
)
def test_a_file_that_is_no_manifest_stops_no_other(workplace: Workplace, name: str, make: Any) -> None:
    make(workplace.root / "intents/bad.yaml")
    workplace.intent("good", "scale amf to 5")
    seen = []
    workplace.settle(observe=seen.append)
    assert workplace.reason("good") == "Completed"
    (notice,) = [notice for notice in seen if notice.name == "bad.yaml"]
    assert notice.status["phase"] == "Failed", name


def test_a_bad_file_is_tried_again_when_it_changes(workplace: Workplace) -> None:
    workplace.write("intents/scale.yaml", "spec: [")
    seen: list[Any] = []
    daemon = workplace.start(observe=seen.append)
    workplace.until(lambda: bool(seen))
    workplace.intent("scale", "scale amf to 5")
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.stop(daemon)
    assert [notice.status is None for notice in seen if notice.name == "scale.yaml"] == [False, True]


def test_everything_done_is_in_an_audit_log_that_holds(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    with open_read_only(workplace.settings.store.path) as reader:
        assert audit.verify(reader, None).first_broken is None
        kinds = [record.entry.kind for record in audit.of_intent(reader, "core", "scale", limit=10)]
    assert kinds == ["Executed", "Decided", "Seen"]


def test_the_decision_is_stored_with_all_it_was_made_from(workplace: Workplace) -> None:
    workplace.intent("double", "double amf")
    workplace.settle()
    with open_read_only(workplace.settings.store.path) as reader:
        (generation,) = history.of_intent(reader, "core", "double", limit=5).generations
        decision = decisions.latest(reader, generation.id)
    assert decision is not None
    body = json.loads(decision.body)
    assert body["facts"][0]["replicas"] == 2
    assert body["actions"][0]["replicas"] == 4
    assert body["plan"]["packages"][0]["fields"] == ["Deployment/amf:spec.replicas"]
    assert body["decision"]["trace"]


def test_a_second_daemon_on_the_store_is_refused_and_told_who_has_it(workplace: Workplace) -> None:
    workplace.start()
    with pytest.raises(StoreLocked, match=str(os.getpid())):
        Store.open(workplace.settings.store.path)


def test_status_and_package_hold_no_secret_that_a_text_held(workplace: Workplace) -> None:
    workplace.intent("secret", "set DB_PASSWORD to hunter2secret on amf")
    workplace.settle()
    assert workplace.reason("secret") == "Unsafe"
    held = b"".join(tree(workplace.root / "out").values())
    assert b"hunter2secret" not in held


def test_work_whose_end_could_not_be_recorded_is_read_back_without_a_restart(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up after the package is written and before its outcome is committed."""
    failures = iter([OSError("no space left")])
    confirm = work.confirm

    def fail_once(*arguments: Any, **named: Any) -> work.Work:
        for failure in failures:
            raise failure
        return confirm(*arguments, **named)

    monkeypatch.setattr(work, "confirm", fail_once)
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    assert workplace.reason("scale") == "Completed"
    assert len(workplace.revisions("amf")) == 1


def lose_store(place: Workplace) -> None:
    for path in place.settings.store.path.parent.glob("store.db*"):
        path.unlink()


def test_a_lost_store_is_rebuilt_from_what_was_reported(workplace: Workplace) -> None:
    workplace.intent("double", "double amf")
    workplace.settle()
    workplace.workload("amf", replicas=4)  # as if the package had been applied
    before = tree(workplace.root / "out/packages") | tree(workplace.root / "out/status")
    lose_store(workplace)
    workplace.settle()
    assert tree(workplace.root / "out/packages") | tree(workplace.root / "out/status") == before
    workplace.intent("double", "double amf", priority=9)
    workplace.settle()
    assert workplace.status("double")["observedGeneration"] == 2
    assert len(workplace.revisions("amf")) == 1


def test_an_edit_after_a_lost_store_is_the_next_generation(workplace: Workplace) -> None:
    for replicas in (5, 7):
        workplace.intent("scale", f"scale amf to {replicas}")
        workplace.settle()
    lose_store(workplace)
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    assert workplace.status("scale")["observedGeneration"] == 3
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 5
    assert len(workplace.revisions("amf")) == 3


def test_a_corrupt_store_is_moved_aside_and_nothing_is_done_twice(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    path = workplace.settings.store.path
    path.write_bytes(b"no database at all" * 1000)
    workplace.settle()
    assert workplace.reason("scale") == "Completed"
    assert len(workplace.revisions("amf")) == 1
    assert len(list(path.parent.glob("store.db.corrupt-*"))) == 1


def test_a_wish_that_was_unreadable_for_a_moment_is_the_same_wish(workplace: Workplace) -> None:
    workplace.intent("more", "add 2 replicas to amf")
    workplace.settle()
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 4
    workplace.workload("amf", replicas=4)
    workplace.intent("more", "add 2 replicas to amf", priority=99)
    workplace.settle()
    assert workplace.reason("more") == "Invalid"
    workplace.intent("more", "add 2 replicas to amf")
    workplace.settle()
    assert workplace.reason("more") == "Completed"
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 4


def test_what_a_pause_held_goes_on_after_a_restart_without_it(workplace: Workplace) -> None:
    paused = PausedSettings(namespaces=["core"])
    free = workplace.settings
    workplace.settings = free.model_copy(update={"paused": paused})
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    assert workplace.reason("scale") == "Paused"
    workplace.settings = free
    workplace.settle()
    assert workplace.reason("scale") == "Completed"
