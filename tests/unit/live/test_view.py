from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.live import DirectoryInventory, LiveView, gather

Write = Callable[..., str]


def action(**fields: Any) -> dict[str, Any]:
    return {"intent_type": "scaling", "target": "amf", "namespace": "core", **fields}


def broken(folder: Path, workload: Write, kind: str, about: dict[str, Any] | None = None) -> LiveView:
    (folder / "amf.yaml").write_text(workload())
    (folder / "broken.yaml").write_text(f"kind: {kind}\nspec: [")
    return gather(about or action(), DirectoryInventory(folder))


def test_a_view_says_for_each_kind_that_cannot_be_read_why(tmp_path: Path, workload: Write) -> None:
    for kind, fact in {
        "Namespace": "namespace_object",
        "Node": "nodes",
        "StatefulSet": "workload",
        "HorizontalPodAutoscaler": "autoscalers",
        "NetworkPolicy": "policies",
        "VirtualService": "virtual_services",
    }.items():
        view = broken(tmp_path, workload, kind)
        assert getattr(view, fact) is None
        assert "broken.yaml" in view.unknown[fact]


def test_the_other_workloads_and_namespaces_of_an_action_are_looked_up(
    tmp_path: Path, workload: Write
) -> None:
    policy = {"peers": [{"app": "amf"}, {"app": "probe", "namespace": "lab"}, {"namespace": "edge"}]}
    about = action(target="smf", network_policy=policy)
    view = broken(tmp_path, workload, "Namespace", about)
    assert view.others.keys() == {("core", "amf"), ("lab", "probe")}
    assert view.others["core", "amf"] is not None
    assert view.others["lab", "probe"] is None
    assert view.namespaces == {"lab": None, "edge": None}
    assert {"lab", "edge"} <= view.unknown.keys()


def test_nodes_that_nobody_lists_are_not_known(tmp_path: Path, workload: Write) -> None:
    view = broken(tmp_path, workload, "Note")
    assert view.nodes is None
    assert "lists no Nodes" in view.unknown["nodes"]


def test_the_digest_of_the_facts_stands_in_the_view(tmp_path: Path, workload: Write) -> None:
    first = broken(tmp_path, workload, "Node")
    assert first.digest == broken(tmp_path, workload, "Node").digest
    assert first.digest != broken(tmp_path, workload, "Service").digest
