"""What is done about revisions after their effect: packages withdrawn, old revisions deleted."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.executors.base import Wished
from engine.executors.porch.api import PorchError
from engine.executors.porch.calls import PorchCalls
from engine.executors.porch.model import PackageRevision

log = logging.getLogger(__name__)

PRUNED_AT_ONCE = 2
"""How many old revisions go with each new one at most: a package that has many gets there by and by."""


class Upkeep:
    """Looks after the revisions of packages.

    Args:
        keep: how many published revisions of each package are kept.
        keep_seconds: how long what is open is kept when nobody wishes it any more.
    """

    def __init__(self, api: PorchCalls, keep: int, keep_seconds: float) -> None:
        self._api = api
        self._keep = keep
        self._keep_seconds = keep_seconds

    def withdraw(self, repository: str, package: str) -> PackageRevision | None:
        """Proposes all that is published of a package for deletion, and deletes what is open of ours.

        Returns:
            The newest that was published; None where the package is not there.
        """
        revisions = self._api.revisions(repository, package, with_placeholder=True)
        for found in revisions:
            if found.ours and not found.published:
                self._api.delete(found)
        published = sorted(
            (found for found in revisions if found.published), key=lambda found: found.revision
        )
        gone = [
            found if found.lifecycle == "DeletionProposed" else self._api.move(found, "DeletionProposed")
            for found in published
        ]
        return gone[-1] if gone else None

    def prune(self, newest: PackageRevision) -> None:
        """Deletes the oldest published revisions of ours that are beyond those which are kept."""
        if newest.revision <= self._keep:
            return
        try:
            revisions = self._api.revisions(newest.repository, newest.package)
            for found in superfluous(revisions, self._keep)[:PRUNED_AT_ONCE]:
                if found.lifecycle == "Published":
                    found = self._api.move(found, "DeletionProposed")  # noqa: PLW2901 - the same, later
                self._api.remove(found)
        except PorchError as error:  # nothing depends on it, and the next revision tries again
            log.info("old revisions of %s stay: %s", newest.package, error)

    def leftovers(self, repositories: Iterable[str], wished: Wished, now: float) -> list[PackageRevision]:
        """Finds what has been open of ours for long, and nobody wishes any more.

        What is not known to be wished is left over only where a try that broke off must have left it: a
        proposal may wait for longer than a store lives.
        """
        return [
            found
            for repository in repositories
            for found in self._api.open_revisions(repository)
            if found.ours and now - _made(found) > self._keep_seconds and _left(found, wished)
        ]


def _left(revision: PackageRevision, wished: Wished) -> bool:
    for wish in revision.wishes:
        known = wished(revision.repository, revision.package, wish.workspace)
        broke_off = revision.lifecycle == "Draft" and wish.lifecycle != "Draft"
        if known or (known is None and not broke_off):
            return False
    return True


def _made(revision: PackageRevision) -> float:
    """Returns when a revision was made, in epoch seconds; in the future where porch does not say."""
    try:
        return datetime.fromisoformat(revision.created).timestamp()
    except ValueError:
        return math.inf


def superfluous(revisions: Sequence[PackageRevision], keep: int) -> list[PackageRevision]:
    """Returns the published revisions of ours beyond the newest `keep` of all, the oldest first."""
    published = sorted((found for found in revisions if found.published), key=lambda found: found.revision)
    return [found for found in published[:-keep] if found.ours and not found.latest]
