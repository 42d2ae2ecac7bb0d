"""The embedded mode's source: a folder of NetworkIntent manifests, watched by looking at it.

A file is read once it has stopped changing, so that a half-written manifest ("scale amf to 1" of "10") is
not taken for a whole one. A file that cannot be read is an error of that file alone; intents that it held
before stay as they were until it can be read again or is gone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from documents import Document, DocumentError, Stamp, read_file, scan
from engine.identity import canonical_json, sha256, uid_of
from engine.network_intent import KIND, is_named_right, read_manifest, redacted
from engine.structured import StructuredForm, is_structured, read_structured
from store.inbox import Event, EventKind

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.1
"""How long a file must be left alone before it is read, in seconds."""

Key = tuple[str, str]
"""Namespace and name; a file that holds no readable intent has the namespace "" and its path as name."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One file's word on one intent: its object, or what is wrong with it."""

    path: str
    body: Mapping[str, Any]
    problem: str = ""


class DirectorySource:
    """Watches a folder and hands every change to `sink`, which returns once it is kept for good.

    Args:
        root: the folder; it may be missing, which is the same as empty.
        sink: takes events in order; raises where it cannot keep them, and gets them again later.
        known: the intents of this source that the store knew at the start, to find those removed meanwhile.
        redact: takes secrets out of a text before it is kept anywhere.
        structured: the form of intents that state an action in fields; None where there are none.
        poll_seconds: how often to look; stretched so that looking takes no more than a tenth of the time.
    """

    name = "directory"

    def __init__(  # noqa: PLR0913 - each is a part that it works with
        self,
        root: Path,
        *,
        sink: Callable[[list[Event]], None],
        known: Iterable[Key] = (),
        redact: Callable[[str], str] = str,
        poll_seconds: float = 0.25,
        api: tuple[str, str] = ("nephoran.com", "v1"),
        structured: StructuredForm | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._sink = sink
        self._redact = redact
        self._poll_seconds = poll_seconds
        self._api = api
        self._structured = structured
        self._clock = clock
        self._stamps: dict[str, Stamp] = {}
        self._files: dict[str, tuple[tuple[Key, _Claim], ...]] = {}
        self._claims: dict[Key, list[_Claim]] = {}
        self._handed: dict[Key, str] = {}
        self._dirty: dict[Key, None] = {}  # in the order of change; emptied once handed over
        self._known = frozenset(known)
        self._compared = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="source-directory", daemon=True)
        self.synced = threading.Event()
        """Set once everything that was there at the start has been handed over."""
        self.last_look = time.monotonic()
        """When the folder was last looked at, by the monotonic clock; for health."""

    def start(self) -> None:
        """Starts watching in a thread of its own."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stops watching; what was handed over stays handed over."""
        self._stop.set()
        self._thread.join(timeout)

    def look(self) -> bool:
        """Looks once and hands over what changed; returns whether every file had settled."""
        settled = self._read_changed_files()
        if settled and not self._compared:
            self._dirty.update(dict.fromkeys(sorted(self._known - self._claims.keys())))
            self._compared = True
        events = {key: self._event(key) for key in self._dirty}
        digests = {key: sha256(f"{event.kind} {event.origin} {event.body}") for key, event in events.items()}
        changed = [event for key, event in events.items() if self._handed.get(key) != digests[key]]
        if changed:
            self._sink(changed)
        self._handed.update(digests)
        for key, event in events.items():
            if event.kind is EventKind.DELETE:
                del self._handed[key]
        self._dirty.clear()
        self.last_look = time.monotonic()
        return settled

    def _watch(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                if self.look():
                    self.synced.set()
            except Exception:  # the thread must live: the next look tries again
                log.exception("the intents folder could not be handed over; trying again")
            self._stop.wait(max(self._poll_seconds, 10 * (time.monotonic() - began)))

    def _read_changed_files(self) -> bool:
        stamps = scan(self._root)
        for path in self._files.keys() - stamps.keys():
            self._replace(path, ())
            del self._files[path], self._stamps[path]
        changed = [(stamp, path) for path, stamp in stamps.items() if self._stamps.get(path) != stamp]
        now_ns = time.time_ns()
        settled = True
        # In the order in which people wrote them, since of two wishes about one thing the newer holds.
        for stamp, path in sorted(changed, key=lambda item: (item[0].modified_ns, item[1])):
            if 0 <= now_ns - stamp.modified_ns < SETTLE_SECONDS * 1e9:
                settled = False
                continue
            self._stamps[path] = stamp
            self._replace(path, self._read(path))
        return settled

    def _replace(self, path: str, claims: tuple[tuple[Key, _Claim], ...]) -> None:
        for key, _ in self._files.get(path, ()):
            self._claims[key] = [claim for claim in self._claims.get(key, ()) if claim.path != path]
            self._dirty[key] = None
        for key, claim in claims:
            self._claims.setdefault(key, []).append(claim)
            self._dirty[key] = None
        for key in [key for key in self._dirty if not self._claims.get(key)]:
            self._claims.pop(key, None)
        self._files[path] = claims

    def _read(self, path: str) -> tuple[tuple[Key, _Claim], ...]:
        try:
            documents = read_file(self._root, path)
        except DocumentError as error:
            log.warning("manifest refused: %s", _said(error), extra={"file": path})
            kept = tuple(item for item in self._files.get(path, ()) if item[0] != ("", path))
            return (*kept, (("", path), _Claim(path, {}, _said(error))))
        return tuple(self._claim(path, document) for document in documents)

    def _claim(self, path: str, document: Document) -> tuple[Key, _Claim]:
        form = self._structured if is_structured(document, self._structured) else None
        try:
            body = read_manifest(document, *self._api) if form is None else read_structured(document, form)
        except DocumentError as error:
            log.warning("manifest refused: %s", _said(error), extra={"file": path})
            key = _named_key(document, path)
            named = (key[0], form.known_as(key[1])) if form is not None and key[0] else key
            return named, _Claim(path, {}, _said(error))
        body["spec"] = redacted(body["spec"], self._redact)
        return (body["metadata"]["namespace"], body["metadata"]["name"]), _Claim(path, body)

    def _event(self, key: Key) -> Event:
        claims = self._claims.get(key)
        if not claims:
            return self._make(EventKind.DELETE, key, "", "{}")
        problem = claims[0].problem
        paths = sorted({claim.path for claim in claims})
        if len(claims) > 1 and key[0]:
            where = " and ".join(paths) if len(paths) > 1 else f"{paths[0]}, twice"
            problem = f"the intent {key[0]}/{key[1]} stands in {where}; keep one of them"
        if problem:
            return self._make(EventKind.MALFORMED, key, paths[0], canonical_json({"problem": problem}))
        return self._make(EventKind.UPSERT, key, paths[0], canonical_json(claims[0].body))

    def _make(self, kind: EventKind, key: Key, origin: str, body: str) -> Event:
        return Event(
            source=self.name,
            kind=kind,
            namespace=key[0],
            name=key[1],
            uid=uid_of(*key),
            origin=origin,
            body=body,
            received_at=self._clock(),
        )


def _said(error: DocumentError) -> str:
    """What is wrong, without the lines of the file: they may hold a secret that nobody has looked for yet."""
    return "\n".join(str(replace(problem, excerpt="")) for problem in error.problems)


def _named_key(document: Document, path: str) -> Key:
    """The intent that a faulty manifest means, where that can be told; else its file."""
    value = document.value
    metadata = value.get("metadata") if isinstance(value, dict) and value.get("kind") == KIND else None
    if not isinstance(metadata, dict):
        return "", path
    namespace, name = metadata.get("namespace", "default"), metadata.get("name")
    return (str(namespace), str(name)) if is_named_right(namespace, name) else ("", path)
