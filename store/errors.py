"""What can go wrong with the store, in words that say what to do."""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """The store cannot be used as it is; the message says why and what to do."""


class StoreLocked(StoreError):  # noqa: N818 - named by the state that it tells of
    """Another process has the store open.

    Attributes:
        pid: the process that holds it, as it wrote itself down; None if it did not.
        host: the host of that process, because two pods both run as process 1.
    """

    def __init__(self, path: Path, pid: int | None, host: str) -> None:
        self.pid = pid
        self.host = host
        holder = f"process {pid} on host {host}" if pid is not None else "another process"
        super().__init__(f"{path} is in use by {holder}; stop it first, or give this one its own store")


class SchemaTooNew(StoreError):  # noqa: N818
    """The store was written by a newer version of this program; nothing in it was touched."""

    def __init__(self, path: Path, unknown: list[str], newest: str) -> None:
        super().__init__(
            f"{path} has the schema {unknown[-1]}, this version knows up to {newest}; "
            "start the version that wrote it, or restore a backup made before the upgrade"
        )


class StoreUnavailable(StoreError):  # noqa: N818
    """A write did not become durable (disk full, I/O error, file locked); it may be tried again."""


class StoreClosed(StoreError):  # noqa: N818
    """The store has been closed."""
