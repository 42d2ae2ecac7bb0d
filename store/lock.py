"""One process to a store: an exclusive lock on a file beside it, which names its holder."""

from __future__ import annotations

import fcntl
import os
import platform
from pathlib import Path

from store.errors import StoreLocked

_LONGEST_NOTE = 300


class FileLock:
    """The lock of a store; the kernel lets it go when the process ends, however it ends.

    The file stays when the lock is released: removing it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        """Takes the lock of the store at `path`.

        Raises:
            StoreLocked: another process, or this one, has it.
        """
        self._descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = os.pread(self._descriptor, _LONGEST_NOTE, 0).decode(errors="replace")
            os.close(self._descriptor)
            raise _held(path, note) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()} {platform.node()}\n".encode(), 0)

    def release(self) -> None:
        """Lets the lock go."""
        os.close(self._descriptor)


def _held(path: Path, note: str) -> StoreLocked:
    pid, _, host = note.strip().partition(" ")
    return StoreLocked(path, int(pid) if pid.isdecimal() else None, host)
