"""Files that appear whole and survive a loss of power.

Paths are strings: each execution has dozens of them, and pathlib takes as long as the file system. When
folders are synced, and in which order things get their names, is for the callers to say. All raise OSError.
"""

from __future__ import annotations

import contextlib
import os


def read(path: str) -> bytes:
    """Returns what is in a file."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def read_all(folder: str) -> dict[str, bytes]:
    """Returns what is in each file of a folder, by name in order; folders below do not count."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    return {name: read(f"{folder}/{name}") for name in names}


def names(folder: str) -> list[str]:
    """Returns the names of what is in a folder; none where there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def write(path: str, data: bytes, *, sync: bool = True) -> None:
    """Writes a file, in a folder that is made where it is missing.

    Args:
        sync: whether to wait until the disk has what is in the file.
    """
    descriptor = _open(path)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: str, data: bytes, *, sync: bool = True) -> None:
    """Writes a file as `write` does, under a hidden name until it is whole; else all stays as it was."""
    folder, _, name = path.rpartition("/")
    draft = f"{folder}/.{name}"
    try:
        write(draft, data, sync=sync)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):  # it may not have come to be
            os.unlink(draft)
        raise


def rename(path: str, name: str) -> None:
    """Gives a file or a folder another name, where there is nothing yet."""
    os.rename(path, name)


def make_folder(path: str) -> None:
    """Makes a folder, and those above it where they are missing; raises FileExistsError where it is there."""
    try:
        os.mkdir(path)
    except FileNotFoundError:
        os.makedirs(path)


def sync_folder(path: str) -> None:
    """Waits until the disk has which names are in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:  # seldom, so it is not looked for each time
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o666)
