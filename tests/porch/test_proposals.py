"""Open revisions: of others, and those of ours in which several intents have a part."""

from __future__ import annotations

import pytest

from engine.executors.base import (
    Absent,
    Retry,
    Revision,
    Terminal,
    Unknown,
)
from engine.reasons import Reason
from tests.porch.conftest import Bench, change, config_map, deployment
from tests.porch.looking import done, files, wishes
from tests.porch.server import hangs_up


def test_somebody_elses_open_revision_is_waited_for(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    theirs = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    effect = bench.effect(change(deployment(6)), generation=2)
    outcome = executor.execute(effect)
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.counts) == (Reason.PACKAGE_BUSY, False)
    assert theirs in outcome.message
    bench.porch.move(theirs, "Published")
    (revision,) = done(executor.execute(effect))
    assert revision.revision == 3


def test_a_proposal_of_ours_gives_way_to_one_that_holds_both(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    (revision,) = done(executor.execute(other))
    assert [item["metadata"]["name"] for item in bench.porch.of_package()] == [revision.resource_name]
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(a="b")
    assert one.workspace in wishes(bench.porch, revision)
    assert done(executor.read_back(one)) == (revision,)


def test_a_proposal_of_an_older_generation_goes_with_all_that_it_said(bench: Bench) -> None:
    executor = bench.executor()
    old = bench.effect(change(config_map(a="b")), lifecycle="Proposed")
    new = bench.effect(change(deployment(6)), generation=2, lifecycle="Proposed")
    done(executor.execute(old))
    (revision,) = done(executor.execute(new))
    assert [item["metadata"]["name"] for item in bench.porch.of_package()] == [revision.resource_name]
    assert "configmap-amf.yaml" not in files(bench.porch, revision)
    assert isinstance(executor.read_back(old), Absent)


def test_an_older_generation_goes_out_of_a_proposal_that_others_share(bench: Bench) -> None:
    executor = bench.executor()
    old = bench.effect(change(config_map(a="b")), lifecycle="Proposed")
    other = bench.effect(change(deployment(5)), intent="core/scale", lifecycle="Proposed")
    new = bench.effect(change(config_map(c="d")), generation=2, lifecycle="Proposed")
    for effect in (old, other, new):
        (revision,) = done(executor.execute(effect))
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(c="d")
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert [wish.split()[1] for wish in wishes(bench.porch, revision).split(",")] == [
        "core/scale@1",
        "core/amf@2",
    ]


def test_a_shared_proposal_is_waited_for_where_nobody_knows_what_the_others_wished(bench: Bench) -> None:
    executor = bench.executor()
    old = bench.effect(change(config_map(a="b")), lifecycle="Proposed")
    other = bench.effect(change(deployment(5)), intent="core/scale", lifecycle="Proposed")
    new = bench.effect(change(config_map(c="d")), generation=2, lifecycle="Proposed")
    done(executor.execute(old))
    done(executor.execute(other))
    del bench.decided[other.workspace]
    outcome = executor.execute(new)
    assert isinstance(outcome, Retry)
    assert outcome.reason == Reason.PACKAGE_BUSY


def test_a_rejected_proposal_is_not_proposed_again_with_the_next(bench: Bench) -> None:
    executor = bench.executor()
    (rejected,) = done(executor.execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    bench.porch.move(rejected.resource_name, "Draft")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (revision,) = done(executor.execute(other))
    assert "deployment-amf.yaml" not in files(bench.porch, revision)
    assert bench.porch.lifecycles() == ["Proposed"]


@pytest.mark.parametrize("published", [True, False])
def test_what_others_may_only_propose_is_not_published_along(bench: Bench, published: bool) -> None:
    executor = bench.executor()
    if published:
        done(executor.execute(bench.effect(change(deployment(4)), intent="core/first")))
    done(executor.execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    shared = bench.effect(change(config_map(c="d")), intent="core/shared", lifecycle="Proposed")
    done(executor.execute(shared))
    done(executor.execute(bench.effect(change(deployment(7)), generation=2, lifecycle="Proposed")))
    other = bench.effect(change(config_map(a="b")), intent="core/config")
    outcome = executor.execute(other)
    assert isinstance(outcome, Retry)
    assert outcome.reason == Reason.PACKAGE_BUSY
    assert bench.porch.lifecycles() == ["Proposed"] + ["Published"] * published


def test_a_proposal_that_cannot_be_extended_stays_proposed_as_it_was(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    (before,) = done(executor.execute(one))
    was = dict(bench.porch.files[before.resource_name])
    bench.porch.render = lambda files: {"error": "no"} if "configmap-amf.yaml" in files else {}
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    assert isinstance(executor.execute(other), Terminal)
    assert bench.porch.lifecycles() == ["Proposed"]
    assert bench.porch.files[before.resource_name] == was


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_proposal_is_not_lost_where_extending_it_breaks_off(
    bench: Bench, step: int, carried_out: bool
) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    for _ in range(step - 1):
        bench.porch.fail("PATCH /packagerevision", None)
    bench.porch.fail("PATCH /packagerevision", hangs_up, done=carried_out)
    assert isinstance(executor.execute(other), Unknown)
    if isinstance(executor.read_back(other), Absent):
        done(executor.execute(other))
    (revision,) = done(executor.read_back(one))
    assert done(executor.read_back(other)) == (revision,)
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(a="b")
    assert bench.porch.lifecycles() == ["Proposed"]


def test_a_proposal_begun_before_something_was_published_is_made_anew_with_all_that_it_held(
    bench: Bench,
) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(4)), intent="core/first")))
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (proposed,) = done(executor.execute(one))
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    bench.porch.files[by_hand]["notes.md"] = "kept"
    bench.porch.move(by_hand, "Published")
    (revision,) = done(executor.execute(other))
    assert revision.resource_name != proposed.resource_name
    assert bench.porch.lifecycles() == ["Proposed", "Published", "Published"]
    assert bench.porch.files[revision.resource_name]["notes.md"] == "kept"
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert done(executor.read_back(one)) == (revision,)


def test_a_revision_is_tracked_into_the_one_that_holds_its_effect_by_now(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(4)), intent="core/first")))
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    (proposed,) = done(executor.execute(one))
    assert executor.track(proposed, one.workspace) == proposed
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    bench.porch.move(by_hand, "Published")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (shared,) = done(executor.execute(other))
    assert executor.track(proposed, one.workspace) == shared
    bench.porch.move(shared.resource_name, "Published")
    seen = executor.track(shared, one.workspace)
    assert isinstance(seen, Revision)
    assert (seen.lifecycle, seen.revision) == ("Published", 3)


def test_an_effect_is_taken_out_of_a_proposal_that_others_share(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    (revision,) = done(executor.execute(other))
    done(executor.discard(revision, one.workspace))
    assert bench.porch.lifecycles() == ["Proposed"]
    assert "deployment-amf.yaml" not in files(bench.porch, revision)
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(a="b")
    done(executor.discard(revision, other.workspace))
    assert bench.porch.of_package() == []
    done(executor.discard(revision, other.workspace))


def test_nothing_is_taken_out_where_nobody_knows_what_the_others_wished(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    (revision,) = done(executor.execute(other))
    del bench.decided[other.workspace]
    assert isinstance(executor.discard(revision, one.workspace), Retry)
    assert bench.porch.lifecycles() == ["Proposed"]
