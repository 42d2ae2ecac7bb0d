"""What the commands on a running daemon share: where it listens, and what is said where it refuses.

Loads nothing but the client where `--socket` tells where to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from engine.api.client import Client
from engine.api.wire import ApiError, Code, SocketError, socket_path
from engine.cli.output import CommandError, Exit
from engine.cli.records import settings_option

T = TypeVar("T")

_EXITS = {
    Code.NOT_FOUND: Exit.NOT_FOUND,
    Code.INVALID: Exit.USAGE,
    Code.METHOD_NOT_ALLOWED: Exit.USAGE,
    Code.TOO_LARGE: Exit.USAGE,
    Code.TOO_SLOW: Exit.UNREACHABLE,
    Code.INTERNAL: Exit.UNREACHABLE,
    Code.UNAVAILABLE: Exit.UNREACHABLE,
}
"""The exit codes of refusals; those that are not here are a negative answer."""


def daemon_options(command: Callable[..., T]) -> Callable[..., T]:
    """Adds `--settings FILE` and `--socket PATH`, either of which tells where the daemon listens."""
    socket = click.option(
        "--socket", type=click.Path(path_type=Path), help="Its socket, in place of the settings."
    )
    return settings_option()(socket(command))


def client_of(file: Path | None, socket: Path | None) -> Client:
    """Returns a client of the daemon at a socket, or of the one that has these settings.

    Raises:
        DocumentError: the settings cannot be used.
    """
    if socket is not None:
        return Client(socket)
    from engine.settings import load_settings  # noqa: PLC0415 - who names the socket is spared pydantic

    return Client(socket_path(load_settings(file).store.path))


@contextmanager
def asking() -> Iterator[None]:
    """Turns what goes wrong between a command and the daemon into its message and exit code.

    Raises:
        CommandError: the daemon refuses, or none answers.
    """
    try:
        yield
    except ApiError as error:
        raise CommandError(str(error), _EXITS.get(error.code, Exit.NEGATIVE)) from error
    except SocketError as error:
        todo = "start it with `conductor-watch run`, or tell where it is with --settings or --socket"
        raise CommandError(f"{error}; {todo}", Exit.UNREACHABLE) from error


def named(intent: str) -> tuple[str, str]:
    """Returns the namespace and name of an intent as people write it.

    Raises:
        CommandError: it is not written as that.
    """
    namespace, _, name = intent.partition("/")
    if not (namespace and name):
        raise CommandError(f"{intent!r} is no intent; write NAMESPACE/NAME")
    return namespace, name
