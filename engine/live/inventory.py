"""Where live objects are looked up: the one thing that every origin of facts offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from rules.snapshot import Origin

Object: TypeAlias = Mapping[str, Any]
"""A Kubernetes object as parsed. Its kind's shape was checked where it came in; nobody changes it after."""


class UnknownFact(Exception):  # noqa: N818 - a fact that is unknown is no error of the program
    """What was asked for may be there or not: it cannot be told, which is never the same as absent.

    Attributes:
        kind: of the objects that were asked for.
        namespace: where; empty for objects of the whole cluster.
        why: for people, with what to do about it.
    """

    def __init__(self, kind: str, namespace: str, why: str) -> None:
        self.kind = kind
        self.namespace = namespace
        self.why = why
        where = f" in namespace {namespace}" if namespace else ""
        super().__init__(f"{kind}{where}: {why}")


class Inventory(Protocol):
    """The live objects of one origin, as last seen."""

    @property
    def origin(self) -> Origin:
        """Where the objects come from."""
        ...

    @property
    def digest(self) -> str:
        """A text that changes whenever any object, or what is known of it, changes."""
        ...

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Returns an object; None where it is known not to be there. `namespace` is empty for Nodes.

        Raises:
            UnknownFact: whether it is there, or what it says, is not known.
        """
        ...

    def list(self, kind: str, namespace: str) -> tuple[Object, ...]:
        """Returns all objects of a kind in a namespace, by name.

        Raises:
            UnknownFact: they are not all known.
        """
        ...
