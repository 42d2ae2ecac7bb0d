"""What runs in a child before the program does: takes away what the program must not have, and becomes it.

A program of its own rather than code between fork and exec, where a process of several threads may only do
what cannot block. Takes a Launch as JSON, the descriptor to tell of a failure on, and the command; when the
program starts, the descriptor closes without a word.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from dataclasses import asdict, dataclass

from engine.child import landlock, seccomp

_SET_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES = 1, 38
_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Launch:
    """How a program is confined.

    Attributes:
        parent: the process without which it ends too.
        limits: soft and hard limit alike, by the name in the module `resource`.
        confine: whether files and system calls are restricted; else only privileges and use.
    """

    parent: int
    readable: list[str]
    writable: list[str]
    limits: dict[str, int]
    network: bool
    confine: bool

    def to_json(self) -> str:
        """Returns it as one argument of a command."""
        return json.dumps(asdict(self))


def main(arguments: list[str]) -> None:
    """Confines this process and becomes the program; what fails is told on the descriptor."""
    launch, told, command = Launch(**json.loads(arguments[0])), int(arguments[1]), arguments[2:]
    os.set_inheritable(told, False)
    try:
        _confine(launch)
        os.execve(command[0], command, os.environ)  # noqa: S606 - there is no shell, and is to be none
    except (OSError, ValueError, landlock.LandlockError, seccomp.SeccompError) as error:
        os.write(told, str(error).encode())
        sys.exit(1)


def _confine(launch: Launch) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL) or os.getppid() != launch.parent:
        raise OSError("the process that started it has ended")
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(f"new privileges cannot be given up: {os.strerror(ctypes.get_errno())}")
    for number in _PYTHON_IGNORES:  # else the program would ignore them too
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o077)
    if launch.confine:
        landlock.restrict(launch.readable, launch.writable)
        seccomp.restrict(network=launch.network)
    for name, most in launch.limits.items():
        number = getattr(resource, name)
        _, hard = resource.getrlimit(number)
        within = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (within, within))
