"""Where sources keep what they see: the inbox, and how far they have come."""

from __future__ import annotations

from collections.abc import Callable

from store import Event, Store, inbox, meta

Known = tuple[str, str, str]
"""Namespace, name and uid of an intent."""
LISTED_FIRST = "listedFirst"
"""What a source adds to an intent that was there when it first saw the intents of a namespace."""


class Journal:
    """The store as sources see it.

    Args:
        kept: called once events are kept for good.
        scope: what the versions are of: a cluster and a resource; without it none is remembered.
        resource: the resource, with its group and version; empty for a folder.
    """

    def __init__(
        self, store: Store, kept: Callable[[], None], scope: Callable[[], str] = str, resource: str = ""
    ) -> None:
        self._resource = resource
        self._store = store
        self._kept = kept
        self._scope = scope

    def keep(self, events: list[Event]) -> None:
        """Keeps events, in order.

        Raises:
            StoreUnavailable: they could not be kept; they have to be given again.
        """
        self._store.write(lambda tx: [inbox.put(tx, event) for event in events]).result()
        self._kept()

    def known(self) -> list[Known]:
        """Lists every intent that is taken for there, by what was kept, dealt with or not."""
        return self._store.read(inbox.known)

    def first(self, namespace: str) -> bool:
        """Tells whether the intents of a namespace (of all where empty) have never been seen as a whole."""
        return (
            self._store.read(lambda reader: meta.get(reader, f"listed:{self._resource}:{namespace}")) is None
        )

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
            self._store.write(lambda tx: meta.put(tx, f"watch:{scope}:{namespace}", version))
