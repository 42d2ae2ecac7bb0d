"""Open branches in git that nobody wishes any more: found, listed and deleted; others stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.main import cli
from engine.cli.output import CommandError, Exit
from engine.executors.base import Done, PackageRef, Retry, Revision, Withdrawal
from engine.executors.kpt.executor import KptExecutor
from engine.pipeline import daemon
from engine.settings import load_settings
from tests.integration.conftest import Workplace
from tests.integration.kpt.conftest import MakeExecutor, change, effect
from tests.integration.kpt.server import GitServer, commit, git, opened, refs
from tests.integration.kpt.test_kpt import image

MADE_AT = 1_700_000_000.0
"""When the executors of these tests make their commits."""
DAY = 86_400.0


def propose(kpt: KptExecutor, name: str = "scale", lifecycle: str = "Proposed") -> Revision:
    wish = change(5) if name == "scale" else image("amf:2")
    outcome = kpt.execute(effect(wish, name=name, lifecycle=lifecycle))
    assert isinstance(outcome, Done), outcome
    return outcome.revisions[0]


@pytest.mark.parametrize(
    ("lifecycle", "known"), [("Draft", False), ("Proposed", False), ("Proposed", True), ("Draft", None)]
)
def test_only_what_is_known_to_be_wished_no_more_is_left_over(
    executor: MakeExecutor, main: Path, lifecycle: str, known: bool | None
) -> None:
    kpt = executor()
    propose(kpt, lifecycle=lifecycle)
    assert list(kpt.leftovers(lambda *_: False, MADE_AT + DAY - 1)) == []
    found = list(kpt.leftovers(lambda *_: known, MADE_AT + DAY + 1))
    assert [item.lifecycle for item in found] == ([lifecycle] if known is False else [])
    for item in found * 2:
        assert kpt.collect(item) == Done(())
    assert len(opened(main)) == 1 - len(found)


def test_a_proposal_in_which_another_intent_has_a_part_stays(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    first, second = propose(kpt), propose(kpt, "image")
    for wished in (first.workspace, second.workspace):
        found = kpt.leftovers(lambda *about, wished=wished: about[2] == wished, MADE_AT + 2 * DAY)
        assert list(found) == []


def test_what_others_have_open_stays(executor: MakeExecutor, main: Path) -> None:
    commit(main, {"core-amf/x.yaml": "a: 1\n"}, "By hand", branch="drafts/core-amf/by-hand")
    commit(main, {"core-amf/x.yaml": "a: 1\n"}, "Named as ours", branch=f"proposed/core-amf/cw-{'0' * 20}")
    propose(executor(directory="elsewhere"))
    kpt = executor()
    assert isinstance(kpt.execute(effect(change(5, "smf"), lifecycle="Published")), Done)
    end = effect(name="gone")
    packages = (PackageRef("main", "core-smf"),)
    assert isinstance(kpt.withdraw(Withdrawal(end.intent, 2, end.key, end.workspace, packages)), Done)
    assert len(opened(main)) == 4
    assert list(kpt.leftovers(lambda *_: False, MADE_AT + 2 * DAY)) == []


def test_what_was_pushed_to_since_it_was_found_stays(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    propose(kpt)
    (found,) = kpt.leftovers(lambda *_: False, MADE_AT + 2 * DAY)
    git("update-ref", opened(main)[0], "main", folder=main)
    assert kpt.collect(found) == Done(())
    assert len(opened(main)) == 1


def test_a_repository_that_is_away_hides_nothing_of_the_others(
    executor: MakeExecutor, main: Path, server: GitServer
) -> None:
    propose(executor())
    leftovers = iter(executor(repositories=("gone", "main")).leftovers(lambda *_: False, MADE_AT + 2 * DAY))
    assert next(leftovers).repository == "main"
    with pytest.raises(OSError, match="repository gone: git ls-remote says"):
        next(leftovers)


def test_a_branch_that_the_server_does_not_let_go_is_told(
    executor: MakeExecutor, main: Path, server: GitServer
) -> None:
    kpt = executor()
    propose(kpt)
    (found,) = kpt.leftovers(lambda *_: False, MADE_AT + 2 * DAY)
    git("config", "receive.denyDeletes", "true", folder=main)
    outcome = kpt.collect(found)
    assert isinstance(outcome, Retry), outcome
    assert "denying ref deletion" in outcome.message
    assert len(opened(main)) == 1


def gc(place: Workplace, *arguments: str) -> Result:
    settings = str(place.root / "settings.yaml")
    return CliRunner().invoke(cli, ["gc", "--settings", settings, *arguments], standalone_mode=False)


def leave(place: Workplace, main: Path) -> str:
    """Has an intent propose something and go; returns the branch that it leaves, which is old by then."""
    running = place.start()
    place.intent("scale", "scale amf to 5")
    place.until(lambda: place.reason("scale") == "AwaitingApproval")
    (place.root / "intents/scale.yaml").unlink()
    place.until(lambda: place.status("scale") == {})
    place.stop(running)
    path = place.root / "settings.yaml"
    path.write_text(path.read_text().replace("kpt: {kpt:", "kpt: {keepDraftsHours: 0.000001, kpt:"))
    place.settings = load_settings(path, {})
    (branch,) = opened(main)
    return branch


def test_gc_lists_and_deletes_what_an_intent_left_that_is_gone(place: Workplace, main: Path) -> None:
    branch = leave(place, main)
    listed = gc(place, "--dry-run", "-o", "json")
    assert listed.return_value == Exit.OK, listed.output
    (item,) = json.loads(listed.output)["revisions"]
    assert branch == f"refs/heads/proposed/{item['resourceName']}"
    assert (item["repository"], item["lifecycle"], item["deleted"]) == ("main", "Proposed", False)
    assert "would be deleted" in gc(place, "--dry-run").output
    assert branch in refs(main)
    assert gc(place).return_value == Exit.OK
    assert opened(main) == []
    assert "nothing is left over" in gc(place).output


def test_gc_says_why_something_stays(place: Workplace, main: Path) -> None:
    leave(place, main)
    git("config", "receive.denyDeletes", "true", folder=main)
    answer = gc(place)
    assert answer.return_value == Exit.NEGATIVE
    assert "NOT deleted: git push says" in " ".join(answer.output.split())


def test_gc_tells_a_server_that_is_away(place: Workplace, main: Path, server: GitServer) -> None:
    leave(place, main)
    server.fault = lambda _: 503
    answer = gc(place, "--dry-run")
    assert isinstance(answer.exception, CommandError)
    assert answer.exception.code == Exit.UNREACHABLE
    assert "see to the git server" in answer.exception.message


def test_a_daemon_deletes_what_is_left_over(
    place: Workplace, main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(place, main)
    monkeypatch.setattr(daemon, "COLLECTED_SECONDS", 0.1)
    place.start()
    place.until(lambda: opened(main) == [])
