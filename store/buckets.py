"""Token buckets: each holds some tokens, refills one at a time, and gives one to each who may go on.

The tokens are kept as they were at a time, and filled up by the time that has gone by since. A clock that
goes back adds none, and the bucket refills from there; one that jumps ahead fills it, never beyond its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from store.connection import Parameters, Reader, Transaction

_ROUNDING = 1e-6
"""The part of a token that may lack: a time since 1970 is no more exact, where a token takes a second."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The size of a bucket, by the rule in force.

    Attributes:
        key: tells it from the others.
        burst: how many tokens it holds, at least 1; a new one is full.
        refill_seconds: the time in which one token comes back, at least 1.
    """

    key: str
    burst: int
    refill_seconds: float


@dataclass(frozen=True, slots=True)
class Level:
    """How many tokens a bucket held at a time, in seconds since 1970."""

    tokens: float
    at: float


_GET = "SELECT tokens, updated_at AS at FROM buckets WHERE key = :key"
_PUT = """
INSERT INTO buckets (key, tokens, updated_at) VALUES (:key, :tokens, :now)
ON CONFLICT (key) DO UPDATE SET tokens = excluded.tokens, updated_at = excluded.updated_at
"""


def take(tx: Transaction, buckets: Sequence[Bucket], now: float) -> float | None:
    """Takes a token from each bucket, or from none.

    A bucket that is named several times gives as many tokens, or all that it can hold where that is less.

    Returns:
        None if the tokens are taken; else when each bucket will have them, in seconds since 1970.
    """
    wanted = Counter(bucket.key for bucket in buckets)
    sizes = {bucket.key: bucket for bucket in buckets}
    needs = {key: min(wanted[key], bucket.burst) for key, bucket in sizes.items()}
    levels = {key: refilled(bucket, _level(tx, key), now) for key, bucket in sizes.items()}
    at = max((ready_at(sizes[key], levels[key], need) for key, need in needs.items()), default=now)
    for key, need in needs.items():
        tokens = levels[key].tokens if at > now else max(0.0, levels[key].tokens - need)
        values: Parameters = {"key": key, "tokens": tokens, "now": now}
        tx.execute(_PUT, values)
    return at if at > now else None


def refilled(bucket: Bucket, level: Level | None, now: float) -> Level:
    """Returns how many tokens a bucket holds now; `level` is None for a new one."""
    if level is None:
        return Level(float(bucket.burst), now)
    gained = max(0.0, now - level.at) / bucket.refill_seconds
    return Level(min(float(bucket.burst), level.tokens + gained), now)


def ready_at(bucket: Bucket, level: Level, need: int) -> float:
    """Returns when a bucket will hold as many tokens as are needed; the time of `level` where it does."""
    lacking = need - level.tokens
    return level.at if lacking <= _ROUNDING else level.at + lacking * bucket.refill_seconds


def _level(reader: Reader, key: str) -> Level | None:
    row = reader.row(_GET, {"key": key})
    return None if row is None else Level(**row)
