"""The server on a Unix socket: a thread that accepts, one for each of a few connections, a graceful stop."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import threading
import time
from pathlib import Path

from engine.api.handler import Handler
from engine.api.operations import Operations
from engine.api.wire import SocketError, address

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 16
"""How many are answered at a time; the next wait to be accepted."""
_BACKLOG = 64
_LOOK_SECONDS = 1.0
"""How long it may take to find out whether somebody answers at a socket that is there."""


class ApiServer:
    """Serves operations at a socket that only its owner, and root, can use."""

    def __init__(self, path: Path, operations: Operations) -> None:
        self.path = path
        self._operations = operations
        self._listener: socket.socket | None = None
        self._inode = 0
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def start(self) -> None:
        """Listens, in place of a socket that a dead process has left.

        Raises:
            SocketError: the path is too long, something else is there, or a process answers at it.
        """
        where = address(self.path)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(self.path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(where)
            # Nobody can connect before it listens, so nobody gets in while the mode is wider.
            self.path.chmod(0o600)
            self._inode = self.path.stat().st_ino
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            raise SocketError(f"{self.path} cannot be listened at: {error.strerror or error}") from error
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="api", daemon=True).start()
        log.info("commands are answered at %s", self.path)

    def stop(self, timeout: float) -> bool:
        """Accepts nothing more, lets running requests end, and removes the socket; once is enough.

        Args:
            timeout: how many seconds running requests have; then their connections are closed.

        Returns:
            Whether all ended in time.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            listener, self._listener, self._stopping = self._listener, None, True
            running = list(self._open)
        if listener is None:
            return True
        with contextlib.suppress(OSError):  # somebody removed it, or put another in its place
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
        listener.close()
        for thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            left = list(self._open.values())
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return not left

    def _accept(self, listener: socket.socket) -> None:
        while True:
            self._free.acquire()
            try:
                connection, _ = listener.accept()
            except OSError:
                self._free.release()
                if self._stopping:
                    return
                log.exception("a connection could not be accepted")
                time.sleep(_LOOK_SECONDS)  # as where all file descriptors are in use
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), name="api-call", daemon=True)
            with self._lock:  # whoever finds it there can wait for it, so it must have started
                self._open[thread] = connection
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                Handler(connection, self._operations)
        except Exception:
            log.exception("a connection failed")
        finally:
            with self._lock:
                self._open.pop(threading.current_thread(), None)
            self._free.release()


def _clear(path: Path) -> None:
    """Removes the socket of a dead process.

    Raises:
        SocketError: something else is there.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketError(f"{path} is there and no socket; move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_LOOK_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SocketError(f"{path} cannot be looked at: {error.strerror or error}") from error
        else:
            raise SocketError(f"another process answers at {path}; stop it first")
