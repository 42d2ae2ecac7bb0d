from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.krm import merge
from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]
NAMESPACE = (
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: core, labels: {istio-injection: enabled}}\n---\n"
)
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: core}}
spec: {{selector: {{app: amf}}, ports: [{{name: {port}, port: 80}}]}}
---
"""
ROUTES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: core}}
spec:
  hosts: [{host}]
  http: {http}
---
"""
BY_PATH = """
    - {match: [{uri: {prefix: /a}}], route: [{destination: {host: amf}}]}
    - {route: [{destination: {host: amf}}]}
"""


def service(name: str = "amf", port: str = "http-sbi") -> str:
    return SERVICE.format(name=name, port=port)


def routes(
    host: str = "amf", http: str = "[{route: [{destination: {host: amf}}]}]", name: str = "there"
) -> str:
    return ROUTES.format(name=name, host=host, http=http)


def mesh(act: Act, target: str = "amf", namespace: str = "core", **features: Any) -> dict[str, Any]:
    return act("service_mesh", target, namespace, service_mesh=features)


@pytest.fixture(name="core")
def _core(world: Callable[..., Any], workload: Write) -> Callable[[str], Any]:
    """Makes a namespace core in the mesh, of amf and what is given as YAML."""
    return lambda more="": world(NAMESPACE + workload() + more)


def test_the_host_is_the_service_that_selects_the_target(core: Any, act: Act) -> None:
    (change,) = core(service("amf-sbi")).plan(mesh(act, timeout="5s")).packages
    (item,) = change.objects
    assert item["spec"]["hosts"] == ["amf-sbi"]
    assert change.target == "amf-sbi"


def test_without_a_service_there_is_no_host(core: Any, act: Act) -> None:
    assert core().refusal(mesh(act, timeout="5s")).reason is Reason.MISSING_FACT


def test_two_services_are_refused_with_the_list(core: Any, act: Act) -> None:
    refusal = core(service() + service("amf-headless")).refusal(mesh(act, timeout="5s"))
    assert refusal.reason is Reason.AMBIGUOUS
    assert "amf, amf-headless" in refusal.message


@pytest.mark.parametrize("port", ["sctp-n2", "amf", "https", "tcp"])
@pytest.mark.parametrize(
    "features",
    [
        {"timeout": "5s"},
        {"retries": {"attempts": 2}},
        {"fault": {"delay": "1s"}},
        {"circuit_breaker": {"max_pending_requests": 5}},
    ],
)
def test_features_of_http_need_a_port_that_says_it_speaks_it(
    core: Any, act: Act, port: str, features: dict[str, Any]
) -> None:
    refusal = core(service(port=port)).refusal(mesh(act, **features))
    assert refusal.reason is Reason.UNSUPPORTED
    assert port in refusal.message


@pytest.mark.parametrize("port", ["http", "http2-sbi", "grpc", "any, appProtocol: http"])
def test_a_port_says_that_it_speaks_http_by_its_name_or_protocol(core: Any, act: Act, port: str) -> None:
    assert core(service(port=port)).object(mesh(act, timeout="5s"))["kind"] == "VirtualService"


def test_connections_are_limited_on_any_port(core: Any, act: Act) -> None:
    item = core(service(port="sctp")).object(mesh(act, circuit_breaker={"max_connections": 5}))
    assert item["spec"]["trafficPolicy"] == {"connectionPool": {"tcp": {"maxConnections": 5}}}


def test_every_field_of_a_breaker_and_of_a_route_has_its_place(core: Any, act: Act) -> None:
    action = mesh(
        act,
        retries={"attempts": 2, "per_try_timeout": "800ms"},
        fault={"delay": "2s", "abort_status": 503, "percent": 10},
        circuit_breaker={"consecutive_errors": 7, "max_pending_requests": 9, "ejection_time": "30s"},
    )
    (change,) = core(service()).plan(action).packages
    rule, virtual = change.objects
    assert rule["spec"]["trafficPolicy"] == {
        "outlierDetection": {"consecutive5xxErrors": 7, "baseEjectionTime": "30s"},
        "connectionPool": {"http": {"http1MaxPendingRequests": 9}},
    }
    (route,) = virtual["spec"]["http"]
    share = {"percentage": {"value": 10}}
    assert route["retries"] == {"attempts": 2, "perTryTimeout": "800ms"}
    assert route["fault"] == {
        "delay": {"fixedDelay": "2s", **share},
        "abort": {"httpStatus": 503, **share},
    }


@pytest.mark.parametrize("host", ["amf", "amf.core", "amf.core.svc.cluster.local"])
def test_the_virtual_service_of_the_host_is_edited_in_every_route(core: Any, act: Act, host: str) -> None:
    item = core(service() + routes(host, BY_PATH)).object(mesh(act, timeout="5s"))
    assert item["metadata"]["name"] == "there"
    assert [route["timeout"] for route in item["spec"]["http"]] == ["5s", "5s"]
    assert item["spec"]["http"][0]["match"] == [{"uri": {"prefix": "/a"}}]
    assert item["spec"].keys() == {"http"}


def test_a_virtual_service_of_a_gateway_is_not_the_meshs(core: Any, act: Act) -> None:
    outer = routes().replace("hosts:", "gateways: [public]\n  hosts:")
    assert core(service() + outer).object(mesh(act, timeout="5s"))["metadata"]["name"] == "amf"


def test_two_virtual_services_for_a_host_are_refused(core: Any, act: Act) -> None:
    refusal = core(service() + routes(name="a") + routes(name="b")).refusal(mesh(act, timeout="5s"))
    assert refusal.reason is Reason.CONFLICT


def test_a_virtual_service_without_routes_is_refused(core: Any, act: Act) -> None:
    refusal = core(service() + routes(http="[{redirect: {uri: /}}]")).refusal(mesh(act, timeout="5s"))
    assert refusal.reason is Reason.UNSUPPORTED


def test_a_split_needs_pods_of_each_version(examples: Any, act: Act) -> None:
    refusal = examples.refusal(mesh(act, "udm", traffic_split={"v1": 90, "v3": 10}))
    assert refusal.reason is Reason.MISSING_FACT
    assert "version v3" in refusal.message
    assert "there are v1, v2" in refusal.message


def test_a_split_of_routes_by_match_is_refused(world: Any, act: Act, workload: Write) -> None:
    versions = "".join(
        workload(f"amf-{v}").replace(f"app: amf-{v}}}", f"app: amf, version: {v}}}") for v in ("v1", "v2")
    )
    made = world(NAMESPACE + versions + service() + routes(http=BY_PATH))
    refusal = made.refusal(mesh(act, "amf-v1", traffic_split={"v1": 50, "v2": 50}))
    assert refusal.reason is Reason.CONFLICT
    assert "2 HTTP routes" in refusal.message


def test_a_subset_of_other_labels_is_used_as_it_is(world: Any, act: Act, workload: Write) -> None:
    tracks = "".join(
        workload(f"amf-{t}").replace(f"app: amf-{t}}}", f"app: amf, track: {t}}}") for t in ("blue", "green")
    )
    rule = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: amf, namespace: core}
spec: {host: amf, subsets: [{name: blue, labels: {track: blue}}, {name: green, labels: {track: green}}]}
---
"""
    made = world(NAMESPACE + tracks + service() + rule)
    (change,) = made.plan(mesh(act, "amf-blue", traffic_split={"blue": 50, "green": 50})).packages
    assert change.objects[0]["spec"]["subsets"][1] == {"name": "green", "labels": {"track": "green"}}


def test_a_split_keeps_the_port_and_the_timeout_of_the_route(examples: Any, act: Act) -> None:
    (change,) = examples.plan(mesh(act, "udm", traffic_split={"v1": 80, "v2": 20})).packages
    (route,) = change.objects[1]["spec"]["http"]
    assert route["timeout"] == "3s"
    assert [entry["weight"] for entry in route["route"]] == [80, 20]
    assert change.objects[0]["kind"] == "DestinationRule"


def test_a_timeout_leaves_a_split_that_the_package_states(examples: Any, act: Act) -> None:
    (split,) = examples.plan(mesh(act, "udm", traffic_split={"v1": 80, "v2": 20})).packages
    (timeout,) = examples.plan(mesh(act, "udm", timeout="9s")).packages
    merged = {item["kind"]: item for item in merge(merge([], split), timeout)}
    (route,) = merged["VirtualService"]["spec"]["http"]
    assert route["timeout"] == "9s"
    assert [entry["weight"] for entry in route["route"]] == [80, 20]


@pytest.mark.parametrize(
    "features", [{"timeout": "0s"}, {"fault": {"delay": "0ms"}}, {"fault": {"percent": 5}}]
)
def test_what_a_mesh_does_not_take_is_refused(core: Any, act: Act, features: dict[str, Any]) -> None:
    assert core(service()).refusal(mesh(act, **features)).reason is Reason.INVALID


def test_a_fault_on_everything_and_its_price_are_told(core: Any, act: Act) -> None:
    warnings = core(service()).plan(mesh(act, timeout="1s", fault={"delay": "2s"})).warnings
    assert any("the fault hits every request" in warning for warning in warnings)
    assert any("neither timeout nor retries" in warning for warning in warnings)


def test_outside_the_mesh_it_is_said_that_nothing_holds(world: Any, act: Act, workload: Write) -> None:
    plan = world(workload() + service()).plan(mesh(act, timeout="5s"))
    assert any("amf has no sidecar by its labels" in warning for warning in plan.warnings)


def test_mtls_is_one_object_for_a_selector(core: Any, act: Act) -> None:
    there = """
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: amf-peers, namespace: core}
spec: {selector: {matchLabels: {app: amf}}, mtls: {mode: PERMISSIVE}}
---
"""
    item = core(there).object(mesh(act, mtls="STRICT"))
    assert (item["metadata"]["name"], item["apiVersion"]) == ("amf-peers", "security.istio.io/v1beta1")
    assert item["spec"] == {"mtls": {"mode": "STRICT"}}


def test_mtls_of_a_namespace_is_its_default(core: Any, act: Act) -> None:
    item = core().object(mesh(act, "*", mtls="STRICT"))
    assert item["metadata"]["name"] == "default"
    assert item["spec"] == {"mtls": {"mode": "STRICT"}}


def test_strict_mtls_without_sidecars_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(mesh(act, "o-du", "ran", mtls="STRICT"))
    assert any("have no sidecar by their labels" in warning for warning in plan.warnings)
    assert examples.plan(mesh(act, mtls="STRICT")).warnings == ()


@pytest.mark.parametrize(
    ("labels", "inside"),
    [
        ("istio-injection: enabled", True),
        ("istio.io/rev: canary", True),
        ("istio.io/rev: canary, istio-injection: disabled", False),
        ("istio.io/dataplane-mode: ambient", True),
        ("other: label", False),
    ],
)
def test_a_namespace_is_in_the_mesh_by_its_labels(
    world: Any, act: Act, workload: Write, labels: str, inside: bool
) -> None:
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: core, labels: {{{labels}}}}}\n---\n"
    plan = world(namespace + workload()).plan(mesh(act, mtls="STRICT"))
    assert (plan.warnings == ()) is inside


def test_clear_text_is_told(core: Any, act: Act) -> None:
    assert core().plan(mesh(act, mtls="DISABLE")).warnings == ("amf: its traffic goes in clear text",)


def test_traffic_of_every_pod_has_no_host(core: Any, act: Act) -> None:
    assert core().refusal(mesh(act, "*", timeout="5s")).reason is Reason.UNSUPPORTED


def test_the_name_of_another_hosts_object_is_not_taken(core: Any, act: Act) -> None:
    refusal = core(service() + routes("smf", name="amf")).refusal(mesh(act, timeout="5s"))
    assert refusal.reason is Reason.CONFLICT
    assert "VirtualService amf for something else" in refusal.message
