"""The calls of porch that an executor needs, in whatever way they are made.

Each raises `engine.executors.porch.api.PorchError` where porch does not do what it is asked to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from engine.executors.porch.model import Contents, PackageRevision


class PorchCalls(Protocol):
    """Calls porch; safe for several threads."""

    namespace: str

    def revisions(
        self, repository: str, package: str, *, with_placeholder: bool = False
    ) -> list[PackageRevision]:
        """Lists the revisions of a package, the one that stands for the branch only where it is asked for."""
        ...

    def open_revisions(self, repository: str) -> list[PackageRevision]:
        """Lists the drafts and the proposals of a repository."""
        ...

    def find(self, name: str) -> PackageRevision | None:
        """Returns a revision; None where porch says that it is not there, which it may be all the same."""
        ...

    def contents(self, name: str) -> Contents:
        """Returns the files of a revision that is there."""
        ...

    def create(
        self, repository: str, package: str, workspace: str, task: Mapping[str, Any]
    ) -> PackageRevision:
        """Makes a draft."""
        ...

    def push(self, revision: PackageRevision, files: Mapping[str, bytes | None]) -> Contents:
        """Writes files of a draft, which renders it; None takes a file away.

        Returns:
            All files as they were rendered, and what the functions complained about.
        """
        ...

    def move(self, revision: PackageRevision, lifecycle: str) -> PackageRevision:
        """Takes a revision, as it was when it was read, to another lifecycle."""
        ...

    def take_back(self, revision: PackageRevision, workspace: str) -> PackageRevision:
        """Takes a proposed revision back to Draft, to be extended by the effect of a workspace."""
        ...

    def delete(self, revision: PackageRevision) -> None:
        """Deletes an open revision that is as it was seen; one that is gone is well deleted."""
        ...

    def remove(self, revision: PackageRevision) -> None:
        """Deletes a revision that is proposed for deletion."""
        ...

    def repository(self, name: str) -> str:
        """Returns why a repository cannot be written; empty where it can."""
        ...

    def ping(self) -> None:
        """Asks for what porch-server itself answers, and nothing behind it."""
        ...

    def close(self) -> None:
        """Ends what is held open."""
        ...
