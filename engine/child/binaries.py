"""Whether a program is what the settings meant: where it is, who could have changed it, and its bytes."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class UntrustedProgramError(Exception):
    """A program that is not to be run; the message says which, why, and what to do."""


def trusted(program: Path, sha256: str | None = None) -> Path:
    """Returns where a program really is, once nobody but root and we can have changed it.

    Args:
        sha256: what its bytes are to hash to, as 64 hexadecimal digits; None where any may.

    Raises:
        UntrustedProgramError: it is not there, is no program, others may change it, or it was changed.
    """
    if not program.is_absolute():
        raise UntrustedProgramError(f"{program} is no absolute path; give the program's whole path")
    try:
        found = program.resolve(strict=True)
        about = found.stat()
        _refuse_others(found)
        if not stat.S_ISREG(about.st_mode) or not os.access(found, os.X_OK):
            raise UntrustedProgramError(f"{program} is no program that can be run; make it executable")
        if sha256 is not None and (digest := _digest(found)) != sha256.lower():
            raise UntrustedProgramError(
                f"{program} is not the program of the settings: its sha256 is {digest}, theirs {sha256}"
            )
    except OSError as error:
        raise UntrustedProgramError(
            f"{program} cannot be used: {error.strerror}; install it there, or set the path where it is"
        ) from error
    return found


def _refuse_others(found: Path) -> None:
    """Refuses a file that others may change or, in any folder above it, put another in place of."""
    for path in (found, *found.parents):
        about = path.stat()
        # In a folder with the sticky bit, such as /tmp, nobody replaces what is another's.
        kept = stat.S_ISDIR(about.st_mode) and about.st_mode & stat.S_ISVTX
        writable = about.st_mode & _OTHERS_WRITE and not kept
        if writable or about.st_uid not in (0, os.geteuid()):
            raise UntrustedProgramError(
                f"{found} cannot be trusted: others than root and this user may change {path}; "
                f"take their right away (chmod go-w {path}) or its ownership"
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
