"""The directory executor: kpt packages in a folder, each revision kept beside the package as it is now.

    <out>/packages/<repository>/<package>/                        the package as it is now, to apply or commit
    <out>/revisions/<repository>/<package>/v3-cw-0a1b2c…/         each revision, never changed
    <out>/effects/<namespace>/<name>.json                         the decision behind an intent's last effect

A revision is written under a hidden name and appears whole by a rename, so it is there or it is not. Its
name carries the workspace, which is made from the effect key: that is how an effect is read back.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine import files
from engine.executors.base import (
    Absent,
    Done,
    Down,
    Effect,
    ExecuteOutcome,
    PackageRef,
    ProbeOutcome,
    ReadBackOutcome,
    Retry,
    Revision,
    Terminal,
    Up,
    Withdrawal,
)
from engine.identity import sha256
from engine.krm import MergeConflict, PackageChange, merge, read_package, render_package
from engine.reasons import Reason

_REVISION = re.compile(r"v([1-9][0-9]*)-(cw-[0-9a-f]+)\Z")
_LONGEST_STEM = 230
"""Of a file's name, in characters: file systems hold 255 bytes."""
_OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ESTALE}


class DirectoryExecutor:
    """Writes packages below a folder; publishes at once, as a folder has nobody who approves.

    Args:
        keep: how many revisions of each package are kept.
    """

    name = "directory"

    def __init__(self, out: Path, keep: int = 50) -> None:
        self._out = out
        self._keep = keep
        self._packages = str(out / "packages")
        self._revisions = str(out / "revisions")
        self._effects = str(out / "effects")

    def execute(self, effect: Effect) -> ExecuteOutcome:
        """Writes a revision of each package that changes, then shows them all.

        A full, read-only or failing disk is the backend's outage; any other error of the file system is a
        failed try.
        """
        if effect.lifecycle != "Published":
            message = (
                f"the directory executor only publishes and the decision says {effect.lifecycle}: "
                "set bounds.highestLifecycle and bounds.lifecycle to Published, or use porch"
            )
            return Terminal(Reason.RULE_ERROR, message)
        try:
            # All are merged before any is written, and all written before any is shown: an intent happens
            # as a whole.
            drafts = [self._draft(effect, change) for change in effect.changes]
            self._remember(effect)
            for draft in drafts:
                draft.write()
            for draft in drafts:
                draft.appear()
            for draft in drafts:
                self._show(draft)
        except MergeConflict as error:
            return Terminal(Reason.CONFLICT, str(error))
        except OSError as error:
            return _failed(error)
        return Done(tuple(draft.revision for draft in drafts))

    def withdraw(self, withdrawal: Withdrawal) -> ExecuteOutcome:
        """Deletes packages: each gets a last revision that holds nothing; the ones before it are kept."""
        try:
            drafts = [self._last_draft(withdrawal, package) for package in withdrawal.packages]
            for draft in drafts:
                if draft is not None:
                    draft.write()
                    draft.appear()
                    self._show(draft)
        except OSError as error:
            return _failed(error)
        return Done(tuple(draft.revision for draft in drafts if draft is not None))

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        """Finds the revisions of an effect; Absent where any package has none.

        A package that had nothing to change has none either: it is executed again, and changes nothing.
        """
        found = [self._written(effect, change, self._shelf(change)) for change in effect.changes]
        written = [draft for draft in found if draft is not None]
        if len(written) < len(found):
            return Absent()
        for draft in written:
            self._show(draft)
        return Done(tuple(draft.revision for draft in written))

    def probe(self) -> ProbeOutcome:
        """Writes a few bytes to the disk of the folder, or of the nearest one above that is there."""
        there = self._out
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(b"conductor-watch")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return Down(f"{there} cannot be written: {error.strerror or error}")
        return Up(f"{self._out}: writable")

    def recall(self, intent: str, key: str) -> str:
        """Returns what was kept with an intent's last effect, if that has this key."""
        try:
            kept = json.loads(files.read(self._effect(intent)))
            return str(kept["record"]) if kept["key"] == key else ""
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    def _remember(self, effect: Effect) -> None:
        """Keeps the decision, before anything appears of what it leads to.

        Not synced to the disk: it is of use only where the store is lost, and without it the effect is still
        found by its workspace.
        """
        kept = json.dumps({"key": effect.key, "record": effect.record})
        files.replace(self._effect(effect.intent), kept.encode(), sync=False)

    def _effect(self, intent: str) -> str:
        """The file of an intent; its name is shortened where a file system could not hold it."""
        namespace, _, name = intent.partition("/")
        stem = name if len(name) <= _LONGEST_STEM else f"{name[:_LONGEST_STEM]}-{sha256(name)[:8]}"
        return f"{self._effects}/{namespace}/{stem}.json"

    def _draft(self, effect: Effect, change: PackageChange) -> _Draft:
        """Works out the revision of one package; writes nothing."""
        shelf = self._shelf(change)
        written = self._written(effect, change, shelf)
        if written is not None:
            return written
        shelf.sweep()
        newest = shelf.newest
        current = files.read_all(shelf.path(newest)) if newest else {}
        content = render_package(change.name, merge(read_package(current), change))
        if newest and content == current:
            workspace = shelf.revisions[newest].partition("-")[2]
            return _Draft(_revision(change, workspace, newest, shelf, changed=False), shelf, current)
        revision = _revision(change, effect.workspace, newest + 1, shelf)
        return _Draft(revision, shelf, content, there=False)

    def _last_draft(self, withdrawal: Withdrawal, package: PackageRef) -> _Draft | None:
        """Works out the empty revision of a package; None where it is not there."""
        shelf = self._shelf(package)
        written = self._written(withdrawal, package, shelf)
        if written is not None:
            return written
        shelf.sweep()
        newest = shelf.newest
        if not newest or not files.read_all(shelf.path(newest)):
            return None
        revision = _revision(package, withdrawal.workspace, newest + 1, shelf, lifecycle="Deleted")
        return _Draft(revision, shelf, {}, there=False)

    def _written(
        self, effect: Effect | Withdrawal, package: PackageChange | PackageRef, shelf: _Shelf
    ) -> _Draft | None:
        """Returns the revision that an effect has made of a package already; None where there is none."""
        number = shelf.of_workspace(effect.workspace)
        if number is None:
            return None
        lifecycle = "Deleted" if isinstance(effect, Withdrawal) else "Published"
        revision = _revision(package, effect.workspace, number, shelf, lifecycle=lifecycle)
        return _Draft(revision, shelf, files.read_all(revision.resource_name))

    def _show(self, draft: _Draft) -> None:
        """Makes the package as people see it what its newest revision says."""
        revision, shelf, content = draft.revision, draft.shelf, draft.content
        if revision.revision < shelf.newest:  # a later one is shown already, or will be by its own effect
            return
        shown = f"{self._packages}/{revision.repository}/{revision.package}"
        present = _made(shown)
        for name, data in content.items():
            if name not in present or not _holds(f"{shown}/{name}", data):
                files.replace(f"{shown}/{name}", data)
        for name in present:
            if name not in content and (name.endswith(".yaml") or (not content and name == "Kptfile")):
                Path(shown, name).unlink()
        if not content:  # withdrawn
            with contextlib.suppress(OSError):  # what people added stays
                Path(shown).rmdir()
        shelf.prune(self._keep)

    def _shelf(self, package: PackageChange | PackageRef) -> _Shelf:
        return _Shelf.of(f"{self._revisions}/{package.repository}/{package.name}")


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The revisions of one package, from one look into their folder: work on one package is serialised.

    Attributes:
        revisions: the names of their folders, by number.
        unfinished: the names of those that a killed process was writing.
    """

    folder: str
    revisions: dict[int, str]
    unfinished: list[str]

    @classmethod
    def of(cls, folder: str) -> _Shelf:
        """Looks into a folder, which need not be there."""
        shelf = cls(folder, {}, [])
        for name in files.names(folder):
            if match := _REVISION.match(name):
                shelf.revisions[int(match[1])] = name
            elif name.startswith(".v"):
                shelf.unfinished.append(name)
        return shelf

    @property
    def newest(self) -> int:
        """The number of the newest revision; 0 where there is none."""
        return max(self.revisions, default=0)

    def path(self, number: int) -> str:
        return f"{self.folder}/{self.revisions[number]}"

    def of_workspace(self, workspace: str) -> int | None:
        """Returns the number of the revision with a workspace; None where there is none."""
        ending = f"-{workspace}"
        return next((number for number, name in self.revisions.items() if name.endswith(ending)), None)

    def sweep(self) -> None:
        """Removes what was never finished."""
        for name in self.unfinished:
            shutil.rmtree(f"{self.folder}/{name}", ignore_errors=True)

    def prune(self, keep: int) -> None:
        """Removes the oldest revisions beyond those that are kept."""
        for number in sorted(self.revisions)[:-keep]:
            shutil.rmtree(self.path(number), ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A revision on its way: its files under a hidden name, until all of its effect are there.

    Attributes:
        content: its files, by name.
        there: whether it has its name already.
    """

    revision: Revision
    shelf: _Shelf
    content: Mapping[str, bytes]
    there: bool = True

    def write(self) -> None:
        """Writes the files under the hidden name."""
        if self.there:
            return
        hidden = self._hidden()
        files.make_folder(hidden)
        for name, data in self.content.items():
            files.write(f"{hidden}/{name}", data)
        files.sync_folder(hidden)

    def appear(self) -> None:
        """Gives it its name."""
        if self.there:
            return
        files.rename(self._hidden(), self.revision.resource_name)
        files.sync_folder(self.shelf.folder)
        self.shelf.revisions[self.revision.revision] = self._name()

    def _name(self) -> str:
        return self.revision.resource_name.rpartition("/")[2]

    def _hidden(self) -> str:
        return f"{self.shelf.folder}/.{self._name()}"


def _revision(
    package: PackageChange | PackageRef,
    workspace: str,
    number: int,
    shelf: _Shelf,
    *,
    lifecycle: str = "Published",
    changed: bool = True,
) -> Revision:
    return Revision(
        repository=package.repository,
        package=package.name,
        workspace=workspace,
        revision=number,
        lifecycle=lifecycle,
        resource_name=f"{shelf.folder}/v{number}-{workspace}",
        changed=changed,
    )


def _failed(error: OSError) -> Retry:
    path = f" {error.filename}" if error.filename else ""
    message = f"cannot write{path}: {error.strerror or error}"
    if error.errno in _OUT_OF_SPACE:
        return Retry(Reason.BACKEND_DOWN, message, after=30.0, counts=False)
    return Retry(Reason.BACKING_OFF, message)


def _made(folder: str) -> list[str]:
    """Makes a folder unless it is there, and returns the names of what is in it."""
    try:
        files.make_folder(folder)
    except FileExistsError:
        return files.names(folder)
    return []


def _holds(path: str, data: bytes) -> bool:
    return Path(path).is_file() and files.read(path) == data
