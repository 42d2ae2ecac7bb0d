"""The kpt executor with real git repositories; kpt is a stand-in and, where KPT is set, the real one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.executors.base import (
    Absent,
    Done,
    Down,
    PackageRef,
    Retry,
    Terminal,
    Unknown,
    Up,
    Withdrawal,
)
from engine.executors.kpt.executor import KptExecutor
from engine.krm import PackageChange
from engine.reasons import Reason
from tests.integration.kpt.conftest import (
    DECIDED,
    KPTS,
    MakeExecutor,
    change,
    effect,
    function,
    program,
)
from tests.integration.kpt.server import GitServer, commit, git, refs, show

WORKSPACE = effect().workspace
KPTFILE = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: core-amf\n"
DEPLOYMENT = """# Kept by the radio team.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: core
spec:
  replicas: 1
"""


def done(kpt: KptExecutor, *arguments: object, **keywords: object) -> Done:
    outcome = kpt.execute(effect(*arguments, **keywords))  # type: ignore[arg-type]
    assert isinstance(outcome, Done), outcome
    return outcome


def test_the_real_kpt_is_tried_too() -> None:
    if "KPT" not in os.environ:
        pytest.skip("KPT does not say where a real kpt is: the other tests ran with a stand-in for it")
    assert "real" in KPTS


def test_a_package_is_made_published_and_found_again(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    assert kpt.read_back(effect(change(5))) == Absent()
    outcome = done(kpt, change(5))
    (revision,) = outcome.revisions
    assert (revision.revision, revision.lifecycle, revision.changed) == (1, "Published", True)
    assert "replicas: 5" in show(main, "main", "core-amf/deployment-amf.yaml")
    assert "kind: Kptfile" in show(main, "main", "core-amf/Kptfile")
    assert show(main, "main", "README.md") == "Packages."
    found = refs(main)
    assert found["refs/heads/main"] == found[f"refs/tags/core-amf/{WORKSPACE}"]
    assert found["refs/heads/main"] == found["refs/tags/core-amf/v1"]
    assert kpt.read_back(effect(change(5))) == outcome
    assert kpt.execute(effect(change(5))) == outcome
    assert refs(main) == found
    assert isinstance(kpt.probe(), Up)


def test_a_commit_names_the_intent_and_its_effect(executor: MakeExecutor, main: Path) -> None:
    done(executor(), change(5))
    message = git("log", "-1", "--format=%an <%ae> %B", "main", folder=main)
    assert message.startswith("conductor-watch <conductor-watch@localhost> core-amf: what core/scale states")
    assert f"Effect-Key: {effect().key}" in message


def test_the_next_revision_goes_on_from_the_one_before(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    done(kpt, change(5))
    (revision,) = done(kpt, change(7), generation=2).revisions
    assert revision.revision == 2
    assert "replicas: 7" in show(main, "main", "core-amf/deployment-amf.yaml")
    assert "replicas: 5" in show(main, "core-amf/v1", "core-amf/deployment-amf.yaml")


def test_what_says_so_already_gets_no_revision(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    (first,) = done(kpt, change(5)).revisions
    before = refs(main)
    (second,) = done(kpt, change(5), generation=2).revisions
    assert second == replace(first, changed=False)
    assert refs(main) == before


def test_several_packages_come_in_one_push(executor: MakeExecutor, main: Path) -> None:
    outcome = done(executor(), change(5), change(3, "smf"))
    assert [item.package for item in outcome.revisions] == ["core-amf", "core-smf"]
    assert "replicas: 5" in show(main, "main", "core-amf/deployment-amf.yaml")
    assert "replicas: 3" in show(main, "main", "core-smf/deployment-smf.yaml")
    assert git("rev-list", "--count", "main", folder=main) == "3"


def test_what_others_wrote_in_a_package_stays(executor: MakeExecutor, main: Path) -> None:
    files = {
        "nf/core-amf/Kptfile": KPTFILE,
        "nf/core-amf/workloads.yaml": DEPLOYMENT.format(name="amf"),
        "nf/core-amf/other.yaml": DEPLOYMENT.format(name="smf"),
        "nf/core-amf/notes.txt": "Call us first.\n",
        "nf/core-amf/below/Kptfile": KPTFILE,
        "nf/core-amf/below/deployment.yaml": DEPLOYMENT.format(name="amf"),
    }
    commit(main, files, "Write a package by hand")
    done(executor(directory="nf"), change(5))
    assert "replicas: 5" in show(main, "main", "nf/core-amf/workloads.yaml")
    for name in ("other.yaml", "notes.txt", "below/deployment.yaml"):
        assert show(main, "main", f"nf/core-amf/{name}") == files[f"nf/core-amf/{name}"].strip()
    assert show(main, "main", "nf/core-amf/Kptfile").startswith(KPTFILE.strip())
    assert f"refs/tags/nf/core-amf/{WORKSPACE}" in refs(main)


@pytest.mark.parametrize(("lifecycle", "kind"), [("Draft", "drafts"), ("Proposed", "proposed")])
def test_what_is_not_published_waits_on_a_branch(
    executor: MakeExecutor, main: Path, lifecycle: str, kind: str
) -> None:
    kpt = executor()
    before = refs(main)["refs/heads/main"]
    outcome = done(kpt, change(5), lifecycle=lifecycle)
    assert [(item.revision, item.lifecycle) for item in outcome.revisions] == [(0, lifecycle)]
    assert refs(main)["refs/heads/main"] == before
    assert "replicas: 5" in show(main, f"{kind}/core-amf/{WORKSPACE}", "core-amf/deployment-amf.yaml")
    assert kpt.read_back(effect(change(5), lifecycle=lifecycle)) == outcome


def image(name: str) -> PackageChange:
    """What sets the image, and no replicas."""
    spec = {"template": {"spec": {"containers": [{"name": "amf", "image": name}]}}}
    item = {**change(1).objects[0], "spec": spec}
    return replace(change(1), objects=(item,), fields=("Deployment/amf:image",))


def test_a_proposal_of_another_intent_is_held_by_the_next_one(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    first = effect(change(5), lifecycle="Proposed")
    assert isinstance(kpt.execute(first), Done)
    commit(main, {"other.txt": "x\n"}, "Go on")
    (revision,) = done(kpt, image("amf:2"), name="image", lifecycle="Proposed").revisions
    opened = [ref for ref in refs(main) if ref.startswith("refs/heads/proposed")]
    assert opened == [f"refs/heads/proposed/core-amf/{revision.workspace}"]
    text = show(main, opened[0], "core-amf/deployment-amf.yaml")
    assert "replicas: 5" in text
    assert "amf:2" in text
    assert show(main, opened[0], "other.txt") == "x"
    found = kpt.read_back(first)
    assert isinstance(found, Done)
    assert found.revisions[0].workspace == revision.workspace
    assert kpt.execute(first) == found


def test_a_newer_generation_takes_the_place_of_what_the_older_one_proposed(
    executor: MakeExecutor, main: Path
) -> None:
    kpt = executor()
    done(kpt, change(5), lifecycle="Proposed")
    (revision,) = done(kpt, image("amf:2"), generation=2, lifecycle="Proposed").revisions
    opened = [ref for ref in refs(main) if ref.startswith("refs/heads/proposed")]
    assert opened == [f"refs/heads/proposed/core-amf/{revision.workspace}"]
    assert "replicas" not in show(main, opened[0], "core-amf/deployment-amf.yaml")


def test_what_is_published_at_last_takes_away_what_the_intent_had_proposed(
    executor: MakeExecutor, main: Path
) -> None:
    kpt = executor()
    done(kpt, change(5), lifecycle="Proposed")
    done(kpt, change(7), generation=2)
    assert "replicas: 7" in show(main, "main", "core-amf/deployment-amf.yaml")
    assert not [ref for ref in refs(main) if ref.startswith("refs/heads/proposed")]
    done(kpt, change(9), generation=3, lifecycle="Proposed")
    (revision,) = done(kpt, change(7), generation=4, lifecycle="Proposed").revisions
    assert (revision.revision, revision.lifecycle, revision.changed) == (1, "Published", False)
    assert not [ref for ref in refs(main) if ref.startswith("refs/heads/proposed")]


def test_a_proposal_that_others_wait_for_is_not_published_along(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    done(kpt, change(5), lifecycle="Proposed")
    outcome = kpt.execute(effect(image("amf:2"), name="image"))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.counts) == (Reason.PACKAGE_BUSY, False)
    assert "holds what core/scale wished" in outcome.message


def test_a_proposal_whose_wishes_are_known_no_more_is_waited_for(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    done(kpt, change(5), lifecycle="Proposed")
    DECIDED.clear()
    outcome = kpt.execute(effect(image("amf:2"), name="image", lifecycle="Proposed"))
    assert isinstance(outcome, Retry)
    assert "known no more" in outcome.message


def test_a_package_that_is_withdrawn_is_proposed_for_deletion(executor: MakeExecutor, main: Path) -> None:
    kpt = executor()
    done(kpt, change(5))
    done(kpt, change(7), generation=2, lifecycle="Proposed")
    end = effect(generation=3)
    packages = (PackageRef("main", "core-amf"), PackageRef("main", "core-gone"))
    withdrawal = Withdrawal(end.intent, end.generation, end.key, end.workspace, packages)
    outcome = kpt.withdraw(withdrawal)
    assert isinstance(outcome, Done), outcome
    assert [(item.package, item.lifecycle) for item in outcome.revisions] == [
        ("core-amf", "DeletionProposed")
    ]
    opened = [ref for ref in refs(main) if ref.startswith("refs/heads/proposed")]
    assert opened == [f"refs/heads/proposed/core-amf/{end.workspace}"]
    assert git("ls-tree", "--name-only", opened[0], folder=main) == "README.md"
    assert "replicas: 5" in show(main, "main", "core-amf/deployment-amf.yaml")
    before = refs(main)
    assert kpt.withdraw(withdrawal) == outcome
    assert refs(main) == before


def test_an_open_revision_of_somebody_else_is_waited_for(executor: MakeExecutor, main: Path) -> None:
    commit(main, {"core-amf/Kptfile": KPTFILE}, "Draft", branch="drafts/core-amf/by-hand")
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.counts) == (Reason.PACKAGE_BUSY, False)
    assert "drafts/core-amf/by-hand" in outcome.message


def test_a_push_that_comes_second_is_done_anew(executor: MakeExecutor, main: Path, server: GitServer) -> None:
    left = [2]

    def push_first(path: str) -> int:
        if "service=git-receive-pack" in path and left[0]:
            left[0] -= 1
            commit(main, {"other.txt": f"{left[0]}\n"}, "Be faster")
        return 0

    server.fault = push_first
    (revision,) = done(executor(), change(5)).revisions
    assert revision.revision == 1
    assert git("rev-list", "--count", "main", folder=main) == "4"
    assert show(main, "main", "other.txt") == "0"


def test_one_who_always_comes_second_takes_turns(
    executor: MakeExecutor, main: Path, server: GitServer
) -> None:
    def push_first(path: str) -> int:
        if "service=git-receive-pack" in path:
            commit(main, {"other.txt": f"{len(server.requests)}\n"}, "Be faster")
        return 0

    server.fault = push_first
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert not outcome.counts
    assert "core-amf/v1" not in refs(main)


def test_a_lost_answer_is_read_back(executor: MakeExecutor, main: Path, server: GitServer) -> None:
    server.cut = True
    (revision,) = done(executor(), change(5)).revisions
    assert revision.revision == 1
    assert git("rev-list", "--count", "main", folder=main) == "2"


def test_where_nobody_can_tell_it_stays_unknown_and_happens_once(
    executor: MakeExecutor, main: Path, server: GitServer
) -> None:
    server.cut = True
    server.fault = lambda path: (
        503 if server.requests.count("/main.git/git-receive-pack") and server.cut is False else 0
    )
    kpt = executor()
    assert isinstance(kpt.execute(effect(change(5))), Unknown)
    assert isinstance(kpt.read_back(effect(change(5))), Unknown)
    server.fault = lambda _: 0
    assert isinstance(kpt.read_back(effect(change(5))), Done)
    assert git("rev-list", "--count", "main", folder=main) == "2"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (500, "see to the git server"),
        (503, "see to the git server"),
        (403, "correct user and passwordFile"),
        (401, "correct user and passwordFile"),
        (404, "correct the repository's url"),
        (302, "the address that the server redirects to"),
    ],
)
def test_a_server_that_does_not_work_uses_up_no_retry(
    executor: MakeExecutor, main: Path, server: GitServer, code: int, advice: str
) -> None:
    server.fault = lambda _: code
    kpt = executor()
    outcome = kpt.execute(effect(change(5)))
    assert isinstance(outcome, Retry), outcome
    assert (outcome.reason, outcome.counts) == (Reason.BACKEND_DOWN, False)
    assert advice in outcome.message
    assert isinstance(kpt.probe(), Down)


def test_a_server_that_is_gone_uses_up_no_retry(executor: MakeExecutor) -> None:
    outcome = executor(url="http://127.0.0.1:1/main.git").execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert not outcome.counts


def test_a_missing_branch_is_told_and_waited_for(executor: MakeExecutor, main: Path) -> None:
    kpt = executor(branch="release")
    outcome = kpt.execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert "has no branch release; make it" in outcome.message
    down = kpt.probe()
    assert isinstance(down, Down)
    assert "has no branch release" in down.message


def test_one_repository_of_two_that_fails_is_told_apart(
    executor: MakeExecutor, main: Path, server: GitServer
) -> None:
    up = executor(repositories=("main", "gone")).probe()
    assert isinstance(up, Up)
    assert [problem.partition(":")[0] for problem in up.problems] == ["repository gone"]


def test_a_repository_that_the_settings_do_not_have_is_refused(executor: MakeExecutor) -> None:
    outcome = executor().execute(effect(change(5, repository="edge")))
    assert isinstance(outcome, Terminal)
    assert outcome.reason == Reason.RULE_ERROR
    assert "executors.kpt.repositories" in outcome.message


def test_what_a_hook_of_the_server_says_is_passed_on(executor: MakeExecutor, main: Path) -> None:
    program(main / "hooks" / "pre-receive", "#!/bin/sh\necho 'frozen until Monday' >&2; exit 1\n")
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert outcome.counts
    assert "frozen until Monday" in outcome.message


def test_the_password_is_given_and_stands_in_no_command(
    executor: MakeExecutor, main: Path, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    server.password = "bot:hunter2"
    settings = {"user": "bot", "passwordFile": str(tmp_path / "password")}
    kpt = executor(**settings)
    seen: list[str] = []
    run = kpt._kpt._runner.run

    def watch(*arguments: object, **keywords: object) -> object:
        seen.extend(map(str, arguments))
        return run(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(kpt._kpt._runner, "run", watch)
    done(kpt, change(5))
    assert seen
    assert "hunter2" not in "".join(seen)
    assert all("hunter2" not in path for path in server.requests)
    (tmp_path / "password").unlink()
    outcome = kpt.execute(effect(change(7), generation=2))
    assert isinstance(outcome, Retry)
    assert "cannot be read" in outcome.message


def test_functions_that_always_run_and_those_of_the_kptfile_run(
    executor: MakeExecutor, main: Path, tmp_path: Path, kpt: Path
) -> None:
    if "stand-in" not in kpt.read_text(errors="ignore")[:200]:
        pytest.skip("the functions of this test are for the stand-in")
    always = function(tmp_path / "bin" / "always", '#!/bin/sh\necho always >"$1/always.txt"\n', always=True)
    named = function(tmp_path / "bin" / "named", '#!/bin/sh\necho named >"$1/named.txt"\n')
    pipeline = f"pipeline:\n  mutators:\n  - exec: {named.path}\n"
    commit(main, {"core-amf/Kptfile": KPTFILE + pipeline}, "Write a package by hand")
    done(executor(always, named), change(5))
    assert show(main, "main", "core-amf/always.txt") == "always"
    assert show(main, "main", "core-amf/named.txt") == "named"
