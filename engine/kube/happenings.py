"""Events about NetworkIntents, for `kubectl describe`: told once, counted after that, and never many.

The same happening told again only raises a count, seldom. Of each intent and of all together so many new
ones are told as a bucket allows. A lost Event is no loss: status says what holds.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from engine.kube.client import FIELD_MANAGER, Client, Object
from engine.kube.errors import AlreadyExistsError, ApiError, NotFoundError
from engine.kube.resources import EVENTS, Resource
from engine.status import Target

_MOST_NOTE = 1024
"""The longest note that the API takes, in characters."""
_MOST_REASON = 128
_SERIES_SECONDS = 300.0
"""How often at most the count of a happening is told."""
_MOST_KEPT = 4096
_UNIQUE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # a uid
    r"|\b[0-9a-f]{16,}\b"  # a trace id, a digest
    r"|\bcw-[0-9a-f]{20}\b"  # a workspace
    r"|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z"  # a time
)


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to be told of an intent.

    Attributes:
        reason: one of engine.reasons.
        action: what was done or tried, in CamelCase: "Reconcile".
        note: for people. What is unique to one run is left out of it, so that the same stays the same.
    """

    type: Literal["Normal", "Warning"]
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Bucket:
    """Tokens that come back with time."""

    most: float
    per_second: float
    left: float
    at: float

    def take(self, now: float) -> bool:
        self.left = min(self.most, self.left + max(0.0, now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class _Told:
    """A happening that was told."""

    name: str
    count: int = 1
    told_at: float = 0.0


@dataclass(slots=True)
class EventRates:
    """How many new Events are told.

    Attributes:
        each: of one intent at once.
        each_seconds: after how long it may have one more.
        total: of all intents at once.
        total_per_second: how many more of all intents may be told each second.
    """

    each: int = 25
    each_seconds: float = 300.0
    total: int = 200
    total_per_second: float = 5.0


class KubernetesEvents:
    """Tells happenings as Events; one call at a time.

    Args:
        instance: the name of this pod.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        instance: str,
        rates: EventRates | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._resource = resource
        self._instance = instance
        self._rates = rates or EventRates()
        self._clock = clock
        self._told: dict[str, _Told] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._total = _Bucket(self._rates.total, self._rates.total_per_second, self._rates.total, clock())
        self.dropped = 0
        """How many happenings were not told, for a metric."""

    def tell(self, target: Target, happening: Happening) -> bool:
        """Tells a happening, or counts it; returns whether the API server was told.

        Raises:
            ApiError: it could not be told now. Noted in the client's health.
        """
        now = self._clock()
        note = plain_note(happening.note)
        key = _digest(target.uid, happening.type, happening.reason, happening.action, note)
        try:
            told = self._again(target, key, now) if key in self._told else None
            if told is None:
                told = self._first(target, happening, note, key, now)
        except ApiError as error:
            self._client.health.failed("events", error)
            raise
        self._client.health.worked("events")
        return told

    def _again(self, target: Target, key: str, now: float) -> bool | None:
        """Counts a happening that was told before; None where its Event has expired meanwhile."""
        told = self._told[key]
        told.count += 1
        if now - told.told_at < _SERIES_SECONDS:
            return False
        series = {"count": max(2, told.count), "lastObservedTime": _micro(now)}
        try:
            self._client.merge(EVENTS, target.namespace, told.name, {"series": series})
        except NotFoundError:
            del self._told[key]
            return None
        told.told_at = now
        return True

    def _first(self, target: Target, happening: Happening, note: str, key: str, now: float) -> bool:
        if not self._allowed(target.uid, now):
            self.dropped += 1
            return False
        name = f"{target.name[:200]}.{key}"
        try:
            self._client.create(EVENTS, target.namespace, self._event(target, happening, note, name, now))
        except AlreadyExistsError:  # told by an earlier process; its count is lost with it
            self._told[key] = _Told(name, told_at=now)
            return False
        self._told[key] = _Told(name, told_at=now)
        for full in (self._told, self._buckets):
            if len(full) > _MOST_KEPT:
                del full[next(iter(full))]
        return True

    def _allowed(self, uid: str, now: float) -> bool:
        rates = self._rates
        fresh = _Bucket(rates.each, 1 / rates.each_seconds, rates.each, now)
        return self._buckets.setdefault(uid, fresh).take(now) and self._total.take(now)

    def _event(self, target: Target, happening: Happening, note: str, name: str, now: float) -> Object:
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": target.namespace},
            "eventTime": _micro(now),
            "reportingController": "/".join(filter(None, (self._resource.group, FIELD_MANAGER))),
            "reportingInstance": self._instance[:_MOST_REASON],
            "type": happening.type,
            "reason": happening.reason[:_MOST_REASON],
            "action": happening.action[:_MOST_REASON],
            "note": note,
            "regarding": {
                "apiVersion": self._resource.api_version,
                "kind": self._resource.kind,
                "namespace": target.namespace,
                "name": target.name,
                "uid": target.uid,
            },
        }


def plain_note(text: str) -> str:
    """Returns a note without what is unique to one run, as long as the API takes it."""
    note = _UNIQUE.sub("…", text)
    return (
        note
        if len(note.encode()) <= _MOST_NOTE
        else note.encode()[: _MOST_NOTE - 3].decode(errors="ignore") + "…"
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _micro(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
