"""The executors that the tests run through: what settings each needs, and where its packages are seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.e2e.porch.given import Given, program, variable
from tests.e2e.porch.published_in_git import GitRepository
from tests.e2e.porch.revisions import Porch, Seen


class Packages(Protocol):
    """What an executor has written."""

    def revisions(self, prefix: str) -> list[Seen]:
        """Lists the revisions of packages whose names begin with a text, by package and number."""
        ...

    def files(self, revision: Seen) -> dict[str, str]:
        """Returns the files of a revision."""
        ...

    def approve(self, revision: Seen) -> None:
        """Approves a proposal as a person would."""
        ...

    def reject(self, revision: Seen) -> None:
        """Says no to a proposal as a person would."""
        ...

    def draft(self, package: str, workspace: str) -> None:
        """Begins a revision of a new package, as somebody else would."""
        ...

    def remove(self, prefix: str) -> None:
        """Removes all packages whose names begin with a text."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """One executor.

    Attributes:
        settings: the section `executors`.
        keeping: the name of the part of it that says what is kept.
    """

    name: str
    settings: dict[str, Any]
    packages: Packages
    keeping: str = "porch"


def _porch(given: Given, kubeconfig: Path, folder: Path) -> Backend:
    section = {"namespace": given.namespace, "kubeconfig": str(kubeconfig)}
    return Backend("porch", {"porch": section}, Porch(given.admin, given.namespace, given.repository))


def _porchctl(given: Given, kubeconfig: Path, folder: Path) -> Backend:
    over_porch = _porch(given, kubeconfig, folder)
    section = {"program": program("E2E_PORCHCTL"), "kubeconfig": str(kubeconfig)}
    return Backend("porchctl", {**over_porch.settings, "porchctl": section}, over_porch.packages)


def _kpt(given: Given, kubeconfig: Path, folder: Path) -> Backend:
    url = variable("E2E_KPT_GIT_URL")
    section = {"kpt": program("E2E_KPT"), "repositories": {given.repository: {"url": url, "plainHttp": True}}}
    return Backend("kpt", {"kpt": section}, GitRepository(url, folder / "seen"), keeping="kpt")


_MAKERS: Mapping[str, Callable[[Given, Path, Path], Backend]] = {
    "porch": _porch,
    "porchctl": _porchctl,
    "kpt": _kpt,
}
NAMES = tuple(_MAKERS)
OVER_PORCH = tuple(name for name in NAMES if name != "kpt")
"""Those whose revisions are porch's, so that anybody can approve and reject them there."""


def backend(name: str, given: Given, kubeconfig: Path, folder: Path) -> Backend:
    """Returns an executor by name, or skips where what it needs is absent."""
    return _MAKERS[name](given, kubeconfig, folder)
