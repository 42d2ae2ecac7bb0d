"""The porch executor: one revision of each package an effect changes, taken as far as was decided.

It goes by what porch says is there, never by what an earlier try is thought to have done, so that it can be
called again after anything. Every step names the resourceVersion that it was decided on: porch refuses the
steps of a leader whose time is over, and those over a change of somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
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
)
from engine.executors.errors import ErrorClass
from engine.executors.porch.api import PorchError
from engine.executors.porch.calls import PorchCalls
from engine.executors.porch.drafting import Draft, Drafter, StoppedError
from engine.executors.porch.model import STEPS, PackageRevision, label
from engine.executors.porch.queues import WriterQueues
from engine.krm import MergeConflict
from engine.reasons import Reason

_LOOKS = 3
"""How often it is looked at how things are, where others change them, before a try counts as failed."""
_LOOK_SECONDS = 0.5


class PorchExecutor:
    """Makes effects through the porch API.

    Args:
        drafter: makes the drafts.
        repositories: those that a probe looks at, besides those that were written.
    """

    name = "porch"

    def __init__(
        self, api: PorchCalls, queues: WriterQueues, drafter: Drafter, repositories: Sequence[str] = ()
    ) -> None:
        self._api = api
        self._queues = queues
        self._drafter = drafter
        self._repositories = dict.fromkeys(map(label, repositories))

    def execute(self, effect: Effect) -> ExecuteOutcome:
        """Takes a revision of each package as far as was decided; all are drafted before one is proposed."""
        repositories = [label(change.repository) for change in effect.changes]
        self._repositories |= dict.fromkeys(repositories)
        with self._queues.turn(repositories):
            for look in range(1, _LOOKS + 1):
                try:
                    return self._carry_out(effect)
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
            problems = [problem for name in self._repositories if (problem := self._api.repository(name))]
        except PorchError as error:
            return Down(error.failure.message)
        cache = {"db": ", database cache", "cr": ", CR cache"}.get(self._queues.cache, "")
        return Up(f"porch in namespace {self._api.namespace}{cache}", tuple(problems))

    def close(self) -> None:
        """Closes the connections."""
        self._api.close()

    def _carry_out(self, effect: Effect) -> Done:
        drafts = [self._drafter.draft(effect, change) for change in effect.changes]
        for step in STEPS[1 : STEPS.index(effect.lifecycle) + 1]:
            drafts = [self._advance(draft, step) for draft in drafts]
        for draft in drafts:
            for revision in draft.replaced:
                self._api.delete(revision)
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
            draft = self._drafter.holding(effect, change)
            if draft is None or draft.replaced or not _far_enough(draft.revision, effect.lifecycle):
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
