"""What is left over in git repositories: open revisions of ours that nobody wishes any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.executors.base import Revision, Wished
from engine.executors.kpt.branches import PackageRefs, every_open_branch, packages_open
from engine.executors.kpt.git import Git
from engine.executors.kpt.problems import understand
from engine.executors.kpt.settings import RepositorySettings
from engine.executors.kpt.wishes import Wish, wishes_in


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver(Revision):
    """An open revision that nobody wishes.

    Attributes:
        ref: its branch, by its full name.
        commit: the hash of its commit, as it was found.
    """

    ref: str
    commit: str


class Upkeep:
    """Finds what is left over in repositories, and deletes it.

    Args:
        keep_seconds: how long what is open is kept when nobody wishes it any more.
    """

    def __init__(self, git: Git, keep_seconds: float) -> None:
        self._git = git
        self._keep_seconds = keep_seconds

    def leftovers(
        self, repository: str, settings: RepositorySettings, wished: Wished, now: float, folder: Path
    ) -> list[LeftOver]:
        """Finds what has been open of ours for long, and nobody wishes any more.

        What is not known to be wished or not is kept: it may wait for longer than a store lives, and nothing
        is pushed but whole. So is what holds no wish: it proposes that a package goes.

        Args:
            folder: a working folder that is not there yet.

        Raises:
            GitError, CannotRunError, UntrustedProgramError: it cannot be looked up.
        """
        remote = self._git.remote(settings, folder)
        refs = remote.refs(every_open_branch())
        old = [
            found
            for path in sorted(packages_open(refs, settings.directory))
            for found in _opened_by_us(repository, PackageRefs(path, refs))
            # Who made it is one of those who wish it, so only what may go is fetched.
            if wished(repository, found.package, found.workspace) is False
        ]
        if not old:
            return []
        remote.fetch([each.ref for each in old])
        told = remote.told([each.commit for each in old])
        return [
            each
            for each, commit in zip(old, told, strict=True)
            if now - commit.made_at > self._keep_seconds and _left(each, wishes_in(commit.message), wished)
        ]

    def delete(self, settings: RepositorySettings, left: LeftOver, folder: Path) -> None:
        """Deletes a branch that is as it was found; one that is not, or is gone, is left as it is.

        Raises:
            GitError, CannotRunError, UntrustedProgramError: it is not known to be deleted.
        """
        remote = self._git.remote(settings, folder)
        if remote.refs([left.ref]).get(left.ref) != left.commit:
            return
        result = remote.push([f":{left.ref}"], [f"{left.ref}:{left.commit}"])
        if not result.succeeded and remote.refs([left.ref]).get(left.ref) == left.commit:
            raise understand(result, "git push")


def _opened_by_us(repository: str, package: PackageRefs) -> list[LeftOver]:
    names = package.opened()
    return [
        LeftOver(
            repository=repository,
            package=package.path.rpartition("/")[2],
            workspace=names[ref],
            revision=0,
            lifecycle=package.lifecycle_at(ref),
            resource_name=f"{package.path}/{names[ref]}",
            ref=ref,
            commit=package.refs[ref],
        )
        for ref in package.opened_by_us()
    ]


def _left(revision: LeftOver, wishes: Sequence[Wish], wished: Wished) -> bool:
    """Tells whether a revision holds wishes, and each is known to be wished no more."""
    known = [wished(revision.repository, revision.package, wish.workspace) for wish in wishes]
    return bool(known) and all(each is False for each in known)
