"""The porchctl executor with real processes; porchctl is a stand-in that says what the real one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.executors.base import Absent, Done, Down, Effect, Retry, Terminal, Unknown, Up
from engine.executors.porchctl.cli import PorchctlApi
from engine.executors.porchctl.executor import PorchctlExecutor
from engine.identity import effect_key, workspace_name
from engine.krm import PackageChange
from engine.reasons import Reason
from tests.integration.porchctl.conftest import CONFIG
from tests.integration.porchctl.standin import Porch, Reply, Revision, failed

COMMANDS = ["get", "init", "copy", "pull", "push", "propose", "approve", "reject", "del"]


def change(replicas: int, target: str = "amf", repository: str = "edge") -> PackageChange:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": target, "namespace": "core"},
        "spec": {"replicas": replicas},
    }
    field = f"Deployment/{target}:spec.replicas"
    return PackageChange(repository, "core", target, f"core-{target}", (deployment,), (field,))


def effect(*changes: PackageChange, generation: int = 1, lifecycle: str = "Published") -> Effect:
    key = effect_key("core", "scale", "uid", generation, "hash")
    return Effect("core/scale", generation, key, workspace_name(key), lifecycle, changes)


def done(executor: PorchctlExecutor, wished: Effect) -> Done:
    outcome = executor.execute(wished)
    assert isinstance(outcome, Done), outcome
    return outcome


def test_a_revision_is_made_published_and_found_again(executor: PorchctlExecutor, porch: Porch) -> None:
    wished = effect(change(5))
    assert executor.read_back(wished) == Absent()
    outcome = done(executor, wished)
    (revision,) = outcome.revisions
    assert (revision.revision, revision.lifecycle, revision.changed) == (1, "Published", True)
    assert revision.resource_name == f"edge.core-amf.{wished.workspace}"
    assert "replicas: 5" in porch.revisions[revision.resource_name].files["deployment-amf.yaml"]
    assert executor.read_back(wished) == outcome
    assert done(executor, wished).revisions[0].resource_name == revision.resource_name
    assert len(porch.revisions) == 1


def test_later_revisions_are_made_by_copy(executor: PorchctlExecutor, porch: Porch) -> None:
    done(executor, effect(change(5)))
    (revision,) = done(executor, effect(change(7), generation=2)).revisions
    assert revision.revision == 2
    assert porch.revisions[revision.resource_name].source.startswith("edge.core-amf.")
    (same,) = done(executor, effect(change(7), generation=3)).revisions
    assert (same.revision, same.changed) == (2, False)


def test_a_draft_whose_making_broke_off_in_porch_is_filled(executor: PorchctlExecutor, porch: Porch) -> None:
    wished = effect(change(5))
    begun = Revision("edge", "core-amf", wished.workspace, files={})
    porch.revisions[begun.name] = begun
    (revision,) = done(executor, wished).revisions
    (item,) = porch.revisions.values()
    assert (item.name, item.lifecycle) == (revision.resource_name, "Published")
    assert set(item.files) == {"Kptfile", "deployment-amf.yaml"}


@pytest.mark.parametrize("lifecycle", ["Draft", "Proposed"])
def test_it_goes_no_further_than_was_decided(
    executor: PorchctlExecutor, porch: Porch, lifecycle: str
) -> None:
    (revision,) = done(executor, effect(change(5), lifecycle=lifecycle)).revisions
    assert revision.lifecycle == lifecycle
    assert [item.lifecycle for item in porch.revisions.values()] == [lifecycle]


def test_all_packages_are_drafted_before_one_is_proposed(executor: PorchctlExecutor, porch: Porch) -> None:
    done(executor, effect(change(5), change(3, "smf")))
    steps = [words[1] for words in porch.commands if words[0] == "rpkg"]
    assert max(place for place, word in enumerate(steps) if word == "push") < steps.index("propose")


@pytest.mark.parametrize("step", ["init", "push", "propose", "approve"])
def test_an_answer_that_is_lost_makes_no_second_revision(
    executor: PorchctlExecutor, porch: Porch, step: str
) -> None:
    lost = [True]

    def lose(words: list[str]) -> Reply | None:
        if words[1:2] == [step] and lost:
            lost.clear()
            return Reply(code=-9)
        return None

    porch.after = lose  # type: ignore[assignment] # it is given lists
    wished = effect(change(5))
    outcome = executor.execute(wished)
    assert isinstance(outcome, Unknown), outcome
    assert "signal 9" in outcome.message
    if isinstance(executor.read_back(wished), Absent):
        done(executor, wished)
    assert [item.lifecycle for item in porch.revisions.values()] == ["Published"]
    assert isinstance(executor.read_back(wished), Done)


@pytest.mark.parametrize(
    ("said", "kind", "reason"),
    [
        (
            'Get "https://127.0.0.1:6443/api": dial tcp 127.0.0.1:6443: connect: connection refused',
            Retry,
            "BackendDown",
        ),
        (
            "the server is currently unable to handle the request (get packagerevisions.porch.kpt.dev)",
            Retry,
            "BackendDown",
        ),
        ("unknown (get packagerevisions.porch.kpt.dev)", Retry, "BackendDown"),
        (
            "the server has asked for the client to provide credentials (get packagerevisions.porch.kpt.dev)",
            Retry,
            "BackendDown",
        ),
        (
            "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
            Retry,
            "BackendDown",
        ),
    ],
)
def test_an_outage_uses_up_no_retry_and_shows_in_the_probe(
    executor: PorchctlExecutor, porch: Porch, said: str, kind: type, reason: str
) -> None:
    noise = "E1123 14:52:27.000000    4711 memcache.go:265] couldn't get current server API group list\n"
    reply = Reply(stderr=f"{noise}Error: {said} \n", code=1)
    porch.fault = lambda words: None if words == ["version"] else reply
    outcome = executor.execute(effect(change(5)))
    assert isinstance(outcome, Retry), outcome
    assert (outcome.reason, outcome.counts) == (reason, False)
    assert "memcache" not in outcome.message
    assert isinstance(executor.probe(), Down)
    assert isinstance(executor.read_back(effect(change(5))), Unknown)


def test_what_is_refused_ends_it(executor: PorchctlExecutor, porch: Porch) -> None:
    outcome = executor.execute(effect(change(5, repository="nope")))
    assert isinstance(outcome, Terminal)
    assert outcome.reason == Reason.RULE_ERROR
    said = "Internal error occurred: failed to heal resources: MalformedYAMLError: yaml: line 2"
    porch.fault = lambda words: failed(said) if words[1:2] == ["push"] else None
    outcome = executor.execute(effect(change(5)))
    assert isinstance(outcome, Terminal)
    assert "correct the file" in outcome.message


def test_somebody_who_comes_between_is_noticed(executor: PorchctlExecutor, porch: Porch) -> None:
    pushed = [True]

    def meddle(words: list[str]) -> None:
        if words[1:2] == ["pull"] and len(porch.commands) > 4 and pushed:
            pushed.clear()
            for item in porch.revisions.values():
                item.version += 1

    porch.after = meddle  # type: ignore[assignment] # it changes no answer
    assert done(executor, effect(change(5)))
    assert [item.lifecycle for item in porch.revisions.values()] == ["Published"]


def test_a_function_that_complains_and_ends_well_has_failed(executor: PorchctlExecutor, porch: Porch) -> None:
    porch.complaint = "[error] v1/ConfigMap/function-input: `data.namespace` should not be empty"
    outcome = executor.execute(effect(change(5)))
    assert isinstance(outcome, Terminal), outcome
    assert "`data.namespace` should not be empty" in outcome.message
    assert "Published" not in {item.lifecycle for item in porch.revisions.values()}


@pytest.mark.parametrize(
    "reply",
    [
        Reply("no json"),
        Reply("[1, 2"),
        Reply('{"kind": "PackageRevision"}'),
        Reply("[" * 100_000),
        Reply("\x1b[31m\ufffd" * 10, code=1),
        Reply(code=-11),
        Reply(code=137),
    ],
)
def test_a_porchctl_that_says_nonsense_makes_nothing_happen(
    executor: PorchctlExecutor, porch: Porch, reply: Reply
) -> None:
    porch.fault = lambda words: reply if words[1:2] == ["get"] else None
    outcome = executor.execute(effect(change(5)))
    assert isinstance(outcome, Retry | Unknown), outcome
    assert outcome.message.isprintable()
    assert porch.revisions == {}


def test_it_has_a_kubeconfig_of_its_own_for_one_command_only(
    executor: PorchctlExecutor, porch: Porch, tmp_path: Path
) -> None:
    done(executor, effect(change(5)))
    assert set(porch.kubeconfigs) == {CONFIG.decode()}
    assert all("narrow" not in word for words in porch.commands for word in words)
    (root,) = (tmp_path / "work").iterdir()
    assert [path.name for path in root.iterdir()] == ["lock"]


def test_the_probe_tells_versions_and_repositories(executor: PorchctlExecutor, porch: Porch) -> None:
    up = executor.probe()
    assert isinstance(up, Up)
    assert up.detail.startswith("porchctl Version: 1.5.8, porch in namespace default")
    assert up.problems == ()
    executor.execute(effect(change(5, repository="nope")))
    up = executor.probe()
    assert isinstance(up, Up)
    assert "nope is not registered" in up.problems[0]


def test_only_what_is_needed_can_be_run(api: PorchctlApi) -> None:
    words = {" ".join(words) for words in api._program.subcommands}
    assert words == {
        "version",
        "repo get",
        "rpkg propose-delete",
        *(f"rpkg {word}" for word in COMMANDS),
    }
