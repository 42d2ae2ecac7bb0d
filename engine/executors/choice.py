"""From settings to executors: those that rules may name, each loaded only where it is one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.executors.base import Executor
from engine.settings import Settings


class NotAvailableError(OSError):
    """An executor that the settings name cannot be set up; the message says what to set."""


def executors_of(settings: Settings) -> dict[str, Executor]:
    """Makes the executors of `bounds.executors`, by name.

    Raises:
        NotAvailableError: one of them cannot be set up.
        OSError: what it needs to be reached is not there.
    """
    executors: dict[str, Executor] = {}
    for name in settings.bounds.executors:
        if name not in _MAKERS:
            raise NotAvailableError(f"the executor {name} is not part of this version; see bounds.executors")
        executors[name] = _MAKERS[name](settings)
    return executors


def _directory(settings: Settings) -> Executor:
    from engine.executors.directory import DirectoryExecutor  # noqa: PLC0415 - only what is used is loaded

    return DirectoryExecutor(settings.output.directory, settings.output.keep_revisions)


_MAKERS: Mapping[str, Callable[[Settings], Executor]] = {"directory": _directory}
