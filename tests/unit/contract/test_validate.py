from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from engine import contract
from engine.contract.structure import Structure, base_schema

ROOT = Path(__file__).parents[3]

ACTIONS = {
    "scaling": {"replicas": 3},
    "deployment": {"deployment": {"image": "registry.example.com/core/amf:1.2"}},
    "configuration": {"settings": {"LOG_LEVEL": "debug"}},
    "network_policy": {
        "network_policy": {
            "action": "allow", "direction": "ingress", "peers": [{"app": "smf"}], "ports": [{"port": 80}],
        }
    },
    "resource_limits": {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}},
    "affinity": {"affinity": {"kind": "spread", "required": True, "topology_key": "zone"}},
    "service_mesh": {"service_mesh": {"mtls": "STRICT"}},
}  # fmt: skip


def action(intent_type: str, /, **changes: object) -> dict:
    base = {"intent_type": intent_type, "target": "amf", "namespace": "core"}
    return deepcopy(base | ACTIONS[intent_type] | changes)


def mesh(**changes: object) -> dict:
    return action("service_mesh", service_mesh=changes)


def resources(**changes: object) -> dict:
    return action("resource_limits", resources=changes)


def policy(**changes: object) -> dict:
    return action("network_policy", network_policy={"action": "allow", "direction": "ingress"} | changes)


def affinity(kind: str, **changes: object) -> dict:
    return action("affinity", affinity={"kind": kind, "required": True} | changes)


def problems(value: dict) -> list[str]:
    return [str(problem) for problem in contract.validate(value)]


def test_every_action_of_the_corpus_is_valid(corpus: list[dict]) -> None:
    assert len(corpus) > 200
    assert [(value, problems(value)) for value in corpus if problems(value)] == []


@pytest.fixture(scope="module")
def before() -> Draft7Validator:
    file = Path(__file__).parent / "versions" / "intent-1.1.0.schema.json"
    return Draft7Validator(json.loads(file.read_text(encoding="utf-8")))


def test_the_corpus_is_valid_for_readers_of_1_1_0(corpus: list[dict], before: Draft7Validator) -> None:
    assert all(before.is_valid(value) for value in corpus)


def test_docs_publish_the_schema_that_the_program_uses() -> None:
    packaged = ROOT / "engine" / "contract" / "intent.schema.json"
    assert (ROOT / "docs" / "contracts" / "intent.schema.json").read_bytes() == packaged.read_bytes()
    assert contract.schema() == json.loads(packaged.read_text(encoding="utf-8"))


def test_a_caller_cannot_change_the_schema() -> None:
    contract.schema()["properties"].clear()
    assert contract.validate(action("scaling")) == ()
    assert contract.schema()["properties"]


@pytest.mark.parametrize("intent_type", ACTIONS)
def test_each_type_is_valid_with_its_own_fields_only(intent_type: str) -> None:
    assert problems(action(intent_type)) == []
    own = {"deployment": {"replicas"}, "scaling": {"replicas", "autoscale"}}.get(intent_type, set())
    for fields in ACTIONS.values():
        for field in fields.keys() - ACTIONS[intent_type].keys() - own:
            mixed = action(intent_type, **{field: fields[field]})
            assert problems(mixed) == [f"{field}: does not belong to an action of type {intent_type}"]


@pytest.mark.parametrize("intent_type", sorted(ACTIONS.keys() - {"deployment"}))
def test_each_type_needs_its_own_field(intent_type: str) -> None:
    (field,) = ACTIONS[intent_type]
    value = action(intent_type)
    del value[field]
    assert problems(value) == [f"{field}: is missing"]


TYPES = "scaling, deployment, configuration, network_policy, resource_limits, affinity, service_mesh"
IMAGE = "is not a container image, as registry.example.com/path/name:tag"
TAG = "is not a version that an image tag can have (letters, digits, _ . and -, at most 128)"
KEY = "is not a key that a ConfigMap can have (letters, digits, _ . and -, at most 253)"
RANGE = "is no range of addresses: use one such as 10.0.0.0/8 or fd00::/8"
BYTES = "is not an amount of bytes, as 512Mi or 2G (m would be thousandths of a byte)"
WITHIN = "10.1.2.3/8 is an address within 10.0.0.0/8: use 10.0.0.0/8, or 10.1.2.3/32"
NO_QUOTA = "is for a whole namespace, target *; a workload has requests and limits"
LABEL = "is not a DNS-1123 label (lower-case letters, digits and dashes, at most 63)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ["intent_type: is missing", "namespace: is missing", "target: is missing"]),
        (action("scaling") | {"intent_type": "slicing"}, [f'intent_type: "slicing" is none of {TYPES}']),
        (action("scaling", target="AMF"), [f'target: "AMF" {LABEL}']),
        (action("scaling", target="amf\n"), [f'target: "amf\\n" {LABEL}']),
        (action("scaling", target="a" * 64), [f'target: "{"a" * 64}" {LABEL}']),
        (action("scaling", target="*"), [f'target: "*" {LABEL}']),
        (action("affinity", target="*"), [f'target: "*" {LABEL}']),
        (action("scaling", namespace="-core"), [f'namespace: "-core" {LABEL}']),
        (action("scaling", replicas=-1), ["replicas: -1 is less than 0"]),
        (action("scaling", replicas=10001), ["replicas: 10001 is more than 10000"]),
        (action("scaling", replicas=5.0), ["replicas: 5.0 is no integer"]),
        (action("scaling", replicas=True), ["replicas: true is no integer"]),
        (action("scaling", replicsa=1), ["replicsa: there is no such field; did you mean replicas?"]),
        (action("scaling", target_kind="DaemonSet"),
         ['target_kind: "DaemonSet" is none of Deployment, StatefulSet']),
        (action("deployment", target_kind="DaemonSet", replicas=2),
         ["replicas: a DaemonSet has none: it runs one pod on each node"]),
        (action("scaling", replicas=2, autoscale={"min_replicas": 5, "max_replicas": 3}), [
            "autoscale.min_replicas: 5 is more than max_replicas, 3",
            "replicas: 2 is not min_replicas, 5: autoscaling starts there"]),
        (action("deployment", deployment={"image": "core/amf:1 && rm"}),
         [f'deployment.image: "core/amf:1 && rm" {IMAGE}']),
        (action("deployment", deployment={"version": "1/2"}), [f'deployment.version: "1/2" {TAG}']),
        (action("configuration", settings={"a key": "x"}), [f'settings: "a key" {KEY}']),
        (action("configuration", settings={"KEY": 5}), ["settings.KEY: 5 is no string"]),
        (policy(peers=[{"cidr": "10.0.0.0/33"}]), [f"network_policy.peers[0].cidr: 10.0.0.0/33 {RANGE}"]),
        (policy(peers=[{"app": "smf"}, {"cidr": "10.1.2.3/8"}]), [f"network_policy.peers[1].cidr: {WITHIN}"]),
        (policy(peers=[{"cidr": "010.0.0.0/8"}]), [f"network_policy.peers[0].cidr: 010.0.0.0/8 {RANGE}"]),
        (policy(peers=[{"cidr": "10.0.0.0/8", "app": "smf"}]),
         ["network_policy.peers[0].app: does not go with cidr in one peer; make it two"]),
        (policy(peers=[]), ["network_policy.peers: the list is empty"]),
        (policy(peers=[{"app": "smf"}, {"app": "smf"}]), ["network_policy.peers: says the same thing twice"]),
        (policy(ports=[{"port": 70000}]), ["network_policy.ports[0].port: 70000 is more than 65535"]),
        (policy(ports=[{"port": 80}, {"port": 80, "protocol": "TCP"}]),
         ["network_policy.ports[1]: 80/TCP is there twice"]),
        (action("network_policy", target="*", target_kind="Deployment"),
         ["target_kind: does not go with target *; name a workload"]),
        (resources(limits={"memory": "512m"}), [f'resources.limits.memory: "512m" {BYTES}']),
        (resources(limits={"pods": "5"}), ["resources.limits.pods: there is no such field"]),
        (resources(limits={"cpu": "0"}), ["resources.limits.cpu: a limit of 0 lets nothing run"]),
        (resources(limits={"cpu": "1.5m"}),
         ["resources.limits.cpu: 1.5m is finer than 1m, the smallest share of a core"]),
        (resources(requests={"memory": "0.3"}),
         ["resources.requests.memory: 0.3 is no whole number of bytes"]),
        (resources(requests={"cpu": "1500m", "memory": "1Gi"}, limits={"cpu": "1.4", "memory": "1G"}), [
            "resources.requests.cpu: 1500m is more than the limit, 1.4",
            "resources.requests.memory: 1Gi is more than the limit, 1G"]),
        (resources(quota={"pods": "5"}), [f"resources.quota: {NO_QUOTA}"]),
        (action("resource_limits", target="*"), [
            "resources.limits: does not go with target *; name a workload", "resources.quota: is missing"]),
        (affinity("node"), ["affinity.labels: is missing"]),
        (affinity("node", labels={"a b": []}),
         ['affinity.labels: "a b" is not the key of a Kubernetes label']),
        (affinity("pod", topology_key="kubernetes.io/hostname"), ["affinity.with: is missing"]),
        (affinity("pod", topology_key="kubernetes.io/hostname", **{"with": "smf"}, max_skew=1),
         ["affinity.max_skew: does not belong to an affinity of kind pod"]),
        (affinity("spread", topology_key="zone", **{"with": "smf"}),
         ["affinity.with: does not belong to an affinity of kind spread"]),
        (mesh(traffic_split={"v1": 50, "v2": 40}),
         ["service_mesh.traffic_split: adds up to 90 percent, not to 100"]),
        (mesh(traffic_split={"v1": 100}), ["service_mesh.traffic_split: needs at least 2 of its fields"]),
        (mesh(timeout="0s"), ["service_mesh.timeout: must be longer than 0"]),
        (mesh(timeout="5 s"),
         ['service_mesh.timeout: "5 s" is not a duration, as 500ms, 10s, 5m or 1h']),
        (mesh(fault={"percent": 10}),
         ["service_mesh.fault: says how much, but neither delay nor abort_status"]),
        (action("service_mesh", target="*", service_mesh={"mtls": "STRICT", "timeout": "5s"}),
         ["service_mesh.timeout: does not go with target *; name a workload"]),
        (action("service_mesh", target="*", service_mesh={"timeout": "5s"}), [
            "service_mesh.mtls: is missing",
            "service_mesh.timeout: does not go with target *; name a workload"]),
        (action("scaling", priority=11, reason="x" * 513), [
            "priority: 11 is more than 10", "reason: longer than 512 characters"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_words(value: dict, expected: list[str]) -> None:
    assert problems(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        action("network_policy", target="*"),
        action("resource_limits", target="*", resources={"quota": {"pods": "0", "cpu": "16"}}),
        action("service_mesh", target="*"),
        action("scaling", replicas=0),
        action("scaling", replicas=2, autoscale={"min_replicas": 2, "max_replicas": 2}),
        action("scaling", target_kind="StatefulSet"),
        action("deployment", target_kind="DaemonSet"),
        action("deployment", deployment={"image": "nginx"}),
        action("deployment", deployment={"image": "localhost:5000/a__b/c-d.e:v1@sha256:" + "0" * 64}),
        action("configuration", settings={"gtp.mtu": "", ".hidden": "x", "ssl-cert_1": "å"}),
        policy(peers=[{"cidr": "::/0"}, {"cidr": "10.1.2.3/32"}, {"namespace": "ran"}]),
        policy(ports=[{"port": 53}, {"port": 53, "protocol": "UDP"}]),
        resources(requests={"cpu": "0"}, limits={"cpu": "1"}),
        resources(requests={"memory": "1024Mi"}, limits={"memory": "1Gi"}),
        affinity("node_anti", labels={"gpu": [], "topology.kubernetes.io/zone": ["a", "b"]}),
        affinity("pod_anti", topology_key="kubernetes.io/hostname", **{"with": "amf"}),
        mesh(traffic_split={"v1": 0, "v2": 100}),
        mesh(fault={"abort_status": 503, "percent": 10}),
    ],
)  # fmt: skip
def test_what_can_be_is_valid_now_and_for_readers_of_1_1_0(value: dict, before: Draft7Validator) -> None:
    assert problems(value) == []
    assert before.is_valid(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(contract.schema()["properties"])


@given(st.data())
def test_any_value_in_any_field_gives_an_answer_and_no_error(data: st.DataObject) -> None:
    value = action(data.draw(st.sampled_from(sorted(ACTIONS))))
    for field in data.draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        inner = value.get(field)
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            inner[data.draw(st.sampled_from(sorted(inner)) | st.text(max_size=5))] = data.draw(JSON)
        else:
            value[field] = data.draw(JSON)
    found = contract.validate(value)
    assert list(found) == sorted(found)
    assert all(problem.message for problem in found)


@pytest.mark.parametrize("image", ["a" * 2000 + "!", "a-" * 1000 + "!", "a." * 1000 + "!", "a/" * 1000 + "!"])
def test_a_hostile_image_is_refused_without_trying_all_ways_to_match_it(image: str) -> None:
    assert problems(action("deployment", deployment={"image": image}))


ODD = (None, True, -1, 5.0, 10**30, "", "*", "a\n", "a\ud800", "X Y", [], [5.0], {}, {"a": None})
"""Values on which two validators may well disagree."""


@pytest.mark.parametrize("intent_type", ACTIONS)
def test_what_is_told_at_once_to_fit_is_what_nothing_is_said_against(intent_type: str) -> None:
    structure = Structure(base_schema())
    with pytest.MonkeyPatch.context() as patch:
        values = [
            action(intent_type),
            *(action(intent_type, **{name: odd}) for name in FIELDS for odd in ODD),
        ]
        at_once = [structure.fits(value) for value in values]
        patch.setattr(Structure, "fits", lambda *_: False)
        assert at_once == [not structure.problems(value) for value in values]
    assert {True, False} == set(at_once)
