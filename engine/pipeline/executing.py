"""The third stage: what is decided is claimed and carried out by a few workers, and the outcome committed.

The order is what makes an effect happen once: claimed by a token, `sent` committed before the first byte
goes out, the outcome committed with audit and status. Whatever breaks in between ends as unknown, and is read
back.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine import krm, report
from engine.executors.base import (
    Absent,
    Done,
    Effect,
    ExecuteOutcome,
    Executor,
    ReadBackOutcome,
    Retry,
    Terminal,
    Unknown,
    Withdrawal,
)
from engine.handoff import Handoff
from engine.metrics import Metrics
from engine.pipeline import delays, leaving, ownership
from engine.pipeline.backends import Backends
from engine.pipeline.effects import effect_of
from engine.pipeline.recording import Recorder
from engine.reasons import Reason
from engine.settings import ExecutionSettings, Switches
from store import Store, StoreError, Transaction, decisions, work
from store.work import Claim, StaleTransition, Work

log = logging.getLogger(__name__)

SLOW_SECONDS = 1.0
"""What takes longer is reported as Processing while it runs."""
NO_EXECUTOR_SECONDS = 300.0
"""The delay of what was decided for an executor that is no longer there."""


@dataclass(slots=True)
class _Run:
    """One claim until it is recorded what came of it; `refused` where it ended before anything was sent.

    Attributes:
        ended: no worker has it any more; what came of it is on its way to the store.
    """

    item: Work
    body: Mapping[str, Any]
    started: float = field(default_factory=time.monotonic)
    reported: bool = False
    ended: bool = False
    refused: Terminal | None = None


class Dispatcher:
    """Claims what is ready and hands it to its workers.

    Args:
        backends: tells which executors get work; told of what came of it.
        freed: called when a worker is free again.
        recorded: called when it is committed what came of something.
    """

    def __init__(  # noqa: PLR0913 - each is a part that it works with
        self,
        store: Store,
        executors: Mapping[str, Executor],
        settings: ExecutionSettings,
        switches: Switches,
        handoff: Handoff,
        *,
        backends: Backends,
        freed: Callable[[], None],
        recorded: Callable[[], None],
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._executors = executors
        self._workers = settings.workers
        self._recorder = Recorder(settings, metrics, clock)
        self.switches = switches
        self._handoff = handoff
        self._backends = backends
        self._freed = freed
        self._told = recorded
        self._metrics = metrics
        self._clock = clock
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="execute")
        self._running: dict[int, _Run] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._unrecorded = False

    def dispatch(self) -> int:
        """Claims as much as there are free workers; returns how much that was."""
        with self._lock:
            busy = sum(not run.ended for run in self._running.values())
            free = 0 if self._stopping else self._workers - busy
        paused = self.switches.paused
        if free <= 0 or paused.everything:
            return 0
        self._recover()
        runs = self._store.write(
            lambda tx: [self._begin(tx, claim) for claim in self._claim(tx, free)]
        ).result()
        for run in runs:
            with self._lock:
                self._running[run.item.id] = run
            self._pool.submit(self._run, run)
        return len(runs)

    def _begin(self, tx: Transaction, claim: Claim) -> _Run:
        """Starts a claim: unless it is to be read back first, it counts as sent with the claim itself.

        A step for each would cost every effect one more wait for the disk; what is claimed is carried out
        at once, and what a crash leaves is read back in either case.
        """
        decision = decisions.latest(tx, claim.work.id)
        assert decision is not None  # noqa: S101 - committed together with the state `decided`
        run = _Run(claim.work, json.loads(decision.body))
        if not claim.work.read_back and leaving.WITHDRAW not in run.body:
            run.refused = self._send(tx, run)
        return run

    def _claim(self, tx: Transaction, free: int) -> list[Claim]:
        """Claims what goes to backends that are well, and one piece of work for each that is tried."""
        paused, admission = self.switches.paused, self._backends.admission()
        take = partial(work.claim, tx, self._clock(), skip_namespaces=paused.namespaces)
        with self._lock:
            busy = {run.item.executor for run in self._running.values()}
        claims: list[Claim] = []
        for name in sorted(admission.trial - busy - set(paused.executors)):
            if free > len(claims):
                claims += take(1, skip_executors=self._executors.keys() - {name})
        shut = admission.shut | admission.trial
        return claims + take(free - len(claims), skip_executors=shut.union(paused.executors))

    def idle(self) -> bool:
        """Tells whether nothing runs, and nothing ended without a record of its end."""
        return not self.running() and not self._unrecorded

    def running(self) -> int:
        """Counts what is claimed and not recorded yet."""
        with self._lock:
            return len(self._running)

    def report_delays(self) -> None:
        """Reports, once, what has been running for longer than a moment, and what waits for a backend."""
        self._report_slow()
        for name in self._backends.admission().shut:
            while (message := self._backends.why_shut(name)) and self._store.write(
                partial(delays.tell_waiting, executor=name, message=message, now=self._clock())
            ).result():
                pass

    def _report_slow(self) -> None:
        with self._lock:
            slow = [
                run
                for run in self._running.values()
                if not run.reported and time.monotonic() - run.started > SLOW_SECONDS
            ]
        for run in slow:
            run.reported = True
            now, item, body = self._clock(), run.item, run.body
            message = f"being carried out by {item.executor}"
            status = report.from_outcome(item, body, Reason.PROCESSING, message, now)
            self._store.write(partial(delays.put_while_running, item=item, status=status)).result()

    def stop(self, grace: float) -> bool:
        """Claims nothing more and waits for what runs; what does not end in time becomes unknown.

        Returns:
            Whether all ended.
        """
        with self._lock:
            self._stopping = True
        deadline = time.monotonic() + grace
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        with self._lock:
            left = list(self._running.values())
        for run in left:
            log.warning("%s/%s did not end in time; it is read back at the next start", *_key(run.item))
        if left:  # a worker that comes back later can record nothing: its claim is gone
            self._store.write(lambda tx: work.recover(tx, self._clock())).result()
        self._pool.shutdown(wait=not left, cancel_futures=True)
        return not left

    def _run(self, run: _Run) -> None:
        """Carries out a claim; its worker is free while what came of it is committed, with that of others."""
        recorded: Future[Any]
        try:
            recorded = self._carry_out(run)
        except Exception as error:  # noqa: BLE001 - whatever it is, `_recorded` tells it
            recorded = Future()
            recorded.set_exception(error)
        run.ended = True
        recorded.add_done_callback(partial(self._recorded, run))
        self._freed()

    def _recorded(self, run: _Run, recorded: Future[Any]) -> None:
        error = recorded.exception()
        if isinstance(error, StaleTransition):
            log.warning("%s", error)
        elif error is not None:
            log.error("%s/%s: what came of it could not be recorded", *_key(run.item), exc_info=error)
        with self._lock:
            self._running.pop(run.item.id, None)
            self._unrecorded |= error is not None and not isinstance(error, StaleTransition)
        self._told()

    def _recover(self) -> None:
        """Puts back what ended without a record of its end; it is read back before anything is sent."""
        with self._lock:
            if not self._unrecorded:
                return
            running, self._unrecorded = set(self._running), False
        try:
            self._store.write(lambda tx: work.recover(tx, self._clock(), running=running)).result()
        except StoreError:
            self._unrecorded = True
            raise

    def _carry_out(self, run: _Run) -> Future[Any]:
        """Carries out a claim; the future resolves when it is recorded what came of it."""
        effect = effect_of(run.item, run.body)
        executor = self._executors.get(run.item.executor or "")
        if executor is None:
            return self._store.write(partial(self._record, run=run, outcome=_without_executor(run.item)))
        if leaving.WITHDRAW in run.body:
            return self._withdraw(run, executor)
        outcome: ExecuteOutcome | None = run.refused
        if run.item.read_back:
            seen = self._read_back(executor, effect)
            self._backends.ended(executor.name, seen)
            outcome = None if isinstance(seen, Absent) else seen
            if outcome is None and run.item.superseded:
                message = "a newer generation took its place before anything was written"
                outcome = Terminal(Reason.SUPERSEDED, message)
            if outcome is None:
                outcome = self._store.write(lambda tx: self._send(tx, run)).result()
        if outcome is None:
            outcome = self._execute(executor, effect)
        if isinstance(outcome, Done):
            outcome = self._hand_over(run, outcome)
        return self._store.write(partial(self._record, run=run, outcome=outcome))

    def _withdraw(self, run: _Run, executor: Executor) -> Future[Any]:
        """Withdraws what an intent that is being deleted wrote; asked again, executors find what they did."""

        def send(tx: Transaction) -> tuple[Withdrawal, list[str]]:
            run.item = work.send(tx, run.item, now=self._clock())
            return leaving.withdrawal_of(tx, run.item, run.body)

        withdrawal, shared = self._store.write(send).result()
        outcome = leaving.withdraw(executor, withdrawal)
        self._backends.ended(executor.name, outcome)
        if isinstance(outcome, Done):
            revisions, now = outcome.revisions, self._clock()
            return self._store.write(
                partial(leaving.record, item=run.item, revisions=revisions, shared=shared, now=now)
            )
        return self._store.write(partial(self._record, run=run, outcome=outcome))

    def _record(self, tx: Transaction, run: _Run, outcome: ExecuteOutcome) -> None:
        self._recorder.record(tx, run.item, run.body, outcome)

    @staticmethod
    def _read_back(executor: Executor, effect: Effect) -> ReadBackOutcome:
        try:
            return executor.read_back(effect)
        except Exception as error:  # what cannot be looked up stays unknown
            log.exception("the executor %s could not read back %s", executor.name, effect.intent)
            return Unknown(f"cannot be looked up: {error}")

    def _send(self, tx: Transaction, run: _Run) -> Terminal | None:
        """Notes that the effect may happen from here on, unless another intent has taken its fields."""
        plan = krm.Plan.from_json(run.body["plan"])
        others = ownership.other_owners(tx, run.item, plan)
        if others:
            field, other = next(iter(others.items()))
            return Terminal(Reason.SUPERSEDED, f"{field} is decided by {other}; nothing was written")
        run.item = work.send(tx, run.item, now=self._clock())
        return None

    def _hand_over(self, run: _Run, outcome: Done) -> ExecuteOutcome:
        """Writes the files for other systems; where that fails, it is tried again after a read-back."""
        if not self.switches.features.on("handoff", run.item.namespace):
            return outcome
        try:
            self._handoff.write(run.item, run.body)
        except OSError as error:
            return Unknown(f"written, but not handed over: {error}")
        return outcome

    def _execute(self, executor: Executor, effect: Effect) -> ExecuteOutcome:
        began = time.monotonic()
        outcome: ExecuteOutcome
        try:
            outcome = executor.execute(effect)
        except Exception as error:  # an executor's fault says nothing about what has happened
            log.exception("the executor %s failed for %s", executor.name, effect.intent)
            outcome = Unknown(f"the executor {executor.name} failed: {error}")
        took = time.monotonic() - began
        self._backends.ended(executor.name, outcome)
        self._metrics.execution.labels(executor.name, type(outcome).__name__).observe(took)
        return outcome


def _without_executor(item: Work) -> Retry:
    """What becomes of work that was decided for an executor which the settings name no more."""
    message = (
        f"the executor {item.executor} is not among bounds.executors any more: "
        "put it back, or change the spec of the intent"
    )
    return Retry(Reason.BACKEND_DOWN, message, after=NO_EXECUTOR_SECONDS, counts=False)


def _key(item: Work) -> tuple[str, str]:
    return item.namespace, item.name
