"""The files below a folder in which other programs write: read with suspicion, and written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

MAX_FILES = 1000
MAX_BYTES = 16 << 20
"""How much a package may be."""


class UnacceptableFilesError(Exception):
    """There is anything but plain files, or too much; the message says which."""


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files by their paths, which have been looked at when they were read."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read_files(folder: Path) -> dict[str, bytes]:
    """Returns the files below a folder, by their paths from there.

    Raises:
        UnacceptableFilesError: they are not what a package can be.
        OSError: one of them cannot be read.
    """
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    for path in _walk(folder):
        about = path.lstat()
        name = path.relative_to(folder).as_posix()
        left -= about.st_size
        if not stat.S_ISREG(about.st_mode) or not name.isprintable() or '"' in name:
            raise UnacceptableFilesError(f"{name!r} is no plain file with a plain name")
        if left < 0 or len(files) >= MAX_FILES:
            raise UnacceptableFilesError(f"there are more than {MAX_FILES} files or {MAX_BYTES} bytes")
        files[name] = path.read_bytes()
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
        yield from (Path(parent, name) for name in folders if Path(parent, name).is_symlink())
