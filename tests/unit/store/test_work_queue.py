from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from store import State, Store, Work, work
from store.work import queue

See = Callable[..., Work]
Claim = Callable[..., list[Work]]


def to_decide(store: Store, **options: object) -> list[str]:
    rows = store.read(lambda reader: work.to_decide(reader, 10, **options))
    return [row.name for row in rows]


def held(store: Store) -> list[tuple[int, str]]:
    rows = store.read(lambda r: r.rows("SELECT work_id, package FROM work_packages WHERE held = 1"))
    return [tuple(row) for row in rows]


def get(store: Store, row: Work) -> Work:
    found = store.read(lambda reader: work.get(reader, row.id))
    assert found is not None
    return found


def test_what_is_seen_or_read_is_decided_in_the_order_it_became_ready(store: Store, see: See) -> None:
    see("second", now=200.0)
    first = see("first", now=100.0)
    store.write(lambda tx: work.read(tx, first, now=300.0)).result()
    assert to_decide(store) == ["first", "second"]


def test_what_waits_or_is_decided_is_not_to_be_decided(store: Store, see: See, decide: See) -> None:
    decide(see("decided"))
    held_back = see("held")
    store.write(
        lambda tx: work.wait(tx, held_back, reason="Held", message="m", basis="b", now=200.0)
    ).result()
    assert to_decide(store) == []


def test_paused_namespaces_are_passed_over(store: Store, see: See, decide: See, claim: Claim) -> None:
    see("paused", namespace="a")
    see("going", namespace="b")
    assert to_decide(store, skip_namespaces={"a"}) == ["going"]
    for name in ("smf", "upf"):
        decide(see(name, namespace="a" if name == "smf" else "b"))
    assert [row.name for row in claim(skip_namespaces={"a"})] == ["upf"]


def test_paused_executors_are_passed_over(see: See, decide: See, claim: Claim) -> None:
    decide(see("amf"), executor="porch")
    decide(see("smf"), executor="kpt")
    assert [row.name for row in claim(skip_executors={"porch"})] == ["smf"]
    assert [row.name for row in claim()] == ["amf"]


def test_priority_comes_first_and_waiting_makes_up_for_it(see: See, decide: See, claim: Claim) -> None:
    decide(see("low-long-ago"), priority=0, now=100.0)
    decide(see("high"), priority=10, now=699.0)
    decide(see("high-too-late"), priority=10, now=701.0)
    assert [row.name for row in claim()] == ["high", "low-long-ago", "high-too-late"]


def test_each_claim_has_a_token_never_used_before(store: Store, see: See, decide: See, claim: Claim) -> None:
    for n in range(3):
        decide(see(f"nf-{n}"))
    tokens = [row.token for row in claim(limit=2)]
    store.write(lambda tx: work.recover(tx, 1.0)).result()
    tokens += [row.token for row in claim()]
    assert tokens == sorted(set(tokens))
    assert len(tokens) == 5


def test_a_claim_tells_its_packages_and_takes_no_more_than_asked(store: Store, see: See, decide: See) -> None:
    for n in range(3):
        decide(see(f"nf-{n}"), f"b-{n}", f"a-{n}")
    claims = store.write(lambda tx: work.claim(tx, 1.0, 2)).result()
    assert [[package.name for package in claim.packages] for claim in claims] == [
        ["a-0", "b-0"], ["a-1", "b-1"],
    ]  # fmt: skip
    assert all(claim.work.rank is None and claim.work.state is State.CLAIMED for claim in claims)


def test_work_on_one_package_is_serialised(store: Store, see: See, decide: See, claim: Claim) -> None:
    decide(see("amf"), "shared", "own")
    decide(see("smf"), "shared")
    decide(see("upf"), "free")
    first, third = claim()
    assert (first.name, third.name) == ("amf", "upf")
    assert claim() == []
    sent = store.write(lambda tx: work.send(tx, first, now=1.0)).result()
    assert claim() == []
    store.write(lambda tx: work.confirm(tx, sent, reason="Completed", message="m", now=1.0)).result()
    assert [row.name for row in claim()] == ["smf"]


@pytest.mark.parametrize(("state", "free"), [("retry", True), ("terminal", True), ("unknown", False)])
def test_a_package_is_free_again_once_the_effect_is_known(
    store: Store, see: See, decide: See, claim: Claim, state: str, free: bool
) -> None:
    decide(see("amf"), "shared")
    decide(see("smf"), "shared")
    (first,) = claim()
    steps = {
        "retry": lambda tx: work.retry(
            tx, first, reason="r", message="m", next_at=9e9, counted=True, now=1.0
        ),
        "terminal": lambda tx: work.terminal(tx, first, reason="r", message="m", now=1.0),
        "unknown": lambda tx: work.unknown(tx, first, reason="r", message="m", next_at=9e9, now=1.0),
    }
    store.write(steps[state]).result()
    assert [row.name for row in claim()] == (["smf"] if free else [])


def test_a_busy_package_does_not_keep_the_queue_from_being_filled(
    see: See, decide: See, claim: Claim
) -> None:
    for n in range(5):
        decide(see(f"shared-{n}"), "shared", now=100.0 + n)
    for n in range(5):
        decide(see(f"own-{n}"), f"own-{n}", now=200.0 + n)
    assert [row.name for row in claim(limit=4)] == ["shared-0", "own-0", "own-1", "own-2"]


def test_no_work_is_claimed_twice_by_workers_that_claim_at_once(
    store: Store, see: See, decide: See, claim: Claim
) -> None:
    for n in range(60):
        decide(see(f"nf-{n}"))
    claimed: list[int] = []

    def take() -> None:
        while rows := claim(limit=3):
            claimed.extend(row.id for row in rows)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 60


def test_what_waited_long_enough_wakes_and_keeps_its_place(store: Store, see: See) -> None:
    for name, until in (("later", 900.0), ("soon", 300.0), ("never", None)):
        row = see(name)
        store.write(
            lambda tx, r=row, u=until: work.wait(
                tx, r, reason="Held", message="m", basis="b", now=200.0, until=u
            )
        ).result()
    assert store.read(work.next_due) == 300.0
    assert store.write(lambda tx: work.wake_due(tx, 299.0)).result() == 0
    assert store.write(lambda tx: work.wake_due(tx, 300.0)).result() == 1
    assert to_decide(store) == ["soon"]
    (soon,) = store.read(lambda reader: work.to_decide(reader, 1))
    assert (soon.rank, soon.next_at) == (300.0 - 300.0, None)
    assert store.write(lambda tx: work.wake_due(tx, 1000.0)).result() == 1
    assert store.read(work.next_due) is None


def test_waking_goes_in_bounded_steps(store: Store, see: See) -> None:
    for n in range(5):
        row = see(f"nf-{n}")
        store.write(
            lambda tx, r=row: work.wait(tx, r, reason="Held", message="m", basis="b", now=1.0, until=2.0)
        ).result()
    assert [store.write(lambda tx: work.wake_due(tx, 9.0, limit=3)).result() for _ in range(3)] == [3, 2, 0]


def test_a_clock_set_back_makes_no_wait_longer_than_the_schedule(store: Store, see: See) -> None:
    waiting, ready = see("waiting"), see("ready", now=50_000.0)
    store.write(
        lambda tx: work.wait(tx, waiting, reason="Held", message="m", basis="b", now=50_000.0, until=50_600.0)
    ).result()
    assert store.write(lambda tx: work.clamp_timers(tx, now=1000.0, longest=600.0)).result() == 1
    assert store.read(work.next_due) == 1600.0
    assert get(store, ready).rank == 1000.0 - 300.0
    assert store.write(lambda tx: work.clamp_timers(tx, now=1000.0, longest=600.0)).result() == 0


def test_what_waits_for_a_time_of_day_waits_for_it_however_the_clock_was_set(store: Store, see: See) -> None:
    held = see("held")
    store.write(
        lambda tx: work.wait(tx, held, reason="Held", message="m", basis="b", now=1.0, until=50_600.0)
    ).result()
    cut = store.write(lambda tx: work.clamp_timers(tx, now=1000.0, longest=600.0, spared=["Held"])).result()
    assert cut == 0
    assert store.read(work.next_due) == 50_600.0


def test_after_a_crash_what_was_claimed_is_decided_and_what_was_sent_unknown(
    store: Store, see: See, decide: See, claim: Claim
) -> None:
    for name in ("claimed", "sent", "waiting"):
        decide(see(name))
    _, sent = claim(limit=2)
    store.write(lambda tx: work.send(tx, sent, now=1.0)).result()
    back = store.write(lambda tx: work.recover(tx, 500.0)).result()
    assert [(row.name, row.state, row.read_back) for row in back] == [
        ("claimed", State.DECIDED, False), ("sent", State.UNKNOWN, True),
    ]  # fmt: skip
    assert held(store) == [(sent.id, "ns-sent")]
    assert {row.name for row in claim()} == {"claimed", "sent", "waiting"}
    assert store.write(lambda tx: work.recover(tx, 500.0)).result() != []


def test_what_crashed_while_it_was_read_back_is_read_back_again(
    store: Store, see: See, decide: See, claim: Claim
) -> None:
    decide(see())
    (row,) = claim()
    store.write(lambda tx: work.send(tx, row, now=1.0)).result()
    store.write(lambda tx: work.recover(tx, 500.0)).result()
    claim()
    (back,) = store.write(lambda tx: work.recover(tx, 600.0)).result()
    assert (back.state, back.read_back) == (State.UNKNOWN, True)


def test_what_a_worker_still_has_is_not_put_back(store: Store, see: See, decide: See, claim: Claim) -> None:
    for name in ("left", "running"):
        decide(see(name))
    left, running = claim()
    back = store.write(lambda tx: work.recover(tx, 500.0, running={running.id})).result()
    assert [row.id for row in back] == [left.id]
    assert get(store, running) == running


def test_superseded_work_that_crashed_before_sending_ends(
    store: Store, see: See, decide: See, claim: Claim
) -> None:
    older = decide(see())
    claim()
    see(generation=2)
    (ended,) = store.write(lambda tx: work.recover(tx, 500.0)).result()
    assert (ended.id, ended.state, ended.reason) == (older.id, State.TERMINAL, "Superseded")
    assert held(store) == []


def test_refused_work_is_looked_at_again_once_for_each_new_digest(store: Store, see: See) -> None:
    def refuse(name: str, reason: str, basis: str) -> Work:
        row = see(name)
        return store.write(
            lambda tx: work.terminal(tx, row, reason=reason, message="m", basis=basis, now=200.0)
        ).result()

    def reopen(basis: str, limit: int = 10) -> int:
        reasons = {"RuleRefused", "MissingFact"}
        return store.write(lambda tx: work.reopen(tx, reasons, basis, now=300.0, limit=limit)).result()

    refuse("amf", "RuleRefused", "rules-1")
    refuse("smf", "MissingFact", "rules-3")
    refuse("current", "RuleRefused", "rules-2")
    refuse("for-good", "Invalid", "rules-1")
    assert [reopen("rules-2", limit=1) for _ in range(3)] == [1, 1, 0]
    assert sorted(to_decide(store)) == ["amf", "smf"]
    for row in store.read(lambda reader: work.to_decide(reader, 10)):
        assert (row.state, row.reason, row.updated_at) == (State.SEEN, "", 300.0)
        store.write(
            lambda tx, r=row: work.terminal(
                tx, r, reason="RuleRefused", message="m", basis="rules-2", now=400.0
            )
        ).result()
    assert reopen("rules-2") == 0
    assert reopen("rules-4") == 3


def test_held_work_is_reopened_and_superseded_or_decided_work_is_not(
    store: Store, see: See, decide: See
) -> None:
    waiting = see("held")
    store.write(
        lambda tx: work.wait(tx, waiting, reason="Held", message="m", basis="rules-1", now=1.0, until=9e9)
    ).result()
    old = see("old")
    store.write(
        lambda tx: work.terminal(tx, old, reason="Held", message="m", basis="rules-1", now=1.0)
    ).result()
    see("old", generation=2)
    tried = decide(see("tried"))
    store.write(
        lambda tx: work.terminal(tx, tried, reason="Held", message="m", basis="rules-1", now=1.0)
    ).result()
    assert store.write(lambda tx: work.reopen(tx, {"Held"}, "rules-2", now=2.0, limit=9)).result() == 1
    assert get(store, waiting).next_at is None
    assert "held" in to_decide(store)


def test_depths_count_each_queue_once(store: Store, see: See, decide: See, claim: Claim) -> None:
    assert store.read(work.depths) == {"decide": 0, "execute": 0, "running": 0, "waiting": 0}
    assert not store.read(work.ready)
    waiting = see("waiting")
    store.write(
        lambda tx: work.wait(tx, waiting, reason="Held", message="m", basis="b", now=1.0, until=9e9)
    ).result()
    decide(see("running"))
    claim()
    assert not store.read(work.ready)
    for name in ("a", "b"):
        decide(see(name))
    assert store.read(work.ready)
    for name in ("c", "d", "e"):
        see(name)
    assert store.read(work.depths) == {"decide": 3, "execute": 2, "running": 1, "waiting": 1}


def test_what_waits_for_its_executor_is_told_why_once_and_is_claimed_all_the_same(
    store: Store, see: See, decide: See, claim: Claim
) -> None:
    first, second = decide(see("a")), decide(see("b"))
    told = store.read(lambda reader: work.untold(reader, "directory", 1))
    assert [item.id for item in told] == [first.id]
    noted = store.write(
        lambda tx: work.note(tx, first, reason="BackendDown", message="away", now=9.0)
    ).result()
    assert (noted.reason, noted.message, noted.rank) == ("BackendDown", "away", first.rank)
    assert [item.id for item in store.read(lambda reader: work.untold(reader, "directory", 9))] == [second.id]
    assert claim()[0].id == first.id


@pytest.mark.parametrize("decided", [False, True])
def test_either_queue_makes_work_ready(store: Store, see: See, decide: See, decided: bool) -> None:
    row = see()
    if decided:
        decide(row)
    assert store.read(work.ready)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("_TO_DECIDE", "work_to_decide"),
        ("_TO_EXECUTE", "work_to_execute"),
        ("_WAKE", "work_timers"),
        ("_NEXT_DUE", "work_timers"),
        ("_CLAMP_TIMERS", "work_timers"),
        ("_CLAMP_TO_DECIDE", "work_to_decide"),
        ("_CLAMP_TO_EXECUTE", "work_to_execute"),
        ("_UNTOLD", "work_to_execute"),
        ("_RUNNING", "work_running"),
        ("_REOPEN", "work_undecided"),
        ("_DEPTHS", "work_to_decide"),
        ("_ANY_TO_DECIDE", "work_to_decide"),
        ("_ANY_TO_EXECUTE", "work_to_execute"),
    ],
)
def test_no_queue_reads_the_whole_table_or_sorts(store: Store, name: str, index: str) -> None:
    sql = getattr(queue, name)
    names = ("limit", "namespaces", "executors", "now", "ageing", "latest", "reason", "basis")
    values = dict.fromkeys((*names, "executor"), 1)
    values |= dict.fromkeys(("namespaces", "executors", "spared"), "[]")
    plan = store.write(lambda tx: [row["detail"] for row in tx.rows(f"EXPLAIN QUERY PLAN {sql}", values)])
    steps = plan.result()
    assert any(index in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN work") and "USING" not in step]
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_taking_the_next_reads_the_same_with_much_stored(store: Store, see: See, decide: See) -> None:
    """Counts the steps of SQLite's virtual machine, which do not depend on how busy the computer is."""

    def steps() -> int:
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        def take(tx: object) -> None:
            connection = tx._connection
            connection.set_progress_handler(count, 1)
            (claimed,) = work.claim(tx, 1.0, 1)
            work.confirm(tx, claimed.work, reason="Completed", message="", now=1.0)
            connection.set_progress_handler(None, 0)

        store.write(take).result()
        return counted

    decide(see("first"))
    before = steps()
    fill = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO work (namespace, name, uid, generation, spec_hash, effect_key, priority,
                          state, next_at, created_at, updated_at)
        SELECT 'ns', 'nf-' || i, 'uid-' || i, 1, 'h', 'k', 5,
               CASE i % 2 WHEN 0 THEN 'confirmed' ELSE 'retry' END, CASE i % 2 WHEN 0 THEN NULL ELSE 9e9 END,
               1, 1 FROM n
    """
    store.write(lambda tx: tx.execute(fill)).result()
    decide(see("last"))
    assert steps() <= before * 1.2
