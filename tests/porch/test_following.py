"""The daemon over porch: what somebody does to a proposal shows in the status of its intent."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from engine.cli.main import cli
from tests.integration.conftest import Workplace
from tests.porch.conftest import Bench
from tests.porch.server import Porch, hangs_up, says
from tests.unit.executors.messages import OUTAGES


def published(place: Workplace, name: str = "scale") -> str:
    """The status of the condition Published; empty where there is none."""
    conditions = place.status(name).get("conditions", [])
    return next((item["status"] for item in conditions if item["type"] == "Published"), "")


def proposed(place: Workplace, bench: Bench, text: str = "scale amf to 5", name: str = "scale") -> str:
    """Has an intent proposed; returns the name of its revision."""
    place.intent(name, text)
    place.until(lambda: place.reason(name) == "AwaitingApproval", 60)
    assert published(place, name) == "False"
    (package,) = place.status(name)["packages"]
    return str(package["resourceName"])


def replicas(porch: Porch, revision: str) -> int:
    return int(yaml.safe_load(porch.files[revision]["deployment-amf.yaml"])["spec"]["replicas"])


def test_an_approval_shows_as_completed_and_published(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    bench.porch.move(revision, "Published")
    place.until(lambda: published(place) == "True", 60)
    status = place.status("scale")
    assert (status["phase"], place.reason("scale")) == ("Completed", "Completed")
    assert [(item["lifecycle"], item["revision"]) for item in status["packages"]] == [("Published", 1)]


def test_a_rejection_shows_and_the_intent_can_be_proposed_again(bench: Bench, place: Workplace) -> None:
    daemon = place.start()
    revision = proposed(place, bench)
    bench.porch.move(revision, "Draft")
    place.until(lambda: place.reason("scale") == "ProposalRejected", 60)
    assert place.status("scale")["phase"] == "Failed"
    assert "somebody rejected" in place.status("scale")["lastMessage"]
    settings = str(place.root / "settings.yaml")
    answer = CliRunner().invoke(cli, ["intents", "retry", "core/scale", "--settings", settings])
    assert answer.exit_code == 0, answer.output
    place.until(lambda: place.reason("scale") == "AwaitingApproval", 60)
    place.until(daemon.settled, 60)
    assert bench.porch.lifecycles() == ["Proposed"]


def test_a_proposal_that_somebody_proposes_again_waits_again(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    bench.porch.move(revision, "Draft")
    place.until(lambda: place.reason("scale") == "ProposalRejected", 60)
    bench.porch.move(revision, "Proposed")
    place.until(lambda: place.reason("scale") == "AwaitingApproval", 60)


def test_a_proposal_that_somebody_deletes_is_rejected(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    bench.porch.forget(revision)
    place.until(lambda: place.reason("scale") == "ProposalRejected", 60)
    assert "somebody deleted" in place.status("scale")["lastMessage"]


def test_a_porch_that_is_away_rejects_nothing(bench: Bench, place: Workplace) -> None:
    place.start()
    revision = proposed(place, bench)
    bench.porch.fail("GET /packagerevisions", says(*OUTAGES["porch-server is down"]), times=20)
    place.until(lambda: bench.porch.faults[0].times == 0, 60)
    assert place.reason("scale") == "AwaitingApproval"
    bench.porch.move(revision, "Published")
    place.until(lambda: published(place) == "True", 60)


def test_a_call_that_hangs_holds_up_no_other_intent_and_is_read_back(bench: Bench, place: Workplace) -> None:
    patient = place.settings.executors.porch.model_copy(update={"answer_seconds": 300.0})
    executors = place.settings.executors.model_copy(update={"porch": patient})
    place.settings = place.settings.model_copy(update={"executors": executors})
    place.start()
    for name in ("smf", "udm"):
        place.workload(name)
    proposed(place, bench)
    release = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        release.wait(300)
        hangs_up(handler)

    bench.porch.fail("POST /packagerevisions", hang, done=True)
    try:
        place.intent("hanging", "scale smf to 5")
        place.until(lambda: bench.porch.faults[0].times == 0, 60)
        proposed(place, bench, "scale udm to 5", "other")
    finally:
        release.set()
    place.until(lambda: place.reason("hanging") == "AwaitingApproval", 60)
    assert bench.porch.lifecycles() == ["Proposed"] * 3


def test_the_approval_of_a_shared_proposal_shows_on_each_of_its_intents(
    bench: Bench, place: Workplace
) -> None:
    place.start()
    proposed(place, bench)
    revision = proposed(place, bench, "limit amf to 2 CPUs", "limit")
    bench.porch.move(revision, "Published")
    for name in ("scale", "limit"):
        place.until(lambda name=name: published(place, name) == "True", 60)
        assert place.status(name)["packages"][0]["resourceName"] == revision


def test_a_newer_generation_takes_the_place_of_the_proposal_before(bench: Bench, place: Workplace) -> None:
    daemon = place.start()
    old = proposed(place, bench)
    place.intent("scale", "scale amf to 7")
    place.until(lambda: place.status("scale")["observedGeneration"] == 2, 60)
    place.until(lambda: place.reason("scale") == "AwaitingApproval", 60)
    place.until(daemon.settled, 60)
    (item,) = bench.porch.of_package()
    assert item["metadata"]["name"] != old
    assert replicas(bench.porch, item["metadata"]["name"]) == 7


def test_a_newer_generation_that_is_refused_still_takes_the_proposal_before_away(
    bench: Bench, place: Workplace
) -> None:
    place.start()
    proposed(place, bench)
    place.intent("scale", "make it nice")
    place.until(lambda: place.status("scale")["phase"] == "Failed", 60)
    place.until(lambda: bench.porch.of_package() == [], 60)


def test_what_a_newer_generation_leaves_of_a_shared_proposal_stays_proposed(
    bench: Bench, place: Workplace
) -> None:
    place.start()
    proposed(place, bench)
    revision = proposed(place, bench, "limit amf to 2 CPUs", "limit")
    place.intent("limit", "make it nice")
    place.until(lambda: place.status("limit")["phase"] == "Failed", 60)

    def left() -> bool:
        files: dict[str, Any] = bench.porch.files.get(revision, {})
        return "limits" not in files.get("deployment-amf.yaml", "limits")

    place.until(left, 60)
    place.until(lambda: bench.porch.lifecycles() == ["Proposed"], 60)
    assert replicas(bench.porch, revision) == 5
    assert place.reason("scale") == "AwaitingApproval"


ELSEWHERE = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - name: elsewhere
    match: {namespaces: ["core"]}
    then: {execute: {executor: porch, repository: edge}}
"""


def test_gc_looks_into_the_repositories_that_rules_have_named(bench: Bench, place: Workplace) -> None:
    bench.porch.repositories = ("main", "edge")
    place.write("rules/own.yaml", ELSEWHERE)
    daemon = place.start()
    place.intent("scale", "scale amf to 5")
    place.until(lambda: place.reason("scale") == "AwaitingApproval")
    (place.root / "intents/scale.yaml").unlink()
    place.until(lambda: place.status("scale") == {})
    place.stop(daemon)
    settings = str(place.root / "settings.yaml")
    answer = CliRunner().invoke(cli, ["gc", "--dry-run", "--settings", settings, "-o", "json"])
    (found,) = yaml.safe_load(answer.output)["revisions"]
    assert found["resourceName"].startswith("edge.")


@pytest.mark.parametrize("dry_run", [True, False])
def test_gc_lists_and_deletes_what_is_left_over(bench: Bench, place: Workplace, dry_run: bool) -> None:
    daemon = place.start()
    kept = proposed(place, bench)
    place.until(daemon.settled, 60)
    place.stop(daemon)
    left = bench.porch.add("core-smf", "cw-" + "0" * 20)
    theirs = bench.porch.add("core-udm", "by-hand")
    options = ["--dry-run"] if dry_run else []
    settings = str(place.root / "settings.yaml")
    answer = CliRunner().invoke(cli, ["gc", *options, "--settings", settings, "-o", "json"])
    assert answer.exit_code == 0, answer.output
    found = yaml.safe_load(answer.output)["revisions"]
    told = {"repository": "main", "resourceName": left, "lifecycle": "Draft", "deleted": not dry_run}
    assert found == [told]
    assert set(bench.porch.revisions) == {kept, theirs} | ({left} if dry_run else set())
