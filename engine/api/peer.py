"""Who is at the other end of a Unix socket, as the kernel tells: nothing that the peer says counts."""

from __future__ import annotations

import pwd
import socket
import struct
from dataclasses import dataclass

_UCRED = struct.Struct("=iII")
"""`struct ucred` of Linux: pid, uid and gid of the process when it connected."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A person at the other end.

    Attributes:
        name: the user name; the number as text where the machine knows no name for it.
        uid: the user's number.
    """

    name: str
    uid: int


def peer_of(connection: socket.socket) -> Peer:
    """Returns who has opened a connection."""
    _, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Peer(name, uid)
