from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import Package, Store, Transaction, Work, work

Run = Callable[[Callable[[Transaction], object]], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


@pytest.fixture
def see(store: Store) -> Callable[..., Work]:
    """Takes up a generation of intent `ns/amf`, unless told otherwise."""

    def take_up(name: str = "amf", generation: int = 1, **changes: object) -> Work:
        values = {"namespace": "ns", "uid": f"uid-{name}", "spec_hash": "hash", "now": 100.0} | changes
        seen = store.write(lambda tx: work.see(tx, name=name, generation=generation, **values)).result()
        assert seen is not None
        return seen

    return take_up


@pytest.fixture
def decide(store: Store) -> Callable[..., Work]:
    """Decides what has been seen, to write package `edge/ns-amf`, unless told otherwise."""

    def fix(seen: Work, *packages: str, **changes: object) -> Work:
        values = {"effect_key": f"key-{seen.id}", "executor": "directory", "priority": 5, "basis": "rules-1",
                  "now": 100.0} | changes  # fmt: skip
        written = [Package("edge", package) for package in packages or (f"{seen.namespace}-{seen.name}",)]
        return store.write(lambda tx: work.decide(tx, seen, packages=written, **values)).result()

    return fix


@pytest.fixture
def claim(store: Store) -> Callable[..., list[Work]]:
    """Claims what is to be carried out."""

    def take(now: float = 1000.0, limit: int = 10, **skip: object) -> list[Work]:
        claims = store.write(lambda tx: work.claim(tx, now, limit, **skip)).result()
        return [claimed.work for claimed in claims]

    return take
