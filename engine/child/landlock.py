"""Landlock: what of the file system a process and its children may touch, by the kernel, for good.

A process restricted so cannot trace or signal others either, nor mount. Works without any privilege, for root
too, on Linux 5.13 and newer where the kernel has it switched on.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_MAKE_CHAR, _MAKE_SOCKET, _MAKE_BLOCK, _MAKE_LINK = 1 << 6, 1 << 9, 1 << 11, 1 << 12
_TRUNCATE = 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_NEVER = _EXECUTE | _MAKE_CHAR | _MAKE_SOCKET | _MAKE_BLOCK | _MAKE_LINK
"""What is not allowed even where writing is: running what was written, devices, sockets, symbolic links."""
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files each version knows."""
_BIND_TCP = 1
_SCOPES = 0b11  # abstract Unix sockets, and signals, of processes outside


class LandlockError(Exception):
    """The kernel does not restrict; the message says why and what to do."""


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leaves this process only some files and folders, with all that is below them; it cannot be undone.

    Args:
        readable: what may be read and executed; what is not there is passed over.
        writable: what may be read and written, but not executed.

    Raises:
        LandlockError: the kernel does not have it, or refuses.
    """
    version = _version()
    known = (1 << _RIGHTS.get(version, _RIGHTS[max(_RIGHTS)])) - 1
    network = _BIND_TCP if version >= 4 else 0  # noqa: PLR2004 - the version that brought it
    scopes = _SCOPES if version >= 6 else 0  # noqa: PLR2004 - as above
    rules = _Rules(known, network, scopes)
    size = 24 if scopes else 16 if network else 8  # older kernels refuse fields that they do not know
    ruleset = _call(_CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ & known)
        for path in writable:
            _allow(ruleset, path, known & ~_NEVER)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _version() -> int:
    """Returns the version of Landlock that the kernel has."""
    found = int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))
    if found < 1:
        reason = os.strerror(ctypes.get_errno())
        raise LandlockError(
            f"this kernel cannot keep child processes away from files by Landlock ({reason}); use Linux "
            "5.13 or newer with `landlock` among its security modules"
        )
    return found


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there, or not for us: not for the child either
        return
    try:
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            rights &= _OF_FILES
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(rights, found)), 0)
    finally:
        os.close(found)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise LandlockError(f"Landlock refuses: {os.strerror(ctypes.get_errno())}")
    return result
