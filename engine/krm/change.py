"""What rendering gives: a plan of package changes, or why there cannot be one.

A plan is stored with the decision before anything is written, and executed from there: `to_json` and
`from_json` lose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from engine.reasons import Reason

JsonObject: TypeAlias = dict[str, Any]
"""A Kubernetes object, whole or partial, as JSON."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A field that a package must no longer state, as another object rules it now.

    Attributes:
        path: its way from the top of the object: ("spec", "replicas").
    """

    kind: str
    name: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackageChange:
    """What one package is to state from now on, beside what it states already.

    Attributes:
        namespace: of its objects.
        target: the workload (or, for mesh traffic, the Service) that the package is about; `*` for all.
        name: of the package.
        objects: partial objects, to be merged into those of the package.
        fields: the paths of the fields that the intent owns from now on, as `Deployment/amf:spec.replicas`.
        removals: what it must no longer state.
    """

    repository: str
    namespace: str
    target: str
    name: str
    objects: tuple[JsonObject, ...]
    fields: tuple[str, ...]
    removals: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Restart:
    """A workload whose pods a plan restarts.

    Attributes:
        pods: how many; None where that is not known.
        changes: what of their template changes, as paths.
    """

    kind: str
    namespace: str
    name: str
    pods: int | None
    changes: tuple[str, ...]

    def __str__(self) -> str:
        pods = "an unknown number of pods" if self.pods is None else f"{self.pods} pods"
        return f"restarts {pods} of {self.kind} {self.namespace}/{self.name}: {', '.join(self.changes)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be written for one intent, and what people should know before it is.

    Attributes:
        packages: one for each repository, namespace and target; none where all is as wished already.
        warnings: for people, in the order of the actions; every restart is among them.
    """

    packages: tuple[PackageChange, ...]
    warnings: tuple[str, ...] = ()
    restarts: tuple[Restart, ...] = ()

    def to_json(self) -> JsonObject:
        """Returns the plan as JSON, which shares its objects with the plan."""
        packages = [
            {**_fields(item), "removals": [_fields(removal) for removal in item.removals]}
            for item in self.packages
        ]
        restarts = [_fields(item) for item in self.restarts]
        return {"packages": packages, "warnings": list(self.warnings), "restarts": restarts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """Returns the plan that `to_json` gave.

        Raises:
            KeyError, TypeError: `value` is no plan.
        """
        return cls(
            packages=tuple(_package_change(item) for item in value["packages"]),
            warnings=tuple(value["warnings"]),
            restarts=tuple(
                Restart(**{**item, "changes": tuple(item["changes"])}) for item in value["restarts"]
            ),
        )


def _fields(part: PackageChange | Removal | Restart) -> JsonObject:
    return {item.name: getattr(part, item.name) for item in fields(part)}


def _package_change(value: Mapping[str, Any]) -> PackageChange:
    removals = tuple(Removal(item["kind"], item["name"], tuple(item["path"])) for item in value["removals"])
    return PackageChange(
        **{
            **value,
            "objects": tuple(value["objects"]),
            "fields": tuple(value["fields"]),
            "removals": removals,
        }
    )


@dataclass(frozen=True, slots=True)
class CannotRender:
    """Why an intent cannot be written as packages.

    Attributes:
        message: for people: what is wrong and what to do.
        action: the index of the action at fault.
    """

    reason: Reason
    message: str
    action: int


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What rendering has to be told about the cluster that the packages are for.

    Attributes:
        ranges: the CIDRs of its pods and Services, IPv4 and IPv6; empty where not known.
        catalog: the image of a new workload, with tag or digest, by the name of the target.
    """

    ranges: tuple[str, ...] = ()
    catalog: Mapping[str, str] = field(default_factory=dict)
