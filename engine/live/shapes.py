"""The shapes of the Kubernetes objects that are read, as far as they are read.

An API server guarantees them; a file does not, so each object of a file is checked once, where it comes
in, and everything after it can rely on what stands here. What is not read is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from engine.live.quantity import parse_quantity


def _is_quantity(value: str | float) -> str | float:
    parse_quantity(value)
    return value


def _is_network(value: str) -> str:
    ip_network(value)
    return value


Labels = dict[str, str]
Cidr = Annotated[str, AfterValidator(_is_network)]
Quantity = Annotated[str | int | float, AfterValidator(_is_quantity)]
Quantities = dict[str, Quantity]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, alias_generator=to_camel)


class _Managed(_Shape):
    manager: str | None = None
    fields_v1: dict[str, Any] | None = Field(None, alias="fieldsV1")


class _Metadata(_Shape):
    name: str = Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$")
    namespace: str | None = None
    labels: Labels | None = None
    annotations: Labels | None = None
    managed_fields: list[_Managed] | None = None
    owner_references: list[dict[str, Any]] | None = None


class Envelope(_Shape):
    """What every object has."""

    api_version: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    metadata: _Metadata


class _Requirement(_Shape):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[str] | None = None


class _Selector(_Shape):
    match_labels: Labels | None = None
    match_expressions: list[_Requirement] | None = None


class _Resources(_Shape):
    requests: Quantities | None = None
    limits: Quantities | None = None


class _Item(_Shape):
    key: str


class _Reference(_Shape):
    name: str | None = None
    items: list[_Item] | None = None


class _KeyReference(_Shape):
    name: str
    key: str


class _ValueFrom(_Shape):
    config_map_key_ref: _KeyReference | None = None


class _Variable(_Shape):
    name: str
    value_from: _ValueFrom | None = None


class _NamedReference(_Shape):
    name: str


class _EnvironmentSource(_Shape):
    prefix: str | None = None
    config_map_ref: _NamedReference | None = None


class _Mount(_Shape):
    name: str
    mount_path: str
    sub_path: str | None = None


class _Container(_Shape):
    name: str
    image: str
    resources: _Resources | None = None
    env: list[_Variable] | None = None
    env_from: list[_EnvironmentSource] | None = None
    volume_mounts: list[_Mount] | None = None


class _VolumeSource(_Shape):
    config_map: _Reference | None = None


class _Projected(_Shape):
    sources: list[_VolumeSource] | None = None


class _Volume(_Shape):
    name: str
    config_map: _Reference | None = None
    projected: _Projected | None = None


class _NodeTerm(_Shape):
    match_expressions: list[_Requirement] | None = None
    match_fields: list[_Requirement] | None = None


class _RequiredNodes(_Shape):
    node_selector_terms: list[_NodeTerm]


class _PreferredNodes(_Shape):
    weight: int
    preference: _NodeTerm


class _NodeAffinity(_Shape):
    required: _RequiredNodes | None = Field(None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[_PreferredNodes] | None = Field(
        None, alias="preferredDuringSchedulingIgnoredDuringExecution"
    )


class _PodTerm(_Shape):
    topology_key: str
    label_selector: _Selector | None = None


class _PodAffinity(_Shape):
    required: list[_PodTerm] | None = Field(None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[dict[str, Any]] | None = Field(
        None, alias="preferredDuringSchedulingIgnoredDuringExecution"
    )


class _Affinity(_Shape):
    node_affinity: _NodeAffinity | None = None
    pod_affinity: _PodAffinity | None = None
    pod_anti_affinity: _PodAffinity | None = None


class _Spread(_Shape):
    topology_key: str
    when_unsatisfiable: str
    max_skew: int


class _Toleration(_Shape):
    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


class _PodSpec(_Shape):
    containers: list[_Container] = Field(min_length=1)
    init_containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None
    host_network: bool | None = None
    node_selector: Labels | None = None
    affinity: _Affinity | None = None
    topology_spread_constraints: list[_Spread] | None = None
    tolerations: list[_Toleration] | None = None


class _TemplateMetadata(_Shape):
    labels: Labels
    annotations: Labels | None = None


class _Template(_Shape):
    metadata: _TemplateMetadata
    spec: _PodSpec


class _RollingUpdate(_Shape):
    max_surge: int | Annotated[str, Field(pattern=r"^[0-9]+%$")] | None = None


class _Strategy(_Shape):
    type: str | None = None
    rolling_update: _RollingUpdate | None = None


class _WorkloadSpec(_Shape):
    replicas: int | None = Field(None, ge=0)
    strategy: _Strategy | None = None
    update_strategy: _Strategy | None = None
    selector: _Selector
    template: _Template


class _WorkloadStatus(_Shape):
    replicas: int | None = None
    current_number_scheduled: int | None = None
    desired_number_scheduled: int | None = None


class _Workload(Envelope):
    spec: _WorkloadSpec
    status: _WorkloadStatus | None = None


class _ScaleTarget(_Shape):
    kind: str
    name: str


class _ResourceMetric(_Shape):
    name: str


class _Metric(_Shape):
    type: str
    resource: _ResourceMetric | None = None


class _AutoscalerSpec(_Shape):
    scale_target_ref: _ScaleTarget
    min_replicas: int | None = Field(None, ge=0)
    max_replicas: int = Field(ge=1)
    metrics: list[_Metric] | None = None


class _Autoscaler(Envelope):
    spec: _AutoscalerSpec


class _ServicePort(_Shape):
    port: int
    name: str | None = None
    app_protocol: str | None = None
    protocol: str | None = None


class _ServiceSpec(_Shape):
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


class _Address(_Shape):
    cidr: Cidr
    except_: list[Cidr] | None = Field(None, alias="except")


class _Peer(_Shape):
    pod_selector: _Selector | None = None
    namespace_selector: _Selector | None = None
    ip_block: _Address | None = None


class _PolicyPort(_Shape):
    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None


class _Ingress(_Shape):
    from_: list[_Peer] | None = Field(None, alias="from")
    ports: list[_PolicyPort] | None = None


class _Egress(_Shape):
    to: list[_Peer] | None = None
    ports: list[_PolicyPort] | None = None


class _PolicySpec(_Shape):
    pod_selector: _Selector | None = None
    policy_types: list[Literal["Ingress", "Egress"]] | None = None
    ingress: list[_Ingress] | None = None
    egress: list[_Egress] | None = None


class _Policy(Envelope):
    spec: _PolicySpec


class _QuotaSpec(_Shape):
    hard: Quantities | None = None
    scopes: list[str] | None = None
    scope_selector: dict[str, Any] | None = None


class _QuotaStatus(_Shape):
    used: Quantities | None = None


class _Quota(Envelope):
    spec: _QuotaSpec
    status: _QuotaStatus | None = None


class _Taint(_Shape):
    key: str
    effect: str
    value: str | None = None


class _NodeSpec(_Shape):
    unschedulable: bool | None = None
    taints: list[_Taint] | None = None


class _Node(Envelope):
    spec: _NodeSpec | None = None


class _Destination(_Shape):
    host: str
    subset: str | None = None


class _RouteDestination(_Shape):
    destination: _Destination
    weight: int | None = None


class _HttpRoute(_Shape):
    route: list[_RouteDestination] | None = None
    retries: dict[str, Any] | None = None
    fault: dict[str, Any] | None = None
    match: list[dict[str, Any]] | None = None


class _VirtualServiceSpec(_Shape):
    hosts: list[str]
    gateways: list[str] | None = None
    http: list[_HttpRoute] | None = None


class _VirtualService(Envelope):
    spec: _VirtualServiceSpec


class _TrafficPolicy(_Shape):
    tls: dict[str, Any] | None = None
    outlier_detection: dict[str, Any] | None = None


class _Subset(_Shape):
    name: str
    labels: Labels | None = None


class _DestinationRuleSpec(_Shape):
    host: str
    traffic_policy: _TrafficPolicy | None = None
    subsets: list[_Subset] | None = None


class _DestinationRule(Envelope):
    spec: _DestinationRuleSpec


class _PeerAuthenticationSpec(_Shape):
    selector: _Selector | None = None
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
