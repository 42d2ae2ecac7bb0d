from __future__ import annotations

from collections.abc import Callable

import pytest

from store import Package, StaleTransition, State, Store, Transaction, Work, work

See = Callable[..., Work]
Claim = Callable[..., list[Work]]
Step = Callable[[Transaction, Work], Work]

WHY = {"reason": "Some", "message": "thing"}
STEPS: dict[str, Step] = {
    "read": lambda tx, row: work.read(tx, row, now=200.0),
    "wait": lambda tx, row: work.wait(tx, row, **WHY, basis="b", now=200.0),
    "decide": lambda tx, row: work.decide(
        tx, row, effect_key="k", executor="directory", priority=5, packages=[], basis="b", now=200.0
    ),
    "finish": lambda tx, row: work.finish(tx, row, **WHY, basis="b", now=200.0),
    "send": lambda tx, row: work.send(tx, row, now=200.0),
    "confirm": lambda tx, row: work.confirm(tx, row, **WHY, now=200.0),
    "terminal": lambda tx, row: work.terminal(tx, row, **WHY, now=200.0),
    "retry": lambda tx, row: work.retry(tx, row, **WHY, next_at=300.0, counted=True, now=200.0),
    "unknown": lambda tx, row: work.unknown(tx, row, **WHY, next_at=300.0, now=200.0),
    "restart": lambda tx, row: work.restart(tx, row, now=200.0),
    "reapply": lambda tx, row: work.reapply(tx, row, **WHY, at=200.0, now=200.0),
}
LEADS_TO = {
    State.SEEN: {"read": "read", "wait": "seen", "decide": "decided", "finish": "confirmed",
                 "terminal": "terminal", "restart": "seen"},
    State.READ: {"wait": "read", "decide": "decided", "finish": "confirmed", "terminal": "terminal",
                 "restart": "seen"},
    State.DECIDED: {"finish": "confirmed", "terminal": "terminal"},
    State.CLAIMED: {"send": "sent", "confirm": "confirmed", "terminal": "terminal", "retry": "retry",
                    "unknown": "unknown"},
    State.SENT: {"confirm": "confirmed", "terminal": "terminal", "retry": "retry", "unknown": "unknown"},
    State.CONFIRMED: {"reapply": "seen"},
    State.RETRY: {"terminal": "terminal", "restart": "decided"},
    State.TERMINAL: {"restart": "decided", "reapply": "seen"},
    State.UNKNOWN: {},
}  # fmt: skip


@pytest.fixture
def take(store: Store) -> Callable[[str, Work], Work]:
    def step(name: str, row: Work) -> Work:
        return store.write(lambda tx: STEPS[name](tx, row)).result()

    return step


@pytest.fixture
def bring(see: See, decide: See, claim: Claim, take: Callable[[str, Work], Work]) -> Callable[[State], Work]:
    """Brings a generation to a state, by the way that it would go."""

    def to(state: State) -> Work:
        row = see()
        match state:
            case State.SEEN:
                return row
            case State.READ:
                return take("read", row)
        row = decide(row)
        if state is State.DECIDED:
            return row
        (row,) = claim()
        if state is State.CLAIMED:
            return row
        row = take("send", row)
        last = {State.CONFIRMED: "confirm", State.RETRY: "retry", State.TERMINAL: "terminal",
                State.UNKNOWN: "unknown"}  # fmt: skip
        return row if state is State.SENT else take(last[state], row)

    return to


@pytest.mark.parametrize(("state", "step"), [(state, step) for state in State for step in STEPS], ids=str)
def test_each_step_is_taken_from_its_states_and_refused_from_any_other(
    store: Store,
    bring: Callable[[State], Work],
    take: Callable[[str, Work], Work],
    state: State,
    step: str,
) -> None:
    row = bring(state)
    if (leads_to := LEADS_TO[state].get(step)) is not None:
        moved = take(step, row)
        assert moved.state == leads_to
        assert store.read(lambda reader: work.get(reader, row.id)) == moved
    else:
        with pytest.raises(StaleTransition, match=f"work {row.id}: expected .* found {state} with token"):
            take(step, row)
        assert store.read(lambda reader: work.get(reader, row.id)) == row


@pytest.mark.parametrize("step", LEADS_TO[State.CLAIMED])
def test_a_token_older_than_the_rows_is_rejected(
    store: Store, see: See, decide: See, claim: Claim, take: Callable[[str, Work], Work], step: str
) -> None:
    decide(see())
    (paused,) = claim()
    store.write(lambda tx: work.recover(tx, 500.0)).result()
    (current,) = claim()
    assert current.token > paused.token
    with pytest.raises(
        StaleTransition, match=f"token {paused.token}, found claimed with token {current.token}"
    ):
        take(step, paused)
    assert store.read(lambda reader: work.get(reader, current.id)) == current


def test_a_step_of_work_that_is_gone_is_refused(store: Store, see: See) -> None:
    row = see()
    store.write(lambda tx: tx.execute("DELETE FROM work")).result()
    with pytest.raises(StaleTransition, match="it is gone") as refusal:
        store.write(lambda tx: work.read(tx, row, now=1.0)).result()
    assert refusal.value.found is None


def test_what_is_seen_is_ready_to_be_decided(see: See) -> None:
    row = see(priority=7, trace_id="trace", now=500.0)
    assert (row.state, row.rank, row.created_at, row.priority) == (State.SEEN, 500.0 - 7 * 60, 500.0, 7)
    assert (row.attempts, row.token, row.effect_key, row.trace_id) == (0, 0, None, "trace")


@pytest.mark.parametrize("generation", [1, 2])
def test_a_generation_that_is_known_or_older_is_not_seen_again(
    store: Store, see: See, generation: int
) -> None:
    see(generation=2)
    again = store.write(
        lambda tx: work.see(
            tx, namespace="ns", name="amf", uid="uid-amf", generation=generation, spec_hash="h", now=1.0
        )
    ).result()
    assert again is None
    assert len(store.read(lambda reader: work.generations(reader, "ns", "amf", limit=9))) == 1


@pytest.mark.parametrize("state", [State.SEEN, State.READ, State.DECIDED, State.RETRY])
def test_a_newer_generation_ends_what_nobody_works_on(
    store: Store, bring: Callable[[State], Work], see: See, state: State
) -> None:
    older = bring(state)
    newer = see(generation=2, now=300.0)
    ended = store.read(lambda reader: work.get(reader, older.id))
    assert (ended.state, ended.reason, ended.superseded) == (State.TERMINAL, "Superseded", True)
    assert (ended.rank, ended.next_at, ended.updated_at) == (None, None, 300.0)
    assert store.read(lambda reader: work.current(reader, "ns", "amf")) == newer


@pytest.mark.parametrize("state", [State.CLAIMED, State.SENT, State.UNKNOWN, State.CONFIRMED, State.TERMINAL])
def test_a_newer_generation_lets_running_and_finished_work_stand(
    store: Store, bring: Callable[[State], Work], see: See, state: State
) -> None:
    older = bring(state)
    see(generation=2)
    found = store.read(lambda reader: work.get(reader, older.id))
    assert (found.state, found.reason, found.superseded) == (state, older.reason, True)


def test_superseded_work_is_not_tried_again(
    store: Store, bring: Callable[[State], Work], see: See, take: Callable[[str, Work], Work]
) -> None:
    older = bring(State.SENT)
    see(generation=2)
    ended = take("retry", older)
    assert (ended.state, ended.reason) == (State.TERMINAL, "Superseded")


def test_superseded_work_is_not_restarted(
    bring: Callable[[State], Work], see: See, take: Callable[[str, Work], Work]
) -> None:
    older = bring(State.TERMINAL)
    see(generation=2)
    with pytest.raises(StaleTransition, match="the newest generation"):
        take("restart", older)


def test_an_intent_made_anew_supersedes_the_one_that_had_its_name(store: Store, see: See) -> None:
    older = see(uid="uid-1", generation=5)
    newer = see(uid="uid-2", generation=1)
    assert store.read(lambda reader: work.get(reader, older.id)).reason == "Superseded"
    assert store.read(lambda reader: work.current(reader, "ns", "amf")) == newer


def test_what_is_left_of_a_deleted_intent_ends(store: Store, see: See) -> None:
    row = see()
    other = see("smf")
    ended = store.write(lambda tx: work.withdraw(tx, "ns", "amf", now=300.0)).result()
    assert [(done.id, done.state) for done in ended] == [(row.id, State.TERMINAL)]
    assert store.read(lambda reader: work.current(reader, "ns", "amf")) is None
    assert store.read(lambda reader: work.current(reader, "ns", "smf")) == other


def test_waiting_for_a_time_and_waiting_for_a_change(store: Store, see: See) -> None:
    def wait(row: Work, until: float | None) -> Work:
        return store.write(
            lambda tx: work.wait(tx, row, reason="Held", message="m", basis="rules-1", now=200.0, until=until)
        ).result()

    held = wait(see(), 900.0)
    assert (held.state, held.reason, held.basis, held.next_at, held.rank) == (
        State.SEEN, "Held", "rules-1", 900.0, None,
    )  # fmt: skip
    assert wait(see("smf"), None).next_at is None


def test_a_decision_fixes_key_executor_priority_and_packages(store: Store, see: See, decide: See) -> None:
    row = decide(see(), "b", "a", priority=9, now=500.0, effect_key="key", basis="rules-2")
    assert (row.effect_key, row.executor, row.priority, row.rank, row.basis) == (
        "key", "directory", 9, 500.0 - 540.0, "rules-2",
    )  # fmt: skip
    packages = store.read(lambda reader: work.packages(reader, row.id))
    assert packages == (Package("edge", "a"), Package("edge", "b"))


@pytest.mark.parametrize(("counted", "attempts"), [(True, 1), (False, 0)])
def test_only_a_try_that_counts_is_counted(
    store: Store, bring: Callable[[State], Work], counted: bool, attempts: int
) -> None:
    row = bring(State.SENT)
    put_back = store.write(
        lambda tx: work.retry(
            tx, row, reason="BackingOff", message="m", next_at=900.0, counted=counted, now=200.0
        )
    ).result()
    assert (put_back.attempts, put_back.next_at, put_back.rank) == (attempts, 900.0, None)


def test_what_is_due_at_once_is_ready_at_once(store: Store, bring: Callable[[State], Work]) -> None:
    row = bring(State.CLAIMED)
    back = store.write(
        lambda tx: work.retry(
            tx, row, reason="PackageBusy", message="m", next_at=200.0, counted=False, now=200.0
        )
    ).result()
    assert (back.next_at, back.rank) == (None, 200.0 - 300.0)


def test_what_may_have_happened_stays_unknown_until_it_is_read_back(
    bring: Callable[[State], Work], claim: Claim, store: Store, take: Callable[[str, Work], Work]
) -> None:
    bring(State.UNKNOWN)
    store.write(lambda tx: work.wake_due(tx, 1000.0)).result()
    (again,) = claim()
    assert again.read_back
    back = take("retry", again)
    assert (back.state, back.read_back) == (State.UNKNOWN, True)


def test_what_was_read_back_and_sent_again_can_be_tried_again(
    bring: Callable[[State], Work], claim: Claim, store: Store, take: Callable[[str, Work], Work]
) -> None:
    bring(State.UNKNOWN)
    store.write(lambda tx: work.wake_due(tx, 1000.0)).result()
    (again,) = claim()
    back = take("retry", take("send", again))
    assert (back.state, back.read_back) == (State.RETRY, False)


def test_a_restart_gives_all_tries_again(
    bring: Callable[[State], Work], take: Callable[[str, Work], Work]
) -> None:
    tried = bring(State.RETRY)
    assert tried.attempts == 1
    afresh = take("restart", tried)
    assert (afresh.attempts, afresh.next_at, afresh.reason) == (0, None, "")
    assert afresh.rank == 200.0 - 300.0
    assert afresh.effect_key == tried.effect_key


def test_what_was_refused_is_looked_at_again_when_restarted(
    see: See, take: Callable[[str, Work], Work]
) -> None:
    assert take("restart", take("terminal", see())).state is State.SEEN


def test_what_is_done_is_decided_anew_as_another_effect(
    store: Store,
    bring: Callable[[State], Work],
    take: Callable[[str, Work], Work],
    decide: Callable[..., Work],
    claim: Claim,
) -> None:
    done = bring(State.CONFIRMED)
    again = take("reapply", done)
    assert (again.effect_key, again.executor, again.basis, again.reason) == (None, None, "", "")
    assert store.read(lambda reader: work.packages(reader, done.id)) == ()
    decide(again, "ns-amf", effect_key="another")
    (claimed,) = claim()
    assert (claimed.effect_key, claimed.token > done.token) == ("another", True)


def test_what_is_to_be_decided_anew_later_waits_for_its_time(
    store: Store, bring: Callable[[State], Work]
) -> None:
    done = bring(State.CONFIRMED)
    waiting = store.write(lambda tx: work.reapply(tx, done, **WHY, at=260.0, now=200.0)).result()
    assert (waiting.next_at, waiting.rank, waiting.reason) == (260.0, None, "Some")
    assert store.write(lambda tx: work.wake_due(tx, 259.0)).result() == 0
    assert store.write(lambda tx: work.wake_due(tx, 260.0)).result() == 1
    assert [item.id for item in store.read(lambda reader: work.to_decide(reader, 9))] == [done.id]


def test_an_older_generation_is_not_decided_anew(
    store: Store, bring: Callable[[State], Work], see: See, take: Callable[[str, Work], Work]
) -> None:
    done = bring(State.CONFIRMED)
    see(generation=done.generation + 1)
    with pytest.raises(StaleTransition, match="the newest generation"):
        take("reapply", done)


def test_a_state_is_reported_until_it_changes(
    store: Store, see: See, take: Callable[[str, Work], Work]
) -> None:
    row = see()
    assert store.write(lambda tx: work.mark_reported(tx, row)).result()
    assert store.read(lambda reader: work.get(reader, row.id)).status_reported
    moved = take("read", row)
    assert not moved.status_reported
    assert not store.write(lambda tx: work.mark_reported(tx, row)).result()


def test_a_refused_step_takes_back_what_was_written_with_it(
    store: Store, bring: Callable[[State], Work], see: See
) -> None:
    done = bring(State.CONFIRMED)

    def both(tx: Transaction) -> None:
        work.see(tx, namespace="ns", name="smf", uid="u", generation=1, spec_hash="h", now=1.0)
        work.send(tx, done, now=1.0)

    with pytest.raises(StaleTransition):
        store.write(both).result()
    assert store.read(lambda reader: work.current(reader, "ns", "smf")) is None
