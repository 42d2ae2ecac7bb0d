"""Types of intent that users teach: the contract that they extend, and the kinds that they may write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from documents import DocumentError
from engine import contract
from engine.intent_types import load_types
from engine.settings import load_settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "intent-types" / "network-slice.yaml"
CONFIG_MAP = "apiVersion: v1\n      kind: ConfigMap"
SLICE: dict[str, Any] = {
    "intent_type": "network_slice",
    "target": "factory",
    "namespace": "core",
    "network_slice": {"service": "URLLC", "latency": 5, "bandwidth": 1000},
}
SCALING: dict[str, Any] = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 3}


def broken(tmp_path: Path, old: str, new: str) -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "slice.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(DocumentError) as caught:
        load_types([tmp_path], ["ConfigMap"])
    return str(caught.value)


def test_the_contract_is_extended_by_the_type() -> None:
    extended = load_types([EXAMPLE], ["ConfigMap"]).contract
    assert extended.validate(SLICE) == ()
    assert extended.validate(SCALING) == ()
    assert contract.validate(SLICE) != ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"network_slice": {"service": "URLLC", "latency": 5}}, "network_slice.bandwidth"),
        ({"network_slice": {**SLICE["network_slice"], "latency": 0}}, "network_slice.latency"),
        ({"network_slice": {**SLICE["network_slice"], "service": "best"}}, "network_slice.service"),
        ({"network_slice": {**SLICE["network_slice"], "colour": "red"}}, "network_slice.colour"),
        ({"network_slice": {**SLICE["network_slice"], "latency": "5"}}, "network_slice.latency"),
        ({"replicas": 3}, "replicas"),
        ({"target": "*"}, "target"),
    ],
)
def test_what_the_type_does_not_allow_is_told_by_field(change: dict[str, Any], field: str) -> None:
    extended = load_types([EXAMPLE], ["ConfigMap"]).contract
    assert [problem.field for problem in extended.validate({**SLICE, **change})] == [field]


def test_the_body_of_a_type_stands_in_no_other_action() -> None:
    extended = load_types([EXAMPLE], ["ConfigMap"]).contract
    (problem,) = extended.validate({**SCALING, "network_slice": SLICE["network_slice"]})
    assert str(problem) == "network_slice: does not belong to an action of type scaling"


def test_without_types_the_contract_is_the_published_one(tmp_path: Path) -> None:
    assert load_types([tmp_path], ["ConfigMap"]).contract.schema() == contract.schema()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (CONFIG_MAP, "apiVersion: v1\n      kind: Secret", "gives power over others"),
        (
            CONFIG_MAP,
            "apiVersion: rbac.authorization.k8s.io/v1\n      kind: Role",
            "rbac.authorization.k8s.io/Role gives power over others",
        ),
        ("kind: ConfigMap", "kind: Service", "do not let intents write Service (bounds.kinds: ConfigMap)"),
        ("      kind: ConfigMap", '      kind: "${action.target}"', "says its kind in plain words"),
        (
            "        labels: {",
            "        namespace: default\n        labels: {",
            "metadata.namespace: only name",
        ),
        ("${action.network_slice.service}", "${action.network_slice.sevrice}", "did you mean 'service'?"),
        ("${action.target}", "${facts.exists}", "'facts' is not known here"),
        ("type: network_slice", "type: constraints", "is a field of the contract already"),
    ],
)
def test_objects_that_may_not_be_written_are_told_with_their_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    told = broken(tmp_path, old, new)
    assert said in told
    assert told.startswith(f"{tmp_path}/slice.yaml:")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("spec: [")
    with pytest.raises(DocumentError, match=r"broken\.yaml:2"):
        load_types([tmp_path], [])


def test_a_value_that_comes_out_as_null_is_left_out(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("default: 100, ", "", 1)
    guarded = "${has(action.network_slice.latency) ? dyn(string(action.network_slice.latency)) : dyn(null)}"
    (tmp_path / "slice.yaml").write_text(text.replace("${string(action.network_slice.latency)}", guarded))
    (structure,) = load_types([tmp_path], ["ConfigMap"]).resources["network_slice"]
    without = {**SLICE, "network_slice": {"service": "eMBB", "bandwidth": 1000}}
    filled = structure.fill(without)
    assert isinstance(filled, dict)
    assert filled["data"] == {"sst": "1", "service": "eMBB", "bandwidthKbps": "1000"}
    assert structure.fill(SLICE)["data"]["latencyMs"] == "5"


def test_a_field_that_may_be_absent_is_asked_for_first(tmp_path: Path) -> None:
    told = broken(tmp_path, "default: 100, ", "")
    assert "has(action.network_slice.latency)" in told


def test_no_setting_lets_types_write_what_gives_power(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("bounds: {kinds: [ConfigMap, rbac.authorization.k8s.io/Role]}\n")
    with pytest.raises(DocumentError, match=r"settings\.yaml:1:\d+: bounds\.kinds: rbac"):
        load_settings(tmp_path / "settings.yaml", {})
