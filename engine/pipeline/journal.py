"""Where sources keep what they see: the inbox, and how far they have come."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from store import Event, Store, inbox, meta

Known = tuple[str, str, str]
"""Namespace, name and uid of an intent."""
ARRIVAL = "arrival"
"""What a source adds to an intent that it knows the Arrival of."""


class Arrival(StrEnum):
    """When an intent came: beside when those of its namespace were first followed."""

    BEFORE = "before"  #: It was there, by what tells of it beside the store.
    FIRST = (
        "first"  #: It was there when this store first saw them; an earlier store may have seen them before.
    )
    SINCE = "since"  #: It came later.


@dataclass(frozen=True, slots=True)
class Beginning:
    """When the intents of a namespace were first followed.

    Attributes:
        at: in epoch seconds, by the clock that intents are created by.
        found: whether that was known before this store.
    """

    at: float
    found: bool

    def arrival(self, created: float) -> Arrival:
        """Returns when an intent came that is listed and was created at some time."""
        if created > self.at:
            return Arrival.SINCE
        return Arrival.BEFORE if self.found else Arrival.FIRST


def _now(_: str) -> Beginning:
    return Beginning(time.time(), found=False)


class Journal:
    """The store as sources see it.

    Args:
        kept: called once events are kept for good.
        scope: what the versions are of: a cluster and a resource; without it none is remembered.
        resource: the resource, with its group and version; empty for a folder.
        began: tells when something, named by resource and namespace, was first followed; that is now where
            nothing is known of it.
    """

    def __init__(
        self,
        store: Store,
        kept: Callable[[], None],
        scope: Callable[[], str] = str,
        resource: str = "",
        began: Callable[[str], Beginning] = _now,
    ) -> None:
        self._began = began
        self._resource = resource
        self._store = store
        self._kept = kept
        self._scope = scope

    def keep(self, events: list[Event]) -> None:
        """Keeps events, in order.

        Raises:
            StoreUnavailable: they could not be kept; they have to be given again.
        """
        self._store.write(lambda tx: [inbox.put(tx, event) for event in events], synced=False).result()
        self._kept()

    def known(self) -> list[Known]:
        """Lists every intent that is taken for there, by what was kept, dealt with or not."""
        return self._store.read(inbox.known)

    def beginning(self, namespace: str) -> Beginning | None:
        """Tells when the intents of a namespace (of all where empty) were first followed.

        None where they have been seen as a whole: what is not known of them by now came later. Where they are
        about to be seen for the first time, whatever is there was there.
        """
        name = f"{self._resource}:{namespace}"
        listed, kept = self._store.read(
            lambda reader: (meta.get(reader, f"listed:{name}"), meta.get(reader, f"began:{name}"))
        )
        if listed is not None:
            return None
        if kept is not None:
            return Beginning(**json.loads(kept))
        began = self._began(name)
        self._store.write(lambda tx: meta.put(tx, f"began:{name}", json.dumps(asdict(began)))).result()
        return began if began.found else replace(began, at=math.inf)

    def listed(self, namespace: str) -> None:
        """Notes that the intents of a namespace have been seen as a whole."""
        self._store.write(lambda tx: meta.put(tx, f"listed:{self._resource}:{namespace}", "true")).result()

    def version(self, namespace: str) -> str:
        """Returns the last version told to `reached`; empty where there is none."""
        scope = self._scope()
        key = f"watch:{scope}:{namespace}"
        return (self._store.read(lambda reader: meta.get(reader, key)) or "") if scope else ""

    def reached(self, namespace: str, version: str) -> None:
        """Notes that all up to a version is kept; one that is lost does no harm."""
        scope = self._scope()
        if scope:
            key = f"watch:{scope}:{namespace}"
            self._store.write(lambda tx: meta.put(tx, key, version), synced=False)
