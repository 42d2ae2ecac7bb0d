"""The shapes of the Kubernetes objects that are read, as far as they are read.

An API server guarantees them; a file does not, so each object of a file is checked once, where it comes
in, and everything after it can rely on what stands here. What is not read is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.live.pod_shapes import Cidr, Labels, Quantities, Selector, Shape, Template


class _Managed(Shape):
    manager: str | None = None
    fields_v1: dict[str, Any] | None = Field(None, alias="fieldsV1")


class _Metadata(Shape):
    name: str = Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$")
    namespace: str | None = None
    labels: Labels | None = None
    annotations: Labels | None = None
    managed_fields: list[_Managed] | None = None
    owner_references: list[dict[str, Any]] | None = None


class Envelope(Shape):
    """What every object has."""

    api_version: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    metadata: _Metadata


class _RollingUpdate(Shape):
    max_surge: int | Annotated[str, Field(pattern=r"^[0-9]+%$")] | None = None


class _Strategy(Shape):
    type: str | None = None
    rolling_update: _RollingUpdate | None = None


class _WorkloadSpec(Shape):
    replicas: int | None = Field(None, ge=0)
    strategy: _Strategy | None = None
    update_strategy: _Strategy | None = None
    selector: Selector
    template: Template


class _WorkloadStatus(Shape):
    replicas: int | None = None
    current_number_scheduled: int | None = None
    desired_number_scheduled: int | None = None


class _Workload(Envelope):
    spec: _WorkloadSpec
    status: _WorkloadStatus | None = None


class _ScaleTarget(Shape):
    kind: str
    name: str


class _ResourceMetric(Shape):
    name: str


class _Metric(Shape):
    type: str
    resource: _ResourceMetric | None = None


class _AutoscalerSpec(Shape):
    scale_target_ref: _ScaleTarget
    min_replicas: int | None = Field(None, ge=0)
    max_replicas: int = Field(ge=1)
    metrics: list[_Metric] | None = None


class _Autoscaler(Envelope):
    spec: _AutoscalerSpec


class _ServicePort(Shape):
    port: int
    name: str | None = None
    app_protocol: str | None = None
    protocol: str | None = None


class _ServiceSpec(Shape):
    type: str | None = None
    selector: Labels | None = None
    ports: list[_ServicePort] | None = None
    external_traffic_policy: str | None = None


class _Service(Envelope):
    spec: _ServiceSpec


class _ConfigMap(Envelope):
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    immutable: bool | None = None


class _Address(Shape):
    cidr: Cidr
    except_: list[Cidr] | None = Field(None, alias="except")


class _Peer(Shape):
    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: _Address | None = None


class _PolicyPort(Shape):
    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None


class _Ingress(Shape):
    from_: list[_Peer] | None = Field(None, alias="from")
    ports: list[_PolicyPort] | None = None


class _Egress(Shape):
    to: list[_Peer] | None = None
    ports: list[_PolicyPort] | None = None


class _PolicySpec(Shape):
    pod_selector: Selector | None = None
    policy_types: list[Literal["Ingress", "Egress"]] | None = None
    ingress: list[_Ingress] | None = None
    egress: list[_Egress] | None = None


class _Policy(Envelope):
    spec: _PolicySpec


class _QuotaSpec(Shape):
    hard: Quantities | None = None
    scopes: list[str] | None = None
    scope_selector: dict[str, Any] | None = None


class _QuotaStatus(Shape):
    used: Quantities | None = None


class _Quota(Envelope):
    spec: _QuotaSpec
    status: _QuotaStatus | None = None


class _Taint(Shape):
    key: str
    effect: str
    value: str | None = None


class _NodeSpec(Shape):
    unschedulable: bool | None = None
    taints: list[_Taint] | None = None


class _Node(Envelope):
    spec: _NodeSpec | None = None


class _Destination(Shape):
    host: str
    subset: str | None = None


class _RouteDestination(Shape):
    destination: _Destination
    weight: int | None = None


class _HttpRoute(Shape):
    route: list[_RouteDestination] | None = None
    retries: dict[str, Any] | None = None
    fault: dict[str, Any] | None = None
    match: list[dict[str, Any]] | None = None


class _VirtualServiceSpec(Shape):
    hosts: list[str]
    gateways: list[str] | None = None
    http: list[_HttpRoute] | None = None


class _VirtualService(Envelope):
    spec: _VirtualServiceSpec


class _TrafficPolicy(Shape):
    tls: dict[str, Any] | None = None
    outlier_detection: dict[str, Any] | None = None


class _Subset(Shape):
    name: str
    labels: Labels | None = None


class _DestinationRuleSpec(Shape):
    host: str
    traffic_policy: _TrafficPolicy | None = None
    subsets: list[_Subset] | None = None


class _DestinationRule(Envelope):
    spec: _DestinationRuleSpec


class _PeerAuthenticationSpec(Shape):
    selector: Selector | None = None
    mtls: dict[str, str] | None = None


class _PeerAuthentication(Envelope):
    spec: _PeerAuthenticationSpec | None = None


_APPS = ("apps/v1",)
_NETWORKING = ("networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3")
_SECURITY = ("security.istio.io/v1", "security.istio.io/v1beta1")

SHAPES: Mapping[str, tuple[tuple[str, ...], type[Envelope]]] = {
    "ConfigMap": (("v1",), _ConfigMap),
    "DaemonSet": (_APPS, _Workload),
    "Deployment": (_APPS, _Workload),
    "DestinationRule": (_NETWORKING, _DestinationRule),
    "HorizontalPodAutoscaler": (("autoscaling/v2",), _Autoscaler),
    "Namespace": (("v1",), Envelope),
    "NetworkPolicy": (("networking.k8s.io/v1",), _Policy),
    "Node": (("v1",), _Node),
    "PeerAuthentication": (_SECURITY, _PeerAuthentication),
    "ResourceQuota": (("v1",), _Quota),
    "Service": (("v1",), _Service),
    "StatefulSet": (_APPS, _Workload),
    "VirtualService": (_NETWORKING, _VirtualService),
}
"""For each kind that is read, the API versions it may have and its shape. Other kinds are left alone."""
CLUSTER_WIDE = frozenset({"Namespace", "Node"})
"""The kinds that stand in no namespace."""
