"""What the porch executor does besides effects: withdrawals, and what is left over."""

from __future__ import annotations

import time

import pytest

from engine.executors.base import (
    PackageRef,
    Withdrawal,
)
from tests.porch.conftest import Bench, change, config_map, deployment
from tests.porch.looking import done, files
from tests.porch.server import says
from tests.unit.executors.messages import PERMANENT


def withdrawal(*packages: str) -> Withdrawal:
    refs = tuple(PackageRef("main", name) for name in packages)
    return Withdrawal("core/amf", 2, "f" * 64, "cw-" + "f" * 20, refs)


def test_a_withdrawn_package_is_proposed_for_deletion_and_what_is_open_of_it_goes(bench: Bench) -> None:
    executor = bench.executor()
    done(executor.execute(bench.effect(change(deployment(5)))))
    done(executor.execute(bench.effect(change(deployment(6)), generation=2)))
    done(executor.execute(bench.effect(change(deployment(7)), generation=3, lifecycle="Proposed")))
    (revision,) = done(executor.withdraw(withdrawal("core-amf", "core-gone")))
    assert (revision.revision, revision.lifecycle) == (2, "DeletionProposed")
    assert bench.porch.lifecycles() == ["DeletionProposed"] * 2
    assert done(executor.withdraw(withdrawal("core-amf"))) == (revision,)


def test_a_package_that_is_to_be_deleted_begins_with_nothing(bench: Bench) -> None:
    executor = bench.executor()
    done(executor.execute(bench.effect(change(config_map(a="b")))))
    done(executor.withdraw(withdrawal("core-amf")))
    (revision,) = done(executor.execute(bench.effect(change(deployment(5)), generation=2)))
    assert set(files(bench.porch, revision)) == {"Kptfile", "deployment-amf.yaml"}


def test_of_the_published_revisions_the_newest_are_kept(bench: Bench) -> None:
    executor = bench.executor(keep=2)
    for generation in range(1, 6):
        done(executor.execute(bench.effect(change(deployment(generation)), generation=generation)))
    assert [item["spec"]["revision"] for item in bench.porch.of_package()] == [4, 5]


def test_an_old_revision_that_cannot_be_deleted_stays_and_stops_nothing(bench: Bench) -> None:
    executor = bench.executor(keep=2)
    code, said = PERMANENT["a deletion of what others were cloned from"]
    bench.porch.fail("DELETE /packagerevisions", says(code, said), times=9)
    for generation in range(1, 5):
        done(executor.execute(bench.effect(change(deployment(generation)), generation=generation)))


@pytest.mark.parametrize("known", [True, False, None])
@pytest.mark.parametrize("lifecycle", ["Draft", "Proposed"])
def test_only_what_nobody_wishes_or_a_broken_try_left_is_left_over(
    bench: Bench, lifecycle: str, known: bool | None
) -> None:
    executor = bench.executor()
    (revision,) = done(executor.execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    bench.porch.move(revision.resource_name, lifecycle)
    year = 365 * 86400.0
    found = executor.leftovers(lambda *_: known, time.time() + year)
    assert len(found) == (known is False or (known is None and lifecycle == "Draft"))
    assert executor.leftovers(lambda *_: False, 0.0) == []
    for item in found:
        done(executor.collect(item))
    assert len(bench.porch.of_package()) == 1 - len(found)
