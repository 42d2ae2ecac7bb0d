"""One effect in one repository: what is there, what it is to become, and the commits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from engine.executors.base import Effect, Revision
from engine.executors.kpt.branches import PackageRefs
from engine.executors.kpt.git import Commit, Git, Remote
from engine.executors.kpt.problems import GitError
from engine.executors.kpt.pushing import Ready
from engine.executors.kpt.rendering import Kpt
from engine.executors.kpt.settings import RepositorySettings
from engine.executors.kpt.wishes import OpenRevision, Wish, message_of, wishes_in
from engine.krm import PackageChange, lay_change
from engine.krm.package import KPTFILE
from engine.reasons import Reason

Recall = Callable[[str, str, str], Effect | None]
"""Looks up an effect by repository, package and its workspace; None where it is not known."""
Files = Mapping[str, bytes]


class PackageBusyError(Exception):
    """A package has an open revision that is to be merged or deleted first; the message names it."""


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

    @property
    def branch(self) -> str:
        """The full name of the branch of what is published."""
        return f"refs/heads/{self.settings.branch}"

    @property
    def publishes(self) -> bool:
        """Whether nobody has to approve."""
        return self.effect.lifecycle == "Published"


@dataclass(frozen=True, slots=True)
class _Package:
    """A package as it is found.

    Attributes:
        opened: our own revisions that are not published.
        files: as they are published; none where it is not there.
    """

    refs: PackageRefs
    opened: tuple[OpenRevision, ...]
    files: Files


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a package is to become.

    Attributes:
        revision: None for a package that is not there and not to be.
        message: of the commit.
        files: what changes, by path from the top of the repository; None where nothing does.
        replaced: open revisions that go, as what they held is held here or not wished any more.
    """

    package: PackageRefs
    revision: Revision | None
    message: str = ""
    files: Mapping[str, bytes | None] | None = None
    replaced: tuple[OpenRevision, ...] = ()


class Drafter:
    """Makes commits for effects, and finds those that were made.

    Args:
        clock: the time of commits, in seconds since 1970.
    """

    def __init__(self, git: Git, kpt: Kpt, recall: Recall, clock: Callable[[], float]) -> None:
        self._git = git
        self._kpt = kpt
        self._recall = recall
        self._clock = clock

    def prepare(self, work: Work, folder: Path) -> Ready:
        """Makes the commits of an effect on top of what its repository has now.

        Args:
            folder: a working folder that is not there yet.

        Raises:
            GitError, MergeConflict, DocumentError: it cannot be, or not now; nothing was pushed.
            PackageBusyError: somebody has to merge or delete a revision first.
            CannotRunError, UntrustedProgramError: git or kpt did not run.
        """
        remote, found = self._look(work, folder)
        drafts = [self._draft(work, change, found[change.name], remote, folder) for change in work.changes]
        return self._commit(work, drafts, remote)

    def prepare_end(self, work: Work, folder: Path) -> Ready:
        """Makes the commits that take packages away; their open revisions of ours go too. See `prepare`."""
        remote, found = self._look(work, folder)
        drafts = []
        for name, package in found.items():
            known = package.lifecycle_of(work.effect.workspace) is not None
            files = {} if known else remote.files(f"refs/fetched/{work.branch}", package.path)
            revision = Revision(
                work.repository,
                name,
                work.effect.workspace,
                0,
                "DeletionProposed",
                f"{package.path}/{work.effect.workspace}",
            )
            message = message_of(f"{name}: withdrawn with {work.effect.intent}", work.effect, ())
            drafts.append(
                _Draft(
                    package,
                    revision if known or files else None,
                    message,
                    {f"{package.path}/{file}": None for file in files} or None,
                    () if known else _opened(package, remote),
                )
            )
        return self._commit(work, drafts, remote)

    def prepare_without(self, work: Work, folder: Path) -> Ready:
        """Makes the commit that takes an effect out of the open revision of its package; see `prepare`.

        What others wished with it is made anew without it, as it is published by now; alone it just goes.
        """
        remote, found = self._look(work, folder)
        ((name, refs),) = found.items()
        out = work.effect.workspace
        opened = tuple(item for item in _opened(refs, remote) if out in item.workspaces)
        standing = tuple({wish: None for item in opened for wish in item.wishes if wish.workspace != out})
        if not standing:
            return self._commit(work, [_Draft(refs, None, replaced=opened)], remote)
        effect = self._recalled(work, name, standing[0])
        change = next(
            item for item in effect.changes if (item.repository, item.name) == (work.repository, name)
        )
        kept = replace(work, effect=effect)
        package = _Package(refs, opened, remote.files(f"refs/fetched/{work.branch}", refs.path))
        files = _changes(package, self._made(kept, change, package, standing[1:], folder))
        if not files:
            return self._commit(work, [_Draft(refs, None, replaced=opened)], remote)
        message = message_of(f"{name}: without what {out} stated", effect, standing)
        revision = _revision(change, refs, effect.workspace, 0, effect.lifecycle)
        return self._commit(kept, [_Draft(refs, revision, message, files, opened)], remote)

    def track(self, work: Work, folder: Path) -> Revision | None:
        """Returns what has become of an effect in its package; None where no revision holds it any more.

        Somebody who merges a proposal makes no tag: it is published where what is published says all of it.
        """
        remote, found = self._look(work, folder)
        ((name, refs),) = found.items()
        workspace = work.effect.workspace
        seen = Revision(work.repository, name, workspace, 0, "Published", f"{refs.path}/{workspace}")
        if refs.lifecycle_of(workspace) == "Published":
            return replace(seen, revision=refs.number_of(workspace))
        files = remote.files(f"refs/fetched/{work.branch}", refs.path)
        if files and work.changes and all(_lay(files, change) == files for change in work.changes):
            return seen
        for item in _opened(refs, remote):
            if workspace in item.workspaces:
                name_of = f"{refs.path}/{item.workspace}"
                return replace(
                    seen, workspace=item.workspace, lifecycle=item.lifecycle, resource_name=name_of
                )
        return None

    def _look(self, work: Work, folder: Path) -> tuple[Remote, dict[str, PackageRefs]]:
        """Fetches what is published and our own open revisions; returns the refs of each package."""
        remote = self._git.remote(work.settings, folder)
        asked = [PackageRefs(path, {}) for path in work.paths.values()]
        refs = remote.refs([work.branch, *(pattern for package in asked for pattern in package.patterns())])
        if work.branch not in refs:
            raise GitError.outage(
                f"the repository {work.repository} has no branch {work.settings.branch}; make it, and it "
                "goes on by itself"
            )
        found = {name: PackageRefs(path, refs) for name, path in work.paths.items()}
        remote.fetch([work.branch, *(ref for package in found.values() for ref in package.opened_by_us())])
        return remote, found

    def find(self, work: Work, change: PackageChange, folder: Path) -> Revision | None:
        """Returns the revision of a package that holds an effect; raises as `prepare` does."""
        remote = self._git.remote(work.settings, folder)
        package = PackageRefs(work.paths[change.name], {})
        package = PackageRefs(package.path, remote.refs(package.patterns()))
        opened = package.opened_by_us()
        if opened and package.lifecycle_of(work.effect.workspace) is None:
            remote.fetch(opened)
            return _holding(work, change, package, _opened(package, remote))
        return _holding(work, change, package, ())

    def _draft(
        self, work: Work, change: PackageChange, refs: PackageRefs, remote: Remote, folder: Path
    ) -> _Draft:
        """Works out what one package is to become; nothing is committed."""
        package = _Package(
            refs, _opened(refs, remote), remote.files(f"refs/fetched/{work.branch}", refs.path)
        )
        existing = _holding(work, change, refs, package.opened)
        if existing is not None:
            return _Draft(refs, existing)
        intents = {wish.intent for item in package.opened for wish in item.wishes}
        said = package.files and _lay(package.files, change) == package.files
        if said and work.effect.intent not in intents:
            return _Draft(refs, _unchanged(change, refs))
        standing = _standing(work, package)
        if said and not standing:
            return _Draft(refs, _unchanged(change, refs), replaced=package.opened)
        files = _changes(package, self._made(work, change, package, standing, folder))
        number = refs.newest() + 1 if work.publishes else 0
        revision = _revision(change, refs, work.effect.workspace, number, work.effect.lifecycle)
        message = message_of(
            f"{change.name}: what {work.effect.intent} states", work.effect, (*standing, Wish.of(work.effect))
        )
        return _Draft(refs, revision, message, files, package.opened)

    def _made(
        self,
        work: Work,
        change: PackageChange,
        package: _Package,
        standing: Iterable[Wish],
        folder: Path,
    ) -> Files:
        """Returns the files of a package as the effects that it is to hold make them, rendered."""
        made = folder / "packages"
        made.mkdir(exist_ok=True)
        files = package.files or self._kpt.init(change.name, made)
        for wish in standing:
            for theirs in changes_of(self._recalled(work, change.name, wish), change.repository, change.name):
                files = _lay(files, theirs)
        rendered = self._kpt.render(change.name, _lay(files, change), made)
        if _lay(rendered, change) != rendered:
            raise GitError.permanent(
                f"rendering package {change.name} changes what the intent states "
                f"({', '.join(change.fields)}); take it out of the Kptfile's pipeline, or state it there",
                Reason.CONFLICT,
            )
        return rendered

    def _recalled(self, work: Work, package: str, wish: Wish) -> Effect:
        effect = self._recall(work.repository, package, wish.workspace)
        if effect is None:
            raise PackageBusyError(
                f"an open revision of package {package} holds what {wish.intent} wished, which is "
                "known no more; have it merged or deleted"
            )
        return effect

    def _commit(self, work: Work, drafts: Sequence[_Draft], remote: Remote) -> Ready:
        """Makes the commits: in a row where they are published, each by itself where somebody merges them."""
        changed = [draft for draft in drafts if draft.files is not None]
        commits = [
            Commit(
                parent=None if work.publishes and place else draft.package.refs[work.branch],
                message=draft.message,
                files=draft.files or {},
            )
            for place, draft in enumerate(changed)
        ]
        hashes = remote.commit(commits, self._clock()) if commits else []
        expected: dict[str, str] = {}
        for draft, made in zip(changed, hashes, strict=True):
            package, workspace = draft.package, work.effect.workspace
            names = [package.tag(workspace), package.tag(f"v{package.newest() + 1}")]
            if not work.publishes:
                names = [package.open_branch(work.effect.lifecycle, workspace)]
            expected |= dict.fromkeys(names, made)
        replaced = [item for draft in drafts for item in draft.replaced]
        refspecs = [f"{hashes[-1]}:{work.branch}"] if work.publishes and hashes else []
        refspecs += [f"{made}:{ref}" for ref, made in expected.items()]
        return Ready(
            remote,
            tuple(draft.revision for draft in drafts if draft.revision is not None),
            (*refspecs, *(f":{item.ref}" for item in replaced if item.ref not in expected)),
            tuple(f"{item.ref}:{item.commit}" for item in replaced),
            expected,
        )


def changes_of(effect: Effect, repository: str, package: str) -> tuple[PackageChange, ...]:
    """Returns what an effect changes in a package: one change, or none."""
    return tuple(item for item in effect.changes if (item.repository, item.name) == (repository, package))


def _changes(package: _Package, after: Files) -> dict[str, bytes | None]:
    """Returns what is to change for a package to have some files, by path from the top of the repository."""
    return {
        f"{package.refs.path}/{name}": after.get(name)
        for name in package.files.keys() | after.keys()
        if package.files.get(name) != after.get(name)
    }


def _opened(package: PackageRefs, remote: Remote) -> tuple[OpenRevision, ...]:
    """Returns our own open revisions of a package, once they are fetched."""
    names = package.opened()
    ours = package.opened_by_us()
    told = remote.told([package.refs[ref] for ref in ours])
    return tuple(
        OpenRevision(ref, package.refs[ref], names[ref], package.lifecycle_at(ref), wishes_in(each.message))
        for ref, each in zip(ours, told, strict=True)
    )


def _holding(
    work: Work, change: PackageChange, package: PackageRefs, opened: Iterable[OpenRevision]
) -> Revision | None:
    """Returns the revision that holds an effect: its own, or one that another effect made with it."""
    workspace = work.effect.workspace
    lifecycle = package.lifecycle_of(workspace)
    if lifecycle is not None:
        return _revision(change, package, workspace, package.number_of(workspace), lifecycle)
    for item in opened:
        if workspace in item.workspaces:
            return _revision(change, package, item.workspace, 0, item.lifecycle)
    return None


def _standing(work: Work, package: _Package) -> tuple[Wish, ...]:
    """Returns what other intents wished and wait for, which a new revision has to hold too.

    Raises:
        PackageBusyError: it cannot, since they go less far or further; or the revision is somebody else's.
    """
    others = package.refs.opened_by_others() + [item.ref for item in package.opened if not item.wishes]
    if others:
        raise _busy(work, others[0], "is somebody else's")
    standing: dict[Wish, None] = {}
    for item in package.opened:
        wishes = [wish for wish in item.wishes if wish.intent != work.effect.intent]
        if wishes and item.lifecycle != work.effect.lifecycle:
            raise _busy(work, item.ref, f"holds what {wishes[0].intent} wished, and goes not as far as this")
        standing |= dict.fromkeys(wishes)
    return tuple(standing)


def _busy(work: Work, ref: str, why: str) -> PackageBusyError:
    name = ref.removeprefix("refs/heads/")
    return PackageBusyError(
        f"the open revision {name} in {work.repository} {why}; it goes on when that one is merged or deleted"
    )


def _lay(files: Files, change: PackageChange) -> dict[str, bytes]:
    """Lays a change over the files of a package but for its sub-packages, which are others."""
    folders = {PurePosixPath(name).parent for name in files if PurePosixPath(name).name == KPTFILE}
    inner = folders - {PurePosixPath()}
    own = {name: data for name, data in files.items() if not inner & set(PurePosixPath(name).parents)}
    others = {name: data for name, data in files.items() if name not in own}
    return lay_change(own, change) | others


def _unchanged(change: PackageChange, package: PackageRefs) -> Revision:
    """Returns the published revision, which says all of it already."""
    number = package.newest()
    workspace = package.workspace_numbered(number)
    return replace(_revision(change, package, workspace, number, "Published"), changed=False)


def _revision(
    change: PackageChange, package: PackageRefs, workspace: str, number: int, lifecycle: str
) -> Revision:
    name = f"{package.path}/{workspace}" if workspace else package.path
    return Revision(change.repository, change.name, workspace, number, lifecycle, name)
