"""What the API can do, and how it is done over a store and a few calls into the daemon."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

from engine.api import changing, reading, reapplying
from engine.api.changing import BulkRetry
from engine.api.peer import Peer
from engine.api.reading import Selection
from engine.api.reapplying import Reapplication
from engine.api.wire import ApiError, Code
from engine.rehearsal import Decide
from engine.status import timestamp
from store import Reader, StaleTransition, Store, StoreError, Transaction, inbox, migrations, outbox, work

T = TypeVar("T")
Answer = dict[str, Any]

_WRITE_SECONDS = 10.0
"""How long a write may take before the one who asked is told that it is not known."""


class Operations(Protocol):
    """What the routes call; each returns the body of an answer, or raises ApiError."""

    def intents(self, selection: Selection) -> Answer:
        """Lists a page of intents."""
        ...

    def intent(self, namespace: str, name: str) -> Answer:
        """Returns an intent with its status and generations."""
        ...

    def explain(self, namespace: str, name: str, generation: int | None, at: float | None) -> Answer:
        """Returns how a generation was decided."""
        ...

    def approve(self, namespace: str, name: str, spec_hash: str | None, peer: Peer) -> Answer:
        """Approves what waits for it."""
        ...

    def retry(self, namespace: str, name: str, peer: Peer) -> Answer:
        """Starts an intent afresh."""
        ...

    def retry_all(self, wanted: BulkRetry, peer: Peer) -> Answer:
        """Starts afresh what fits, as many as may be tried at once."""
        ...

    def reapply(self, wanted: Reapplication, peer: Peer) -> Answer:
        """Has what is done decided anew where the rules in force decide it otherwise."""
        ...

    def state(self) -> Answer:
        """Returns how the daemon stands."""
        ...

    def reload(self, peer: Peer) -> Answer:
        """Takes up rules, lexicon and switches."""
        ...

    def health(self) -> Answer:
        """Returns that the daemon is well."""
        ...


class Tick(Protocol):
    """A function that the daemon calls at intervals."""

    name: str
    interval: float
    runs: int
    errors: int
    last_run: float


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the operations need of a daemon besides its store.

    Attributes:
        wake: has due work looked for now.
        reload: takes up rules, lexicon and switches; tells whether something else is in force.
        problems: why what a file says is not in force, by what it is; empty where all is.
        decide: how the rules in force decide a snapshot.
        digests: of the rules and whatever else decisions depend on, by name.
        ticks: what is called at intervals; `last_run` by the monotonic clock.
    """

    wake: Callable[[], None]
    reload: Callable[[], bool]
    problems: Callable[[], Mapping[str, str]]
    decide: Callable[[], Decide]
    digests: Callable[[], Mapping[str, str]]
    ticks: Callable[[], Sequence[Tick]]


class StoreOperations:
    """The operations over the store of a running daemon."""

    def __init__(self, store: Store, hooks: Hooks, clock: Callable[[], float]) -> None:
        self._store = store
        self._hooks = hooks
        self._clock = clock
        self._started = clock()

    def intents(self, selection: Selection) -> Answer:
        """Lists a page of intents."""
        return self._read(partial(reading.page, selection=selection))

    def intent(self, namespace: str, name: str) -> Answer:
        """Returns an intent with its status and generations."""
        return self._read(partial(reading.intent, namespace=namespace, name=name))

    def explain(self, namespace: str, name: str, generation: int | None, at: float | None) -> Answer:
        """Returns how a generation was decided."""
        wanted = partial(reading.explain, namespace=namespace, name=name, generation=generation, at=at)
        return self._read(wanted)

    def approve(self, namespace: str, name: str, spec_hash: str | None, peer: Peer) -> Answer:
        """Approves what waits for it."""
        now = self._clock()
        answer = self._write(lambda tx: changing.approve(tx, namespace, name, spec_hash, peer, now))
        self._hooks.wake()
        return answer

    def retry(self, namespace: str, name: str, peer: Peer) -> Answer:
        """Starts an intent afresh."""
        now = self._clock()
        answer = self._write(lambda tx: changing.retry(tx, namespace, name, peer, now))
        self._hooks.wake()
        return answer

    def retry_all(self, wanted: BulkRetry, peer: Peer) -> Answer:
        """Starts afresh what fits, as many as may be tried at once."""
        found = self._read(partial(changing.candidates, wanted=wanted))
        if wanted.dry_run:
            return {"dryRun": True, **changing.told(found, found.items)}
        now = self._clock()
        if (rate := wanted.rate) is not None:
            answer = self._write(lambda tx: changing.schedule_all(tx, found, rate, peer, now))
        else:
            answer = self._write(lambda tx: changing.retry_all(tx, found, peer, now))
        self._hooks.wake()
        return {"dryRun": False, **answer}

    def reapply(self, wanted: Reapplication, peer: Peer) -> Answer:
        """Has what is done decided anew where the rules in force decide it otherwise, page by page.

        The first page takes up the rules as they stand in their files; where they cannot be used, nothing is
        decided anew.
        """
        if wanted.after == ("", ""):
            self._hooks.reload()
        if problem := self._hooks.problems().get("rules"):
            hint = "correct the files; the rules in force are older ones"
            raise ApiError(Code.NOT_RELOADED, problem, hint)
        found = self._read(partial(reapplying.look_through, wanted=wanted, decide=self._hooks.decide()))
        now = self._clock()
        answer = self._write(lambda tx: reapplying.carry_out(tx, found, wanted.rate, peer, now))
        self._hooks.wake()
        return {"rulesDigest": self._hooks.digests()["rules"], **answer}

    def state(self) -> Answer:
        """Returns how the daemon stands: queues, ticks, versions, digests, and what could not be taken up."""
        now = time.monotonic()
        return {
            "startedAt": timestamp(self._started),
            "pid": os.getpid(),
            "instance": self._store.instance_id,
            "versions": {"conductorWatch": version("conductor-watch"), "schema": migrations.NAMES[-1]},
            "queues": self._read(_depths),
            "ticks": [
                {
                    "name": tick.name,
                    "everySeconds": tick.interval,
                    "runs": tick.runs,
                    "errors": tick.errors,
                    "secondsAgo": round(max(0.0, now - tick.last_run), 3),
                }
                for tick in self._hooks.ticks()
            ],
            "digests": dict(self._hooks.digests()),
            "problems": dict(self._hooks.problems()),
        }

    def reload(self, peer: Peer) -> Answer:  # noqa: ARG002 - whoever reaches the socket may
        """Takes up rules, lexicon and switches of the settings; the last good ones stay where they fail."""
        changed = self._hooks.reload()
        if problems := self._hooks.problems():
            message = "\n".join(f"{name}: {problem}" for name, problem in sorted(problems.items()))
            hint = "what was in force before stays in force; correct the files and reload again"
            raise ApiError(Code.NOT_RELOADED, message, hint)
        return {"changed": changed, "digests": dict(self._hooks.digests())}

    def health(self) -> Answer:
        """Returns that the daemon is well, which takes a store that answers."""
        self._read(inbox.count)
        return {"status": "ok"}

    def _read(self, function: Callable[[Reader], T]) -> T:
        try:
            return self._store.read(function)
        except StoreError as error:
            raise ApiError(Code.UNAVAILABLE, str(error)) from error

    def _write(self, function: Callable[[Transaction], T]) -> T:
        try:
            future = self._store.write(function)
            return future.result(_WRITE_SECONDS)
        except TimeoutError as error:
            message = f"the store has not answered within {_WRITE_SECONDS:g} s"
            undone = "nothing was changed; try again later"
            raise ApiError(
                Code.UNAVAILABLE, message, undone if future.cancel() else "look whether it was done"
            ) from error
        except StaleTransition as error:
            raise ApiError(Code.CONFLICT, str(error), "it moved on meanwhile; look again") from error
        except StoreError as error:
            raise ApiError(Code.UNAVAILABLE, str(error)) from error


def _depths(reader: Reader) -> dict[str, int]:
    return {"inbox": inbox.count(reader), **work.depths(reader), "outbox": outbox.count(reader)}
