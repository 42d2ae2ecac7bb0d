"""What becomes of open revisions in git: merged, deleted, or taken back by a newer generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.executors.base import Absent, Done, Retry, Revision, Unknown
from engine.executors.kpt.executor import KptExecutor
from engine.krm import PackageChange
from tests.integration.conftest import Workplace
from tests.integration.kpt.conftest import DECIDED, MakeExecutor, change, effect
from tests.integration.kpt.server import GitServer, commit, git, merge, opened, refs, show


def proposed(kpt: KptExecutor, *changes: PackageChange, name: str = "scale") -> Revision:
    outcome = kpt.execute(effect(*changes, name=name, lifecycle="Proposed"))
    assert isinstance(outcome, Done), outcome
    return outcome.revisions[0]


def image(text: str) -> PackageChange:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "amf", "namespace": "core"},
        "spec": {"template": {"spec": {"containers": [{"name": "amf", "image": text}]}}},
    }
    field = "Deployment/amf:spec.template.spec.containers[amf].image"
    return PackageChange("main", "core", "amf", "core-amf", (deployment,), (field,))


def test_a_proposal_that_waits_is_as_it_was(executor: MakeExecutor, main: Path, server: GitServer) -> None:
    kpt = executor()
    revision = proposed(kpt, change(5))
    assert kpt.track(revision, revision.workspace) == revision
    before = len(server.requests)
    assert kpt.track(revision, revision.workspace) == revision
    assert len(server.requests) == before, "nothing has changed, and it was looked a moment ago"


@pytest.mark.parametrize("branch_stays", [True, False])
def test_a_proposal_that_somebody_merged_is_published(
    executor: MakeExecutor, main: Path, branch_stays: bool
) -> None:
    revision = proposed(executor(), change(5))
    (branch,) = opened(main)
    merge(main, branch)
    if branch_stays:
        git("update-ref", branch, "main", folder=main)
    commit(main, {"other.txt": "x\n"}, "Go on")
    found = executor().track(revision, revision.workspace)
    assert isinstance(found, Revision)
    assert (found.lifecycle, found.workspace) == ("Published", revision.workspace)


def test_a_proposal_whose_branch_somebody_deleted_is_gone(executor: MakeExecutor, main: Path) -> None:
    revision = proposed(executor(), change(5))
    git("update-ref", "-d", opened(main)[0], folder=main)
    assert executor().track(revision, revision.workspace) == Absent()


def test_an_effect_is_tracked_into_the_revision_that_holds_it_by_now(
    executor: MakeExecutor, main: Path
) -> None:
    kpt = executor()
    first = proposed(kpt, change(5))
    second = proposed(kpt, image("amf:2"), name="image")
    found = executor().track(first, first.workspace)
    assert isinstance(found, Revision)
    assert (found.workspace, found.lifecycle) == (second.workspace, "Proposed")


def test_a_server_that_is_away_tells_nothing(executor: MakeExecutor, main: Path, server: GitServer) -> None:
    revision = proposed(executor(), change(5))
    server.fault = lambda _: 503
    assert isinstance(executor().track(revision, revision.workspace), Unknown)


def test_an_effect_that_is_alone_in_a_proposal_goes_with_it(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    revision = proposed(kpt, change(5))
    for _ in range(2):
        assert isinstance(kpt.discard(revision, revision.workspace), Done)
        assert opened(main) == []


@pytest.mark.parametrize("out", ["scale", "image"])
def test_an_effect_is_taken_out_of_a_proposal_that_others_share(
    executor: MakeExecutor, main: Path, out: str
) -> None:
    kpt = executor()
    wishes = {"scale": change(5), "image": image("amf:2")}
    workspaces = {name: proposed(kpt, wish, name=name).workspace for name, wish in wishes.items()}
    shared = proposed(kpt, wishes["image"], name="image")
    outcome = kpt.discard(shared, workspaces[out])
    assert isinstance(outcome, Done), outcome
    (branch,) = opened(main)
    text = show(main, branch, "core-amf/deployment-amf.yaml")
    assert ("replicas: 5" in text, "amf:2" in text) == (out == "image", out == "scale")
    (stays,) = wishes.keys() - {out}
    found = kpt.read_back(effect(wishes[stays], name=stays, lifecycle="Proposed"))
    assert isinstance(found, Done)
    gone = effect(wishes[out], name=out, lifecycle="Proposed")
    assert kpt.read_back(gone) == Absent()


def test_nothing_is_taken_out_where_nobody_knows_what_the_others_wished(
    executor: MakeExecutor, main: Path
) -> None:
    kpt = executor()
    first = proposed(kpt, change(5))
    proposed(kpt, image("amf:2"), name="image")
    before = refs(main)
    DECIDED.clear()
    assert isinstance(kpt.discard(first, first.workspace), Retry)
    assert refs(main) == before


def waits(place: Workplace) -> None:
    place.intent("scale", "scale amf to 5")
    place.until(lambda: place.reason("scale") == "AwaitingApproval")


def test_a_merge_shows_in_the_status(place: Workplace, main: Path) -> None:
    place.start()
    waits(place)
    merge(main, opened(main)[0])
    place.until(lambda: place.reason("scale") == "Completed")
    assert place.status("scale")["packages"][0]["lifecycle"] == "Published"


def test_a_deleted_branch_shows_in_the_status(place: Workplace, main: Path) -> None:
    place.start()
    waits(place)
    git("update-ref", "-d", opened(main)[0], folder=main)
    place.until(lambda: place.reason("scale") == "ProposalRejected")


def test_what_an_older_generation_proposed_elsewhere_is_taken_back(place: Workplace, main: Path) -> None:
    place.start()
    waits(place)
    place.intent("scale", "scale smf to 4")
    place.until(lambda: [ref for ref in opened(main) if "core-smf" in ref] == opened(main) != [])


def test_so_it_is_where_the_newer_generation_is_refused(place: Workplace, main: Path) -> None:
    place.start()
    waits(place)
    place.intent("scale", "scale smf to 4000")
    place.until(lambda: place.reason("scale") == "RuleRefused" and opened(main) == [])
