"""The porch executor: one revision of each package an effect changes, taken as far as was decided.

It goes by what porch says is there, never by what an earlier try is thought to have done, so that it can be
called again after anything. Every step names the resourceVersion that it was decided on: porch refuses the
steps of a leader whose time is over, and those over a change of somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from documents import DocumentError
from engine.executors.base import (
    Absent,
    Done,
    Down,
    Effect,
    ExecuteOutcome,
    ProbeOutcome,
    ReadBackOutcome,
    Revision,
    Terminal,
    Unknown,
    Up,
    Wished,
    Withdrawal,
)
from engine.executors.errors import ErrorClass
from engine.executors.porch.api import PorchError
from engine.executors.porch.calls import PorchCalls
from engine.executors.porch.drafting import Draft, Drafter, StoppedError
from engine.executors.porch.model import STEPS, PackageRevision, label
from engine.executors.porch.queues import WriterQueues
from engine.executors.porch.upkeep import Upkeep
from engine.krm import MergeConflict
from engine.reasons import Reason

_LOOKS = 3
"""How often it is looked at how things are, where others change them, before a try counts as failed."""
_LOOK_SECONDS = 0.5
_CACHES = {
    "db": "database cache",
    "cr": "CR cache: one revision at a time in each repository",
    "detect": "cache not known before there is a revision: one at a time in each repository",
}
"""What people are told of porch's cache."""


class PorchExecutor:
    """Makes effects through the porch API.

    Args:
        drafter: makes the drafts.
        upkeep: looks after revisions when their effect has happened.
        repositories: those that a probe looks at, besides those that were written.
    """

    name = "porch"

    def __init__(
        self,
        api: PorchCalls,
        queues: WriterQueues,
        drafter: Drafter,
        upkeep: Upkeep,
        repositories: Sequence[str] = (),
    ) -> None:
        self._api = api
        self._queues = queues
        self._drafter = drafter
        self._upkeep = upkeep
        self._repositories = dict.fromkeys(map(label, repositories))

    def execute(self, effect: Effect) -> ExecuteOutcome:
        """Takes a revision of each package as far as was decided; all are drafted before one is proposed."""
        repositories = [label(change.repository) for change in effect.changes]
        return self._in_turn(repositories, lambda: self._carry_out(effect))

    def withdraw(self, withdrawal: Withdrawal) -> ExecuteOutcome:
        """Proposes what is published of some packages for deletion; what is open of ours is deleted."""

        def propose_deletion() -> Done:
            gone = [
                self._upkeep.withdraw(label(package.repository), label(package.name))
                for package in withdrawal.packages
            ]
            return Done(tuple(_revision(revision) for revision in gone if revision is not None))

        return self._in_turn([label(package.repository) for package in withdrawal.packages], propose_deletion)

    def discard(self, revision: Revision, workspace: str) -> ExecuteOutcome:
        """Takes the effect of a workspace out of what is open in a package."""

        def take_out() -> Done:
            self._drafter.discard(revision.repository, revision.package, workspace)
            return Done(())

        return self._in_turn([revision.repository], take_out)

    def track(self, revision: Revision, workspace: str) -> Revision | Absent | Unknown:
        """Looks what has become of an open revision, or else of the effect that it held."""
        try:
            found = self._api.find(revision.resource_name)
            if found is None or (not found.published and not found.holds(workspace)):
                draft = self._drafter.holding(revision.repository, revision.package, workspace)
                found = draft.revision if draft is not None else None
        except PorchError as error:
            return Unknown(error.failure.message)
        if found is None or found.discarded:
            return Absent()
        return replace(_revision(found), lifecycle=found.at_rest)

    def leftovers(self, wished: Wished, now: float, known: Iterable[str] = ()) -> list[Revision]:
        """Finds what has been open of ours for long, and nobody wishes any more.

        Args:
            known: repositories that are looked at besides; one that porch does not have holds nothing.

        Raises:
            OSError: porch does not answer.
        """
        try:
            repositories = self._repositories | dict.fromkeys(map(label, known))
            found = self._upkeep.leftovers(repositories, wished, now)
        except PorchError as error:
            raise OSError(error.failure.message) from error
        return [_revision(revision) for revision in found]

    def collect(self, revision: Revision) -> ExecuteOutcome:
        """Deletes a revision that was found to be left over, and is open still."""

        def delete() -> Done:
            found = self._api.find(revision.resource_name)
            if found is not None and found.lifecycle == revision.lifecycle:
                self._api.delete(found)
            return Done(())

        return self._in_turn([revision.repository], delete)

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        """Looks for the effect in the revisions of its packages."""
        try:
            found = self._find(effect)
            if found is None:
                time.sleep(_LOOK_SECONDS)  # porch says at times that what is there is not
                found = self._find(effect)
        except PorchError as error:
            return Unknown(error.failure.message)
        return Absent() if found is None else Done(found)

    def probe(self) -> ProbeOutcome:
        """Asks porch-server for its resources, then whether the repositories are ready."""
        try:
            self._api.ping()
            states = {name: self._api.repository(name) for name in self._repositories}
            if self._queues.cache == "detect":  # any revision tells, and there are few that are open
                for name in (name for name, problem in states.items() if not problem):
                    self._api.open_revisions(name)
        except PorchError as error:
            return Down(error.failure.message)
        problems = tuple(problem for problem in states.values() if problem)
        return Up(f"porch in namespace {self._api.namespace}, {_CACHES[self._queues.cache]}", problems)

    def close(self) -> None:
        """Closes the connections."""
        self._api.close()

    def _in_turn(self, repositories: Sequence[str], act: Callable[[], Done]) -> ExecuteOutcome:
        """Acts when it is the turn, on things as they are then, and understands what stands in the way."""
        self._repositories |= dict.fromkeys(repositories)
        with self._queues.turn(repositories):
            for look in range(1, _LOOKS + 1):
                try:
                    return act()
                except StoppedError as stopped:
                    return stopped.outcome
                except MergeConflict as error:
                    return Terminal(Reason.CONFLICT, str(error))
                except DocumentError as error:
                    return Terminal(Reason.INVALID, f"a file of the package cannot be read: {error}")
                except PorchError as error:
                    if look == _LOOKS or not _worth_another_look(error):
                        return error.failure.outcome()
                time.sleep(look * _LOOK_SECONDS)
        raise AssertionError  # the last look has returned

    def _carry_out(self, effect: Effect) -> Done:
        drafts = [self._drafter.draft(effect, change) for change in effect.changes]
        for step in STEPS[1 : STEPS.index(effect.lifecycle) + 1]:
            drafts = [self._advance(draft, step) for draft in drafts]
        for draft in drafts:
            for revision in draft.replaced:
                self._api.delete(revision)
            if draft.changed:
                self._upkeep.prune(draft.revision)
        return Done(tuple(_revision(draft.revision, changed=draft.changed) for draft in drafts))

    def _advance(self, draft: Draft, lifecycle: str) -> Draft:
        before = STEPS[STEPS.index(lifecycle) - 1]
        if not draft.changed or draft.revision.lifecycle != before:
            return draft
        return replace(draft, revision=self._api.move(draft.revision, lifecycle))

    def _find(self, effect: Effect) -> tuple[Revision, ...] | None:
        """Returns the revisions that hold the effect; None where something is left to do."""
        found = []
        for change in effect.changes:
            repository, package = label(change.repository), label(change.name)
            draft = self._drafter.holding(repository, package, effect.workspace)
            if draft is None or draft.replaced or not _far_enough(draft.revision, effect.lifecycle):
                return None
            if not self._drafter.whole(draft.revision):
                return None
            found.append(_revision(draft.revision))
        return tuple(found)


def _worth_another_look(error: PorchError) -> bool:
    """Tells whether things may be otherwise than they were seen, so that looking again helps."""
    failure = error.failure
    return failure.error_class in (ErrorClass.RETRYABLE, ErrorClass.ALREADY_DONE) and not failure.outage


def _far_enough(revision: PackageRevision, lifecycle: str) -> bool:
    return revision.published or STEPS.index(revision.lifecycle) >= STEPS.index(lifecycle)


def _revision(revision: PackageRevision, *, changed: bool = True) -> Revision:
    return Revision(
        repository=revision.repository,
        package=revision.package,
        workspace=revision.workspace,
        revision=revision.revision,
        lifecycle=revision.lifecycle,
        resource_name=revision.name,
        changed=changed,
    )
