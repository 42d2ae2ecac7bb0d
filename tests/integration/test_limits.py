"""Limits on how many changed intents are looked at, in a daemon that runs."""

from __future__ import annotations

from engine.settings import LimitSettings
from store import work
from tests.integration.conftest import Workplace


def limit(workplace: Workplace, **limits: float) -> None:
    workplace.settings = workplace.settings.model_copy(
        update={"limits": LimitSettings.model_validate(limits)}
    )


def test_what_is_over_the_limit_says_until_when_it_waits(workplace: Workplace) -> None:
    limit(workplace, namespace_burst=1, namespace_per_minute=0.1)
    workplace.intent("first", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("first") == "Completed")
    workplace.intent("second", "scale smf to 5")
    workplace.until(lambda: workplace.reason("second") == "RateLimited")
    status = workplace.status("second")
    assert (status["phase"], status["attempts"]) == ("Pending", 0)
    item = daemon.store.read(lambda reader: work.current(reader, "core", "second"))
    assert item is not None
    assert item.next_at is not None
    assert 0 < item.next_at - item.created_at <= 600
    assert "nextRetryTime" in status


def test_what_has_waited_is_carried_out_and_limited_once(workplace: Workplace) -> None:
    limit(workplace, namespace_burst=1, namespace_per_minute=30)
    for number in range(3):
        workplace.intent(f"scale-{number}", f"scale amf to {number + 3}")
    workplace.start()
    workplace.until(lambda: all(workplace.status(f"scale-{number}").get("phase") for number in range(3)))
    workplace.until(
        lambda: all(workplace.status(f"scale-{number}")["phase"] == "Completed" for number in range(3))
    )


def test_a_restart_gives_a_waiting_intent_no_second_wait(workplace: Workplace) -> None:
    limit(workplace, namespace_burst=1, namespace_per_minute=12)
    workplace.intent("first", "scale amf to 5")
    workplace.intent("second", "scale smf to 5")
    daemon = workplace.start()
    workplace.until(
        lambda: {workplace.reason("first"), workplace.reason("second")} == {"Completed", "RateLimited"}
    )
    workplace.stop(daemon)
    limit(workplace, namespace_burst=1, namespace_per_minute=0.001)
    workplace.start()
    workplace.until(lambda: workplace.reason("first") == workplace.reason("second") == "Completed")
