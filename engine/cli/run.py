"""`run` starts the daemon; in a terminal it shows the live table, elsewhere it logs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.output import CommandError, Exit, console

if TYPE_CHECKING:
    from engine.cli.board import Board
    from engine.pipeline.daemon import Daemon
    from engine.settings import Settings

_SHOWN_AT_START = 60
"""How many intents of an earlier run the table begins with."""


@click.command("run")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="The settings file.")
@click.option("--once", is_flag=True, help="Stop when there is nothing left to do, and sum up.")
@click.option("--timeout", default=300.0, show_default=True, help="Of --once, in seconds.")
@click.option("--log-level", default="", help="debug, info, warning or error.")
@click.option("--table/--no-table", default=None, help="Show the live table; by default in a terminal.")
def run_command(file: Path | None, once: bool, timeout: float, log_level: str, table: bool | None) -> int:
    """Watches intents, decides them, writes their packages and reports, until it is stopped."""
    from engine.logs import set_up_logs  # noqa: PLC0415 - what only this command needs
    from engine.settings import load_settings  # noqa: PLC0415

    settings = load_settings(file)
    shown = sys.stdout.isatty() if table is None else table
    set_up_logs(log_level or ("error" if shown or once else "info"))
    board = _board(settings) if shown or once else None  # a daemon in a pod spares the memory
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    daemon = _start(settings, file, board)
    # A terminal that is closed means stop; a service manager that sends the same means reload.
    hung_up = stop.set if sys.stdin.isatty() else daemon.reload_soon
    signal.signal(signal.SIGHUP, lambda *_: hung_up())
    began = time.monotonic()
    settled = False
    try:
        with _live(board, shown=shown):
            while not stop.wait(0.05 if once else 1.0):
                if daemon.store.removed():
                    break
                settled = once and daemon.settled()
                if settled or (once and time.monotonic() - began > timeout):
                    break
    finally:
        ended = daemon.stop()
    if not ended:  # the interpreter would wait for a worker that hangs
        click.echo("not everything that ran has ended; it is read back at the next start", err=True)
        sys.stdout.flush()
        os._exit(Exit.NEGATIVE)
    if daemon.store.removed():
        message = f"{settings.store.path} was removed; start anew, and it is rebuilt from what was reported"
        raise CommandError(message, Exit.UNREACHABLE)
    if once and board is not None:
        _sum_up(board, settings, file, time.monotonic() - began, shown=shown)
        if not settled and not stop.is_set():
            raise CommandError(f"not everything was done within {timeout:g} seconds", Exit.NEGATIVE)
    return Exit.OK


def _board(settings: Settings) -> Board:
    from engine.cli.board import Board as Table  # noqa: PLC0415 - what only people need

    return Table(f"Network intents in {settings.source.directory}")


def _start(settings: Settings, file: Path | None, board: Board | None) -> Daemon:
    from engine.pipeline.daemon import Daemon as Reconciler  # noqa: PLC0415
    from engine.pipeline.reloading import RulesFailedTheirTests  # noqa: PLC0415
    from engine.pipeline.reporting import ignore  # noqa: PLC0415
    from store import StoreError  # noqa: PLC0415

    if settings.source.kind == "directory" and not settings.source.directory.is_dir():
        raise CommandError(
            f"the folder of intents {settings.source.directory} is not there; set source.directory"
        )
    try:
        daemon = Reconciler(settings, file=file, observe=board.take if board is not None else ignore)
    except StoreError as error:
        raise CommandError(str(error), Exit.UNREACHABLE) from error
    except RulesFailedTheirTests as error:
        raise CommandError(f"the rules fail their own tests:\n{error}") from error
    if board is not None:
        for notice in daemon.shown(limit=_SHOWN_AT_START):
            board.take(notice)
    daemon.start()
    return daemon


@contextmanager
def _live(board: Board | None, *, shown: bool) -> Iterator[None]:
    """Shows the table while it changes."""
    if not shown or board is None:
        yield
        return
    from rich.live import Live  # noqa: PLC0415 - what only this command needs

    with Live(board, console=console(), refresh_per_second=5, transient=False):
        yield


def _sum_up(board: Board, settings: Settings, file: Path | None, seconds: float, *, shown: bool) -> None:
    from rich.text import Text  # noqa: PLC0415 - what only this command needs

    out = console()
    if not shown:
        out.print(board)
    for notice in board.notices():
        if notice.status and notice.status["phase"] == "Failed":
            name = f"{notice.namespace}/{notice.name}" if notice.namespace else notice.name
            out.print(Text(f"  {name}: ", style="bold"), Text(str(notice.status["lastMessage"])), sep="")
    counts = board.counts()
    said = ", ".join(f"{number} {phase}" for phase, number in sorted(counts.items()))
    root = settings.output.directory
    packages = sum(1 for _ in (root / "packages").glob("*/*/Kptfile"))
    option = f" --settings {_short(file)}" if file else ""
    out.print()
    out.print(f"[bold]{sum(counts.values())} intents[/]: {said}; {packages} packages; {seconds:.1f} s")
    out.print(f"  packages  {_short(root / 'packages')}")
    out.print(f"  statuses  {_short(root / 'status')}")
    out.print("Next:")
    out.print(
        f"  conductor-watch run{option}   # stays up; edit a file in {_short(settings.source.directory)}"
    )
    out.print('  conductor-watch parse "double the amf, then isolate udr in namespace lab"')
    example = next((n for n in board.notices() if n.namespace), None)
    if example is not None:
        out.print(f"  conductor-watch history {example.namespace}/{example.name}{option}")


def _short(path: Path) -> str:
    """A path as people type it from where they are."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
