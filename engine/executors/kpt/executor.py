"""The kpt executor: an effect becomes commits that are pushed together, or not at all.

Nothing shows before everything is rendered; a push that another writer was faster than is done anew on top of
what that one pushed. The workspace, made from the effect key, names tags and branches: that is how an effect
is read back, and why it happens once.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from documents import DocumentError
from engine.child.binaries import UntrustedProgramError
from engine.child.folders import WorkingFolders
from engine.child.running import CannotRunError, Runner
from engine.executors.base import (
    Absent,
    Done,
    Down,
    Effect,
    ExecuteOutcome,
    ProbeOutcome,
    ReadBackOutcome,
    Retry,
    Revision,
    Terminal,
    Unknown,
    Up,
    Wished,
    Withdrawal,
)
from engine.executors.kpt.branches import PackageRefs
from engine.executors.kpt.drafting import Drafter, PackageBusyError, Recall, Work, changes_of
from engine.executors.kpt.git import Git
from engine.executors.kpt.memory import Memory
from engine.executors.kpt.problems import GitError
from engine.executors.kpt.pushing import Pushed, Raced, Ready, push
from engine.executors.kpt.rendering import Kpt
from engine.executors.kpt.settings import KptSettings, RepositorySettings
from engine.executors.kpt.upkeep import LeftOver, Upkeep
from engine.executors.kpt.watching import Watch
from engine.identity import workspace_name
from engine.krm import MergeConflict, PackageChange
from engine.reasons import Reason

_RACES = 5
"""How often a push is done anew before the others are let go first for a while."""
_BUSY_SECONDS = 30.0
_OUTAGE_SECONDS = 15.0
_TROUBLE = (GitError, CannotRunError, UntrustedProgramError, OSError)
"""What stands in the way of git and kpt."""


class KptExecutor:
    """Renders packages with kpt and pushes them to git repositories.

    Args:
        recall: looks up what other intents were decided to have.
        clock: the time of commits, in seconds since 1970.
    """

    name = "kpt"

    def __init__(
        self,
        settings: KptSettings,
        runner: Runner,
        folders: WorkingFolders,
        recall: Recall,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._repositories = settings.repositories
        self._git = Git(runner, settings.git, settings.author)
        self._kpt = Kpt(runner, settings.kpt, settings.functions)
        self._folders = folders
        self._recall = recall
        self._watch = Watch()
        self._memory = Memory(self._git)
        self._upkeep = Upkeep(self._git, settings.keep_drafts_hours * 3600)
        self._drafter = Drafter(self._git, self._kpt, recall, clock)
        # Two pushes of our own would only make each other be done anew.
        self._turns: Mapping[str, threading.Lock] = {name: threading.Lock() for name in settings.repositories}

    def execute(self, effect: Effect) -> ExecuteOutcome:
        """Pushes a revision of each package that changes; all of one repository in one push."""
        by_repository: dict[str, list[PackageChange]] = defaultdict(list)
        for change in effect.changes:
            by_repository[change.repository].append(change)
        return self._all(
            lambda: [self._work(effect, name, changes) for name, changes in sorted(by_repository.items())],
            self._drafter.prepare,
        )

    def withdraw(self, withdrawal: Withdrawal) -> ExecuteOutcome:
        """Proposes to take packages away, and takes away what of them is still open and ours."""
        end = Effect(
            withdrawal.intent, withdrawal.generation, withdrawal.key, withdrawal.workspace, "Proposed", ()
        )
        by_repository: dict[str, list[str]] = defaultdict(list)
        for package in withdrawal.packages:
            by_repository[package.repository].append(package.name)

        def works() -> list[Work]:
            return [
                Work(end, name, settings, (), {package: _path(settings, package) for package in packages})
                for name, packages in sorted(by_repository.items())
                for settings in [self._settings(name)]
            ]

        return self._all(works, self._drafter.prepare_end)

    def discard(self, revision: Revision, workspace: str) -> ExecuteOutcome:
        """Takes the effect of a workspace out of what is open in a package."""
        return self._all(lambda: [self._about(revision, workspace)], self._drafter.prepare_without)

    def track(self, revision: Revision, workspace: str) -> Revision | Absent | Unknown:
        """Looks whether somebody has merged or deleted the branch of an open revision."""
        key = (revision.repository, revision.package, workspace)
        try:
            work = self._about(revision, workspace)
            with self._folders.new() as folder:
                remote = self._git.remote(work.settings, folder / "look")
                package = PackageRefs(work.paths[revision.package], {})
                mark = self._watch.mark(revision.repository, work.branch, package, remote.refs)
                found = self._watch.still(key, mark) or self._drafter.track(work, folder / "0")
            self._watch.keep(key, mark, found)
        except _TROUBLE as error:
            return Unknown(f"cannot be looked up: {error}")
        return Absent() if found is None else found

    def leftovers(
        self,
        wished: Wished,
        now: float,
        known: Iterable[str] = (),  # noqa: ARG002 - there are no others than those of the settings
    ) -> Iterator[Revision]:
        """Finds what has been open of ours for long, and nobody wishes any more.

        Raises:
            OSError: at the end, where a repository does not answer.
        """
        away: list[str] = []
        for name, settings in self._repositories.items():
            try:
                with self._folders.new() as folder:
                    found = self._upkeep.leftovers(name, settings, wished, now, folder / "look")
            except _TROUBLE as error:
                away.append(f"repository {name}: {error}")
            else:
                yield from found
        if away:
            raise OSError("; ".join(away))

    def collect(self, revision: Revision) -> ExecuteOutcome:
        """Deletes a branch that was found to be left over, unless it was pushed to since."""
        assert isinstance(revision, LeftOver)  # noqa: S101 - one of those that were found here
        settings, turn = self._repositories[revision.repository], self._turns[revision.repository]
        try:
            with self._folders.new() as folder, turn:
                self._upkeep.delete(settings, revision, folder / "delete")
        except _TROUBLE as error:
            return _failed(error)
        return Done(())

    def recall(self, intent: str, key: str) -> str:
        """Returns what the commits of an effect keep of the decision behind it.

        Raises:
            OSError: a repository does not answer.
        """
        wish = (workspace_name(key), intent)
        for name, settings in self._repositories.items():
            try:
                with self._folders.new() as folder:
                    record = self._memory.record(name, settings, wish, folder / "look")
            except _TROUBLE as error:
                raise OSError(f"repository {name}: {error}") from error
            if record:
                return record
        return ""

    def _about(self, revision: Revision, workspace: str) -> Work:
        """Returns the work on a package that an effect changed, whether or not that is still known."""
        settings = self._settings(revision.repository)
        effect = self._recall(revision.repository, revision.package, workspace)
        if effect is None:
            effect = Effect("", 0, "", workspace, revision.lifecycle, ())
        changes = changes_of(effect, revision.repository, revision.package)
        paths = {revision.package: _path(settings, revision.package)}
        return Work(effect, revision.repository, settings, changes, paths)

    def _all(
        self, works: Callable[[], Sequence[Work]], prepare: Callable[[Work, Path], Ready]
    ) -> ExecuteOutcome:
        """Does some work in its repositories, in each when it is its turn."""
        try:
            chosen = works()
            with self._folders.new() as folder, ExitStack() as turns:
                for work in chosen:
                    turns.enter_context(self._turns[work.repository])
                return _carry_out(chosen, prepare, folder)
        except PackageBusyError as error:
            return Retry(Reason.PACKAGE_BUSY, str(error), after=_BUSY_SECONDS, counts=False)
        except (MergeConflict, DocumentError, *_TROUBLE) as error:
            return _failed(error)

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        """Looks for the tags or branches of an effect; Absent where any package has none."""
        found: list[Revision] = []
        try:
            with self._folders.new() as folder:
                for place, change in enumerate(effect.changes):
                    work = self._work(effect, change.repository, [change])
                    revision = self._drafter.find(work, change, folder / str(place))
                    if revision is None:
                        return Absent()
                    found.append(revision)
        except _TROUBLE as error:
            return Unknown(f"cannot be read back: {error}")
        return Done(tuple(found))

    def version(self) -> str:
        """Returns the version of kpt, as it tells it.

        Raises:
            GitError, CannotRunError, UntrustedProgramError: kpt does not run.
        """
        with self._folders.new() as folder:
            return self._kpt.version(folder)

    def probe(self) -> ProbeOutcome:
        """Asks kpt for its version and each repository for its branch."""
        try:
            with self._folders.new() as folder:
                detail = f"kpt {self._kpt.version(folder)}"
                problems = [
                    problem
                    for name, settings in self._repositories.items()
                    if (problem := self._problem_of(name, settings, folder / name))
                ]
        except _TROUBLE as error:
            return Down(str(error))
        if problems and len(problems) == len(self._repositories):
            return Down("; ".join(problems))
        return Up(f"{detail}, {len(self._repositories)} repositories", tuple(problems))

    def _problem_of(self, name: str, settings: RepositorySettings, folder: Path) -> str:
        branch = f"refs/heads/{settings.branch}"
        try:
            found = self._git.remote(settings, folder).refs([branch])
        except GitError as error:
            return f"repository {name}: {error}"
        return "" if branch in found else f"repository {name} has no branch {settings.branch}; make it"

    def _settings(self, repository: str) -> RepositorySettings:
        if repository not in self._repositories:
            message = (
                f"the repository {repository} is not in executors.kpt.repositories; add it there, or have "
                "the rules or bounds.repository name one that is"
            )
            raise GitError.permanent(message, Reason.RULE_ERROR)
        return self._repositories[repository]

    def _work(self, effect: Effect, repository: str, changes: Sequence[PackageChange]) -> Work:
        settings = self._settings(repository)
        paths = {change.name: _path(settings, change.name) for change in changes}
        return Work(effect, repository, settings, tuple(changes), paths)


def _path(settings: RepositorySettings, package: str) -> str:
    return f"{settings.directory}/{package}" if settings.directory else package


def _failed(error: Exception) -> ExecuteOutcome:
    """Returns what an error stands for; nothing has been pushed where it is raised."""
    if isinstance(error, GitError):
        return error.failure.outcome()
    if isinstance(error, MergeConflict):
        return Terminal(Reason.CONFLICT, str(error))
    if isinstance(error, DocumentError):
        message = f"a file of the package cannot be read, and is not written over: {error}"
        return Terminal(Reason.INVALID, message)
    # The machine or the settings are at fault, and not the intent.
    return Retry(Reason.BACKEND_DOWN, str(error), after=_OUTAGE_SECONDS, counts=False)


def _carry_out(works: Sequence[Work], prepare: Callable[[Work, Path], Ready], folder: Path) -> ExecuteOutcome:
    """Prepares all before it pushes any: an intent happens as a whole."""
    prepared = [prepare(work, folder / f"{place}-0") for place, work in enumerate(works)]
    revisions: list[Revision] = []
    for place, (work, ready) in enumerate(zip(works, prepared, strict=True)):
        outcome = push(ready)
        for again in range(1, _RACES):
            if not isinstance(outcome, Raced):
                break
            outcome = push(prepare(work, folder / f"{place}-{again}"))
        if isinstance(outcome, Pushed):
            revisions.extend(outcome.revisions)
        elif isinstance(outcome, Raced):
            return Retry(Reason.PACKAGE_BUSY, outcome.message, after=_BUSY_SECONDS, counts=False)
        else:
            return outcome
    return Done(tuple(revisions))
