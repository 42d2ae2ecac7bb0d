"""What commands print: tables for people, one object with apiVersion and kind for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

API_VERSION = "conductor-watch/v1"
T = TypeVar("T")


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    NEGATIVE = 1  #: The answer is no: refused, a test failed, the chain is broken.
    USAGE = 2  #: Wrong usage, or a file that cannot be used.
    UNREACHABLE = 3  #: A backend cannot be reached.
    NOT_FOUND = 4  #: What was asked for is not there.


class CommandError(click.ClickException):
    """A command that cannot go on; the message says what is wrong and what to do."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Prints the message to standard error."""
        click.secho(f"conductor-watch: {self.format_message()}", fg="red", err=True)


def output_option(command: Callable[..., T]) -> Callable[..., T]:
    """Adds `-o table|json|yaml`."""
    choice = click.Choice(["table", "json", "yaml"])
    words = "A table for people, or one object for programs."
    return click.option("-o", "--output", type=choice, default="table", show_default=True, help=words)(
        command
    )


def emit(output: str, kind: str, body: Mapping[str, Any], show: Callable[[Console], None]) -> None:
    """Prints a result in the form asked for; `show` prints it for people."""
    if output == "table":
        show(console())
        return
    document = {"apiVersion": API_VERSION, "kind": kind, **body}
    if output == "json":
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    import yaml  # noqa: PLC0415 - only this form needs it

    click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)


def console(*, stderr: bool = False) -> Console:
    """Returns a console of the terminal's width; 140 columns where there is no terminal."""
    from rich.console import Console as RichConsole  # noqa: PLC0415 - programs do not need it

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 140
    return RichConsole(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Returns a plain table of texts."""
    from rich import box  # noqa: PLC0415 - as above
    from rich.table import Table as RichTable  # noqa: PLC0415 - as above

    result = RichTable(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(
            *(cell if hasattr(cell, "__rich__") or hasattr(cell, "plain") else str(cell) for cell in row)
        )
    return result
