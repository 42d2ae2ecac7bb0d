"""The daemon: the stages put together, their ticks, and a stop that leaves nothing half done."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine import report
from engine.api.operations import Hooks, StoreOperations
from engine.api.server import ApiServer
from engine.api.wire import socket_path
from engine.executors.base import Executor
from engine.executors.choice import executors_of
from engine.handoff import Handoff
from engine.intent_types import IntentTypes
from engine.metrics import Metrics
from engine.modes import mode_of
from engine.network_intent import Intent
from engine.pipeline.backends import Backends
from engine.pipeline.collecting import COLLECTED_SECONDS, Leftovers
from engine.pipeline.deciding import Decider
from engine.pipeline.effects import recall
from engine.pipeline.examining import EXAMINED_SECONDS, Examiner
from engine.pipeline.executing import Dispatcher
from engine.pipeline.following import FOLLOWED_SECONDS, Follower
from engine.pipeline.intake import Intake
from engine.pipeline.limiting import Limiter
from engine.pipeline.memory import ReadingMemory
from engine.pipeline.reloading import Knowledge, tested_rules, watch_lexicon, watch_rules, watch_settings
from engine.pipeline.reporting import Observer, Reporter, ignore
from engine.pipeline.retention import EVERY_SECONDS, Retention
from engine.pipeline.waits import clamp_waits, longest_wait
from engine.planning import bounds_of, cluster_of, load_reader, types_of
from engine.reasons import Reason
from engine.reconcile import Looker, Place
from engine.rehearsal import Decide, deciding
from engine.scheduler import Ticker
from engine.serving import PageServer
from engine.settings import Settings, Switches
from engine.status import Notice
from nlp import Reader
from store import Store, StoreError, StoreUnavailable, inbox, intents, outbox, work

log = logging.getLogger(__name__)


class Daemon:
    """Reconciles the intents of a folder until it is stopped.

    Args:
        executors: by name; the ones of the settings where not given.
        file: the settings file, whose switches are taken up while the daemon runs.

    Raises:
        RulesFailedTheirTests: the tests that come with the rules do not pass.
        DocumentError: rules, lexicon or settings cannot be used.
        StoreError: the store cannot be used, or another process has it open.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        file: Path | None = None,
        executors: Mapping[str, Executor] | None = None,
        observe: Observer = ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._clock = clock
        types = types_of(settings)
        reader, book = load_reader(settings, types), tested_rules(settings, types)
        self._mode = mode_of(settings)
        self.inventory = self._mode.inventory
        self.store = Store.open(
            settings.store.path, audit_key=_key(settings.store.audit_key_file), clock=clock
        )
        if self.store.moved_aside is not None:
            log.error("the store was corrupt and is kept as %s; a new one is begun", self.store.moved_aside)
        self.ticker = Ticker(clock, self._clock_was_set)
        wake = partial(self.ticker.wake, "work")
        self._clamp = True  # it may have been set while nothing ran
        self.executors = (
            executors_of(settings, partial(recall, self.store)) if executors is None else executors
        )
        self.backends = Backends(self.executors, settings.execution.probe_seconds, wake)
        self.examiner = Examiner(
            self.store,
            self._mode,
            lambda: self.source,
            lambda: self.reloaded,
            self.backends,
            self.ticker,
            clock,
        )
        self.metrics = Metrics(self._depths, self.ticker, self.examiner.vitals)
        self._pages: PageServer | None = None
        switches = Switches.of(settings)
        memory = ReadingMemory(self.store, reader)
        looker = Looker(
            read=memory.read,
            inventory=self.inventory,
            book=book,
            bounds=bounds_of(settings),
            cluster=cluster_of(settings),
            owners=self._owners,
            switches=switches,
            source=self._mode.name,
            types=types,
            timer=self.metrics.rules,
        )
        out = settings.output.directory
        self.decider = Decider(
            self.store, looker, clock, Limiter(settings.limits), looked=self.metrics.rules.looked
        )
        self._intake = Intake(
            self.store,
            clock,
            self._mode.remembered,
            self.executors.values(),
            self._synced,
            adopt=settings.adopts,
        )
        self._follower = Follower(self.store, self.executors, clock)
        self._leftovers = Leftovers(self.executors.values(), self.store.read)
        self.dispatcher = Dispatcher(
            self.store,
            self.executors,
            settings.execution,
            switches,
            Handoff(out / "handoff"),
            backends=self.backends,
            freed=wake,
            recorded=self._worked,
            metrics=self.metrics,
            clock=clock,
        )

        def show(notice: Notice) -> None:
            self.ticker.beat("report")
            self.metrics.observe(notice)
            observe(notice)

        self._reporter = Reporter(
            self.store, self._mode.sinks, clock, show, workers=self._mode.deliveries, busy=self._busy
        )
        self.reloaded = (
            watch_rules(settings, self._types, self._swap_rules),
            watch_lexicon(settings, self._types, self._swap_reader),
            watch_settings(file, settings, self._swap_switches),
        )
        self._api = ApiServer(
            socket_path(settings.store.path),
            StoreOperations(
                self.store,
                Hooks(
                    wake=wake,
                    reload=lambda: self.reload(always=True),
                    problems=self.problems,
                    decide=self._rehearsing,
                    digests=lambda: {"rules": self.decider.looker.book.digest},
                    ticks=self.ticker.ticks,
                ),
                clock,
            ),
        )
        self._reloading = threading.Lock()
        self._reload_all = False
        self._stopped = False
        self._retention = Retention(self.store, settings.retention, clock, self._retaining)
        self.source = self._mode.source(
            self.store,
            kept=wake,
            redact=lambda text: self.decider.looker.read(text).text,
            clock=clock,
        )

    def start(self) -> None:
        """Puts back what an earlier process left running, and starts."""
        left = self.store.write(lambda tx: work.recover(tx, self._clock())).result()
        for item in left:
            log.info("%s/%s was left %s", item.namespace, item.name, item.state)
        self._look_again()
        self.ticker.add("work", self._work, every=1.0)
        self.ticker.add("report", self._report, every=1.0)
        self.ticker.add("live", self._refresh, every=self.settings.live.poll_seconds)
        self.ticker.add("reload", self._reload, every=self.settings.rules.poll_seconds)
        self.ticker.add("slow", self.dispatcher.report_delays, every=1.0)
        self.ticker.add("probe", self.backends.probe_due, every=1.0)
        self.ticker.add("retention", self._retention.prune, every=EVERY_SECONDS)
        if self._follower.needed:
            self.ticker.add("follow", self._follower.look, every=FOLLOWED_SECONDS)
        if self._leftovers.needed:
            self.ticker.add("collect", self._collect, every=COLLECTED_SECONDS)
        self.ticker.add("examine", self.examiner.look, every=EXAMINED_SECONDS)
        self._serve_pages()
        self.ticker.start()
        self._serve_api()
        self.source.start()

    def stop(self) -> bool:
        """Takes in nothing more, lets running work finish within the grace time, commits all, and closes.

        Returns:
            Whether everything that ran has ended; what has not is read back at the next start.
        """
        if self._stopped:
            return True
        self._stopped = True
        deadline = time.monotonic() + self.settings.execution.grace_seconds
        self._api.stop(1.0)
        self.source.stop(5.0)
        self.ticker.stop(max(1.0, deadline - time.monotonic()))
        ended = self.dispatcher.stop(max(0.0, deadline - time.monotonic()))
        if self._pages is not None:
            self._pages.stop()
        try:
            self._reporter.deliver()
        except StoreUnavailable as error:  # what could not be told is told after the next start
            log.warning("the last statuses are not delivered: %s", error)
        finally:
            self._reporter.close()
            self._mode.close()
            self.store.close(max(1.0, deadline - time.monotonic()))
        return ended

    def shown(self, limit: int) -> list[Notice]:
        """Lists the last status of some intents, by namespace and name, as an earlier run left it."""
        known = self.store.read(lambda reader: intents.page(reader, limit))
        statuses = [self.store.read(partial(report.status_of, uid=item.uid)) for item in known]
        return [
            Notice(item.namespace, item.name, status)
            for item, status in zip(known, statuses, strict=True)
            if status is not None
        ]

    def settled(self) -> bool:
        """Tells whether there is nothing left to do now: what waits, waits for a time or a change."""
        if not (self.source.synced.is_set() and self._intake.rebuilt and self.dispatcher.idle()):
            return False
        return self.store.read(
            lambda reader: (
                inbox.count(reader) == 0
                and not work.ready(reader)
                and work.depths(reader)["running"] == 0
                and outbox.count(reader) == 0
            )
        )

    def _work(self) -> None:
        """Drains: takes up events, decides and claims until nothing more is to be done."""
        if not self._intake.rebuild():
            return
        now = self._clock()
        if self._clamp:
            longest = longest_wait(self.settings.execution, self.decider.looker.book)
            self.store.write(partial(clamp_waits, now=now, longest=longest)).result()
            self._clamp = False
        due = self.store.read(work.next_due)
        if due is not None and due <= now:
            self.store.write(lambda tx: work.wake_due(tx, now)).result()
        while (
            not self._stopped and self._intake.take() + self.decider.decide_due() + self.dispatcher.dispatch()
        ):
            self.ticker.beat("work")
            self.ticker.wake("report")
        self.ticker.wake("report")

    def _retaining(self) -> bool:
        self.ticker.beat("retention")
        return not self._stopped

    def _clock_was_set(self, seconds: float) -> None:
        self.metrics.clock_set.labels("ahead" if seconds > 0 else "back").inc()
        self._clamp = True

    def _worked(self) -> None:
        """Follows the end of one execution: what came of it is shown before anything else is taken up."""
        self.ticker.wake("report")
        self.ticker.wake("work")

    def _busy(self) -> bool:
        """Tells whether intents wait for their turn."""
        return self.store.read(work.ready)

    def problems(self) -> dict[str, str]:
        """Tells what of rules, lexicon and settings is not in force as it stands in the files, and why."""
        own = {item.name: item.problem for item in self.reloaded if item.problem}
        rebuilding = {"store": self._intake.problem} if self._intake.problem else {}
        return own | rebuilding | dict(self._mode.problems())

    def _synced(self) -> bool:
        return self.source.synced.is_set()

    def _rehearsing(self) -> Decide:
        looker = self.decider.looker
        return deciding(looker.book, looker.bounds, looker.types.contract)

    def _owners(self, intent: Intent, places: Collection[Place]) -> Mapping[Place, Mapping[str, str]]:
        return self.decider.owners(intent, places)

    def _serve_pages(self) -> None:
        where = self.settings.metrics
        if where.port is not None:
            self._pages = PageServer(where.address, where.port, self.examiner.pages(self.metrics))

    def _serve_api(self) -> None:
        try:
            self._api.start()
        except OSError as error:  # intents are reconciled all the same
            log.warning("no commands on the running daemon: %s", error)

    def _depths(self) -> Mapping[str, int]:
        try:
            return self.store.read(
                lambda reader: {
                    "inbox": inbox.count(reader),
                    **work.depths(reader),
                    "outbox": outbox.count(reader),
                }
            )
        except StoreError:  # said by readiness; the other metrics are there all the same
            return {}

    def _report(self) -> None:
        self._reporter.deliver()

    def reload(self, *, always: bool = False) -> bool:
        """Takes up rules, lexicon and switches that changed, or all if `always`; the last good ones stay.

        Returns:
            Whether something else is in force now.
        """
        with self._reloading:
            before = [item.problem for item in self.reloaded]
            changed = [item.look(always=always) for item in self.reloaded]
            told = [(item.name, item.problem) for item in self.reloaded]
        for (name, problem), was in zip(told, before, strict=True):
            if problem != was:
                self._announce(name, problem)
        if any(changed):
            self._look_again()
            self.ticker.wake("work")
        return any(changed)

    def _announce(self, name: str, problem: str) -> None:
        if problem:
            note = f"{name} not taken up, the last good ones stay: {problem}"
            self._mode.announce("ReloadFailed", note, warning=True)
        else:
            self._mode.announce("Reloaded", f"{name} taken up", warning=False)

    def _look_again(self) -> None:
        """Makes due again what other rules, facts or switches decided."""
        self.decider.reopen()
        # Switches have no digest: a basis that never was makes all that is paused due, once.
        self.decider.reopen((Reason.PAUSED,), basis=f"{self.decider.looker.basis}+{time.time()}")

    def reload_soon(self) -> None:
        """Makes the next reload take up everything, changed or not; safe in a signal handler."""
        self._reload_all = True
        self.ticker.wake("reload")

    def _reload(self) -> None:
        always, self._reload_all = self._reload_all, False
        self.reload(always=always)

    def _swap_switches(self, switches: Switches) -> None:
        self.dispatcher.switches = switches
        self.decider.looker = replace(self.decider.looker, switches=switches)

    def _swap_rules(self, known: Knowledge) -> None:
        looker = replace(self.decider.looker, book=known.book, types=known.types)
        if known.reader is not None:
            looker = replace(looker, read=ReadingMemory(self.store, known.reader).read)
        self.decider.looker = looker

    def _types(self) -> IntentTypes:
        return self.decider.looker.types

    def _swap_reader(self, reader: Reader) -> None:
        read = ReadingMemory(self.store, reader).read
        self.decider.looker = replace(self.decider.looker, read=read)

    def _collect(self) -> None:
        self._leftovers.collect(self._clock())

    def _refresh(self) -> None:
        if self.inventory.refresh() and self.decider.reopen():
            self.ticker.wake("work")


def _key(file: Path | None) -> bytes | None:
    return file.read_bytes().strip() if file is not None else None
