"""The porch executor over the real HTTP client, on a porch that answers as the real one was heard to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from engine.executors.base import (
    Absent,
    Done,
    Effect,
    Revision,
    Terminal,
    Unknown,
)
from engine.executors.porch.model import label
from engine.reasons import Reason
from tests.porch.conftest import Bench, change, config_map, deployment
from tests.porch.looking import STEPS, done, files
from tests.porch.server import hangs_up, says
from tests.unit.executors.messages import RETRYABLE


@pytest.mark.parametrize(
    ("lifecycle", "writes"),
    [
        ("Draft", ["POST", "PATCH"]),
        ("Proposed", ["POST", "PATCH", "PATCH"]),
        ("Published", ["POST", "PATCH", "PATCH", "PATCH"]),
    ],
)
def test_a_revision_goes_as_far_as_was_decided(bench: Bench, lifecycle: str, writes: list[str]) -> None:
    effect = bench.effect(change(deployment(5)), lifecycle=lifecycle)
    (revision,) = done(bench.executor().execute(effect))
    assert revision == Revision(
        "main",
        "core-amf",
        effect.workspace,
        int(lifecycle == "Published"),
        lifecycle,
        f"main.core-amf.{effect.workspace}",
    )
    assert bench.porch.lifecycles() == [lifecycle]
    assert bench.porch.writes() == writes


def test_a_new_package_holds_what_was_decided_and_nothing_else(bench: Bench) -> None:
    (revision,) = done(bench.executor().execute(bench.effect(change(deployment(5)))))
    found = files(bench.porch, revision)
    assert found.pop("Kptfile")["metadata"]["name"] == "core-amf"
    assert found == {"deployment-amf.yaml": deployment(5)}


def test_a_later_revision_is_made_from_the_newest_published_one_and_keeps_what_others_wrote(
    bench: Bench,
) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    text = "# why it is so\napiVersion: v1\nkind: Secret\nmetadata: {name: amf}\n"
    bench.porch.files[by_hand]["secret.yaml"] = text
    bench.porch.move(by_hand, "Published")
    (revision,) = done(executor.execute(bench.effect(change(deployment(6)), generation=2)))
    assert revision.revision == 3
    assert bench.porch.files[revision.resource_name]["secret.yaml"] == text
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(6)


def test_a_package_that_says_it_already_gets_no_revision(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    (same,) = done(executor.execute(bench.effect(change(deployment(5)), generation=2)))
    assert same == replace(first, changed=False)
    assert len(bench.porch.of_package()) == 1


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_is_unknown_and_read_back_to_one_revision(
    bench: Bench, step: str, carried_out: bool
) -> None:
    effect = bench.effect(change(deployment(5)))
    bench.porch.fail(STEPS[step], hangs_up, done=carried_out)
    executor = bench.executor()
    assert isinstance(executor.execute(effect), Unknown)
    seen = executor.read_back(effect)
    assert isinstance(seen, Done) == (step == "published" and carried_out)
    (revision,) = done(executor.execute(effect))
    assert (revision.revision, revision.lifecycle) == (1, "Published")
    assert bench.porch.lifecycles() == ["Published"]
    assert done(executor.read_back(effect)) == (revision,)


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("calls", range(1, 13))
def test_killed_at_any_call_the_next_process_makes_one_revision_of_each_effect(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, calls: int, carried_out: bool
) -> None:
    first = bench.effect(change(deployment(5)), change(deployment(3, "smf"), "core-smf"))
    second = bench.effect(change(deployment(6)), generation=2)
    executor = bench.executor()
    send, left = executor._api._client._send, calls

    def killed(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left and not carried_out:
            raise KilledError
        answer = send(*arguments, **named)
        if not left:
            raise KilledError
        return answer

    monkeypatch.setattr(executor._api._client, "_send", killed)
    for effect in (first, second):
        try:
            done(executor.execute(effect))
        except KilledError:
            executor = bench.executor()
            if isinstance(executor.read_back(effect), Absent):
                done(executor.execute(effect))
    found = [(item["spec"]["packageName"], item["spec"]["lifecycle"]) for item in bench.porch.of_package()]
    assert sorted(found) == [("core-amf", "Published")] * 2 + [("core-smf", "Published")]


@pytest.mark.parametrize("generation", [1, 2])
def test_a_draft_whose_making_broke_off_in_porch_is_filled(bench: Bench, generation: int) -> None:
    executor, source = bench.executor(), ""
    if generation == 2:
        (first,) = done(executor.execute(bench.effect(change(deployment(4)))))
        source = first.resource_name
    effect = bench.effect(change(deployment(5)), generation=generation)
    begun = bench.porch.add("core-amf", effect.workspace, source=source)
    bench.porch.files[begun].clear()
    (revision,) = done(executor.execute(effect))
    assert revision.resource_name == begun
    found = files(bench.porch, revision)
    assert found["deployment-amf.yaml"] == deployment(5)
    assert found["Kptfile"]["metadata"]["name"] == "core-amf"


@pytest.mark.parametrize("lost", ["Kptfile", "deployment-amf.yaml", "configmap-amf.yaml"])
@pytest.mark.parametrize("lifecycle", ["Proposed", "Published"])
def test_a_proposal_that_porch_lost_files_of_is_made_whole_before_it_is_published(
    bench: Bench, lifecycle: str, lost: str
) -> None:
    executor = bench.executor()
    (before,) = done(executor.execute(bench.effect(change(config_map(a="b")), intent="core/config")))
    effect = bench.effect(change(deployment(5)), lifecycle=lifecycle)
    call = "PATCH /approval" if lifecycle == "Published" else "PATCH /packagerevisions/"
    bench.porch.fail(call, hangs_up, done=lifecycle == "Proposed")
    assert isinstance(executor.execute(effect), Unknown)
    del bench.porch.files[f"main.core-amf.{effect.workspace}"][lost]
    assert executor.read_back(effect) == Absent()
    (revision,) = done(executor.execute(effect))
    assert done(executor.read_back(effect)) == (revision,)
    found = files(bench.porch, revision)
    assert (found["deployment-amf.yaml"], found["configmap-amf.yaml"]) == (deployment(5), config_map(a="b"))
    assert (
        found["Kptfile"]["metadata"]["annotations"]
        != files(bench.porch, before)["Kptfile"]["metadata"]["annotations"]
    )


@pytest.mark.parametrize("lost", ["Kptfile", "deployment-amf.yaml", "configmap-amf.yaml"])
def test_a_shared_proposal_that_porch_lost_files_of_is_made_whole(bench: Bench, lost: str) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    done(executor.execute(one))
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (shared,) = done(executor.execute(other))
    del bench.porch.files[shared.resource_name][lost]
    (revision,) = done(executor.execute(other))
    assert done(executor.read_back(one)) == (revision,) == done(executor.read_back(other))
    found = files(bench.porch, revision)
    assert (found["deployment-amf.yaml"], found["configmap-amf.yaml"]) == (deployment(5), config_map(a="b"))
    assert bench.porch.lifecycles() == ["Proposed"]


def test_a_write_goes_only_over_the_revision_as_it_was_seen(bench: Bench) -> None:
    done(bench.executor().execute(bench.effect(change(deployment(5)))))
    bodies = [body for body in bench.porch.bodies if body and "tasks" not in body["spec"]]
    assert len(bodies) == 3
    assert all(body["metadata"]["resourceVersion"] for body in bodies)


@pytest.mark.parametrize("step", ["written", "proposed", "published"])
def test_a_change_by_somebody_else_is_looked_at_and_gone_on_from(bench: Bench, step: str) -> None:
    code, said = RETRYABLE["a stale version"]
    bench.porch.fail(STEPS[step], says(code, said))
    (revision,) = done(bench.executor().execute(bench.effect(change(deployment(5)))))
    assert revision.lifecycle == "Published"


def test_what_somebody_published_since_is_not_undone(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    effect = bench.effect(change(deployment(6)), generation=2)
    bench.porch.fail(STEPS["proposed"], hangs_up)
    assert isinstance(executor.execute(effect), Unknown)
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    bench.porch.files[by_hand]["notes.md"] = "kept"
    bench.porch.move(by_hand, "Published")
    (revision,) = done(executor.execute(effect))
    assert bench.porch.files[revision.resource_name]["notes.md"] == "kept"
    assert revision.revision == 3


def test_files_that_come_late_are_waited_for(bench: Bench) -> None:
    bench.porch.fail(
        STEPS["written"], says(404, RETRYABLE["resources that are not there, or not yet"][1]), times=2
    )
    done(bench.executor().execute(bench.effect(change(deployment(5)))))
    assert bench.porch.writes().count("POST") == 1


def test_of_several_packages_none_is_proposed_before_all_are_rendered(bench: Bench) -> None:
    effect = bench.effect(change(deployment(5)), change(deployment(3, "smf"), "core-smf", "edge"))
    bench.porch.render = lambda files: {"error": "no"} if "deployment-smf.yaml" in files else {}
    assert isinstance(bench.executor().execute(effect), Terminal)
    assert set(bench.porch.lifecycles()) == {"Draft"}
    bench.porch.render = lambda _: {}
    assert [item.lifecycle for item in done(bench.executor().execute(effect))] == ["Published"] * 2


def test_a_function_that_complains_and_ends_well_is_a_failure(bench: Bench) -> None:
    complaint = {"message": "data.namespace should not be empty", "severity": "error"}
    said = {"result": {"exitCode": 0, "items": [{"image": "set-namespace:v0.4", "results": [complaint]}]}}
    bench.porch.render = lambda _: said
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Terminal)
    assert "set-namespace:v0.4: data.namespace should not be empty" in outcome.message
    assert bench.porch.lifecycles() == ["Draft"]


def test_a_function_that_only_informs_is_none(bench: Bench) -> None:
    informs = {"message": "done", "severity": "info"}
    bench.porch.render = lambda _: {"result": {"items": [{"image": "a", "results": [informs]}]}}
    done(bench.executor().execute(bench.effect(change(deployment(5)))))


def test_a_function_that_changes_what_was_written_is_a_conflict(bench: Bench) -> None:
    def pipeline(files: dict[str, str]) -> dict[str, Any]:
        files["deployment-amf.yaml"] = files["deployment-amf.yaml"].replace("replicas: 5", "replicas: 1")
        return {}

    bench.porch.render = pipeline
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Terminal)
    assert outcome.reason == Reason.CONFLICT


def test_too_large_a_package_is_refused_before_it_is_sent(bench: Bench) -> None:
    large = config_map(a="x" * (6 * 1024 * 1024))
    outcome = bench.executor().execute(bench.effect(change(large)))
    assert isinstance(outcome, Terminal)
    assert "too large" in outcome.message
    assert bench.porch.writes() == ["POST"]


def test_a_file_that_nobody_can_read_is_told(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    bench.porch.files[first.resource_name]["broken.yaml"] = "a: [1"
    outcome = executor.execute(bench.effect(change(deployment(6)), generation=2))
    assert isinstance(outcome, Terminal)
    assert "broken.yaml" in outcome.message


@pytest.mark.parametrize("name", ["Core_AMF", "a" * 64, "a/b", "../up", "ünï", "-", "", "a.b"])
def test_a_name_that_porch_does_not_take_is_shortened_the_same_each_time(name: str) -> None:
    made = label(name)
    assert made == label(name) == label(made)
    assert made != label(name + "x")
    assert 0 < len(made) <= 63


def test_packages_of_names_that_porch_does_not_take_are_written(bench: Bench) -> None:
    names = ["Core_AMF", "a" * 64]
    for number, name in enumerate(names):
        effect = bench.effect(change(deployment(5), name), generation=number + 1)
        (revision,) = done(bench.executor().execute(effect))
        assert revision.package == label(name)


def writes_at_once(bench: Bench, cache: str, *repositories: str) -> int:
    """How many writes porch has under way at once, at most, of effects that are carried out at once."""
    bench.porch.cache, bench.porch.seconds = cache, 0.05
    executor = bench.executor(cache="detect")
    done(executor.execute(bench.effect(change(deployment(1), "first"), intent="core/first")))
    effects: list[Effect] = [
        bench.effect(change(deployment(5), f"core-{number}", repository), intent=f"core/{number}")
        for number, repository in enumerate(repositories)
    ]
    with ThreadPoolExecutor(len(effects)) as pool:
        for outcome in pool.map(executor.execute, effects):
            done(outcome)
    return bench.porch.most


def test_with_the_cr_cache_one_revision_is_written_at_a_time_in_a_repository(bench: Bench) -> None:
    assert writes_at_once(bench, "cr", "main", "main", "main") == 1


def test_with_the_cr_cache_repositories_do_not_wait_for_one_another(bench: Bench) -> None:
    assert writes_at_once(bench, "cr", "main", "edge", "main", "edge") == 2


def test_with_the_database_cache_many_are_written_at_a_time(bench: Bench) -> None:
    assert writes_at_once(bench, "db", "main", "main", "main", "main") > 1
