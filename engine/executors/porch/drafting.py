"""One package of one effect: what its revision is made from, and the files that are written there.

A package has one open revision of ours. What it holds that others were decided to have goes into the new
one, which takes its place once it is as far; where nothing can come of it any more, it goes at once. Somebody
else's open revision is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.executors.base import Effect, Retry, Terminal
from engine.executors.errors import ErrorClass
from engine.executors.porch.api import PorchError
from engine.executors.porch.calls import PorchCalls
from engine.executors.porch.model import EFFECTS, STEPS, PackageRevision, Wish, label, wishes_text
from engine.krm import PackageChange, annotate_package, lay_change
from engine.krm.package import KPTFILE
from engine.reasons import Reason

BUSY_SECONDS = 30.0
"""The delay where somebody else's open revision is waited for."""
_MADE_BY_INIT = ("README.md", "package-context.yaml")
"""What porch puts into a new package by itself; nobody asked for it."""

Files = Mapping[str, bytes]
Recall = Callable[[str, str, str], Effect | None]
"""Looks up an effect by repository, package and its workspace; None where it is not known."""


class StoppedError(Exception):
    """A package cannot be written now, or not at all."""

    def __init__(self, outcome: Retry | Terminal) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Draft:
    """The revision that a package's change stands in.

    Attributes:
        replaced: open revisions that say nothing beside it, to be deleted once it is as far as they are.
        changed: False where the newest published revision says all of it already.
    """

    revision: PackageRevision
    replaced: tuple[PackageRevision, ...] = ()
    changed: bool = True


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a draft begins with.

    Attributes:
        files: those of the newest published revision, with what others were decided to have beside it.
        wishes: of others, which `files` hold.
        held_by: the open revision of ours that holds them; None for none.
    """

    files: Files
    wishes: tuple[Wish, ...] = ()
    held_by: PackageRevision | None = None


@dataclass(frozen=True, slots=True)
class _Package:
    """A package as it was listed.

    Attributes:
        latest: the newest published revision, which later ones are made from; None for none.
        open: the revisions that are not published.
        files: of the newest published revision.
        done: the wishes that are published, which a revision made and not yet written repeats.
    """

    latest: PackageRevision | None
    open: tuple[PackageRevision, ...]
    files: Files
    done: frozenset[Wish]


class Drafter:
    """Makes drafts, and finds those that were made."""

    def __init__(self, api: PorchCalls, recall: Recall) -> None:
        self._api = api
        self._recall = recall

    def draft(self, effect: Effect, change: PackageChange) -> Draft:
        """Returns the revision that holds the change, drafted and rendered, or further where it is.

        Raises:
            StoppedError: somebody else works on the package, or its functions do not take the change.
            MergeConflict, DocumentError: the change does not go with the package's files.
            PorchError: a call failed.
        """
        revisions = self._api.revisions(label(change.repository), label(change.name))
        latest = _latest(revisions)
        open_ = tuple(found for found in revisions if not found.published)
        source = self._api.contents(latest.name).files if latest is not None else {}
        files = source if latest is not None and latest.lifecycle == "Published" else {}
        for found in revisions:
            if _stands(found, effect, latest) and (found.published or self._whole(found, files)):
                return Draft(found, replaced_by(found, open_))
        done = frozenset(wish for found in revisions if found.published for wish in found.wishes)
        package = _Package(latest, open_, files, done)
        ground = self._ground(package, effect)
        wished = lay_change(ground.files, change)
        marked = annotate_package(wished, {EFFECTS: wishes_text((*ground.wishes, Wish.of(effect)))})
        if ground.held_by is not None and not _outdated(ground.held_by, latest):
            return Draft(self._extend(ground.held_by, effect, marked, change))
        mine = next((found for found in open_ if found.workspace == effect.workspace), None)
        if mine is not None and (mine.lifecycle != "Draft" or _outdated(mine, latest)):
            self._api.delete(mine)  # it begins anew from what is the newest by now
            mine = None
        if mine is not None:
            there = self._api.contents(mine.name).files
        elif latest is not None and wished == files and not ground.wishes:
            return Draft(latest, changed=False)
        else:
            mine = self._create(effect, change, latest)
            there = source if latest is not None else dict.fromkeys(_MADE_BY_INIT, b"")
        pushed = self._push(mine, there, marked, change)
        return Draft(pushed, () if ground.held_by is None else (ground.held_by,))

    def holding(self, repository: str, package: str, workspace: str) -> Draft | None:
        """Finds the revision that holds the effect of a workspace, best its own; None for none."""
        revisions = self._api.revisions(repository, package)
        held = [found for found in revisions if found.holds(workspace) and not found.discarded]
        if not held:
            return None
        found = min(held, key=lambda each: (each.workspace != workspace, not each.published))
        return Draft(found, replaced_by(found, [each for each in revisions if not each.published]))

    def whole(self, found: PackageRevision) -> bool:
        """Tells whether a revision has all files that it should have; see `_whole`."""
        if found.published:
            return True  # porch has pushed it to git before
        latest = _latest(self._api.revisions(found.repository, found.package))
        kept = latest is not None and latest.lifecycle == "Published"
        return self._whole(found, self._api.contents(latest.name).files if latest and kept else {})

    def discard(self, repository: str, package: str, workspace: str) -> None:
        """Takes the effect of a workspace out of the open revisions of ours that hold it.

        Raises:
            StoppedError: nobody knows any more what the others wished that a revision holds.
            PorchError: a call failed.
        """
        revisions = self._api.revisions(repository, package)
        done = frozenset(wish for found in revisions if found.published for wish in found.wishes)
        for found in revisions:
            if found.published or not found.ours or not found.holds(workspace):
                continue
            standing = tuple(
                wish for wish in found.wishes if wish.workspace != workspace and wish not in done
            )
            if standing:
                self._rewrite(found, standing)
            else:
                self._api.delete(found)

    def _rewrite(self, found: PackageRevision, standing: tuple[Wish, ...]) -> None:
        """Makes an open revision hold no more than some of its wishes; it is proposed again if it was."""
        base = self._api.contents(found.source).files if found.source else {}
        files = self._recalled(base, standing, found)
        marked = annotate_package(files, {EFFECTS: wishes_text(standing)})
        there = self._api.contents(found.name).files
        draft = found
        if found.lifecycle != "Draft":
            draft = self._api.take_back(found, standing[0].workspace)
        pushed = self._api.push(draft, _difference(there, marked))
        if found.at_rest != "Draft":
            self._api.move(replace(draft, version=pushed.version), found.at_rest)

    def _create(
        self, effect: Effect, change: PackageChange, latest: PackageRevision | None
    ) -> PackageRevision:
        task: Mapping[str, object] = {"type": "edit", "edit": {"sourceRef": {"name": latest and latest.name}}}
        if latest is None:
            task = {"type": "init", "init": {"description": f"What network intents state: {change.name}"}}
        return self._api.create(label(change.repository), label(change.name), effect.workspace, task)

    def _extend(
        self, held_by: PackageRevision, effect: Effect, wished: Files, change: PackageChange
    ) -> PackageRevision:
        """Takes an open revision of ours back to Draft and writes it anew; undone where that cannot be."""
        before = self._api.contents(held_by.name).files
        draft = held_by
        if held_by.lifecycle != "Draft":
            draft = self._api.take_back(held_by, effect.workspace)
        try:
            return self._push(draft, before, wished, change)
        except (StoppedError, PorchError) as error:
            if isinstance(error, StoppedError) or error.failure.error_class is ErrorClass.PERMANENT:
                self._restore(held_by, before)
            raise

    def _restore(self, held_by: PackageRevision, before: Files) -> None:
        """Makes an open revision what it was, since what was to be added cannot be."""
        found = self._api.find(held_by.name)
        if found is None or found.lifecycle != "Draft":
            return
        now = self._api.contents(found.name).files
        if now != before:
            pushed = self._api.push(found, _difference(now, before))
            found = replace(found, version=pushed.version)
        if held_by.lifecycle != "Draft":
            self._api.move(found, held_by.lifecycle)

    def _push(
        self, draft: PackageRevision, there: Files, wished: Files, change: PackageChange
    ) -> PackageRevision:
        """Writes what differs, and looks what the package's functions made of it."""
        rendered = self._api.push(draft, _difference(there, wished))
        if rendered.problems:
            said = "; ".join(rendered.problems)[:400]
            message = (
                f"the functions of package {change.name} complain: {said}; correct its pipeline, or the text"
            )
            raise StoppedError(Terminal(Reason.INVALID, message))
        if lay_change(rendered.files, change) != rendered.files:
            message = (
                f"a function in the pipeline of package {change.name} changed what was written; "
                "change it where that function takes it from"
            )
            raise StoppedError(Terminal(Reason.CONFLICT, message))
        return replace(draft, version=rendered.version)

    def _ground(self, package: _Package, effect: Effect) -> _Ground:
        """Makes way among the open revisions of a package, and keeps what others are to have of it."""
        ground = _Ground(package.files)
        for other in package.open:
            if not other.ours:
                raise _busy(other, "somebody else works on it: have it approved, or deleted")
            standing = tuple(
                wish for wish in other.wishes if wish.intent != effect.intent and wish not in package.done
            )
            if other.workspace == effect.workspace and not standing:
                continue
            if not standing or _abandoned(other):
                self._api.delete(other)
                continue
            if any(each != effect.lifecycle for each in (other.at_rest, *(w.lifecycle for w in standing))):
                raise _busy(
                    other, f"this intent goes as far as {effect.lifecycle}; have it approved, or deleted"
                )
            if ground.held_by is not None:
                raise _busy(other, f"beside {ground.held_by.name}; have one approved, or deleted")
            stale = any(w.intent == effect.intent and w.workspace != effect.workspace for w in other.wishes)
            if stale or _outdated(other, package.latest) or not self._whole(other, package.files):
                files = self._recalled(package.files, standing, other)
            else:
                files = self._api.contents(other.name).files
            ground = _Ground(files, standing, other)
        return ground

    def _whole(self, found: PackageRevision, base: Files) -> bool:
        """Tells whether an open revision has all files that it should have.

        porch writes a revision's files one by one after what it says of it, and stops in between where its
        client goes away: what says Proposed, and whose wishes it holds, may lack any of them.

        Args:
            base: the files that it was made from.
        """
        files = self._api.contents(found.name).files
        if KPTFILE not in files or base.keys() - files.keys():
            return False
        effects = (self._recall(found.repository, found.package, wish.workspace) for wish in found.wishes)
        return all(
            lay_change(files, theirs) == files
            for effect in effects
            if effect is not None
            for theirs in effect.changes
            if (label(theirs.repository), label(theirs.name)) == (found.repository, found.package)
        )

    def _recalled(self, files: Files, wishes: Sequence[Wish], of: PackageRevision) -> Files:
        """Lays over the files what others were decided to have of this package."""
        for wish in wishes:
            effect = self._recall(of.repository, of.package, wish.workspace)
            if effect is None:
                raise _busy(of, f"it holds what {wish.intent} wished, which is known no more")
            for theirs in effect.changes:
                if (label(theirs.repository), label(theirs.name)) == (of.repository, of.package):
                    files = lay_change(files, theirs)
        return files


def replaced_by(revision: PackageRevision, others: Iterable[PackageRevision]) -> tuple[PackageRevision, ...]:
    """Returns the open revisions of ours that hold nothing beside what another open one holds."""
    return tuple(
        other
        for other in others
        if not revision.published
        and other.name != revision.name
        and other.ours
        and other.wishes
        and all(revision.holds(wish.workspace) for wish in other.wishes)
    )


def _difference(there: Files, wished: Files) -> dict[str, bytes | None]:
    """Returns what has to be written to make files others; None for what goes."""
    changed: dict[str, bytes | None] = {
        path: data for path, data in wished.items() if there.get(path) != data
    }
    return changed | dict.fromkeys(there.keys() - wished.keys())


def _latest(revisions: Iterable[PackageRevision]) -> PackageRevision | None:
    """Returns the newest published revision, which later ones are made from; None for none.

    One that is to be deleted only where there is no other: then the package begins with no files.
    """
    published = [found for found in revisions if found.published]

    def newer(found: PackageRevision) -> tuple[bool, bool, int]:
        return found.lifecycle == "Published", found.latest, found.revision

    return max(published, key=newer, default=None)


def _stands(found: PackageRevision, effect: Effect, latest: PackageRevision | None) -> bool:
    """Tells whether an earlier try published or proposed it, and it says what it has to."""
    if found.published:
        return found.workspace == effect.workspace or (found.ours and found.holds(effect.workspace))
    return found.lifecycle == "Proposed" and found.holds(effect.workspace) and not _outdated(found, latest)


def _outdated(revision: PackageRevision, latest: PackageRevision | None) -> bool:
    """Tells whether something was published since it was begun, which it would undo."""
    return revision.source != (latest.name if latest is not None else "")


def _abandoned(revision: PackageRevision) -> bool:
    """Tells whether nothing comes of an open revision of ours: rejected, or left behind by a try.

    Work on a package is serialised, so nobody is about to take it further. Who tries again begins anew.
    """
    if revision.discarded:
        return True
    return any(STEPS.index(wish.lifecycle) > STEPS.index(revision.at_rest) for wish in revision.wishes)


def _busy(other: PackageRevision, why: str) -> StoppedError:
    message = f"revision {other.name} is open ({other.lifecycle}); {why}; it goes on by itself"
    return StoppedError(Retry(Reason.PACKAGE_BUSY, message, after=BUSY_SECONDS, counts=False))
