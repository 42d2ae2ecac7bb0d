"""Bytes to documents: UTF-8, one YAML dialect without surprises, bounded size, places kept.

Beyond the YAML that PyYAML reads, a document here has no duplicate keys, no aliases (an anchor bomb needs
them), no tags, no `yes`/`no`/`on`/`off` booleans (YAML 1.2: they are texts), no dates, octal or sexagesimal
numbers made from plain text, and only text keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from documents.errors import DocumentError, Place, Problem

MAX_BYTES = 1_048_576
"""The largest document that is read, in bytes."""
MAX_DEPTH = 40
"""The deepest nesting that is read."""

KeyPath = tuple[str | int, ...]
"""The way from the top of a document to a value: ("spec", "rules", 2, "when")."""

_CORE_TAGS = {
    "tag:yaml.org,2002:null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "tag:yaml.org,2002:bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z|0x[0-9a-fA-F]+\Z|0o[0-7]+\Z"),
    "tag:yaml.org,2002:float": re.compile(
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?\Z|[-+]?[0-9]+[eE][-+]?[0-9]+\Z"
    ),
}
_QUOTES = ("'", '"')
_KNOWN_TAGS = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:map",
    *_CORE_TAGS,
    "tag:yaml.org,2002:timestamp",
    "tag:yaml.org,2002:merge",
    "tag:yaml.org,2002:value",
}


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document and the place of each of its values.

    Attributes:
        value: plain dicts, lists, texts, numbers, booleans and None.
        source: the name of the file, for people.
    """

    value: Any
    source: str
    _lines: tuple[str, ...] = field(repr=False)
    _places: dict[KeyPath, tuple[int, int]] = field(repr=False)

    def place(self, path: KeyPath = ()) -> Place:
        """Returns where the value at `path` stands, or its nearest ancestor that is there."""
        while path and path not in self._places:
            path = path[:-1]
        line, column = self._places.get(path, (1, 1))
        return Place(self.source, line, column)

    def problem(self, path: KeyPath, message: str, offset: int = 0) -> Problem:
        """Returns a problem with the value at `path`, `offset` characters into it."""
        place = self.place(path)
        place = Place(place.file, place.line, place.column + offset)
        excerpt = self._lines[place.line - 1] if place.line <= len(self._lines) else ""
        return Problem(place, dotted(path), message, excerpt)


def dotted(path: KeyPath) -> str:
    """Returns the path as people write it: `spec.rules[2].when`."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in path]
    return "".join(parts).lstrip(".")


def load(path: Path, source: str | None = None, max_bytes: int = MAX_BYTES) -> list[Document]:
    """Reads the documents of a file.

    Raises:
        DocumentError: the file is too large, not UTF-8 or no acceptable YAML.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    return parse(data, source or str(path), max_bytes)


def parse(data: bytes | str, source: str, max_bytes: int = MAX_BYTES) -> list[Document]:
    """Reads the documents of a text; empty ones are left out.

    Raises:
        DocumentError: `data` is too large, not UTF-8 or no acceptable YAML.
    """
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > max_bytes:
        raise _error(source, 1, 1, f"larger than {max_bytes:,} bytes; split it into several files")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error(source, line, 1, f"not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    lines = tuple(text.splitlines())
    try:
        _refuse_aliases(text, source, lines)
        nodes = list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, source, lines) from error
    except yaml.YAMLError as error:
        raise _error(source, 1, 1, f"no YAML: {error}") from error
    return [_document(node, source, lines) for node in nodes if not _is_empty(node)]


def _refuse_aliases(text: str, source: str, lines: tuple[str, ...]) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.AliasEvent):
            raise _error(source, line, column, "aliases are not read; write the value out", lines)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _error(source, line, column, f"nested deeper than {MAX_DEPTH} levels", lines)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.value == "" and not node.style)


def _document(node: yaml.Node, source: str, lines: tuple[str, ...]) -> Document:
    places: dict[KeyPath, tuple[int, int]] = {}
    problems: list[Problem] = []

    def refuse(at: yaml.Node, path: KeyPath, message: str) -> None:
        line, column = at.start_mark.line + 1, at.start_mark.column + 1
        excerpt = lines[line - 1] if line <= len(lines) else ""
        problems.append(Problem(Place(source, line, column), dotted(path), message, excerpt))

    def build(at: yaml.Node, path: KeyPath) -> Any:
        offset = 1 if isinstance(at, yaml.ScalarNode) and at.style in _QUOTES else 0
        places[path] = (at.start_mark.line + 1, at.start_mark.column + 1 + offset)
        if at.tag not in _KNOWN_TAGS:
            refuse(at, path, f"tags such as {at.tag} are not read")
            return None
        if isinstance(at, yaml.MappingNode):
            return dict(pairs(at, path))
        if isinstance(at, yaml.SequenceNode):
            return [build(item, (*path, index)) for index, item in enumerate(at.value)]
        assert isinstance(at, yaml.ScalarNode)  # noqa: S101 - YAML has no fourth kind of node
        return _scalar(at)

    def pairs(at: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in at.value:
            key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                refuse(key_node, path, "a key must be a text; put it in quotes")
                continue
            if key in seen:
                refuse(key_node, (*path, key), f"the key {key!r} stands twice (first in line {seen[key]})")
                continue
            seen[key] = key_node.start_mark.line + 1
            yield key, build(value_node, (*path, key))

    value = build(node, ())
    if problems:
        raise DocumentError(tuple(problems))
    return Document(value, source, lines, places)


def _scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar by the YAML 1.2 core schema."""
    text: str = node.value
    if node.style:
        return text
    if _CORE_TAGS["tag:yaml.org,2002:null"].match(text):
        return None
    if _CORE_TAGS["tag:yaml.org,2002:bool"].match(text):
        return text.lower() == "true"
    # A number of hundreds of digits would raise in int() and means nothing here: it stays a text.
    if len(text) <= 32:  # noqa: PLR2004
        if _CORE_TAGS["tag:yaml.org,2002:int"].match(text):
            return int(text, 0)
        if _CORE_TAGS["tag:yaml.org,2002:float"].match(text):
            return float(text)
    return text


def _syntax_error(error: yaml.MarkedYAMLError, source: str, lines: tuple[str, ...]) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    detail = error.problem or "cannot be parsed"
    if "\\t" in detail or "cannot start any token" in detail:
        detail += "; indent with spaces, not tabs"
    return _error(source, line, column, f"no YAML: {detail}", lines)


def _error(source: str, line: int, column: int, message: str, lines: tuple[str, ...] = ()) -> DocumentError:
    excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
    return DocumentError((Problem(Place(source, line, column), "", message, excerpt),))
