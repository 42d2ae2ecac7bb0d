"""Where the revisions of a package stand in a git repository, as porch names them too; pure.

<branch>                        what is published, with a tag <package>/<workspace> and <package>/v<number>
proposed/<package>/<workspace>  a revision that waits for somebody to merge it
drafts/<package>/<workspace>    one that is not proposed yet
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_OPEN = {"Draft": "drafts", "Proposed": "proposed"}
_OURS = re.compile(r"cw-[0-9a-f]{20}\Z")
_NUMBER = re.compile(r"v([1-9][0-9]{0,8})\Z")


def every_open_branch() -> list[str]:
    """Returns what fits the branches of all revisions of a repository that are not published."""
    return [f"refs/heads/{kind}/*" for kind in _OPEN.values()]


def open_branches_of_ours(refs: Iterable[str]) -> list[str]:
    """Returns the branches of our own revisions of any package that are not published."""
    kinds = tuple(f"refs/heads/{kind}/" for kind in _OPEN.values())
    return [ref for ref in refs if ref.startswith(kinds) and _OURS.match(ref.rpartition("/")[2])]


def packages_open(refs: Iterable[str], directory: str) -> set[str]:
    """Returns the paths of the packages of a folder, empty for the top, that have an open branch."""
    found = set()
    for ref in refs:
        kind, _, place = ref.removeprefix("refs/heads/").partition("/")
        path = place.rpartition("/")[0]
        folder, _, name = path.rpartition("/")
        if kind in _OPEN.values() and name and folder == directory:
            found.add(path)
    return found


@dataclass(frozen=True, slots=True)
class PackageRefs:
    """The refs of one package among those of its repository.

    Attributes:
        path: of the package, from the top of the repository.
    """

    path: str
    refs: Mapping[str, str]

    def patterns(self) -> list[str]:
        """Returns what fits every ref of the package."""
        return [f"refs/tags/{self.path}/*", *(f"refs/heads/{kind}/{self.path}/*" for kind in _OPEN.values())]

    def tag(self, name: str) -> str:
        """Returns the full name of a tag of the package."""
        return f"refs/tags/{self.path}/{name}"

    def open_branch(self, lifecycle: str, workspace: str) -> str:
        """Returns the full name of the branch of a revision that is a Draft or Proposed."""
        return f"refs/heads/{_OPEN[lifecycle]}/{self.path}/{workspace}"

    def opened(self) -> dict[str, str]:
        """Returns the branches of revisions that are not published: full name to workspace."""
        return {
            ref: ref.removeprefix(prefix)
            for kind in _OPEN.values()
            for prefix in [f"refs/heads/{kind}/{self.path}/"]
            for ref in sorted(self.refs)
            if ref.startswith(prefix)
        }

    def opened_by_us(self) -> list[str]:
        """Returns the branches of our own revisions that are not published."""
        return [ref for ref, workspace in self.opened().items() if _OURS.match(workspace)]

    def opened_by_others(self) -> list[str]:
        """Returns the branches of other people's revisions that are not published."""
        return [ref for ref, workspace in self.opened().items() if not _OURS.match(workspace)]

    def lifecycle_of(self, workspace: str) -> str | None:
        """Returns how far the revision of a workspace has come; None where there is none."""
        if self.tag(workspace) in self.refs:
            return "Published"
        return next((name for name in _OPEN if self.open_branch(name, workspace) in self.refs), None)

    def lifecycle_at(self, ref: str) -> str:
        """Returns the lifecycle that the branch of an open revision stands for."""
        return next(name for name, kind in _OPEN.items() if ref.startswith(f"refs/heads/{kind}/"))

    def number_of(self, workspace: str) -> int:
        """Returns the number of a published revision; 0 where it has none."""
        commit = self.refs.get(self.tag(workspace))
        return next((number for number, ref in self._numbers() if self.refs[ref] == commit), 0)

    def newest(self) -> int:
        """Returns the number of the newest published revision; 0 where there is none."""
        return max((number for number, _ in self._numbers()), default=0)

    def workspace_numbered(self, number: int) -> str:
        """Returns the workspace of a published revision; empty where it is not known."""
        commit = self.refs.get(self.tag(f"v{number}"))
        names = (ref.removeprefix(self.tag("")) for ref, found in self.refs.items() if found == commit)
        return next((name for name in names if _OURS.match(name)), "")

    def _numbers(self) -> Iterable[tuple[int, str]]:
        prefix = self.tag("")
        for ref in self.refs:
            match = _NUMBER.match(ref.removeprefix(prefix)) if ref.startswith(prefix) else None
            if match:
                yield int(match[1]), ref
