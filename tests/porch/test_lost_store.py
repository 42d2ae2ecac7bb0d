"""A store that was lost while proposals wait: they are followed again, and nothing is proposed twice."""

from __future__ import annotations

import pytest
import yaml
from click.testing import CliRunner

from engine.cli.main import cli
from engine.settings import load_settings
from store import open_read_only, owners
from tests.integration.conftest import Workplace
from tests.porch.conftest import Bench
from tests.porch.test_following import proposed, published, replicas


def lose_store(place: Workplace) -> None:
    """Stops the daemon that runs once nothing is left to do, and takes its store away."""
    (daemon,) = place.daemons
    place.until(daemon.settled)
    place.stop(daemon)
    for path in place.settings.store.path.parent.glob("store.db*"):
        path.unlink()


def test_the_approval_of_what_a_lost_store_proposed_shows(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    before = place.status("scale")
    lose_store(place)
    place.until(place.start().settled)
    assert (place.reason("scale"), bench.porch.lifecycles()) == ("AwaitingApproval", ["Proposed"])
    bench.porch.move(revision, "Published")
    place.until(lambda: published(place) == "True")
    status = place.status("scale")
    assert place.reason("scale") == "Completed"
    assert status["packages"] == [before["packages"][0] | {"lifecycle": "Published", "revision": 1}]
    assert (status["interpretation"], status["decision"]) == (before["interpretation"], before["decision"])
    assert [item["metadata"]["name"] for item in bench.porch.of_package()] == [revision]


def test_what_was_approved_while_there_was_no_store_shows(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    lose_store(place)
    bench.porch.move(revision, "Published")
    place.start()
    place.until(lambda: published(place) == "True")
    assert place.reason("scale") == "Completed"


@pytest.mark.parametrize("there", [True, False])
def test_a_proposal_that_is_rejected_or_deleted_after_the_loss_shows(
    bench: Bench, place: Workplace, there: bool
) -> None:
    place.start()
    revision = proposed(place, bench)
    lose_store(place)
    place.start()
    if there:
        bench.porch.move(revision, "Draft")
    else:
        bench.porch.forget(revision)
    place.until(lambda: place.reason("scale") == "ProposalRejected")
    settings = str(place.root / "settings.yaml")
    answer = CliRunner().invoke(cli, ["intents", "retry", "core/scale", "--settings", settings])
    assert answer.exit_code == 0, answer.output
    place.until(lambda: place.reason("scale") == "AwaitingApproval")
    assert bench.porch.lifecycles() == ["Proposed"]


def test_what_was_rejected_is_not_proposed_again_by_a_loss(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    bench.porch.move(revision, "Draft")
    place.until(lambda: place.reason("scale") == "ProposalRejected")
    lose_store(place)
    place.until(place.start().settled)
    assert (place.reason("scale"), bench.porch.lifecycles()) == ("ProposalRejected", ["Draft"])
    bench.porch.move(revision, "Proposed")  # by hand
    place.until(lambda: place.reason("scale") == "AwaitingApproval")


def test_a_draft_that_a_lost_store_made_is_not_taken_for_rejected(bench: Bench, place: Workplace) -> None:
    path = place.root / "settings.yaml"
    path.write_text(path.read_text().replace("executor: porch}", "executor: porch, lifecycle: Draft}"))
    place.settings = load_settings(path, {})
    place.start()
    revision = proposed(place, bench)
    assert bench.porch.lifecycles() == ["Draft"]
    lose_store(place)
    place.until(place.start().settled)
    assert place.reason("scale") == "AwaitingApproval"
    bench.porch.move(revision, "Proposed")
    place.until(lambda: place.status("scale")["packages"][0]["lifecycle"] == "Proposed")
    assert place.reason("scale") == "AwaitingApproval"


def test_the_approval_of_a_shared_proposal_shows_on_each_of_its_intents_after_a_loss(
    bench: Bench, place: Workplace
) -> None:
    place.start()
    proposed(place, bench)
    revision = proposed(place, bench, "limit amf to 2 CPUs", "limit")
    lose_store(place)
    place.start()
    bench.porch.move(revision, "Published")
    for name in ("scale", "limit"):
        place.until(lambda name=name: published(place, name) == "True")
        assert place.status(name)["packages"][0]["resourceName"] == revision


def test_another_intent_extends_the_proposal_of_a_lost_store(bench: Bench, place: Workplace) -> None:
    place.start()
    proposed(place, bench)
    lose_store(place)
    place.start()
    revision = proposed(place, bench, "limit amf to 2 CPUs", "limit")
    place.until(lambda: bench.porch.lifecycles() == ["Proposed"])
    assert replicas(bench.porch, revision) == 5
    assert "limits" in bench.porch.files[revision]["deployment-amf.yaml"]
    bench.porch.move(revision, "Published")
    for name in ("scale", "limit"):
        place.until(lambda name=name: published(place, name) == "True")


def test_an_edit_after_the_loss_takes_the_place_of_the_proposal(bench: Bench, place: Workplace) -> None:
    place.start()
    old = proposed(place, bench)
    lose_store(place)
    daemon = place.start()
    place.until(daemon.settled)
    place.intent("scale", "scale amf to 7")
    place.until(lambda: place.status("scale")["observedGeneration"] == 2)
    place.until(lambda: place.reason("scale") == "AwaitingApproval")
    place.until(daemon.settled)
    (item,) = bench.porch.of_package()
    assert item["metadata"]["name"] != old
    assert replicas(bench.porch, item["metadata"]["name"]) == 7


@pytest.mark.parametrize("running", [True, False])
def test_a_refused_edit_takes_the_proposal_of_a_lost_store_away(
    bench: Bench, place: Workplace, running: bool
) -> None:
    place.start()
    proposed(place, bench)
    lose_store(place)
    if running:
        place.until(place.start().settled)
    place.intent("scale", "make it nice")
    if not running:
        place.start()
    place.until(lambda: place.status("scale")["phase"] == "Failed")
    place.until(lambda: bench.porch.of_package() == [])
    assert place.status("scale")["observedGeneration"] == 2


def test_an_edit_of_another_field_while_there_was_no_store_frees_the_field_of_before(
    bench: Bench, place: Workplace
) -> None:
    place.start()
    proposed(place, bench)
    lose_store(place)
    place.intent("scale", "limit amf to 2 CPUs")
    daemon = place.start()
    place.until(lambda: place.status("scale")["observedGeneration"] == 2)
    place.until(lambda: place.reason("scale") == "AwaitingApproval")
    place.until(daemon.settled)
    with open_read_only(place.settings.store.path) as reader:
        owned = owners.of_target(reader, "core", "amf")
    assert {(item.owner.intent_name, item.owner.generation) for item in owned} == {("scale", 2)}
    assert "Deployment/amf:spec.replicas" not in {item.field for item in owned}
    (item,) = bench.porch.of_package()
    found = yaml.safe_load(bench.porch.files[item["metadata"]["name"]]["deployment-amf.yaml"])
    assert "replicas" not in found["spec"]
