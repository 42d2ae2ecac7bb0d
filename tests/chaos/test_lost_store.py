"""The store deleted under the running daemon, with folders: each intent is done once.

`make losses` deletes it 20 times over 300 intents, here and on a Kubernetes API.
"""

from __future__ import annotations

import pytest

from tests.chaos.losses import LIVE_REPLICAS, Losses
from tests.integration.conftest import Workplace, workplace

__all__ = ["workplace"]


class Folders:
    """Intents, workloads and statuses as files."""

    def __init__(self, place: Workplace) -> None:
        self._place = place

    def ask(self, name: str, text: str) -> None:
        self._place.workload(name, replicas=LIVE_REPLICAS)
        self._place.intent(name, text)

    def apply(self, name: str, replicas: int) -> None:
        self._place.workload(name, replicas=replicas)

    def outcome(self, name: str) -> tuple[str, int]:
        reason = self._place.reason(name)
        if reason != "Completed":
            return reason, 0
        return reason, self._place.status(name)["interpretation"]["actions"][0]["replicas"]


@pytest.mark.timeout(900)
def test_a_store_deleted_again_and_again_loses_no_intent_and_does_none_twice(workplace: Workplace) -> None:
    losses = Losses(workplace.root, Folders(workplace))
    losses.run()
    losses.assert_each_was_done_once()


def test_a_daemon_whose_store_is_deleted_ends_and_says_so(workplace: Workplace) -> None:
    losses = Losses(workplace.root, Folders(workplace))
    losses.ask(1)
    process = losses.start()
    try:
        workplace.until(lambda: bool(workplace.revisions("nf-000")), 60)
        workplace.settings.store.path.unlink()
        assert process.wait(60) == 3
    finally:
        process.kill()
        process.wait(30)
    assert "was removed" in (workplace.root / "daemon.log").read_text()
