from __future__ import annotations

from typing import Any

import pytest

from engine.live.objects import config_map_uses, policy_directions, selector_matches
from engine.live.quantity import milli, parse_quantity, whole, written


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "amf"}}, True),
        ({"matchLabels": {"app": "amf", "tier": "x"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["smf", "amf"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["amf"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["8"]}]}, True),
        ({"matchExpressions": [{"key": "cores", "operator": "Lt", "values": ["8"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["8"]}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "Gt", "values": ["8"]}]}, False),
    ],
)
def test_a_selector_picks_as_kubernetes_does(selector: dict[str, Any], matches: bool) -> None:
    assert selector_matches(selector, {"app": "amf", "cores": "16"}) is matches


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        ({}, {"ingress"}),
        ({"egress": [{}]}, {"ingress", "egress"}),
        ({"policyTypes": ["Egress"]}, {"egress"}),
        ({"policyTypes": []}, set()),
    ],
)
def test_a_policy_isolates_by_its_types_or_by_what_it_holds(
    spec: dict[str, Any], directions: set[str]
) -> None:
    assert policy_directions({"spec": spec}) == directions


def test_every_use_of_a_config_map_is_found_with_the_keys_that_it_reads() -> None:
    container = {
        "name": "amf",
        "image": "amf:1",
        "envFrom": [{"prefix": "AMF_", "configMapRef": {"name": "all"}}, {"secretRef": {"name": "s"}}],
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "some", "key": "a"}}}, {"name": "B"}],
        "volumeMounts": [
            {"name": "files", "mountPath": "/f"},
            {"name": "one", "mountPath": "/o", "subPath": "x"},
        ],
    }
    volumes = [
        {
            "name": "files",
            "projected": {"sources": [{"configMap": {"name": "projected", "items": [{"key": "k"}]}}]},
        },
        {"name": "one", "configMap": {"name": "single"}},
        {"name": "none", "emptyDir": {}},
    ]
    template = {
        "spec": {
            "initContainers": [{"name": "i", "image": "i"}],
            "containers": [container],
            "volumes": volumes,
        }
    }
    uses = {use.config_map: use for use in config_map_uses({"spec": {"template": template}})}
    assert uses.keys() == {"all", "some", "projected", "single"}
    assert (uses["all"].how, uses["all"].keys, uses["all"].prefix) == ("envFrom", None, "AMF_")
    assert (uses["some"].how, uses["some"].keys) == ("keyRef", frozenset({"a"}))
    assert (uses["projected"].keys, uses["projected"].live) == (frozenset({"k"}), True)
    assert uses["single"].live is False


@pytest.mark.parametrize(
    ("text", "cores"),
    [("500m", 500), ("2", 2000), ("0.1", 100), ("1.5", 1500), ("1e1", 10_000), ("0.0001", 1)],
)
def test_cpu_is_read_in_thousandths_rounded_up(text: str, cores: int) -> None:
    assert milli(text) == cores


@pytest.mark.parametrize(
    ("text", "count"),
    [("1Ki", 1024), ("1k", 1000), ("0.5Gi", 2**29), ("1E", 10**18), ("2e3", 2000), ("100m", 1)],
)
def test_memory_is_read_in_bytes_rounded_up(text: str, count: int) -> None:
    assert whole(text) == count


@pytest.mark.parametrize("text", ["", "Mi", "1 Gi", "1gb", "--1", "1.2.3"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [("1.5", "1500m"), ("3.0", "3"), ("0.5Gi", "512Mi"), ("1.5G", "1500M"), ("2Gi", "2Gi"), ("500m", "500m")],
)
def test_a_quantity_is_written_without_a_fraction_and_keeps_its_value(text: str, stored: str) -> None:
    assert written(text) == stored
    assert parse_quantity(written(text)) == parse_quantity(text)


def test_what_kubernetes_does_not_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="finer than a thousandth"):
        written("0.0005")


def test_a_field_that_is_null_is_a_field_that_is_not_there() -> None:
    sources = [{"configMapRef": None}, {"configMapRef": {"name": "all"}, "prefix": None}]
    container = {"name": "amf", "envFrom": sources}
    (use,) = config_map_uses({"spec": {"template": {"spec": {"containers": [container]}}}})
    assert (use.config_map, use.prefix) == ("all", "")
