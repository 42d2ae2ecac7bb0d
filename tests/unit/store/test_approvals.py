from __future__ import annotations

from store import Approval, Store, approvals

APPROVAL = Approval("uid-amf", "hash-1", "ada", 100.0)


def put(store: Store, approval: Approval) -> bool:
    return store.write(lambda tx: approvals.put(tx, approval)).result()


def of(store: Store, uid: str, spec_hash: str) -> Approval | None:
    return store.read(lambda reader: approvals.of(reader, uid, spec_hash))


def test_an_approval_is_found_by_uid_and_spec(store: Store) -> None:
    assert put(store, APPROVAL)
    assert of(store, "uid-amf", "hash-1") == APPROVAL


def test_an_approval_says_nothing_of_another_spec_or_another_intent(store: Store) -> None:
    put(store, APPROVAL)
    assert of(store, "uid-amf", "hash-2") is None
    assert of(store, "uid-smf", "hash-1") is None


def test_a_second_approval_leaves_the_first_as_it_is(store: Store) -> None:
    put(store, APPROVAL)
    assert not put(store, Approval("uid-amf", "hash-1", "grace", 200.0))
    assert of(store, "uid-amf", "hash-1") == APPROVAL


def test_what_was_approved_of_an_intent_is_forgotten_with_it(store: Store) -> None:
    put(store, APPROVAL)
    put(store, Approval("uid-amf", "hash-2", "ada", 101.0))
    put(store, Approval("uid-smf", "hash-1", "ada", 102.0))
    assert store.write(lambda tx: approvals.forget(tx, "uid-amf")).result() == 2
    assert of(store, "uid-amf", "hash-1") is None
    assert of(store, "uid-smf", "hash-1") is not None
