"""A folder of documents that people and tools edit while it is read: what is there, and what changed.

Looks by `stat`, never by inotify: mounted ConfigMaps swap a symlink, and network volumes send no events.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from documents.errors import DocumentError, Place, Problem
from documents.reading import MAX_BYTES, Document, parse

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file does: its inode, size in bytes, and times in nanoseconds."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Returns the stamp of what `stat` said."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def scan(root: Path) -> dict[str, Stamp]:
    """Lists the documents below a folder by path relative to it; hidden files and folders are left out.

    Links are followed, so that a swapped link shows as a change; whether a file may be read is for
    `read_file` to say. A folder that is not there holds nothing.
    """
    found: dict[str, Stamp] = {}
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif entry.name.endswith(SUFFIXES):
                    found[os.path.relpath(entry.path, root)] = Stamp.of(_status(entry))
            except FileNotFoundError:  # removed while we looked
                continue
    return dict(sorted(found.items()))


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except FileNotFoundError:  # a link to nothing is a file with an error, not no file
        return entry.stat(follow_symlinks=False)


def read_file(root: Path, relative: str, max_bytes: int = MAX_BYTES) -> list[Document]:
    """Reads the documents of one file of a folder; `relative` names it in errors.

    Raises:
        DocumentError: the file leads out of the folder, is no regular file, cannot be read or does not parse.
    """
    return parse(read_bytes(root, relative, max_bytes), relative, max_bytes)


def read_bytes(root: Path, relative: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Reads one file of a folder, at most one byte more than `max_bytes`.

    Raises:
        DocumentError: the file leads out of the folder, is no regular file, or cannot be read.
    """
    path = root / relative
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            raise _refused(relative, "a link that leads out of the folder is not followed; copy the file")
        # Non-blocking, because opening a FIFO would wait for a writer for ever.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(relative, f"cannot be read: {error.strerror or error}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _refused(relative, "not a regular file")
        try:
            return file.read(max_bytes + 1)
        except OSError as error:
            raise _refused(relative, f"cannot be read: {error.strerror or error}") from error


def _refused(relative: str, message: str) -> DocumentError:
    return DocumentError((Problem(Place(relative, 1, 1), "", message),))
