"""The steps of a generation: each compares its id, state and token, sets it, and returns it as it is then.

A step names the states that it may be taken from; any other, and a token that is not the row's, is refused
with StaleTransition. Only these functions and those of `store.work.queue` change the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from store.connection import Parameters, Reader, Transaction, columns
from store.work.record import Package, StaleTransition, State, Work, from_row, rank

WAITING = frozenset({State.SEEN, State.READ})
RUNNING = frozenset({State.CLAIMED, State.SENT})
_SUPERSEDABLE = frozenset({State.SEEN, State.READ, State.DECIDED, State.RETRY})

_INSERT = """
INSERT INTO work (
    namespace, name, uid, generation, spec_hash, state, rank, priority, trace_id, created_at, updated_at
) VALUES (:namespace, :name, :uid, :generation, :spec_hash, 'seen', :rank, :priority, :trace_id, :now, :now)
RETURNING *
"""
_SAVE = """
UPDATE work SET
    state = :state, token = :token, effect_key = :effect_key, attempts = :attempts, next_at = :next_at,
    rank = :rank, priority = :priority, reason = :reason, message = :message, executor = :executor,
    basis = :basis, superseded = :superseded, read_back = :read_back, updated_at = :updated_at,
    status_reported = :status_reported
WHERE id = :id
"""
"""All that steps change of a row; `_expect` has compared its state and token in the same transaction."""

_MARK_REPORTED = """
UPDATE work SET status_reported = 1
WHERE id = :id AND state = :state AND token = :token AND updated_at = :at
"""


def get(reader: Reader, work_id: int) -> Work | None:
    """Returns a generation by its number."""
    row = reader.row("SELECT * FROM work WHERE id = :id", {"id": work_id})
    return None if row is None else from_row(row)


def current(reader: Reader, namespace: str, name: str) -> Work | None:
    """Returns the newest generation of an intent; None if there is none, or the intent is gone."""
    row = reader.row(
        "SELECT * FROM work WHERE namespace = :namespace AND name = :name AND superseded = 0",
        {"namespace": namespace, "name": name},
    )
    return None if row is None else from_row(row)


def generations(reader: Reader, namespace: str, name: str, *, limit: int) -> list[Work]:
    """Lists the generations of an intent, newest first, those of earlier intents of that name behind."""
    rows = reader.rows(
        "SELECT * FROM work WHERE namespace = :namespace AND name = :name ORDER BY id DESC LIMIT :limit",
        {"namespace": namespace, "name": name, "limit": limit},
    )
    return [from_row(row) for row in rows]


def packages(reader: Reader, work_id: int) -> tuple[Package, ...]:
    """Returns the packages that a decided generation writes."""
    rows = reader.rows(
        "SELECT repository, package FROM work_packages WHERE work_id = :id ORDER BY repository, package",
        {"id": work_id},
    )
    return tuple(Package(row["repository"], row["package"]) for row in rows)


def see(  # noqa: PLR0913 - each is a column
    tx: Transaction,
    *,
    namespace: str,
    name: str,
    uid: str,
    generation: int,
    spec_hash: str,
    now: float,
    priority: int = 5,
    trace_id: str | None = None,
) -> Work | None:
    """Takes up a generation, which supersedes the older ones, and any intent that had its name before.

    Returns:
        The generation; None if it, or a newer one of that uid, is known already.
    """
    known = tx.row("SELECT max(generation) AS newest FROM work WHERE uid = :uid", {"uid": uid})
    if known is not None and known["newest"] is not None and known["newest"] >= generation:
        return None
    withdraw(tx, namespace, name, now=now)
    values: Parameters = {
        "namespace": namespace, "name": name, "uid": uid, "generation": generation, "spec_hash": spec_hash,
        "rank": rank(now, priority), "priority": priority, "trace_id": trace_id, "now": now,
    }  # fmt: skip
    (row,) = tx.rows(_INSERT, values)
    return from_row(row)


def withdraw(tx: Transaction, namespace: str, name: str, *, now: float) -> list[Work]:
    """Supersedes what there is of an intent, because it is gone or changed.

    What has not been claimed ends with reason Superseded. What a worker has, and what may have happened, is
    finished first, and ends where it would be tried again.

    Returns:
        Those that ended.
    """
    rows = tx.rows(
        "SELECT * FROM work WHERE namespace = :namespace AND name = :name AND superseded = 0",
        {"namespace": namespace, "name": name},
    )
    ended = []
    for row in rows:
        work = replace(from_row(row), superseded=True)
        if work.state in _SUPERSEDABLE:
            ended.append(_superseded(tx, work, now))
        else:
            _save(tx, work)
    return ended


def read(tx: Transaction, work: Work, *, now: float) -> Work:
    """Notes that the text has been read."""
    found = _expect(tx, work, "read", {State.SEEN})
    return _save(tx, replace(found, state=State.READ, updated_at=now, status_reported=False))


def wait(
    tx: Transaction,
    work: Work,
    *,
    reason: str,
    message: str,
    basis: str,
    now: float,
    until: float | None = None,
) -> Work:
    """Leaves a generation undecided, as held, suspended or paused ones are.

    Args:
        tx: the transaction.
        work: seen or read.
        reason, message: why.
        basis: the digest of the rules and facts that it was looked at with.
        now: the time.
        until: when to look again; None to wait until `reopen` or `restart`.
    """
    found = _expect(tx, work, "hold", WAITING)
    changed = replace(found, reason=reason, message=message, basis=basis, next_at=until, rank=None)
    return _save(tx, replace(changed, updated_at=now, status_reported=False))


def decide(  # noqa: PLR0913 - each is a column
    tx: Transaction,
    work: Work,
    *,
    effect_key: str,
    executor: str,
    priority: int,
    packages: Iterable[Package],
    basis: str,
    now: float,
) -> Work:
    """Fixes what will be done, and queues it to be carried out."""
    found = _expect(tx, work, "decide", WAITING)
    for package in packages:
        tx.execute(
            "INSERT INTO work_packages (work_id, repository, package) VALUES (:id, :repository, :package)",
            {"id": work.id, "repository": package.repository, "package": package.name},
        )
    changed = replace(
        found, state=State.DECIDED, effect_key=effect_key, executor=executor, priority=priority, basis=basis,
        reason="", message="", next_at=None, rank=rank(now, priority), updated_at=now, status_reported=False,
    )  # fmt: skip
    return _save(tx, changed)


def finish(tx: Transaction, work: Work, *, reason: str, message: str, basis: str, now: float) -> Work:
    """Completes a generation without any effect: a dry run, or one that was there before (Adopted)."""
    found = _expect(tx, work, "finish", WAITING | {State.DECIDED})
    return _end(tx, replace(found, basis=basis), State.CONFIRMED, reason, message, now)


def restore(
    tx: Transaction, work: Work, *, state: State, reason: str, message: str, executor: str, now: float
) -> Work:
    """Brings a generation, just seen, to the end that it had come to in a store that was lost.

    By what it was decided is not known any more, so that a restart has it looked at anew.
    """
    found = _expect(tx, work, "restore", {State.SEEN})
    return _end(tx, replace(found, executor=executor or None), state, reason, message, now)


def send(tx: Transaction, work: Work, *, now: float) -> Work:
    """Notes, before the first byte goes out, that the effect may happen from here on."""
    found = _expect(tx, work, "send", {State.CLAIMED})
    return _save(tx, replace(found, state=State.SENT, updated_at=now, status_reported=False))


def confirm(tx: Transaction, work: Work, *, reason: str, message: str, now: float) -> Work:
    """Completes a generation whose effect has happened, as the executor said or as was read back."""
    found = _expect(tx, work, "confirm", RUNNING)
    return _end(tx, found, State.CONFIRMED, reason, message, now)


def terminal(
    tx: Transaction, work: Work, *, reason: str, message: str, now: float, basis: str | None = None
) -> Work:
    """Ends a generation without its effect: refused, failed for good, or out of retries.

    `basis` is given where rules and facts ended it, so that other ones can reopen it. What may have happened
    (unknown) cannot end before it has been claimed and read back.
    """
    found = _expect(tx, work, "end", _SUPERSEDABLE | RUNNING)
    return _end(
        tx, found if basis is None else replace(found, basis=basis), State.TERMINAL, reason, message, now
    )


def retry(
    tx: Transaction, work: Work, *, reason: str, message: str, next_at: float, counted: bool, now: float
) -> Work:
    """Puts a generation back whose effect has not happened.

    One that is superseded by now ends instead. One that was claimed to be read back, and of which nothing was
    sent since, stays unknown: that nothing was sent now says nothing about before.

    Args:
        tx: the transaction.
        work: claimed or sent.
        reason, message: why.
        next_at: when to try again.
        counted: whether the try counts against the limit; an outage, a hold or a rate limit does not.
        now: the time.
    """
    found = _expect(tx, work, "retry", RUNNING)
    found = replace(found, attempts=found.attempts + counted)
    if found.state is State.CLAIMED and found.read_back:
        return _put_back(tx, found, State.UNKNOWN, reason, message, next_at, now)
    if found.superseded:
        return _superseded(tx, found, now)
    return _put_back(tx, replace(found, read_back=False), State.RETRY, reason, message, next_at, now)


def unknown(tx: Transaction, work: Work, *, reason: str, message: str, next_at: float, now: float) -> Work:
    """Notes that the effect may have happened; its packages stay held until it has been read back."""
    found = _expect(tx, work, "doubt", RUNNING)
    return _put_back(tx, replace(found, read_back=True), State.UNKNOWN, reason, message, next_at, now)


def doubt(tx: Transaction, work: Work, *, now: float) -> Work:
    """Has a decided generation read back: its effect may have happened before the store knew of it."""
    found = _expect(tx, work, "doubt", {State.DECIDED})
    return _put_back(tx, replace(found, read_back=True), State.UNKNOWN, "ReadBack", "", now, now)


def amend(tx: Transaction, work: Work, *, state: State, reason: str, message: str, now: float) -> Work:
    """Notes what somebody else made of an effect that has happened: approved it, or rejected it.

    A rejected one is terminal, and can be restarted.
    """
    found = _expect(tx, work, "amend", {State.CONFIRMED, State.TERMINAL})
    return _end(tx, found, state, reason, message, now)


def restart(
    tx: Transaction, work: Work, *, now: float, at: float | None = None, reason: str = "", message: str = ""
) -> Work:
    """Starts a generation afresh, because somebody asked: what was decided is tried, the rest looked at.

    Args:
        tx: the transaction.
        work: waiting, to be tried again, or ended without its effect.
        now: the time.
        at: when it is to start; None for now.
        reason, message: why it does not start now.
    """
    found = _expect(tx, work, "restart", WAITING | {State.TERMINAL, State.RETRY})
    if found.superseded:
        raise StaleTransition("restart", "the newest generation", work.id, found)
    state = State.SEEN if found.effect_key is None else State.DECIDED
    changed = replace(
        found, state=state, attempts=0, reason=reason, message=message, next_at=at,
        rank=rank(now, found.priority) if at is None else None, updated_at=now, status_reported=False,
    )  # fmt: skip
    return _save(tx, changed)


def reapply(tx: Transaction, work: Work, *, reason: str, message: str, at: float, now: float) -> Work:
    """Takes a generation that ended back to be decided anew at a time; what it wrote stays as it is.

    Args:
        tx: the transaction.
        work: confirmed, or ended without its effect; the newest of its intent.
        reason, message: why it waits until then.
        at: when it is to be decided.
        now: the time.
    """
    found = _expect(tx, work, "reapply", {State.CONFIRMED, State.TERMINAL})
    if found.superseded:
        raise StaleTransition("reapply", "the newest generation", work.id, found)
    tx.execute("DELETE FROM work_packages WHERE work_id = :id", {"id": work.id})
    waits = at > now
    changed = replace(
        found, state=State.SEEN, effect_key=None, executor=None, attempts=0, basis="", read_back=False,
        reason=reason if waits else "", message=message if waits else "", next_at=at if waits else None,
        rank=None if waits else rank(now, found.priority), updated_at=now, status_reported=False,
    )  # fmt: skip
    return _save(tx, changed)


def note(tx: Transaction, work: Work, *, reason: str, message: str, now: float) -> Work:
    """Says why decided work is not taken up, for people; it keeps its place and its tries."""
    found = _expect(tx, work, "note", {State.DECIDED})
    return _save(tx, replace(found, reason=reason, message=message, updated_at=now, status_reported=False))


def mark_reported(tx: Transaction, work: Work) -> bool:
    """Notes that this state has been shown on the intent; False if it has changed since."""
    values: Parameters = {"id": work.id, "state": work.state, "token": work.token, "at": work.updated_at}
    return tx.execute(_MARK_REPORTED, values) == 1


def put_back(tx: Transaction, work: Work, *, now: float) -> Work:
    """Puts back what was left running: sent, or to be read back, is unknown; anything else is decided."""
    if work.state is State.SENT or work.read_back:
        return _put_back(tx, replace(work, read_back=True), State.UNKNOWN, "ReadBack", "", now, now)
    if work.superseded:
        return _superseded(tx, work, now)
    return _put_back(tx, work, State.DECIDED, "", "", now, now)


def _expect(tx: Transaction, work: Work, step: str, allowed: Iterable[State]) -> Work:
    """Returns the row as it is, if it is where the caller saw it and the step may be taken from there."""
    found = get(tx, work.id)
    if work.state not in allowed:
        raise StaleTransition(step, " or ".join(sorted(allowed)), work.id, found)
    if found is None or (found.state, found.token) != (work.state, work.token):
        raise StaleTransition(step, f"{work.state} with token {work.token}", work.id, found)
    return found


def _save(tx: Transaction, work: Work) -> Work:
    tx.execute(_SAVE, columns(work))
    return work


def _end(tx: Transaction, work: Work, state: State, reason: str, message: str, now: float) -> Work:
    _release(tx, work)
    changed = replace(
        work, state=state, reason=reason, message=message, next_at=None, rank=None, read_back=False,
        updated_at=now, status_reported=False,
    )  # fmt: skip
    return _save(tx, changed)


def _superseded(tx: Transaction, work: Work, now: float) -> Work:
    return _end(
        tx,
        work,
        State.TERMINAL,
        "Superseded",
        "a newer generation took its place, or the intent is gone",
        now,
    )


def _put_back(
    tx: Transaction, work: Work, state: State, reason: str, message: str, next_at: float, now: float
) -> Work:
    if state is not State.UNKNOWN:
        _release(tx, work)
    due = next_at <= now
    changed = replace(
        work, state=state, reason=reason, message=message, next_at=None if due else next_at,
        rank=rank(next_at, work.priority) if due else None, updated_at=now, status_reported=False,
    )  # fmt: skip
    return _save(tx, changed)


def _release(tx: Transaction, work: Work) -> None:
    tx.execute("UPDATE work_packages SET held = 0 WHERE work_id = :id AND held = 1", {"id": work.id})
