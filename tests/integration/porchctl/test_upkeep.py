"""What the porchctl executor does besides effects: withdrawals, old revisions, and what is left over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.executors.base import Done, Effect, PackageRef, Withdrawal
from engine.executors.porchctl.cli import PorchctlApi
from engine.executors.porchctl.executor import PorchctlExecutor
from tests.integration.porchctl.conftest import executor_on
from tests.integration.porchctl.standin import Porch
from tests.integration.porchctl.test_porchctl import change, done, effect

MADE_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
"""When the stand-in says that every revision was made."""


def test_a_withdrawn_package_is_proposed_for_deletion_and_what_is_open_of_it_goes(
    executor: PorchctlExecutor, porch: Porch
) -> None:
    done(executor, effect(change(5)))
    done(executor, effect(change(7), generation=2, lifecycle="Proposed"))
    packages = (PackageRef("edge", "core-amf"), PackageRef("edge", "core-gone"))
    withdrawal = Withdrawal("core/scale", 3, "f" * 64, "cw-" + "f" * 20, packages)
    outcome = executor.withdraw(withdrawal)
    assert isinstance(outcome, Done), outcome
    assert [(item.revision, item.lifecycle) for item in outcome.revisions] == [(1, "DeletionProposed")]
    assert [item.lifecycle for item in porch.revisions.values()] == ["DeletionProposed"]
    again = executor.withdraw(withdrawal)
    assert isinstance(again, Done), again
    assert [item.lifecycle for item in again.revisions] == ["DeletionProposed"]


def test_of_the_published_revisions_the_newest_are_kept(
    api: PorchctlApi, decided: dict[str, Effect], porch: Porch
) -> None:
    executor = executor_on(api, decided, keep=2)
    for generation in range(1, 5):
        done(executor, effect(change(generation), generation=generation))
    assert [item.number for item in porch.revisions.values()] == [3, 4]


@pytest.mark.parametrize("known", [True, False, None])
def test_only_what_nobody_wishes_is_left_over(
    executor: PorchctlExecutor, porch: Porch, known: bool | None
) -> None:
    done(executor, effect(change(5, "smf")))
    done(executor, effect(change(5), lifecycle="Proposed"))
    assert executor.leftovers(lambda *_: False, MADE_AT + 3599) == []
    found = executor.leftovers(lambda *_: known, MADE_AT + 3601)
    assert [item.package for item in found] == (["core-amf"] if known is False else [])
    for item in found * 2:
        assert executor.collect(item) == Done(())
    assert len(porch.revisions) == 2 - len(found)
