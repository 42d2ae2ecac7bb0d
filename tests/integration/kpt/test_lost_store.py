"""A store that was lost while proposals wait in git: they are followed again, and nothing is pushed twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.executors.base import Done
from tests.integration.conftest import Workplace
from tests.integration.kpt.conftest import MakeExecutor, change, effect
from tests.integration.kpt.server import GitServer, commit, git, merge, opened, refs, show
from tests.integration.kpt.test_kpt import image


def proposed(place: Workplace, main: Path, text: str = "scale amf to 5", name: str = "scale") -> str:
    """Has an intent propose something; returns the branch."""
    place.intent(name, text)
    place.until(lambda: place.reason(name) == "AwaitingApproval")
    (branch,) = opened(main)
    return branch


def show_path(main: Path, branch: str) -> str:
    """Returns the path of the Deployment in the package that a branch proposes."""
    names = git("ls-tree", "-r", "--name-only", branch, folder=main).splitlines()
    (path,) = [name for name in names if name.endswith("deployment-amf.yaml")]
    return path


def lose_store(place: Workplace) -> None:
    """Stops the daemon that runs once nothing is left to do, and takes its store away."""
    (daemon,) = place.daemons
    place.until(daemon.settled)
    place.stop(daemon)
    for path in place.settings.store.path.parent.glob("store.db*"):
        path.unlink()


def published(place: Workplace, name: str = "scale") -> bool:
    packages = place.status(name).get("packages", [])
    return [item["lifecycle"] for item in packages] == ["Published"] and place.reason(name) == "Completed"


@pytest.mark.parametrize("running", [True, False])
def test_the_merge_of_what_a_lost_store_proposed_shows(place: Workplace, main: Path, running: bool) -> None:
    place.start()
    branch = proposed(place, main)
    before = refs(main)
    lose_store(place)
    if running:
        place.until(place.start().settled)
        assert (place.reason("scale"), refs(main)) == ("AwaitingApproval", before)
    merge(main, branch)
    if not running:
        place.start()
    place.until(lambda: published(place))


def test_the_merge_shows_also_where_main_has_gone_on(place: Workplace, main: Path) -> None:
    place.start()
    branch = proposed(place, main)
    lose_store(place)
    place.until(place.start().settled)
    squashed = git("commit-tree", f"{branch}^{{tree}}", "-p", "main", "-m", "Squash it", folder=main)
    git("update-ref", "refs/heads/main", squashed, folder=main)
    git("update-ref", "-d", branch, folder=main)
    place.until(lambda: published(place))


def test_a_branch_that_is_deleted_after_the_loss_shows(place: Workplace, main: Path) -> None:
    place.start()
    branch = proposed(place, main)
    lose_store(place)
    place.start()
    git("update-ref", "-d", branch, folder=main)
    place.until(lambda: place.reason("scale") == "ProposalRejected")


def test_another_intent_extends_the_proposal_of_a_lost_store(place: Workplace, main: Path) -> None:
    place.start()
    proposed(place, main)
    lose_store(place)
    place.start()
    branch = proposed(place, main, "limit amf to 2 CPUs", "limit")
    text = show(main, branch, show_path(main, branch))
    assert "replicas: 5" in text
    assert "limits" in text
    merge(main, branch)
    for name in ("scale", "limit"):
        place.until(lambda name=name: published(place, name))


def test_an_edit_after_the_loss_takes_the_place_of_the_proposal(place: Workplace, main: Path) -> None:
    place.start()
    old = proposed(place, main)
    lose_store(place)
    daemon = place.start()
    place.until(daemon.settled)
    place.intent("scale", "scale amf to 7")
    place.until(lambda: place.status("scale")["observedGeneration"] == 2)
    place.until(lambda: place.reason("scale") == "AwaitingApproval")
    place.until(daemon.settled)
    (branch,) = opened(main)
    assert branch != old
    assert "replicas: 7" in show(main, branch, show_path(main, branch))


@pytest.mark.parametrize("running", [True, False])
def test_a_refused_edit_takes_the_proposal_of_a_lost_store_away(
    place: Workplace, main: Path, running: bool
) -> None:
    place.start()
    proposed(place, main)
    lose_store(place)
    if running:
        place.until(place.start().settled)
    place.intent("scale", "make it nice")
    if not running:
        place.start()
    place.until(lambda: place.status("scale")["phase"] == "Failed")
    place.until(lambda: opened(main) == [])


def test_what_was_pushed_and_never_reported_is_not_done_again(place: Workplace, main: Path) -> None:
    place.start()
    place.intent("more", "add 2 replicas to amf")
    place.until(lambda: place.reason("more") == "AwaitingApproval")
    (branch,) = opened(main)
    before = refs(main)
    lose_store(place)
    (place.root / "out/status/core/more.yaml").unlink()
    place.workload("amf", replicas=4)  # somebody else's doing
    place.start()
    place.until(lambda: place.reason("more") == "AwaitingApproval")
    assert refs(main) == before
    assert "replicas: 4" in show(main, branch, show_path(main, branch))
    assert place.status("more")["interpretation"]["actions"][0]["replicas"] == 4


def test_an_edit_leaves_in_the_proposal_of_a_lost_store_what_others_wished(
    place: Workplace, main: Path
) -> None:
    place.start()
    proposed(place, main)
    old = proposed(place, main, "limit amf to 2 CPUs", "limit")
    lose_store(place)
    place.start()
    place.intent("scale", "scale amf to 7")
    place.until(lambda: opened(main) not in ([old], []))
    text = show(main, opened(main)[0], show_path(main, opened(main)[0]))
    assert "replicas: 7" in text
    assert "limits" in text


RECORD = '{"decision": "of \\u00e4 kind"}'


@pytest.mark.parametrize("filters", ["true", "false"])
@pytest.mark.parametrize("lifecycle", ["Draft", "Proposed", "Published"])
def test_a_decision_is_kept_with_its_commit(
    executor: MakeExecutor, main: Path, lifecycle: str, filters: str
) -> None:
    git("config", "uploadpack.allowFilter", filters, folder=main)
    wished = effect(change(5), lifecycle=lifecycle, record=RECORD)
    assert isinstance(executor().execute(wished), Done)
    commit(main, {"other.txt": "x\n"}, "Go on")
    kpt = executor()
    assert kpt.recall(wished.intent, wished.key) == RECORD
    assert kpt.recall(wished.intent, "0" * 64) == ""
    assert kpt.recall("core/other", wished.key) == ""


def test_decisions_are_handed_on_to_the_revision_that_holds_the_wish(
    executor: MakeExecutor, main: Path
) -> None:
    wishes = [
        effect(change(5), lifecycle="Proposed", record='{"a": 1}'),
        effect(image("amf:2"), name="image", lifecycle="Proposed", record='{"b": 2}'),
    ]
    for wished in wishes:
        assert isinstance(executor().execute(wished), Done)
    assert len(opened(main)) == 1
    kpt = executor()
    assert [kpt.recall(wished.intent, wished.key) for wished in wishes] == ['{"a": 1}', '{"b": 2}']


@pytest.mark.parametrize("record", ["x" * 40_000, "two\nlines", "two\u2028lines"])
def test_a_decision_that_is_no_line_of_a_message_is_not_kept(
    executor: MakeExecutor, main: Path, record: str
) -> None:
    wished = effect(change(5), record=record)
    kpt = executor()
    assert isinstance(kpt.execute(wished), Done)
    assert kpt.recall(wished.intent, wished.key) == ""


def test_decisions_are_not_known_while_the_server_is_away(
    executor: MakeExecutor, main: Path, server: GitServer
) -> None:
    wished = effect(change(5), record=RECORD)
    assert isinstance(executor().execute(wished), Done)
    server.fault = lambda _: 503
    kpt = executor()
    with pytest.raises(OSError, match="repository main: git ls-remote says"):
        kpt.recall(wished.intent, wished.key)
    server.fault = lambda _: 0
    assert kpt.recall(wished.intent, wished.key) == RECORD
