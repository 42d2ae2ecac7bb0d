"""A change laid over the files of a package that others may have a hand in: what it does not touch stays.

A file is written anew only where an object in it changes; every other keeps its bytes, its comments and its
order. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from documents import parse
from engine.krm.change import JsonObject, PackageChange
from engine.krm.merge import merge
from engine.krm.package import KPTFILE, dump, file_name, render_package

_Key = tuple[str, str]
"""Kind and name of an object."""


def lay_change(files: Mapping[str, bytes], change: PackageChange) -> dict[str, bytes]:
    """Returns the files of a package with a change laid over; the same files where it says all of it.

    Args:
        files: by their paths; none for a package that is not there yet.
        change: of objects in one namespace.

    Raises:
        DocumentError: a file is no YAML that can be read.
        MergeConflict: see `merge`.
    """
    if not files:
        return render_package(change.name, merge([], change))
    contents = {
        path: [document.value for document in parse(data, path)]
        for path, data in files.items()
        if path.endswith((".yaml", ".yml"))
    }
    places = _places(contents, change.namespace)
    before = {key: contents[place.path][place.index] for key, place in places.items()}
    after = {_key(item): item for item in merge(list(before.values()), change)}
    touched = set()
    for key in before.keys() | after.keys():
        item = after.get(key)
        if item == before.get(key):
            continue
        place = places.get(key)
        if place is not None:
            contents[place.path][place.index] = item
            touched.add(place.path)
        elif item is not None:
            path = file_name(item)
            contents.setdefault(path, []).append(item)
            touched.add(path)
    return dict(sorted(_written(files, contents, touched).items()))


def annotate_package(files: Mapping[str, bytes], annotations: Mapping[str, str]) -> dict[str, bytes]:
    """Returns the files with annotations set in the Kptfile.

    Raises:
        DocumentError: the Kptfile is no YAML that can be read.
    """
    documents = parse(files[KPTFILE], KPTFILE) if KPTFILE in files else []
    kptfile = documents[0].value if documents and isinstance(documents[0].value, dict) else {}
    metadata = kptfile.get("metadata") or {}
    before = metadata.get("annotations") or {}
    marked = {**kptfile, "metadata": {**metadata, "annotations": {**before, **annotations}}}
    return {**files, KPTFILE: dump(marked)}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an object stands: the file, and which of its documents."""

    path: str
    index: int


def _places(contents: Mapping[str, list[Any]], namespace: str) -> dict[_Key, _Place]:
    """Finds the objects of a namespace; what else stands in the files is left alone."""
    places: dict[_Key, _Place] = {}
    for path, documents in sorted(contents.items()):
        for index, item in enumerate(documents):
            if _is_object(item) and item["metadata"].get("namespace", namespace) == namespace:
                places.setdefault(_key(item), _Place(path, index))
    return places


def _written(
    files: Mapping[str, bytes], contents: Mapping[str, list[JsonObject | None]], touched: set[str]
) -> dict[str, bytes]:
    written = dict(files)
    for path in touched:
        left = [dump(item) for item in contents[path] if item is not None]
        if left:
            written[path] = b"---\n".join(left)
        else:
            written.pop(path, None)
    return written


def _is_object(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and isinstance(item.get("kind"), str)
        and isinstance(item.get("metadata"), Mapping)
        and isinstance(item["metadata"].get("name"), str)
    )


def _key(item: Mapping[str, Any]) -> _Key:
    return (item["kind"], item["metadata"]["name"])
