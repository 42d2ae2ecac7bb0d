"""One effect in one repository: what is there, what it is to become, the commits, and the push."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from engine.child.running import CannotRunError, Result
from engine.executors.base import Effect, ExecuteOutcome, Revision, Unknown
from engine.executors.kpt.branches import PackageRefs
from engine.executors.kpt.git import Commit, Git, Remote
from engine.executors.kpt.problems import GitError, understand
from engine.executors.kpt.rendering import Kpt
from engine.executors.kpt.settings import RepositorySettings
from engine.krm import PackageChange, lay_change
from engine.krm.package import KPTFILE
from engine.reasons import Reason

_RACES = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "already exists",
    "cannot lock ref",
    "incorrect old value",
    "failed to update ref",
)
"""What git says of a ref that somebody else pushed meanwhile."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an effect does in one repository.

    Attributes:
        paths: of each package by its name, from the top of the repository.
    """

    effect: Effect
    repository: str
    settings: RepositorySettings
    changes: tuple[PackageChange, ...]
    paths: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ready:
    """Commits that are made and not pushed.

    Attributes:
        refspecs: what is pushed; nothing where all is there already.
        leases: refs that go, as they were when they were looked at.
        expected: how the refs have to be afterwards.
    """

    remote: Remote
    revisions: tuple[Revision, ...]
    refspecs: tuple[str, ...] = ()
    leases: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pushed:
    """All of it is there."""

    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Raced:
    """Somebody else was faster, and nothing was pushed."""

    message: str


class PackageBusyError(Exception):
    """Somebody else has an open revision of a package; the message names it."""


def prepare(work: Work, git: Git, kpt: Kpt, folder: Path, now: float) -> Ready:
    """Makes the commits of an effect on top of what its repository has now.

    Args:
        folder: a working folder that is not there yet.
        now: the time of the commits, in seconds since 1970.

    Raises:
        GitError, MergeConflict, DocumentError: it cannot be, or not now; nothing was pushed.
        PackageBusyError: somebody else has to merge or drop a revision first.
        CannotRunError, UntrustedProgramError: git or kpt did not run.
    """
    remote = git.remote(work.settings, folder)
    branch = f"refs/heads/{work.settings.branch}"
    asked = [PackageRefs(path, {}) for path in work.paths.values()]
    refs = remote.refs([branch, *(pattern for package in asked for pattern in package.patterns())])
    if branch not in refs:
        raise GitError.outage(
            f"the repository {work.repository} has no branch {work.settings.branch}; make it, and it goes on "
            "by itself"
        )
    packages = {name: PackageRefs(path, refs) for name, path in work.paths.items()}
    bases = {name: _base(work, package, branch) for name, package in packages.items()}
    remote.fetch(dict.fromkeys([branch, *bases.values()]))
    drafts = [
        _draft(work, change, packages[change.name], bases[change.name], remote, kpt, folder)
        for change in work.changes
    ]
    return _commit(work, drafts, branch, remote, now)


def push(ready: Ready) -> Pushed | Raced | ExecuteOutcome:
    """Pushes what was prepared, and looks whether it is there.

    Where git does not say clearly that nothing was pushed, the repository is asked.
    """
    if not ready.refspecs:
        return Pushed(ready.revisions)
    try:
        result = ready.remote.push(ready.refspecs, ready.leases)
        lines = result.stdout.decode("utf-8", "replace").splitlines()
        if any(why in line for line in lines if line.startswith("!") for why in _RACES):
            return Raced("others push to the repository all the time; it takes its turn in a while")
        shown = ready.remote.refs(ready.expected)
    except (GitError, CannotRunError) as error:
        return Unknown(f"pushed, and whether it arrived is not known: {error}")
    return _judge(ready, result, shown)


def _judge(ready: Ready, result: Result, shown: Mapping[str, str]) -> Pushed | Raced | ExecuteOutcome:
    """Returns what came of a push, by the refs that the repository shows afterwards."""
    if all(shown.get(ref) == commit for ref, commit in ready.expected.items()):
        return Pushed(ready.revisions)
    if result.succeeded:
        return Unknown("git says that it pushed, and the repository shows something else")
    if shown:
        return Raced("an earlier try of it may have arrived; it takes its turn in a while")
    return understand(result, "git push").failure.outcome()


def found_revision(effect: Effect, change: PackageChange, package: PackageRefs) -> Revision | None:
    """Returns the revision that an effect has made of a package, as the refs tell."""
    lifecycle = package.lifecycle_of(effect.workspace)
    if lifecycle is None:
        return None
    number = package.number_of(effect.workspace)
    return _revision(change, package, effect.workspace, number, lifecycle)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a package is to become.

    Attributes:
        base: the ref that it is made on top of.
        files: what changes, by path from the top of the repository; None where nothing does.
    """

    package: PackageRefs
    base: str
    revision: Revision
    files: Mapping[str, bytes | None] | None = None


def _base(work: Work, package: PackageRefs, branch: str) -> str:
    """Returns the ref that a new revision goes on from: an open one of ours, if it is to stay open."""
    others = package.opened_by_others()
    if others and package.lifecycle_of(work.effect.workspace) is None:
        raise PackageBusyError(
            f"somebody else's revision {others[0].removeprefix('refs/heads/')} is open in {work.repository}; "
            "it goes on when that one is merged or deleted"
        )
    ours = package.opened_by_us() if work.effect.lifecycle != "Published" else []
    return ours[0] if ours else branch


def _draft(
    work: Work,
    change: PackageChange,
    package: PackageRefs,
    base: str,
    remote: Remote,
    kpt: Kpt,
    folder: Path,
) -> _Draft:
    """Works out what one package is to become; nothing is committed."""
    effect = work.effect
    existing = found_revision(effect, change, package)
    if existing is not None:
        return _Draft(package, base, existing)
    before = remote.files(f"refs/fetched/{base}", package.path)
    if before and _lay(before, change) == before:
        return _Draft(package, base, _unchanged(change, package, base))
    made = folder / "packages"
    made.mkdir(exist_ok=True)
    after = _lay(before or kpt.init(change.name, made), change)
    after = kpt.render(change.name, after, made)
    if _lay(after, change) != after:
        raise GitError.permanent(
            f"rendering package {change.name} changes what the intent states ({', '.join(change.fields)}); "
            "take it out of the pipeline in its Kptfile, or state it there",
            Reason.CONFLICT,
        )
    files: dict[str, bytes | None] = {
        f"{package.path}/{name}": after.get(name)
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    }
    number = package.newest() + 1 if effect.lifecycle == "Published" else 0
    return _Draft(
        package, base, _revision(change, package, effect.workspace, number, effect.lifecycle), files
    )


def _lay(files: Mapping[str, bytes], change: PackageChange) -> dict[str, bytes]:
    """Lays a change over the files of a package but for its sub-packages, which are others."""
    folders = {PurePosixPath(name).parent for name in files if PurePosixPath(name).name == KPTFILE}
    inner = folders - {PurePosixPath()}
    own = {name: data for name, data in files.items() if not inner & set(PurePosixPath(name).parents)}
    others = {name: data for name, data in files.items() if name not in own}
    return lay_change(own, change) | others


def _commit(work: Work, drafts: Sequence[_Draft], branch: str, remote: Remote, now: float) -> Ready:
    """Makes the commits: in a row where they are published, each by itself where somebody merges them."""
    changed = [draft for draft in drafts if draft.files is not None]
    revisions = tuple(draft.revision for draft in drafts)
    if not changed:
        return Ready(remote, revisions)
    published = work.effect.lifecycle == "Published"
    commits = [
        Commit(
            parent=None if published and place else draft.package.refs[draft.base],
            message=_message(work, draft),
            files=draft.files or {},
        )
        for place, draft in enumerate(changed)
    ]
    hashes = remote.commit(commits, now)
    expected: dict[str, str] = {}
    refspecs: list[str] = [f"{hashes[-1]}:{branch}"] if published else []
    leases: list[str] = []
    for draft, made in zip(changed, hashes, strict=True):
        package, revision = draft.package, draft.revision
        names = [package.tag(revision.workspace), package.tag(f"v{revision.revision}")]
        for ref in names if published else [package.open_branch(revision.lifecycle, revision.workspace)]:
            refspecs.append(f"{made}:{ref}")
            expected[ref] = made
        if draft.base != branch:  # what it goes on from is part of it now
            refspecs.append(f":{draft.base}")
            leases.append(f"{draft.base}:{package.refs[draft.base]}")
    return Ready(remote, revisions, tuple(refspecs), tuple(leases), expected)


def _message(work: Work, draft: _Draft) -> str:
    effect = work.effect
    return (
        f"{draft.revision.package}: what {effect.intent} states\n\n"
        f"Intent: {effect.intent}\nGeneration: {effect.generation}\nEffect-Key: {effect.key}\n"
    )


def _unchanged(change: PackageChange, package: PackageRefs, base: str) -> Revision:
    """Returns the revision that says all of it already."""
    workspace = package.opened().get(base)
    if workspace is not None:
        lifecycle = package.lifecycle_of(workspace) or "Proposed"
        return replace(_revision(change, package, workspace, 0, lifecycle), changed=False)
    number = package.newest()
    workspace = package.workspace_numbered(number)
    return replace(_revision(change, package, workspace, number, "Published"), changed=False)


def _revision(
    change: PackageChange, package: PackageRefs, workspace: str, number: int, lifecycle: str
) -> Revision:
    return Revision(
        repository=change.repository,
        package=change.name,
        workspace=workspace,
        revision=number,
        lifecycle=lifecycle,
        resource_name=f"{package.path}/{workspace}" if workspace else package.path,
    )
