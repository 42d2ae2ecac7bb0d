"""The live objects of a folder of Kubernetes manifests, read again where a file changes.

A bad file is an error of that file alone. What it said before stays in force; where it never could be read,
the kinds that it may hold are unknown, not absent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from documents import (
    MAX_BYTES,
    Document,
    DocumentError,
    Place,
    Problem,
    Stamp,
    parse,
    read_bytes,
    scan,
    validate,
)
from engine.live.inventory import Object, UnknownFact
from engine.live.shapes import CLUSTER_WIDE, SHAPES, Envelope
from rules.snapshot import Origin

_MAX_BYTES = 16 * MAX_BYTES
"""A dump of a namespace is larger than a document that a person writes."""
_KIND = re.compile(rb"""["']?kind["']?\s*:\s*["']?([A-Za-z]+)""")

Key = tuple[str, str, str]
"""Kind, namespace (empty for objects of the whole cluster) and name."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of one file.

    Attributes:
        objects: its objects in force: those of its last good content.
        error: why the content it has now is not in force.
        hides: the kinds that it may hold and nobody can see; None for any kind.
    """

    stamp: Stamp
    digest: str
    objects: Mapping[Key, Object]
    error: DocumentError | None = None
    hides: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class _Index:
    """All files together, by what is asked for. Replaced as a whole, so that readers need no lock."""

    objects: Mapping[Key, Object]
    listed: Mapping[tuple[str, str], tuple[Object, ...]]
    twice: Mapping[Key, tuple[str, str]]
    hidden: Mapping[str, frozenset[str] | None]
    errors: Mapping[Path, DocumentError]
    digest: str


class DirectoryInventory:
    """A folder of manifests as the inventory of live objects: YAML or JSON, several documents, Lists.

    Sub-folders are read too; names that start with a dot are not, nor is what is no regular file within the
    folder. `refresh` belongs to one thread; everything else may be asked from any.

    Raises:
        NotADirectoryError: the folder is not there.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise NotADirectoryError(
                f"{folder} is no folder; live objects are read from a folder of manifests"
            )
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._index = _index({}, folder)
        self.refresh()

    @property
    def origin(self) -> Origin:
        """Where the objects come from."""
        return "directory"

    @property
    def digest(self) -> str:
        """Changes whenever an object, or what is known of it, changes."""
        return self._index.digest

    @property
    def errors(self) -> Mapping[Path, DocumentError]:
        """What is wrong, by file; a file that was good before says that its objects stay in force."""
        return self._index.errors

    def refresh(self) -> bool:
        """Reads what has changed in the folder; tells whether what is known has changed."""
        files: dict[str, _File] = {}
        for source, stamp in scan(self._folder).items():
            known = self._files.get(source)
            unchanged = known is not None and known.stamp == stamp
            files[source] = known if known is not None and unchanged else self._read(source, stamp, known)
        if files == self._files:
            return False
        self._files = files
        before, self._index = self._index, _index(files, self._folder)
        return before.digest != self._index.digest

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Returns an object; None where it is known not to be there.

        Raises:
            UnknownFact: it stands twice, or a file that cannot be read may hold it.
        """
        index, key = self._index, (kind, namespace, name)
        if key in index.twice:
            raise UnknownFact(kind, namespace, _twice(key, index.twice[key]))
        found = index.objects.get(key)
        if found is None:
            self._refuse_hidden(index, kind, namespace)
        return found

    def list(self, kind: str, namespace: str) -> tuple[Object, ...]:
        """Returns all objects of a kind in a namespace, by name.

        Raises:
            UnknownFact: one of them stands twice, or a file that cannot be read may hold more.
        """
        index = self._index
        for key, files in index.twice.items():
            if key[:2] == (kind, namespace):
                raise UnknownFact(kind, namespace, _twice(key, files))
        self._refuse_hidden(index, kind, namespace)
        return index.listed.get((kind, namespace), ())

    def _refuse_hidden(self, index: _Index, kind: str, namespace: str) -> None:
        for file, hides in index.hidden.items():
            if hides is None or kind in hides:
                raise UnknownFact(kind, namespace, f"{file} cannot be read and may hold it; correct the file")

    def _read(self, source: str, stamp: Stamp, before: _File | None) -> _File:
        """Reads one file; where that fails, keeps what it said before."""
        data = b""
        try:
            data = read_bytes(self._folder, source, _MAX_BYTES)
            objects = _objects(data, source)
        except DocumentError as error:
            if before is not None and before.hides == frozenset():
                kept = _error(source, "its objects stay in force as they were before").problems
                both = DocumentError((*error.problems, *kept)) if before.objects else error
                return _File(stamp, before.digest, before.objects, both)
            is_file = (self._folder / source).is_file()  # a FIFO, or a link to nothing, holds no object
            return _File(stamp, "unreadable", {}, error, _hidden_kinds(data) if is_file else frozenset())
        return _File(stamp, hashlib.sha256(data).hexdigest(), objects)


def _objects(data: bytes, source: str) -> dict[Key, Object]:
    objects: dict[Key, Object] = {}
    problems: list[Problem] = []
    for document in parse(data, source, _MAX_BYTES):
        for path, item in _items(document):
            if not _is_read(item):
                continue
            try:
                key = _checked(document, path)
            except DocumentError as error:
                problems.extend(error.problems)
                continue
            if key in objects:
                problems.append(document.problem(path, f"{_words(key)} stands twice in this file"))
            elif key is not None:
                objects[key] = _with_namespace(item, key)
    if problems:
        raise DocumentError(tuple(problems))
    return objects


def _items(document: Document) -> Iterator[tuple[tuple[str | int, ...], Object]]:
    """Yields the objects of a document, those of a List one by one, each with its place."""
    value = document.value
    if not isinstance(value, dict):
        raise DocumentError(
            (document.problem((), "no Kubernetes object; it has apiVersion, kind, metadata"),)
        )
    kind, items = value.get("kind"), value.get("items")
    if isinstance(kind, str) and kind.endswith("List") and kind.removesuffix("List") in {"", *SHAPES}:
        if kind != "List" or not isinstance(items, list):
            message = f"a {kind} is not read; save it with kubectl get -o yaml, as a List of whole objects"
            raise DocumentError((document.problem(("kind",), message),))
        for index, item in enumerate(items):
            yield ("items", index), item
    else:
        yield (), value


def _is_read(item: object) -> bool:
    """Tells whether an object is of a kind that is read, or of none that can be told."""
    kind = item.get("kind") if isinstance(item, dict) else None
    return not isinstance(kind, str) or kind in SHAPES


def _checked(document: Document, path: tuple[str | int, ...]) -> Key | None:
    """Returns the key of an object whose shape is right; None for another group's kind of the same name."""
    envelope = validate(document, Envelope, path)
    versions, shape = SHAPES[envelope.kind]
    if envelope.api_version not in versions:
        if envelope.api_version.partition("/")[0] not in {version.partition("/")[0] for version in versions}:
            return None
        message = f"{envelope.kind} is read as {' or '.join(versions)}; write it so"
        raise DocumentError((document.problem((*path, "apiVersion"), message),))
    validate(document, shape, path)
    namespace = "" if envelope.kind in CLUSTER_WIDE else (envelope.metadata.namespace or "default")
    return (envelope.kind, namespace, envelope.metadata.name)


def _with_namespace(item: Object, key: Key) -> Object:
    """States the namespace that a manifest leaves out, as an API server does."""
    return {**item, "metadata": {**item["metadata"], "namespace": key[1]}} if key[1] else item


def _hidden_kinds(data: bytes) -> frozenset[str] | None:
    """Returns the kinds that content which cannot be read may hold; None where any may be in it.

    Whatever is wrong with it, an object has a line that says its kind.
    """
    if not data or len(data) > _MAX_BYTES or b"\0" in data:
        return None
    kinds = {match.decode() for match in _KIND.findall(data)}
    return None if "List" in kinds and kinds == {"List"} else frozenset(kinds)


def _index(files: Mapping[str, _File], folder: Path) -> _Index:
    objects: dict[Key, Object] = {}
    stands_in: dict[Key, str] = {}
    twice: dict[Key, tuple[str, str]] = {}
    for source, file in files.items():
        for key, item in file.objects.items():
            if key in objects:
                twice[key] = (stands_in[key], source)
            objects.setdefault(key, item)
            stands_in.setdefault(key, source)
    errors = {folder / source: file.error for source, file in files.items() if file.error is not None}
    for key, sources in twice.items():
        for source in sources:
            path = folder / source
            more = _error(source, _twice(key, sources)).problems
            errors[path] = DocumentError((*(errors[path].problems if path in errors else ()), *more))
    listed: dict[tuple[str, str], list[Object]] = {}
    for key in sorted(objects):
        listed.setdefault(key[:2], []).append(objects[key])
    hidden = {source: file.hides for source, file in files.items() if file.hides != frozenset()}
    told = "\n".join(
        f"{source} {file.digest} {sorted(file.hides or ['*'])}" for source, file in files.items()
    )
    return _Index(
        objects,
        {key: tuple(items) for key, items in listed.items()},
        twice,
        hidden,
        errors,
        hashlib.sha256(told.encode()).hexdigest(),
    )


def _words(key: Key) -> str:
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _twice(key: Key, files: tuple[str, str]) -> str:
    return f"{_words(key)} stands in {files[0]} and in {files[1]}; keep one"


def _error(source: str, message: str) -> DocumentError:
    return DocumentError((Problem(Place(source, 1, 1), "", message),))
