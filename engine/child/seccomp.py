"""seccomp: system calls that a process and its children may not make, by the kernel, for good.

Closes what Landlock leaves open: Unix sockets, such as the one by which commands reach the daemon; the memory
of other processes; and a session or group of its own, in which a process would outlive the others.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # places in struct seccomp_data
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_OTHER_ABI = 0x40000000  # system calls of x32, which go by other numbers

_CALLS = {
    "x86_64": (0xC000003E, 41, (101, 109, 112, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, 198, (117, 154, 157, 270, 271, 425, 438)),
}
"""By machine: its number, socket(), and ptrace, setpgid, setsid, process_vm_readv, process_vm_writev,
io_uring_setup (which makes sockets without socket()) and pidfd_getfd."""
_NETWORKS = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)  # the last tells which addresses there are


class SeccompError(Exception):
    """The kernel does not restrict; the message says why."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def restrict(*, network: bool) -> None:
    """Refuses this process the calls above, and sockets: all of them, or those that are no network's.

    Needs no_new_privs to be set. It cannot be undone.

    Raises:
        SeccompError: the kernel does not have it, or the machine is not known here.
    """
    machine = os.uname().machine
    if machine not in _CALLS:
        raise SeccompError(f"system calls cannot be restricted on {machine}: their numbers are not known")
    program = _program(*_CALLS[machine], network=network)
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    libc = ctypes.CDLL(None, use_errno=True)
    filters = _Program(len(program), packed)
    if libc.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filters), 0, 0):
        raise SeccompError(f"seccomp refuses: {os.strerror(ctypes.get_errno())}")


def _program(
    machine: int, socket_call: int, refused: tuple[int, ...], *, network: bool
) -> list[tuple[int, int, int, int]]:
    """Returns the filter: (operation, steps on if true, steps on if not, value) for each instruction."""
    domains = _NETWORKS if network else ()
    sockets = [
        (_EQUAL, 0, len(domains) + 2, socket_call),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *((_EQUAL, len(domains) - place, 0, int(domain)) for place, domain in enumerate(domains)),
        (_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT),
    ]
    # Each jump counts the instructions that it passes over; the refusal is the last of all.
    checks = [(_AT_LEAST, 0, 0, _OTHER_ABI), *((_EQUAL, 0, 0, number) for number in refused)]
    left = len(checks) + len(sockets) + 1
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *((code, left - place - 1, 0, value) for place, (code, _, _, value) in enumerate(checks)),
        *sockets,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
    ]
