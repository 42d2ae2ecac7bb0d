"""kill -9 of the product over a real backend, also with its store lost: one revision for each effect.

KILL_ROUNDS and KILL_INTENTS make it longer: the campaign in docs/porch-measurements.md had 50 and 300.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.e2e.porch.backends import NAMES
from tests.e2e.porch.conftest import Stage
from tests.e2e.porch.history import assert_each_effect_happened_once, assert_one_revision_each

ROUNDS = int(os.environ.get("KILL_ROUNDS", "6"))
INTENTS = int(os.environ.get("KILL_INTENTS", "36"))
LOST_INTENTS = 12
LONGEST = 1.5
"""How long the product works at most before it is killed, in seconds."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_a_product_killed_at_random_moments_makes_each_revision_once(
    make_stage: Callable[..., Stage], name: str
) -> None:
    seed = int(os.environ.get("KILL_SEED", str(time.time_ns() % 1_000_000)))
    print(f"seed {seed}; KILL_SEED={seed} runs the same rounds again")  # noqa: T201 - to reproduce
    chance = random.Random(seed)
    stage = make_stage(name)
    wanted = {f"nf-{number:03}": chance.randint(3, 90) for number in range(INTENTS)}
    for workload in wanted:
        stage.workload(workload)
    left = list(wanted)
    while left:
        some, left = left[: -(-INTENTS // ROUNDS)], left[-(-INTENTS // ROUNDS) :]
        for workload in some:
            stage.intents.wish(workload, f"scale {workload} to {wanted[workload]} replicas")
        stage.product.start()
        stage.product.wait_for_life()
        time.sleep(chance.uniform(0, LONGEST))
        stage.product.kill()
    stage.product.start()
    stage.intents.wait("Completed", list(wanted), stage.product, seconds=900)
    stage.product.stop()
    assert_each_effect_happened_once(stage, wanted)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_a_store_that_is_lost_amid_the_work_makes_no_revision_twice(
    make_stage: Callable[..., Stage], name: str
) -> None:
    stage = make_stage(name)
    wanted = {f"nf-{number}": 3 + number for number in range(LOST_INTENTS)}
    for workload, replicas in wanted.items():
        stage.workload(workload)
        stage.intents.wish(workload, f"scale {workload} to {replicas} replicas")
    for done in (1, LOST_INTENTS // 2):
        stage.product.start()
        stage.until(lambda done=done: len(stage.revisions()) >= done)
        stage.product.kill()
        stage.product.lose_store()
    stage.product.start()
    stage.intents.wait("Completed", list(wanted), stage.product, seconds=600)
    stage.product.stop()
    assert_one_revision_each(stage, wanted)
