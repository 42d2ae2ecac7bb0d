from __future__ import annotations

import pytest

from engine.pipeline.limiting import Limiter
from engine.settings import LimitSettings

NOW = 1_000_000.0


def limiter(**settings: float) -> Limiter:
    return Limiter(LimitSettings.model_validate(settings))


def test_so_many_at_once_and_then_each_has_a_time_of_its_own() -> None:
    made = limiter(namespace_burst=2, namespace_per_minute=60)
    assert [made.admit(str(number), "core", NOW) - NOW for number in range(5)] == [0, 0, 1, 2, 3]


def test_namespaces_do_not_take_from_one_another() -> None:
    made = limiter(namespace_burst=1, namespace_per_minute=1)
    assert [made.admit(name, name, NOW) for name in ("core", "ran")] == [NOW, NOW]


def test_all_together_have_a_limit_too() -> None:
    made = limiter(total_burst=2, total_per_minute=60)
    assert [made.admit(name, name, NOW) - NOW for name in ("core", "ran", "edge")] == [0, 0, 1]


def test_places_come_back_with_time_and_never_more_than_there_were() -> None:
    made = limiter(namespace_burst=2, namespace_per_minute=60)
    for number in range(3):
        made.admit(str(number), "core", NOW)
    later = NOW + 3600
    assert [made.admit(str(number), "core", later) - later for number in range(3, 6)] == [0, 0, 1]


def test_a_newer_generation_takes_the_time_of_the_one_before() -> None:
    made = limiter(namespace_burst=1, namespace_per_minute=60)
    made.admit("first", "core", NOW)
    times = [made.admit("edited", "core", NOW + edit / 100) for edit in range(50)]
    assert set(times) == {NOW + 1}
    assert made.admit("edited", "core", NOW + 1) == NOW + 1
    assert made.admit("another", "core", NOW + 1) == pytest.approx(NOW + 2)


def test_whose_time_was_used_asks_for_another() -> None:
    made = limiter(namespace_burst=1, namespace_per_minute=60)
    made.admit("first", "core", NOW)
    assert made.admit("second", "core", NOW) == NOW + 1
    made.used("second")
    assert made.admit("second", "core", NOW + 1) == pytest.approx(NOW + 2)
