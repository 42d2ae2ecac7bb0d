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
        self._packages = out / "packages"
        self._revisions = out / "revisions"
        self._effects = out / "effects"

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
            revisions = tuple(draft.revision for draft in drafts)
            for revision in revisions:
                self._show(revision)
        except MergeConflict as error:
            return Terminal(Reason.CONFLICT, str(error))
        except OSError as error:
            return _failed(error)
        return Done(revisions)

    def withdraw(self, withdrawal: Withdrawal) -> ExecuteOutcome:
        """Deletes packages: each gets a last revision that holds nothing; the ones before it are kept."""
        try:
            drafts = [self._last_draft(withdrawal, package) for package in withdrawal.packages]
            for draft in drafts:
                if draft is not None:
                    draft.write()
                    draft.appear()
                    self._show(draft.revision)
        except OSError as error:
            return _failed(error)
        return Done(tuple(draft.revision for draft in drafts if draft is not None))

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        """Finds the revisions of an effect; Absent where any package has none.

        A package that had nothing to change has none either: it is executed again, and changes nothing.
        """
        found = [self._of_workspace(change, effect) for change in effect.changes]
        revisions = tuple(revision for revision in found if revision is not None)
        if len(revisions) < len(effect.changes):
            return Absent()
        for revision in revisions:
            self._show(revision)
        return Done(revisions)

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
            kept = json.loads(self._effect(intent).read_bytes())
            return str(kept["record"]) if kept["key"] == key else ""
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    def _remember(self, effect: Effect) -> None:
        """Keeps the decision, before anything appears of what it leads to.

        Not synced to the disk: it is of use only where the store is lost, and without it the effect is still
        found by its workspace.
        """
        path = self._effect(effect.intent)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}")
        draft.write_text(json.dumps({"key": effect.key, "record": effect.record}), encoding="utf-8")
        draft.replace(path)

    def _effect(self, intent: str) -> Path:
        """The file of an intent; its name is shortened where a file system could not hold it."""
        namespace, _, name = intent.partition("/")
        stem = name if len(name) <= _LONGEST_STEM else f"{name[:_LONGEST_STEM]}-{sha256(name)[:8]}"
        return self._effects / namespace / f"{stem}.json"

    def _draft(self, effect: Effect, change: PackageChange) -> _Draft:
        """Works out the revision of one package; writes nothing."""
        existing = self._of_workspace(change, effect)
        if existing is not None:
            return _Draft(existing)
        self._sweep(change)
        number, latest = self._latest(change)
        current = _read_files(latest) if latest is not None else {}
        files = render_package(change.name, merge(read_package(current), change))
        if latest is not None and files == current:
            return _Draft(self._revision(change, effect, number, latest, changed=False))
        folder = self._revisions / change.repository / change.name / f"v{number + 1}-{effect.workspace}"
        return _Draft(self._revision(change, effect, number + 1, folder, changed=True), files)

    def _last_draft(self, withdrawal: Withdrawal, package: PackageRef) -> _Draft | None:
        """Works out the empty revision of a package; None where it is not there."""
        existing = self._of_workspace(package, withdrawal)
        if existing is not None:
            return _Draft(existing)
        self._sweep(package)
        number, latest = self._latest(package)
        if latest is None or not _read_files(latest):
            return None
        folder = latest.parent / f"v{number + 1}-{withdrawal.workspace}"
        return _Draft(self._revision(package, withdrawal, number + 1, folder, changed=True), {})

    def _sweep(self, change: PackageChange | PackageRef) -> None:
        """Removes what a killed process was writing: work on one package is serialised, so nobody else is."""
        for path in (self._revisions / change.repository / change.name).glob(".v*"):
            shutil.rmtree(path, ignore_errors=True)

    def _show(self, revision: Revision) -> None:
        """Makes the package as people see it what its newest revision says."""
        newest = Path(revision.resource_name)
        number = max(self._numbers(newest.parent), default=revision.revision)
        if number != revision.revision:  # a later one is shown already, or will be by its own effect
            return
        files = _read_files(newest)
        shown = self._packages / revision.repository / revision.package
        shown.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            if not (shown / name).is_file() or (shown / name).read_bytes() != data:
                _replace_file(shown / name, data)
        for path in shown.iterdir():
            if path.name not in files and (path.suffix == ".yaml" or (not files and path.name == "Kptfile")):
                path.unlink()
        if not files:  # withdrawn
            with contextlib.suppress(OSError):  # what people added stays
                shown.rmdir()
        self._prune(newest.parent)

    def _prune(self, folder: Path) -> None:
        """Removes the oldest revisions beyond those that are kept."""
        numbers = self._numbers(folder)
        for number in sorted(numbers)[: -self._keep]:
            shutil.rmtree(numbers[number], ignore_errors=True)

    def _of_workspace(
        self, change: PackageChange | PackageRef, effect: Effect | Withdrawal
    ) -> Revision | None:
        folder = self._revisions / change.repository / change.name
        for number, path in self._numbers(folder).items():
            if path.name.endswith(f"-{effect.workspace}"):
                return self._revision(change, effect, number, path, changed=True)
        return None

    def _latest(self, change: PackageChange | PackageRef) -> tuple[int, Path | None]:
        numbers = self._numbers(self._revisions / change.repository / change.name)
        number = max(numbers, default=0)
        return number, numbers.get(number)

    def _numbers(self, folder: Path) -> dict[int, Path]:
        try:
            matches = [(_REVISION.match(path.name), path) for path in folder.iterdir()]
        except FileNotFoundError:
            return {}
        return {int(match[1]): path for match, path in matches if match}

    def _revision(
        self,
        change: PackageChange | PackageRef,
        effect: Effect | Withdrawal,
        number: int,
        folder: Path,
        *,
        changed: bool,
    ) -> Revision:
        return Revision(
            repository=change.repository,
            package=change.name,
            workspace=effect.workspace if changed else folder.name.partition("-")[2],
            revision=number,
            lifecycle="Deleted" if isinstance(effect, Withdrawal) else "Published",
            resource_name=str(folder),
            changed=changed,
        )


def _failed(error: OSError) -> Retry:
    path = f" {error.filename}" if error.filename else ""
    message = f"cannot write{path}: {error.strerror or error}"
    if error.errno in _OUT_OF_SPACE:
        return Retry(Reason.BACKEND_DOWN, message, after=30.0, counts=False)
    return Retry(Reason.BACKING_OFF, message)


def _read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@dataclass(frozen=True, slots=True)
class _Draft:
    """A revision on its way: its files under a hidden name, until all of its effect are there.

    Attributes:
        files: None where the revision is there already.
    """

    revision: Revision
    files: Mapping[str, bytes] | None = None

    def write(self) -> None:
        """Writes the files under the hidden name."""
        if self.files is None:
            return
        hidden = self._hidden()
        hidden.mkdir(parents=True)
        for name, data in self.files.items():
            _write_durably(hidden / name, data)
        _sync(hidden)

    def appear(self) -> None:
        """Gives it its name."""
        if self.files is None:
            return
        folder = Path(self.revision.resource_name)
        self._hidden().rename(folder)
        _sync(folder.parent)

    def _hidden(self) -> Path:
        folder = Path(self.revision.resource_name)
        return folder.parent / f".{folder.name}"


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace_file(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    _write_durably(draft, data)
    draft.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
