"""What the server and its client agree on: where the socket is, how large things may be, how errors look.

Only the standard library: clients load this.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

API_VERSION: Final = "conductor-watch/v1"
"""`apiVersion` of every body."""
PREFIX = "v1"
"""The first part of every path."""
SOCKET_NAME = "conductor-watch.sock"
LONGEST_SOCKET_PATH = 107
"""In bytes: what Linux has room for, without the NUL at the end."""
LARGEST_REQUEST = 65_536
"""The largest body of a request, in bytes."""

Body = Mapping[str, Any]
"""A JSON object as it was read."""


class Code(Enum):
    """What went wrong, and the HTTP status that says so."""

    INVALID = ("Invalid", 400)  #: The request is not one that the API has.
    OWN_REQUEST = ("OwnRequest", 403)  #: Whoever asked for something cannot approve it.
    NOT_FOUND = ("NotFound", 404)  #: What it is about is not there.
    METHOD_NOT_ALLOWED = ("MethodNotAllowed", 405)
    TOO_SLOW = ("TooSlow", 408)  #: The request did not arrive in time.
    CONFLICT = ("Conflict", 409)  #: It is not in a state that allows this.
    TOO_LARGE = ("TooLarge", 413)  #: The request is larger than any that makes sense.
    NOT_RELOADED = ("NotReloaded", 422)  #: What the files say cannot be used; the last good ones stay.
    RATE_LIMITED = ("RateLimited", 429)  #: Too many at once.
    INTERNAL = ("Internal", 500)  #: A fault of conductor-watch.
    UNAVAILABLE = ("Unavailable", 503)  #: The store cannot be used now, or the daemon stops.

    def __init__(self, title: str, status: int) -> None:
        self.title = title
        self.status = status


class ApiError(Exception):
    """A request that was refused.

    Attributes:
        code: what went wrong.
        message: that, in a person's words.
        hint: what to do; empty where there is nothing to say.
    """

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, str]:
        """Returns the error as its body says it."""
        return {"error": self.code.title, "message": self.message, "hint": self.hint}

    @classmethod
    def from_json(cls, body: Body) -> ApiError:
        """Returns the error that a body tells of."""
        title = body.get("error")
        code = next((code for code in Code if code.title == title), Code.INTERNAL)
        return cls(code, str(body.get("message", "")), str(body.get("hint", "")))


class SocketError(OSError):
    """The socket cannot be made, or nobody answers at it; the message says why and what to do."""


def socket_path(store: Path) -> Path:
    """Returns where the daemon that owns a store listens: beside it."""
    return store.parent / SOCKET_NAME


def address(path: Path) -> str:
    """Returns the path as a socket's address.

    Raises:
        SocketError: it is longer than an address can be.
    """
    found = str(path)
    if (length := len(found.encode())) > LONGEST_SOCKET_PATH:
        raise SocketError(
            f"the path of the socket {found} has {length} bytes, and Linux takes {LONGEST_SOCKET_PATH}; "
            "set store.path to a folder with a shorter path"
        )
    return found
