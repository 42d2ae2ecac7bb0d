"""What is done about revisions after their effect, through a real backend: withdrawn, taken back, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from engine.krm.package import package_name
from tests.cluster.api import NETWORK_INTENTS
from tests.e2e.porch.backends import NAMES, OVER_PORCH
from tests.e2e.porch.conftest import Stage

MakeStage = Callable[..., Stage]
EACH = pytest.mark.parametrize("name", NAMES)
AT_ONCE = 0.0001
"""A time in hours that is over when anybody looks."""


@EACH
def test_what_a_newer_generation_proposes_takes_back_what_the_older_one_did(
    make_stage: MakeStage, name: str
) -> None:
    stage = make_stage(name, lifecycle="Proposed")
    for target in ("amf", "smf"):
        stage.workload(target)
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("AwaitingApproval", ["scale"], stage.product)
    stage.intents.wish("scale", "scale smf to 4 replicas")
    stage.intents.wait("AwaitingApproval", ["scale"], stage.product)
    newer = package_name(stage.namespace, "smf")
    stage.until(lambda: [item.package for item in stage.revisions()] == [newer])


@EACH
def test_a_deleted_intent_has_its_packages_withdrawn_where_it_wishes_so(
    make_stage: MakeStage, name: str
) -> None:
    stage = make_stage(name)
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas", deletionPolicy="Withdraw")
    stage.intents.wait("Completed", ["scale"], stage.product)
    about = (NETWORK_INTENTS, stage.namespace, "scale")
    stage.until(lambda: bool(stage.given.admin.get(*about)["metadata"].get("finalizers")))
    stage.intents.delete("scale")
    stage.until(lambda: stage.intents.is_gone("scale"))
    seen = sorted(item.lifecycle for item in stage.revisions())
    assert seen == (["Proposed", "Published"] if name == "kpt" else ["DeletionProposed"])


@EACH
def test_gc_deletes_what_an_intent_left_that_is_gone(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name, lifecycle="Proposed", keepDraftsHours=AT_ONCE)
    for target in ("amf", "smf"):
        stage.workload(target)
        stage.intents.wish(target, f"scale {target} to 5 replicas")
    stage.product.start()
    stage.intents.wait("AwaitingApproval", ["amf", "smf"], stage.product)
    stage.intents.delete("amf")
    stage.until(lambda: stage.intents.is_gone("amf"))
    left, stays = (package_name(stage.namespace, target) for target in ("amf", "smf"))

    def listed() -> list[str]:
        told = stage.product.ask("gc", "--dry-run", "-o", "json")
        assert told.returncode == 0, told.stderr
        return [item["resourceName"] for item in json.loads(told.stdout)["revisions"]]

    stage.until(lambda: any(left in found for found in listed()))
    assert not any(stays in found for found in listed())
    assert stage.product.ask("gc").returncode == 0
    assert [item.package for item in stage.revisions()] == [stays]


@pytest.mark.parametrize("name", OVER_PORCH)
def test_of_the_published_revisions_the_newest_are_kept(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name, keepRevisions=2)
    stage.workload("amf")
    stage.product.start()
    for replicas in range(3, 7):
        stage.intents.wish("scale", f"scale amf to {replicas} replicas")
        stage.intents.wait("Completed", ["scale"], stage.product)
    package = package_name(stage.namespace, "amf")
    assert [item.revision for item in stage.published(package)] == [3, 4]
