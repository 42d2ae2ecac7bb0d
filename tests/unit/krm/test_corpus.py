"""Every action of the corpus on each of some workloads: a plan or a refusal, never a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.krm import CannotRender, ClusterSettings, merge, plan, read_package, render_package
from engine.live import Resolved, facts, gather, resolve
from rules import Route

CORPUS = Path(__file__).parents[2] / "corpus" / "dev.jsonl"
TYPES = [
    "affinity",
    "configuration",
    "deployment",
    "network_policy",
    "resource_limits",
    "scaling",
    "service_mesh",
]
TARGETS = [
    *(("core", name) for name in ("amf", "nrf", "udr", "udm", "nope")),
    ("edge", "upf"),
    ("ran", "near-rt-ric"),
    ("monitoring", "node-exporter"),
    ("lab", "nope"),
]


def actions(intent_type: str) -> Iterator[dict[str, Any]]:
    for line in CORPUS.read_text().splitlines():
        for action in json.loads(line)["expect"].get("intents", ()):
            if action["intent_type"] == intent_type:
                yield action


@pytest.mark.parametrize("intent_type", TYPES)
@pytest.mark.parametrize(("namespace", "target"), TARGETS)
def test_an_action_on_a_workload_is_planned_or_refused(
    examples: Any, intent_type: str, namespace: str, target: str
) -> None:
    planned = 0
    for stated in actions(intent_type):
        action = {**stated, "namespace": namespace, "target": "*" if stated["target"] == "*" else target}
        action.pop("target_kind", None)
        view = gather(action, examples.inventory)
        resolved = resolve(action, view)
        if not isinstance(resolved, Resolved):
            assert resolved.message
            continue
        assert facts(resolved.action, view).origin == "directory"
        result = plan([resolved.action], [view], [Route("directory", "main", "Published")], ClusterSettings())
        if isinstance(result, CannotRender):
            assert result.message
            continue
        planned += 1
        for change in result.packages:
            files = render_package(change.name, merge([], change))
            assert render_package(change.name, read_package(files)) == files
            assert all("namespace" in item["metadata"] for item in change.objects)
    if target == "nope" and intent_type in ("scaling", "affinity", "configuration"):
        assert planned == 0  # a partial object for a workload that is not there is never written
