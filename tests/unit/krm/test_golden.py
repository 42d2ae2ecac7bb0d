"""Every type rendered over the example objects, against files that were checked by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.krm import Plan, merge, read_package, render_package

GOLDEN = Path(__file__).parent / "golden"
Act = Callable[..., dict[str, Any]]

CASES: dict[str, list[dict[str, Any]]] = json.loads((GOLDEN / "actions.json").read_text())


def shown(plan: Plan) -> str:
    """Returns the files of a plan's packages and its warnings, as the golden files hold them."""
    parts = []
    for change in plan.packages:
        files = render_package(change.name, merge([], change))
        parts += [f"# {change.name}/{name}\n{data.decode()}" for name, data in files.items()]
        parts.append("".join(f"# owns {field}\n" for field in change.fields))
    parts.append("".join(f"# warns: {warning}\n" for warning in plan.warnings))
    return "".join(parts)


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_case_renders_as_checked_by_hand(case: str, examples: Any) -> None:
    assert shown(examples.plan(*CASES[case])) == (GOLDEN / f"{case}.yaml").read_text()


@pytest.mark.parametrize("case", sorted(CASES))
def test_rendering_twice_gives_the_same_bytes(case: str, examples: Any) -> None:
    for change in examples.plan(*CASES[case]).packages:
        files = render_package(change.name, merge([], change))
        again = render_package(change.name, merge(read_package(files), change))
        assert again == files


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_plan_survives_being_stored(case: str, examples: Any) -> None:
    plan = examples.plan(*CASES[case])
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("case", sorted(CASES))
def test_what_is_live_already_is_guarded(case: str, examples: Any) -> None:
    for change in examples.plan(*CASES[case]).packages:
        for item in change.objects:
            kind, name = item["kind"], item["metadata"]["name"]
            if examples.inventory.get(kind, change.namespace, name) is not None:
                annotations = item["metadata"]["annotations"]
                assert annotations["client.lifecycle.config.k8s.io/deletion"] == "detach"
                assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
                assert annotations["kustomize.toolkit.fluxcd.io/ssa"] == "Merge"
                expected = "Prune=false,Delete=false,ServerSideApply=true"
                assert annotations["argocd.argoproj.io/sync-options"] == expected


def test_there_is_a_golden_file_for_each_case_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(CASES)
