"""What a decision is made from: one intent, its actions, the facts around them and the time, all frozen.

Only records: whoever gathers fills them, `evaluate` reads them. A field that is None is not known, which is
never the same as 0, empty or absent; `Facts.unknown` says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""A value of JSON, read-only."""
Action: TypeAlias = Mapping[str, Json]
"""A structured action by docs/contracts/intent.schema.json."""
Record = TypeVar("Record")
Source: TypeAlias = Literal["cluster", "directory", "cli", "webhook"]
Origin: TypeAlias = Literal["cluster", "package", "directory", "unknown"]

_READ_AS = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)
"""How rule tests and stored decisions state these records."""


@dataclass(frozen=True, slots=True)
class IntentView:
    """The NetworkIntent that is decided.

    Attributes:
        text: what the person wrote, `spec.intent`.
        priority: 0 to 10, as the intent states it.
        source: where the intent came from.
        requester: who asked, from admission; "unknown" where nothing proves it.
        target_namespace: `spec.targetNamespace`; empty where not given.
        min_replicas: the intent's own lower bound of replicas; None where not given.
        max_replicas: the intent's own upper bound of replicas; None where not given.
        allowed_namespaces: the only namespaces it may act on; empty where not given.
    """

    __pydantic_config__ = _READ_AS

    namespace: str
    name: str
    uid: str
    generation: int
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    priority: int = 5
    source: Source = "cluster"
    requester: str = "unknown"
    dry_run: bool = False
    target_namespace: str = ""
    min_replicas: int | None = None
    max_replicas: int | None = None
    allowed_namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """One container of the target; a None quantity is known not to be set."""

    __pydantic_config__ = _READ_AS

    name: str
    image: str
    cpu_request_milli: int | None = None
    memory_request_bytes: int | None = None
    cpu_limit_milli: int | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the world that one action touches.

    Attributes:
        origin: where the facts come from.
        exists: whether the target is there.
        kind: the kind of the target's live object.
        replicas: how many it asks for.
        pods: how many of its pods run.
        hpa: the name of the HorizontalPodAutoscaler that rules it; empty where it is known that none does.
        hpa_min: the autoscaler's lower bound.
        hpa_max: the autoscaler's upper bound.
        containers: the containers of its pods.
        images: the images of its containers.
        namespace_exists: whether the action's namespace is there.
        namespace_labels: the labels of that namespace.
        services: the names of the Services that select the target.
        config_maps: the names of the ConfigMaps that it uses.
        isolated_ingress: whether a NetworkPolicy already limits what reaches it.
        isolated_egress: whether a NetworkPolicy already limits what it reaches.
        quota: whether the namespace has a ResourceQuota.
        field_owners: for each field path that the action writes, the other intent ("namespace/name") that
            owns it.
        managers: for each field path that the action writes, the manager by managedFields.
        restarts_pods: how many pods the action would restart.
        traffic: the percentage of traffic that each version gets by the mesh; empty where it is not split.
        assumed: the paths of the action's fields that the text did not state, as `affinity.topology_key`.
        unknown: for each fact that is not known, by its name in expressions (`hpaMin`), why.
    """

    __pydantic_config__ = _READ_AS

    origin: Origin = "unknown"
    exists: bool | None = None
    kind: str | None = None
    replicas: int | None = None
    pods: int | None = None
    hpa: str | None = None
    hpa_min: int | None = None
    hpa_max: int | None = None
    containers: tuple[ContainerFacts, ...] | None = None
    images: tuple[str, ...] | None = None
    namespace_exists: bool | None = None
    namespace_labels: Mapping[str, str] | None = None
    services: tuple[str, ...] | None = None
    config_maps: tuple[str, ...] | None = None
    isolated_ingress: bool | None = None
    isolated_egress: bool | None = None
    quota: bool | None = None
    field_owners: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, str] | None = None
    restarts_pods: int = 0
    traffic: Mapping[str, int] | None = None
    assumed: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """What happened to the intent before.

    Attributes:
        attempts: executions of this generation so far.
        generations: generations seen before this one.
        last_phase: the phase of the last status; empty for a new intent.
        last_completed_at: when a generation last completed; UTC.
    """

    __pydantic_config__ = _READ_AS

    attempts: int = 0
    generations: int = 0
    last_phase: str = ""
    last_completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All input of one decision.

    Attributes:
        actions: in the order of the text.
        facts: one for each action, in the same order.
        now: UTC, with a time zone.
        approved: whether somebody who may has approved exactly this spec.
    """

    intent: IntentView
    actions: tuple[Action, ...]
    facts: tuple[Facts, ...]
    history: History
    now: datetime
    approved: bool = False

    def to_json(self) -> dict[str, Any]:
        """Returns the snapshot as JSON, to be stored with its decision; what is as by default is left out."""
        return {
            "intent": _to_json(self.intent),
            "actions": [dict(action) for action in self.actions],
            "facts": [_to_json(facts) for facts in self.facts],
            "history": _to_json(self.history),
            "now": self.now.isoformat(),
            "approved": self.approved,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Snapshot:
        """Returns the snapshot that `to_json` gave, also that of an older version with fewer facts.

        Raises:
            pydantic.ValidationError: a newer version stored it, or it is no snapshot.
            KeyError: it is no snapshot.
        """
        return cls(
            read_record(IntentView, value["intent"]),
            tuple(value["actions"]),
            tuple(read_record(Facts, facts) for facts in value["facts"]),
            read_record(History, value["history"]),
            datetime.fromisoformat(value["now"]),
            approved=value["approved"],
        )


def read_record(record: type[Record], values: Mapping[str, Any]) -> Record:
    """Returns a record by its fields in camelCase.

    Raises:
        pydantic.ValidationError: a field is missing, unknown or of another type.
    """
    found: Record = _ADAPTERS[record].validate_python(values)
    return found


def _to_json(record: IntentView | Facts | History) -> dict[str, Any]:
    adapter = _ADAPTERS[type(record)]
    found: dict[str, Any] = adapter.dump_python(record, mode="json", by_alias=True, exclude_defaults=True)
    return found


_ADAPTERS: Mapping[type, TypeAdapter[Any]] = {
    record: TypeAdapter(record) for record in (IntentView, Facts, History)
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What rules may choose, by the settings, and what holds where no rule chooses.

    Attributes:
        executors: the names of the executors that are set up.
        repositories: the repositories that may be written; None for any.
        highest_lifecycle: how far a package may go: Draft, Proposed or Published.
        own_namespace: the namespace that conductor-watch itself runs in; empty outside a cluster.
    """

    __pydantic_config__ = _READ_AS

    executors: frozenset[str]
    default_executor: str
    default_repository: str
    default_lifecycle: str = "Proposed"
    highest_lifecycle: str = "Proposed"
    repositories: frozenset[str] | None = None
    own_namespace: str = ""
