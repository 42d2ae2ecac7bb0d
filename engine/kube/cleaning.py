"""Takes away what the daemon put on NetworkIntents beside their status, so that they outlive it.

A finalizer whose program is gone would keep an intent from ever being deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.kube.client import Client, Object
from engine.kube.errors import ConflictError, NotFoundError
from engine.kube.resources import Resource
from engine.kube.watching import Pages
from engine.telling import FINALIZER, OUTPUTS

_TRIES = 5
"""How often a change is tried over changes of others."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an intent has of ours.

    Attributes:
        deleted: somebody has deleted it already: without its finalizer it is gone.
    """

    namespace: str
    name: str
    finalizer: bool
    annotations: tuple[str, ...]
    deleted: bool


def find(client: Client, resource: Resource, namespaces: Sequence[str] = ("",)) -> Iterator[Found]:
    """Yields the intents that have a finalizer or annotations of ours.

    Args:
        namespaces: those to look at; ("",) for all.

    Raises:
        ApiError: they could not be listed.
    """
    for namespace in namespaces:
        for page in Pages(client, resource, namespace):
            found = (_found(item) for item in page)
            yield from (each for each in found if each.finalizer or each.annotations)


def clean(client: Client, resource: Resource, found: Found, *, annotations: bool) -> None:
    """Takes the finalizer from an intent, and its annotations if wished; one that is gone is clean.

    Raises:
        ApiError: it could not be changed.
    """
    path = resource.path(found.namespace, found.name)
    what = f"read {resource.words(found.namespace, found.name)}"
    for tries in range(1, _TRIES + 1):
        try:
            metadata = client.get(path, what)["metadata"]
            left = [name for name in metadata.get("finalizers") or () if name != FINALIZER]
            change: Object = {"resourceVersion": metadata["resourceVersion"], "finalizers": left}
            if annotations:
                change["annotations"] = dict.fromkeys(OUTPUTS)
            client.merge(resource, found.namespace, found.name, {"metadata": change})
        except NotFoundError:
            return
        except ConflictError:
            if tries == _TRIES:
                raise
        else:
            return


def _found(item: Object) -> Found:
    metadata = item["metadata"]
    return Found(
        namespace=metadata["namespace"],
        name=metadata["name"],
        finalizer=FINALIZER in (metadata.get("finalizers") or ()),
        annotations=tuple(sorted(OUTPUTS & (metadata.get("annotations") or {}).keys())),
        deleted="deletionTimestamp" in metadata,
    )
