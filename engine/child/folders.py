"""A folder of its own for each run of a program, gone after it whatever the program did to it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

_PREFIX = "conductor-watch-"
_LOCK = "lock"


class WorkingFolders:
    """Makes folders that only this user can look into, below one of this process.

    What a process that was killed left behind is taken away by the next one; a lock tells which are in use.

    Args:
        parent: where; the temporary folder of the system where None.

    Attributes:
        close: takes all of them away; done at the latest when the process ends.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{_PREFIX}*/{_LOCK}"):
            _remove_unless_used(left)
        hidden = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
        lock = _take(hidden / _LOCK)
        # Locked before it has the name by which others look for what nobody uses.
        self._root = hidden.rename(parent / hidden.name.removeprefix("."))
        self.close = weakref.finalize(self, _give_up, self._root, lock)

    @contextmanager
    def new(self) -> Iterator[Path]:
        """Gives a new, empty folder for as long as the context lasts."""
        folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            yield folder
        finally:
            _remove(folder)


def _give_up(root: Path, lock: int | None) -> None:
    _remove(root)
    if lock is not None:
        os.close(lock)


def _take(lock: Path) -> int | None:
    """Locks a file, and returns its descriptor; None where another process has it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_unless_used(lock: Path) -> None:
    with contextlib.suppress(OSError):  # another user's, or gone by now
        if lock.parent.stat().st_uid != os.geteuid():
            return
        descriptor = _take(lock)
        if descriptor is not None:
            os.close(descriptor)
            _remove(lock.parent)


def _remove(folder: Path) -> None:
    """Removes a folder, also where rights in it were taken away."""
    try:
        try:
            shutil.rmtree(folder)
        except PermissionError:
            for parent, names, _ in os.walk(folder):  # a folder is looked into after it was opened up
                for name in names:
                    inner = Path(parent, name)
                    if not inner.is_symlink():
                        inner.chmod(0o700)
            shutil.rmtree(folder)
    except (OSError, RecursionError) as error:
        log.warning("the working folder %s could not be removed: %s", folder, error)
