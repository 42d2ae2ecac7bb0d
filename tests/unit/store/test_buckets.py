from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from store import Bucket, Store, Transaction, buckets
from store.buckets import Level, ready_at, refilled

NOW = 1_800_000_000.0
ONE = Bucket("site/calm", 1, 60.0)
THREE = Bucket("site/burst/core", 3, 10.0)

BUCKETS = st.builds(Bucket, st.just("key"), st.integers(1, 1000), st.floats(1.0, 86_400.0))
TIMES = st.floats(1_000_000_000.0, 2_000_000_000.0)
STEPS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@st.composite
def levels(draw: st.DrawFn) -> tuple[Bucket, Level]:
    bucket = draw(BUCKETS)
    return bucket, Level(draw(st.floats(0.0, float(bucket.burst))), draw(TIMES))


def take(store: Store, *wanted: Bucket, now: float = NOW) -> float | None:
    return store.write(lambda tx: buckets.take(tx, wanted, now)).result()


def tokens(store: Store, bucket: Bucket) -> float:
    row = store.read(
        lambda reader: reader.row("SELECT tokens FROM buckets WHERE key = :key", {"key": bucket.key})
    )
    assert row is not None
    return row["tokens"]


def test_a_new_bucket_is_full(store: Store) -> None:
    assert [take(store, THREE) for _ in range(4)] == [None, None, None, NOW + 10]


def test_a_token_comes_back_in_its_time(store: Store) -> None:
    take(store, ONE)
    assert take(store, ONE, now=NOW + 59) == NOW + 60
    assert take(store, ONE, now=NOW + 60) is None
    assert take(store, ONE, now=NOW + 60) == NOW + 120


def test_a_bucket_never_holds_more_than_its_size(store: Store) -> None:
    take(store, THREE)
    later = NOW + 1e6
    assert [take(store, THREE, now=later) for _ in range(4)] == [None, None, None, later + 10]


def test_tokens_are_taken_from_every_bucket_or_from_none(store: Store) -> None:
    take(store, ONE)
    assert take(store, THREE, ONE) == NOW + 60
    assert tokens(store, THREE) == 3
    assert take(store, THREE, ONE, now=NOW + 60) is None
    assert tokens(store, THREE) == 2


def test_the_time_told_is_that_of_the_slowest_bucket(store: Store) -> None:
    slow = Bucket("slow", 1, 3600.0)
    take(store, slow, ONE)
    assert take(store, ONE, slow) == NOW + 3600


def test_a_bucket_that_is_named_twice_gives_two_tokens(store: Store) -> None:
    assert take(store, THREE, THREE) is None
    assert take(store, THREE, THREE) == NOW + 10


def test_more_than_a_bucket_can_ever_hold_takes_it_whole(store: Store) -> None:
    assert take(store, ONE, ONE) is None
    assert take(store, ONE, ONE) == NOW + 60


def test_nothing_to_take_is_taken_at_once(store: Store) -> None:
    assert take(store) is None


def test_a_bucket_that_was_made_smaller_keeps_no_more_than_it_holds(store: Store) -> None:
    take(store, THREE)
    smaller = Bucket(THREE.key, 1, THREE.refill_seconds)
    assert take(store, smaller) is None
    assert take(store, smaller) == NOW + 10


def test_a_clock_set_back_makes_nobody_wait_longer_than_a_token_takes(store: Store) -> None:
    take(store, ONE)
    year_ago = NOW - 365 * 86_400
    assert take(store, ONE, now=year_ago) == year_ago + 60
    assert take(store, ONE, now=year_ago + 60) is None


def test_a_write_that_is_taken_back_takes_no_token(store: Store) -> None:
    def fail(tx: Transaction) -> None:
        buckets.take(tx, [ONE], NOW)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write(fail).result()
    assert take(store, ONE) is None


@given(levels(), TIMES)
def test_a_level_is_never_negative_and_never_more_than_the_size(
    case: tuple[Bucket, Level], now: float
) -> None:
    bucket, level = case
    found = refilled(bucket, level, now)
    assert 0 <= found.tokens <= bucket.burst
    assert found.at == now
    assert found.tokens >= level.tokens


@given(levels(), st.data())
@example((Bucket("key", 1, 1.0), Level(1 - 2e-6, NOW)), None)
def test_at_the_time_told_the_tokens_are_there(
    case: tuple[Bucket, Level], data: st.DataObject | None
) -> None:
    bucket, level = case
    need = data.draw(st.integers(1, bucket.burst)) if data is not None else 1
    at = ready_at(bucket, level, need)
    assert level.at <= at <= level.at + need * bucket.refill_seconds + 1
    assert ready_at(bucket, refilled(bucket, level, at), need) == at


@given(levels(), TIMES, TIMES)
def test_looking_in_between_changes_nothing(case: tuple[Bucket, Level], one: float, other: float) -> None:
    bucket, level = case
    first, last = sorted((max(one, level.at), max(other, level.at)))
    at_once = refilled(bucket, level, last)
    in_steps = refilled(bucket, refilled(bucket, level, first), last)
    assert in_steps.tokens == pytest.approx(at_once.tokens, abs=1e-3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(BUCKETS, STEPS)
def test_whatever_the_clock_does_no_more_is_given_than_was_there_and_came_back(
    store: Store, bucket: Bucket, steps: list[float]
) -> None:
    fresh = Bucket(f"{bucket}{steps}", min(bucket.burst, 5), bucket.refill_seconds)
    now, forward, given_out = NOW, 0.0, 0
    for step in steps:
        now, forward = now + step, forward + max(0.0, step)
        given_out += take(store, fresh, now=now) is None
        assert 0 <= tokens(store, fresh) <= fresh.burst
    assert given_out <= fresh.burst + forward / fresh.refill_seconds + 0.001
