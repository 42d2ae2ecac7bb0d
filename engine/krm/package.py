"""A package's name and its files: objects to bytes and back; the same objects give the same bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from documents import parse
from engine.krm.change import JsonObject

KPTFILE = "Kptfile"
_NAME_CHARACTERS = 54
_HASH_CHARACTERS = 8
_FILE_NAME_CHARACTERS = 255
_FIRST = {
    key: place
    for place, key in enumerate(
        ("apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "info", "spec")
    )
}
_MISREAD = re.compile(r"(?:[-+.0-9].*|y|n|yes|no|on|off|true|false|null|~)?\Z", re.IGNORECASE | re.DOTALL)
"""Texts that a reader of YAML 1.1 or 1.2 takes for a number, a boolean, a date or nothing, with a margin."""


def package_name(namespace: str, target: str) -> str:
    """Returns the name of the one package for a target of a namespace, a DNS-1123 label.

    The hash keeps `a-b` in `c` and `b` in `c-a` apart, and `*` from a workload named `all`.
    """
    words = f"{namespace}-{'all' if target == '*' else target}".replace(".", "-")
    digest = hashlib.sha256(f"{namespace}/{target}".encode()).hexdigest()
    return f"{words[:_NAME_CHARACTERS].rstrip('-')}-{digest[:_HASH_CHARACTERS]}"


def render_package(
    name: str, objects: Iterable[Mapping[str, Any]], description: str = ""
) -> dict[str, bytes]:
    """Returns the files of a package by their names: its Kptfile, and one for each object.

    Args:
        name: of the package.
        objects: whole or partial objects of one namespace.
        description: what the package is for; a text that says so where empty.
    """
    kptfile = {
        "apiVersion": "kpt.dev/v1",
        "kind": "Kptfile",
        "metadata": {"name": name, "annotations": {"config.kubernetes.io/local-config": "true"}},
        "info": {
            "description": description or f"What network intents state, kept by conductor-watch: {name}"
        },
    }
    files = {KPTFILE: dump(kptfile)}
    for item in objects:
        files[file_name(item)] = dump(item)
    return dict(sorted(files.items()))


def read_package(files: Mapping[str, bytes]) -> list[JsonObject]:
    """Returns the objects in the files of a package, by kind and name; the inverse of `render_package`.

    Raises:
        DocumentError: a file is no YAML that can be read.
    """
    objects = [
        document.value
        for name, data in files.items()
        if name.endswith((".yaml", ".yml"))
        for document in parse(data, name)
    ]
    return sorted(objects, key=lambda item: (item["kind"], item["metadata"]["name"]))


def file_name(item: Mapping[str, Any]) -> str:
    """Returns the name of the file of a new object."""
    stem = f"{item['kind'].lower()}-{item['metadata']['name']}"
    if len(stem) + len(".yaml") > _FILE_NAME_CHARACTERS:
        digest = hashlib.sha256(stem.encode()).hexdigest()[:_HASH_CHARACTERS]
        stem = f"{stem[: _FILE_NAME_CHARACTERS - len('.yaml') - _HASH_CHARACTERS - 1]}-{digest}"
    return f"{stem}.yaml"


def dump(item: Mapping[str, Any]) -> bytes:
    """Returns an object as YAML; the same object gives the same bytes.

    Keys come in the order in which people look for them: what it is, its name, then by the alphabet. It is
    given to the emitter of libyaml as events: the way over nodes, whose tags are found out in Python, takes
    three times as long.
    """
    stream = io.BytesIO()
    dumper = yaml.CSafeDumper(stream, allow_unicode=True, width=4096)
    for event in (*_BEGIN, *_events(item), *_END):
        dumper.emit(event)
    return stream.getvalue()


def _events(value: Any) -> Iterator[yaml.Event]:
    if isinstance(value, str):
        yield yaml.ScalarEvent(None, None, (True, True), value, style=_style(value))
    elif isinstance(value, Mapping):
        yield _MAP
        for key in sorted(value, key=_place):
            yield from _events(key)
            yield from _events(value[key])
        yield _MAP_END
    elif isinstance(value, list | tuple):
        yield _LIST
        for item in value:
            yield from _events(item)
        yield _LIST_END
    else:
        yield yaml.ScalarEvent(None, None, (True, False), _REPRESENTER.represent_data(value).value)


def _place(key: str) -> tuple[int, str]:
    return _FIRST.get(key, len(_FIRST)), key


def _style(value: str) -> str | None:
    """Quotes every text that any reader could take for something else; long texts stand line by line."""
    if "\n" in value:
        return "|"
    if _MISREAD.match(value):
        return '"'
    return "'" if value in _TAGS else None


_BEGIN = (yaml.StreamStartEvent(encoding="utf-8"), yaml.DocumentStartEvent(explicit=False))
_END = (yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent())
_MAP, _MAP_END = yaml.MappingStartEvent(None, None, True, flow_style=False), yaml.MappingEndEvent()
_LIST, _LIST_END = yaml.SequenceStartEvent(None, None, True, flow_style=False), yaml.SequenceEndEvent()
_TAGS = {"=", "<<"}
"""Texts that mean something of their own in YAML 1.1: the value of a map, the merging of another."""
_REPRESENTER = yaml.representer.SafeRepresenter()
"""For what is neither text nor made of parts: numbers, booleans, null."""
