"""What every executor takes and gives: an effect in, an outcome out; and whether its backend works."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from engine.krm import PackageChange


@dataclass(frozen=True, slots=True)
class Effect:
    """What is to happen for one generation of an intent, decided and stored before anything is sent.

    Attributes:
        intent: "namespace/name", for people.
        workspace: the package workspace in which it happens; made from the effect key, the same on each try.
        lifecycle: how far its packages may go: Draft, Proposed or Published.
        changes: one for each package; none of them shows before all are written.
        record: the decision behind it, as text that means nothing to the executor; see `Remembers`.
    """

    intent: str
    generation: int
    key: str
    workspace: str
    lifecycle: str
    changes: tuple[PackageChange, ...]
    record: str = ""


@dataclass(frozen=True, slots=True)
class PackageRef:
    """A package by its name; `name` is that of a PackageChange."""

    repository: str
    name: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The end of an intent that was deleted and wishes its packages withdrawn (`deletionPolicy: Withdraw`).

    Attributes:
        intent: "namespace/name", for people.
        workspace: as of an Effect; the same on each try, and of no other effect.
        packages: those that no other intent has a part in.
    """

    intent: str
    generation: int
    key: str
    workspace: str
    packages: tuple[PackageRef, ...]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a package that an effect made, or found to say the same already.

    Attributes:
        revision: counts from 1; 0 where the backend has not numbered it yet.
        lifecycle: Draft, Proposed or Published; of a withdrawn package DeletionProposed, or Deleted where
            nobody has to approve.
        resource_name: the backend's own name of it; for the directory executor, the folder.
        changed: False where the package said all of this before and no revision was needed.
    """

    repository: str
    package: str
    workspace: str
    revision: int
    lifecycle: str
    resource_name: str
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """The effect has happened, now or in an earlier try."""

    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing happened that a later try would not do right.

    Attributes:
        after: seconds to wait; None for the schedule of retries.
        counts: False where the backend is at fault (an outage), which uses up no retry.
    """

    reason: str
    message: str
    after: float | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Terminal:
    """It cannot happen, whatever the number of tries."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened: read back before anything is sent again."""

    message: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Read back: it has not happened."""


@dataclass(frozen=True, slots=True)
class Up:
    """The backend takes work.

    Attributes:
        detail: what answered, for people: its version, its folder.
        problems: what of it does not work, for people: a repository that is missing or not ready. The rest
            goes on.
    """

    detail: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Down:
    """The backend takes no work now: it cannot be reached, or fails whatever it is asked."""

    message: str


ExecuteOutcome = Done | Retry | Terminal | Unknown
ReadBackOutcome = Done | Absent | Unknown
ProbeOutcome = Up | Down


@runtime_checkable
class Withdrawer(Protocol):
    """An executor that can also withdraw packages."""

    def withdraw(self, withdrawal: Withdrawal) -> ExecuteOutcome:
        """Proposes packages for deletion, or deletes them where nobody has to approve.

        Drafts and proposals of ours that are still open go with them. A package that is not there is well
        withdrawn: Done then lacks a revision of it. Safe to call again, also after Unknown: what an earlier
        call did is found and left as it is.
        """
        ...


Wished = Callable[[str, str, str], bool | None]
"""Tells, by repository, package and workspace, whether an effect is wished; None where that is not known."""


@runtime_checkable
class Collector(Protocol):
    """An executor in whose backend something may be left over."""

    def leftovers(self, wished: Wished, now: float, known: Iterable[str] = ()) -> Iterable[Revision]:
        """Finds open revisions of ours that nobody has wished for long; changes nothing.

        Args:
            known: repositories in which packages were written, by this executor or another one.

        Raises:
            OSError: it cannot be looked up now; what can be comes first.
        """
        ...

    def collect(self, revision: Revision) -> ExecuteOutcome:
        """Deletes one of those that were found, unless it was changed since; safe to call again."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """An executor whose open revisions somebody else approves, rejects or deletes."""

    def track(self, revision: Revision, workspace: str) -> Revision | Absent | Unknown:
        """Looks what has become of a revision; changes nothing.

        Args:
            revision: as it was seen last.
            workspace: of the effect that it holds.

        Returns:
            The revision as it is; another one, where that holds the effect by now; Absent where none does.
        """
        ...

    def discard(self, revision: Revision, workspace: str) -> ExecuteOutcome:
        """Takes the effect of a workspace out of the open revisions of a package; safe to call again."""
        ...


class Executor(Protocol):
    """Writes packages somewhere. Called from several threads, never for one package at the same time."""

    name: str

    def execute(self, effect: Effect) -> ExecuteOutcome:
        """Makes the effect happen; safe to call again for the same effect."""
        ...

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        """Looks up whether an effect has happened; changes nothing that people see."""
        ...

    def probe(self) -> ProbeOutcome:
        """Finds out, cheaply and within some seconds, whether the backend takes work; changes nothing.

        Called now and then in place of trying every intent, and by `check`.
        """
        ...


@runtime_checkable
class Remembers(Protocol):
    """An executor that keeps the decision behind each intent's last effect where the effect is.

    A store that is lost is rebuilt from it: what was begun is then finished as it was decided, whatever
    rules and live objects say by now, and the owners of its fields are known again.
    """

    def recall(self, intent: str, key: str) -> str:
        """Returns `Effect.record` of an effect that was begun; empty where there is none by that key.

        Args:
            intent: "namespace/name".
            key: of the effect.

        Raises:
            OSError: it cannot be looked up now.
        """
        ...
