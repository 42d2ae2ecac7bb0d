"""Parts of a real backend break in the middle of the work: all is done in the end, and done once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.porch.backends import NAMES, OVER_PORCH
from tests.e2e.porch.conftest import Stage
from tests.e2e.porch.given import broken
from tests.e2e.porch.history import assert_each_effect_happened_once

BEFORE, DURING = 6, 6
"""How many intents are made just before a part breaks, and while it is broken."""
BREAKS = {
    "porch-server is killed": ("PORCH", ("STOP", "START")),
    "porch-server hangs": ("PORCH", ("FREEZE", "THAW")),
    "the database is stopped": ("DATABASE", ("STOP", "START")),
    "git is killed": ("GIT", ("STOP", "START")),
}
CASES = [
    pytest.param(name, *how, id=f"{name}: {what}")
    for name in NAMES
    for what, how in BREAKS.items()
    if name in OVER_PORCH or how[0] == "GIT"
]


def wishes(stage: Stage, first: int, count: int) -> dict[str, int]:
    """Makes intents about workloads of their own; returns what replicas each asks for."""
    wanted = {f"nf-{number}": 3 + number for number in range(first, first + count)}
    for name, replicas in wanted.items():
        stage.intents.wish(name, f"scale {name} to {replicas} replicas")
    return wanted


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "part", "verbs"), CASES)
def test_an_outage_in_the_middle_delays_and_nothing_more(
    make_stage: Callable[..., Stage], name: str, part: str, verbs: tuple[str, str]
) -> None:
    stage = make_stage(name)
    for number in range(BEFORE + DURING + 1):
        stage.workload(f"nf-{number}")
    stage.product.start()
    wanted = wishes(stage, 0, 1)
    stage.intents.wait("Completed", list(wanted), stage.product)
    wanted |= wishes(stage, 1, BEFORE)
    with broken(part, verbs):
        wanted |= wishes(stage, 1 + BEFORE, DURING)
        stage.until(lambda: stage.intents.any_waits(list(wanted)))
    stage.intents.wait("Completed", list(wanted), stage.product, seconds=600)
    stage.product.stop()
    assert_each_effect_happened_once(stage, wanted)
