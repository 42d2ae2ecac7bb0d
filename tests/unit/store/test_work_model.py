"""Random ways through the steps, crashes included, against what must always hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from store import Package, StaleTransition, State, Store, Transaction, Work, work

WHY = {"reason": "Some", "message": "thing"}
FINAL = {State.CONFIRMED, State.TERMINAL}
NAMES = st.sampled_from(["amf", "smf", "upf"])
OUTCOMES = ["decide", "wait", "terminal", "finish"]
PACKAGES = st.sets(st.sampled_from(["a", "b", "c"]), min_size=1)


class WorkMachine(RuleBasedStateMachine):
    """Plays the engine: takes generations up, decides, claims, carries out, and crashes at any point."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(Path(self.folder.name) / "store.db")
        self.now = 1000.0
        self.generation: dict[str, int] = {}
        self.running: list[Work] = []
        self.stale: list[Work] = []
        self.sent_by: dict[int, int] = {}
        self.read_back: dict[int, bool] = {}
        self.decided: dict[int, tuple[str | None, str | None]] = {}
        self.highest_token = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def rows(self) -> list[Work]:
        return [
            found
            for name in self.generation
            for found in self.store.read(lambda r, n=name: work.generations(r, "ns", n, limit=100))
        ]

    @rule(name=NAMES, priority=st.integers(0, 10))
    def edit(self, name: str, priority: int) -> None:
        self.take_up(name, priority)

    def take_up(self, name: str, priority: int) -> None:
        number = self.generation[name] = self.generation.get(name, 0) + 1
        row = self.store.write(
            lambda tx: work.see(
                tx, namespace="ns", name=name, uid=f"uid-{name}", generation=number, spec_hash="h",
                now=self.now, priority=priority,
            )
        ).result()  # fmt: skip
        assert row is not None

    @rule(name=NAMES, packages=PACKAGES)
    def start(self, name: str, packages: set[str]) -> None:
        """Goes the usual way to a claim, which single steps would seldom find."""
        self.take_up(name, priority=10)
        self.look_at_next("decide", packages)
        self.take(limit=3)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.store.write(lambda tx: work.withdraw(tx, "ns", name, now=self.now)).result()

    @rule(outcome=st.sampled_from(OUTCOMES), packages=PACKAGES)
    def look(self, outcome: str, packages: set[str]) -> None:
        self.look_at_next(outcome, packages)

    def look_at_next(self, outcome: str, packages: set[str]) -> None:
        for seen in self.store.read(lambda reader: work.to_decide(reader, 1)):
            row = seen
            if row.state is State.SEEN:
                row = self.store.write(lambda tx, r=row: work.read(tx, r, now=self.now)).result()
            done = self.store.write(lambda tx, r=row: self.rule_on(tx, r, outcome, packages)).result()
            if outcome == "decide":
                self.decided[done.id] = (done.effect_key, done.executor)

    def rule_on(self, tx: Transaction, row: Work, outcome: str, packages: set[str]) -> Work:
        match outcome:
            case "decide":
                written = [Package("edge", name) for name in packages]
                return work.decide(
                    tx, row, effect_key=f"key-{row.id}", executor="directory", priority=row.priority,
                    packages=written, basis="rules-1", now=self.now,
                )  # fmt: skip
            case "wait":
                return work.wait(tx, row, **WHY, basis="rules-1", now=self.now, until=self.now + 60)
            case "terminal":
                return work.terminal(tx, row, **WHY, now=self.now, basis="rules-1")
            case _:
                return work.finish(tx, row, **WHY, now=self.now, basis="rules-1")

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        self.take(limit)

    def take(self, limit: int) -> None:
        for claim in self.store.write(lambda tx: work.claim(tx, self.now, limit)).result():
            assert claim.work.token > self.highest_token
            self.highest_token = claim.work.token
            assert claim.work.read_back == self.read_back.get(claim.work.id, False)
            self.running.append(claim.work)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def carry_on(self, data: st.DataObject) -> None:
        row = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        counted = data.draw(st.booleans())
        steps = {
            "send": lambda tx: work.send(tx, row, now=self.now),
            "confirm": lambda tx: work.confirm(tx, row, **WHY, now=self.now),
            "terminal": lambda tx: work.terminal(tx, row, **WHY, now=self.now),
            "retry": lambda tx: work.retry(
                tx, row, **WHY, next_at=self.now + 30, counted=counted, now=self.now
            ),
            "unknown": lambda tx: work.unknown(tx, row, **WHY, next_at=self.now + 30, now=self.now),
        }
        step = data.draw(
            st.sampled_from([name for name in steps if name != "send" or row.state == "claimed"])
        )
        moved = self.store.write(steps[step]).result()
        if step == "send":
            self.running.append(moved)
        else:
            self.stale.append(row)
            doubt = step == "unknown" or (step == "retry" and row.state == "claimed" and row.read_back)
            self.read_back[row.id] = doubt

    @precondition(lambda self: self.running or self.stale)
    @rule()
    def crash(self) -> None:
        for row in self.running:
            self.read_back[row.id] = row.state is State.SENT or row.read_back
        self.stale += self.running
        self.running = []
        self.store.write(lambda tx: work.recover(tx, self.now)).result()

    @rule(seconds=st.floats(0, 90))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.store.write(lambda tx: work.wake_due(tx, self.now)).result()

    @rule(digest=st.sampled_from(["rules-1", "rules-2"]))
    def change_rules(self, digest: str) -> None:
        self.store.write(lambda tx: work.reopen(tx, {"Some"}, digest, now=self.now, limit=5)).result()

    @rule(name=NAMES)
    def ask_again(self, name: str) -> None:
        row = self.store.read(lambda reader: work.current(reader, "ns", name))
        if row is not None and row.state in {State.SEEN, State.READ, State.TERMINAL, State.RETRY}:
            self.store.write(lambda tx: work.restart(tx, row, now=self.now)).result()

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_stale_worker_wakes(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self.stale))
        try:
            self.store.write(lambda tx: work.confirm(tx, row, **WHY, now=self.now)).result()
        except StaleTransition as refusal:
            assert refusal.found is not None
        else:
            raise AssertionError("a worker whose work was taken from it could confirm it")

    @invariant()
    def one_generation_is_current(self) -> None:
        for name in self.generation:
            rows = self.store.read(lambda r, n=name: work.generations(r, "ns", n, limit=100))
            assert len([row for row in rows if not row.superseded]) <= 1
            assert all(row.superseded for row in rows[1:])

    @invariant()
    def a_row_is_ready_or_waits_or_runs_or_is_finished(self) -> None:
        for row in self.rows():
            assert (row.rank is None) or (row.next_at is None)
            if row.state in FINAL | {State.CLAIMED, State.SENT}:
                assert (row.rank, row.next_at) == (None, None)
            if row.state in {State.DECIDED, State.RETRY, State.UNKNOWN}:
                assert (row.rank is None) != (row.next_at is None)
                assert row.effect_key is not None

    @invariant()
    def superseded_work_never_waits_to_be_sent(self) -> None:
        for row in self.rows():
            assert not (row.superseded and row.state in {State.SEEN, State.READ, State.DECIDED, State.RETRY})

    @invariant()
    def a_package_is_held_by_whoever_may_be_writing_it(self) -> None:
        holding = {row.id for row in self.rows() if row.state in {"claimed", "sent", "unknown"}}
        held = self.store.read(lambda r: r.rows("SELECT work_id, package, held FROM work_packages"))
        assert all((row["work_id"] in holding) == bool(row["held"]) for row in held)
        names = [row["package"] for row in held if row["held"]]
        assert len(names) == len(set(names))

    @invariant()
    def what_was_decided_stays_decided(self) -> None:
        for row in self.rows():
            if row.id in self.decided:
                assert (row.effect_key, row.executor) == self.decided[row.id]


TestWork = WorkMachine.TestCase
TestWork.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
