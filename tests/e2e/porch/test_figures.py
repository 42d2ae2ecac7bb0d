"""Latency and rate of each executor with a real backend, beside a bare client of porch in the same run.

What is printed is of this run on this machine. E2E_STEADY_SECONDS and E2E_FLOOD make it longer: in
docs/porch-measurements.md they were 300 and 100.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import pytest

from engine.krm.package import package_name
from tests.benchmarks.figures import Figure, quantile
from tests.e2e.porch.conftest import Stage
from tests.e2e.porch.direct import Direct, publish
from tests.e2e.porch.history import assert_each_effect_happened_once

PER_MINUTE = 100
STEADY_SECONDS = int(os.environ.get("E2E_STEADY_SECONDS", "30"))
FLOOD = int(os.environ.get("E2E_FLOOD", "25"))
BLOCKS = 4
"""How often bare clients and product take turns, each time in the other order: porch gets slower with each
package in its repository, and what else the machine does is to meet all of them."""
CLIENTS = (1, 4)
"""How many bare clients work side by side; the faster number is what the product is held against."""
AS_IT_SHOULD = {"Completed", "Processing", ""}
"""What an intent says in a run without any failure."""


@pytest.mark.timeout(1800)
def test_intents_at_a_steady_rate_are_all_published_without_failure(
    stage: Stage, figures: list[Figure]
) -> None:
    wanted = {f"nf-{number:03}": 3 + number % 7 for number in range(PER_MINUTE * STEADY_SECONDS // 60)}
    _wake(stage)
    for name in wanted:
        stage.workload(name)
    begun = time.monotonic()
    for number, (name, replicas) in enumerate(wanted.items()):
        time.sleep(max(0.0, begun + number * 60 / PER_MINUTE - time.monotonic()))
        stage.intents.wish(name, f"scale {name} to {replicas} replicas")
    stage.intents.wait("Completed", list(wanted), stage.product)
    seconds = [stage.intents.seconds(name) for name in wanted]
    troubled = {name: said for name in wanted if (said := stage.intents.reasons[name] - AS_IT_SHOULD)}
    label = f"{stage.backend.name}: creation to Completed at {PER_MINUTE} a minute, {len(wanted)} intents"
    middle, highest = (1, 5) if stage.backend.name == "porch" else (None, None)  # others run programs
    figures += [
        Figure(f"{label}, P50", quantile(seconds, 0.5), "s", middle),
        Figure(f"{label}, P99", quantile(seconds, 0.99), "s", highest),
        Figure(f"{label}, longest", max(seconds), "s"),
        Figure(f"{stage.backend.name}: intents that a failure delayed", len(troubled), "", 0),
    ]
    stage.product.stop()
    assert_each_effect_happened_once(stage, wanted | {"nf-first": 3})
    assert not troubled


@pytest.mark.timeout(1800)
def test_a_flood_is_published_at_the_rate_that_the_backend_has(stage: Stage, figures: list[Figure]) -> None:
    _wake(stage)
    stage.product.stop()
    numbers, name = count(), stage.backend.name
    contestants = {f"{name}: floods of {FLOOD} intents": lambda: _product_seconds(stage, numbers)}
    if name == "porch":  # the others run several programs for each intent
        contestants |= {
            f"{clients} bare clients of porch in the same run": partial(
                _bare_seconds, stage, clients, numbers
            )
            for clients in CLIENTS
        }
    seconds = dict.fromkeys(contestants, 0.0)
    for block in range(BLOCKS):
        for label in sorted(contestants, reverse=block % 2 == 1):
            seconds[label] += contestants[label]()
    rates = {label: 60 * BLOCKS * (FLOOD - 1) / took for label, took in seconds.items()}
    figures += [Figure(label, rate, "a minute") for label, rate in rates.items()]
    product, *bare = rates.values()
    if bare:
        figures.append(Figure(f"{name}: of the faster of them", product / max(bare), "", 0.8, at_least=True))


def _wake(stage: Stage) -> None:
    """Starts the product and waits until it has done something, so that its start is not measured."""
    stage.workload("nf-first")
    stage.product.start()
    stage.intents.wish("nf-first", "scale nf-first to 3 replicas")
    stage.intents.wait("Completed", ["nf-first"], stage.product)


def _product_seconds(stage: Stage, numbers: count[int]) -> float:
    """Returns how long a flood of intents took from the first that was published to the last."""
    names = [f"nf-{next(numbers):04}" for _ in range(FLOOD)]
    for name in names:
        stage.workload(name)
    for name in names:
        stage.intents.wish(name, f"scale {name} to 7 replicas")
    stage.product.start()
    stage.intents.wait("Completed", names, stage.product)
    stage.product.stop()
    ended = [stage.intents.said[name].at for name in names]
    return max(ended) - min(ended)


def _bare_seconds(stage: Stage, clients: int, numbers: count[int]) -> float:
    """Returns how long bare clients took for as many packages, with files such as the product writes."""
    (like,) = stage.published(package_name(stage.namespace, "nf-first"))
    files = stage.files(like)
    names = [f"{stage.prefix}bare-{next(numbers):04}" for _ in range(FLOOD)]

    def work(share: list[str]) -> list[float]:
        ended = []
        with Direct(stage.given.admin) as direct:
            for package in share:
                publish(direct, stage.given.namespace, stage.given.repository, package, "bare", files)
                ended.append(time.monotonic())
        return ended

    with ThreadPoolExecutor(clients) as pool:
        ended = sorted(
            end
            for ends in pool.map(work, (names[first::clients] for first in range(clients)))
            for end in ends
        )
    return ended[-1] - ended[0]
