"""The shapes of pods and of what selects them, as far as they are read: parts of the objects in `shapes`."""

from __future__ import annotations

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


class Shape(BaseModel):
    """Checks what it names and leaves the rest alone."""

    model_config = ConfigDict(extra="ignore", strict=True, alias_generator=to_camel)


class _Requirement(Shape):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[str] | None = None


class Selector(Shape):
    """What picks objects by their labels."""

    match_labels: Labels | None = None
    match_expressions: list[_Requirement] | None = None


class _Resources(Shape):
    requests: Quantities | None = None
    limits: Quantities | None = None


class _Item(Shape):
    key: str


class _Reference(Shape):
    name: str | None = None
    items: list[_Item] | None = None


class _KeyReference(Shape):
    name: str
    key: str


class _ValueFrom(Shape):
    config_map_key_ref: _KeyReference | None = None


class _Variable(Shape):
    name: str
    value_from: _ValueFrom | None = None


class _NamedReference(Shape):
    name: str


class _EnvironmentSource(Shape):
    prefix: str | None = None
    config_map_ref: _NamedReference | None = None


class _Mount(Shape):
    name: str
    mount_path: str
    sub_path: str | None = None


class _Container(Shape):
    name: str
    image: str
    resources: _Resources | None = None
    env: list[_Variable] | None = None
    env_from: list[_EnvironmentSource] | None = None
    volume_mounts: list[_Mount] | None = None


class _VolumeSource(Shape):
    config_map: _Reference | None = None


class _Projected(Shape):
    sources: list[_VolumeSource] | None = None


class _Volume(Shape):
    name: str
    config_map: _Reference | None = None
    projected: _Projected | None = None


class _NodeTerm(Shape):
    match_expressions: list[_Requirement] | None = None
    match_fields: list[_Requirement] | None = None


class _RequiredNodes(Shape):
    node_selector_terms: list[_NodeTerm]


class _PreferredNodes(Shape):
    weight: int
    preference: _NodeTerm


class _NodeAffinity(Shape):
    required: _RequiredNodes | None = Field(None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[_PreferredNodes] | None = Field(
        None, alias="preferredDuringSchedulingIgnoredDuringExecution"
    )


class _PodTerm(Shape):
    topology_key: str
    label_selector: Selector | None = None


class _PodAffinity(Shape):
    required: list[_PodTerm] | None = Field(None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[dict[str, Any]] | None = Field(
        None, alias="preferredDuringSchedulingIgnoredDuringExecution"
    )


class _Affinity(Shape):
    node_affinity: _NodeAffinity | None = None
    pod_affinity: _PodAffinity | None = None
    pod_anti_affinity: _PodAffinity | None = None


class _Spread(Shape):
    topology_key: str
    when_unsatisfiable: str
    max_skew: int


class _Toleration(Shape):
    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


class _PodSpec(Shape):
    containers: list[_Container] = Field(min_length=1)
    init_containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None
    host_network: bool | None = None
    node_selector: Labels | None = None
    affinity: _Affinity | None = None
    topology_spread_constraints: list[_Spread] | None = None
    tolerations: list[_Toleration] | None = None


class _TemplateMetadata(Shape):
    labels: Labels
    annotations: Labels | None = None


class Template(Shape):
    """What pods are made from."""

    metadata: _TemplateMetadata
    spec: _PodSpec
