from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.executors.base import (
    Absent,
    Done,
    Down,
    Effect,
    PackageRef,
    Retry,
    Terminal,
    Up,
    Withdrawal,
)
from engine.executors.directory import DirectoryExecutor
from engine.identity import effect_key, workspace_name
from engine.krm import PackageChange
from engine.reasons import Reason


def change(replicas: int, target: str = "amf") -> PackageChange:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": target, "namespace": "core"},
        "spec": {"replicas": replicas},
    }
    field = f"Deployment/{target}:spec.replicas"
    return PackageChange("main", "core", target, f"core-{target}", (deployment,), (field,))


def effect(*changes: PackageChange, generation: int = 1) -> Effect:
    key = effect_key("core", "scale", "uid", generation, "hash")
    return Effect("core/scale", generation, key, workspace_name(key), "Published", changes)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_package_and_its_first_revision_are_written(tmp_path: Path) -> None:
    outcome = DirectoryExecutor(tmp_path).execute(effect(change(5)))
    assert isinstance(outcome, Done)
    (revision,) = outcome.revisions
    assert (revision.repository, revision.package, revision.revision, revision.changed) == (
        "main",
        "core-amf",
        1,
        True,
    )
    shown = tree(tmp_path / "packages/main/core-amf")
    assert set(shown) == {"Kptfile", "deployment-amf.yaml"}
    assert shown == tree(Path(revision.resource_name))
    assert b"replicas: 5" in shown["deployment-amf.yaml"]


def test_the_same_effect_again_makes_no_second_revision(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    first = executor.execute(effect(change(5)))
    before = tree(tmp_path)
    assert executor.execute(effect(change(5))) == first
    assert tree(tmp_path) == before


def test_what_a_killed_process_was_writing_is_swept_by_the_next_effect(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    folder = tmp_path / "revisions/main/core-amf"
    (folder / ".v2-cw-0123456789abcdef0123").mkdir()
    (folder / ".v2-cw-0123456789abcdef0123/Kptfile").write_text("half")
    executor.execute(effect(change(7), generation=2))
    assert sorted(path.name.partition("-")[0] for path in folder.iterdir()) == ["v1", "v2"]


def test_another_effect_that_says_the_same_makes_no_revision(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    outcome = executor.execute(effect(change(5), generation=2))
    assert isinstance(outcome, Done)
    assert [(revision.revision, revision.changed) for revision in outcome.revisions] == [(1, False)]
    assert len(list((tmp_path / "revisions/main/core-amf").iterdir())) == 1


def test_a_change_makes_the_next_revision_and_keeps_the_one_before(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    executor.execute(effect(change(7), generation=2))
    revisions = sorted(
        path.name.partition("-")[0] for path in (tmp_path / "revisions/main/core-amf").iterdir()
    )
    assert revisions == ["v1", "v2"]
    assert b"replicas: 7" in (tmp_path / "packages/main/core-amf/deployment-amf.yaml").read_bytes()


def test_an_effect_that_did_not_happen_reads_back_as_absent(tmp_path: Path) -> None:
    assert DirectoryExecutor(tmp_path).read_back(effect(change(5))) == Absent()


def test_an_effect_that_happened_reads_back_as_done(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    done = executor.execute(effect(change(5)))
    assert executor.read_back(effect(change(5))) == done


def test_a_revision_that_was_written_but_not_shown_is_shown_when_read_back(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    (tmp_path / "packages/main/core-amf/deployment-amf.yaml").unlink()
    executor.read_back(effect(change(5)))
    assert (tmp_path / "packages/main/core-amf/deployment-amf.yaml").is_file()


def test_an_older_effect_read_back_late_does_not_show_over_a_newer(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    executor.execute(effect(change(7), generation=2))
    executor.read_back(effect(change(5)))
    assert b"replicas: 7" in (tmp_path / "packages/main/core-amf/deployment-amf.yaml").read_bytes()


def test_an_effect_of_several_packages_is_absent_while_one_is_missing(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    both = effect(change(5), change(5, "smf"))
    executor.execute(replace(both, changes=both.changes[:1]))
    assert executor.read_back(both) == Absent()
    outcome = executor.execute(both)
    assert isinstance(outcome, Done)
    assert [revision.revision for revision in outcome.revisions] == [1, 1]


def test_what_an_earlier_try_left_half_written_is_written_anew(tmp_path: Path) -> None:
    wanted = effect(change(5))
    draft = tmp_path / "revisions/main/core-amf" / f".v1-{wanted.workspace}"
    draft.mkdir(parents=True)
    (draft / "deployment-amf.yaml").write_text("half")
    assert isinstance(DirectoryExecutor(tmp_path).execute(wanted), Done)
    assert not draft.exists()


def test_a_proposal_is_refused_because_a_folder_has_nobody_who_approves(tmp_path: Path) -> None:
    outcome = DirectoryExecutor(tmp_path).execute(replace(effect(change(5)), lifecycle="Proposed"))
    assert isinstance(outcome, Terminal)
    assert outcome.reason == Reason.RULE_ERROR
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_a_failed_try(tmp_path: Path) -> None:
    (tmp_path / "revisions").write_text("in the way")
    outcome = DirectoryExecutor(tmp_path).execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert outcome.counts
    assert "revisions" in outcome.message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failing_disk_is_an_outage_that_uses_up_no_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    outcome = DirectoryExecutor(tmp_path).execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.counts) == (Reason.BACKEND_DOWN, False)


def test_what_a_person_added_in_another_format_is_left_alone(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    note = tmp_path / "packages/main/core-amf/README.md"
    note.write_text("ours")
    executor.execute(effect(change(7), generation=2))
    assert note.read_text() == "ours"


def test_a_probe_finds_a_folder_that_takes_work_and_leaves_nothing_behind(tmp_path: Path) -> None:
    found = DirectoryExecutor(tmp_path / "out").probe()
    assert isinstance(found, Up)
    assert str(tmp_path / "out") in found.detail
    assert list(tmp_path.iterdir()) == []


def test_a_probe_of_a_disk_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    found = DirectoryExecutor(tmp_path).probe()
    assert isinstance(found, Down)
    assert "No space left" in found.message


def withdrawal(*targets: str, generation: int = 9) -> Withdrawal:
    key = effect_key("core", "scale", "uid", generation, "hash")
    packages = tuple(PackageRef("main", f"core-{target}") for target in targets)
    return Withdrawal("core/scale", generation, key, workspace_name(key), packages)


def test_a_withdrawn_package_goes_and_its_revisions_stay(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    outcome = executor.withdraw(withdrawal("amf"))
    assert isinstance(outcome, Done)
    assert [(item.revision, item.lifecycle) for item in outcome.revisions] == [(2, "Deleted")]
    assert not (tmp_path / "packages/main/core-amf").exists()
    (first,) = (tmp_path / "revisions/main/core-amf").glob("v1-*")
    assert "deployment-amf.yaml" in tree(first)


def test_a_withdrawal_again_makes_no_second_revision(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    first = executor.withdraw(withdrawal("amf"))
    before = tree(tmp_path)
    assert executor.withdraw(withdrawal("amf")) == first
    assert executor.withdraw(withdrawal("amf", generation=10)) == Done(())
    assert tree(tmp_path) == before


def test_what_is_not_there_is_well_withdrawn(tmp_path: Path) -> None:
    assert DirectoryExecutor(tmp_path).withdraw(withdrawal("amf")) == Done(())
    assert tree(tmp_path) == {}


def test_a_package_written_after_it_was_withdrawn_holds_nothing_of_before(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5), change(3, "smf")))
    executor.withdraw(withdrawal("amf"))
    policy = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "amf", "namespace": "core"}}
    other = PackageChange("main", "core", "amf", "core-amf", (policy,), ("ConfigMap/amf:data",))
    outcome = executor.execute(effect(other, generation=2))
    assert isinstance(outcome, Done)
    assert outcome.revisions[0].revision == 3
    assert set(tree(tmp_path / "packages/main/core-amf")) == {"Kptfile", "configmap-amf.yaml"}
    assert set(tree(tmp_path / "packages/main/core-smf")) == {"Kptfile", "deployment-smf.yaml"}


def test_what_people_put_beside_a_package_stays_when_it_is_withdrawn(tmp_path: Path) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))
    (tmp_path / "packages/main/core-amf/README.md").write_text("ours")
    executor.withdraw(withdrawal("amf"))
    assert set(tree(tmp_path / "packages/main/core-amf")) == {"README.md"}


def test_a_disk_that_fails_delays_a_withdrawal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = DirectoryExecutor(tmp_path)
    executor.execute(effect(change(5)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    assert isinstance(executor.withdraw(withdrawal("amf")), Retry)
    monkeypatch.undo()
    assert isinstance(executor.withdraw(withdrawal("amf")), Done)
