"""The whole way of an intent through a real backend: made, edited, proposed, approved, refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from engine.krm.package import package_name
from tests.cluster.api import Object
from tests.e2e.porch.backends import NAMES, OVER_PORCH
from tests.e2e.porch.conftest import Stage
from tests.e2e.porch.revisions import Seen

MakeStage = Callable[..., Stage]
EACH = pytest.mark.parametrize("name", NAMES)
OVER_PORCH_EACH = pytest.mark.parametrize("name", OVER_PORCH)


def deployment(stage: Stage, target: str) -> Object:
    """Returns the Deployment in the last published revision of a target's package."""
    revision = stage.published(package_name(stage.namespace, target))[-1]
    files = stage.files(revision)
    found: Object = yaml.safe_load(files[f"deployment-{target}.yaml"])
    return found


def test_an_intent_is_published_and_its_status_names_the_revision(stage: Stage) -> None:
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("Completed", ["scale"], stage.product)
    assert deployment(stage, "amf")["spec"]["replicas"] == 5
    (package,) = stage.intents.status("scale")["packages"]
    (revision,) = stage.published(package_name(stage.namespace, "amf"))
    assert (package["lifecycle"], package["workspace"]) == ("Published", revision.workspace)
    assert (revision.revision, package["repository"]) == (1, stage.given.repository)


def test_a_later_revision_keeps_what_earlier_intents_stated(stage: Stage) -> None:
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("Completed", ["scale"], stage.product)
    stage.intents.wish("limit", "set the memory limit of amf to 512Mi")
    stage.intents.wait("Completed", ["limit"], stage.product)
    stage.intents.wish("scale", "scale amf to 7 replicas")
    stage.intents.wait("Completed", ["scale"], stage.product)
    spec = deployment(stage, "amf")["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert (spec["replicas"], container["resources"]["limits"]["memory"]) == (7, "512Mi")
    revisions = stage.published(package_name(stage.namespace, "amf"))
    assert [item.revision for item in revisions] == [1, 2, 3]


def test_an_intent_about_two_targets_publishes_two_packages(stage: Stage) -> None:
    for name in ("amf", "smf"):
        stage.workload(name)
    stage.product.start()
    stage.intents.wish("both", "scale amf to 4 replicas and scale smf to 6 replicas")
    stage.intents.wait("Completed", ["both"], stage.product)
    assert [deployment(stage, name)["spec"]["replicas"] for name in ("amf", "smf")] == [4, 6]


def test_a_wish_that_is_fulfilled_already_makes_no_revision(stage: Stage) -> None:
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("Completed", ["scale"], stage.product)
    stage.intents.wish("scale", "please scale amf to 5 replicas")
    stage.intents.wait("Completed", ["scale"], stage.product)
    assert len(stage.published(package_name(stage.namespace, "amf"))) == 1


@OVER_PORCH_EACH
def test_what_was_published_is_in_git(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name)
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("Completed", ["scale"], stage.product)
    files = stage.in_git(package_name(stage.namespace, "amf"))
    assert yaml.safe_load(files["deployment-amf.yaml"])["spec"]["replicas"] == 5


@EACH
def test_a_repository_that_is_not_there_is_named(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name, repository="no-such-repository")
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.until(lambda: "no-such-repository" in stage.intents.message("scale"))
    assert stage.intents.reason("scale") != "Completed"


def propose(stage: Stage) -> Seen:
    """Has an intent propose a package; returns its revision."""
    stage.workload("amf")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("AwaitingApproval", ["scale"], stage.product)
    (revision,) = stage.revisions()
    assert revision.lifecycle == "Proposed"
    return revision


@EACH
def test_what_a_person_approves_is_shown(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name, lifecycle="Proposed")
    stage.backend.packages.approve(propose(stage))
    stage.intents.wait("Completed", ["scale"], stage.product, seconds=60)
    (package,) = stage.intents.status("scale")["packages"]
    assert package["lifecycle"] == "Published"


@EACH
def test_what_a_person_rejects_is_shown(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name, lifecycle="Proposed")
    stage.backend.packages.reject(propose(stage))
    stage.intents.wait("ProposalRejected", ["scale"], stage.product, seconds=60)


@EACH
def test_a_revision_of_somebody_else_is_waited_for(make_stage: MakeStage, name: str) -> None:
    stage = make_stage(name)
    stage.workload("amf")
    package = package_name(stage.namespace, "amf")
    stage.backend.packages.draft(package, "somebody-else")
    stage.product.start()
    stage.intents.wish("scale", "scale amf to 5 replicas")
    stage.intents.wait("PackageBusy", ["scale"], stage.product)
    stage.backend.packages.remove(package)
    stage.intents.wait("Completed", ["scale"], stage.product)
