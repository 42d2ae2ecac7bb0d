"""When what failed is tried again: by the rules' choice, else by the settings'; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.settings import ExecutionSettings
from store.work import Work


def retries(body: Mapping[str, Any], settings: ExecutionSettings) -> tuple[Sequence[float], int]:
    """Returns the delays before each retry and how many there are: the rules' choice, else the settings'."""
    chosen = body.get("decision", {}).get("retry")
    if chosen:
        return chosen["schedule"], chosen["limit"]
    return settings.retry_seconds, len(settings.retry_seconds)


def jittered(delay: float, item: Work) -> float:
    """Returns a delay made up to a tenth longer, so that what failed together is not tried together.

    Taken from the effect key rather than from chance: the same try has the same time after a restart.
    """
    share = int((item.effect_key or "0")[:4], 16) / 0xFFFF
    return delay * (1 + 0.1 * share)
