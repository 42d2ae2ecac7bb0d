"""`gc` deletes what is left over in backends, or lists it; a daemon does the same every hour."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.records import open_reader, settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from engine.executors.base import Collector, Revision


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@settings_option()
@output_option
def gc_command(dry_run: bool, file: Path | None, output: str) -> int:
    """Deletes open revisions of packages that nobody has wished for long; published ones stay."""
    from functools import partial  # noqa: PLC0415 - what only this command needs

    from engine.executors.choice import executors_of  # noqa: PLC0415
    from engine.pipeline.collecting import Leftovers  # noqa: PLC0415
    from engine.settings import load_settings  # noqa: PLC0415

    settings = load_settings(file)
    found: list[dict[str, Any]] = []
    away = ""
    with open_reader(settings) as reader:
        executors = executors_of(settings, lambda *_: None)
        leftovers = Leftovers(executors.values(), lambda function: function(reader))
        try:
            for collector, revision in leftovers.find(time.time()):
                found.append(_take(collector, revision, dry_run=dry_run))
        except OSError as error:
            away = str(error)
    if found or not away:
        emit(output, "Leftovers", {"revisions": found}, partial(_show, found=found))
    if away:
        raise CommandError(away, Exit.UNREACHABLE)
    return Exit.OK if dry_run or all(item["deleted"] for item in found) else Exit.NEGATIVE


def _take(collector: Collector, revision: Revision, *, dry_run: bool) -> dict[str, Any]:
    """Deletes a revision, or only tells of it."""
    from engine.executors.base import Done  # noqa: PLC0415 - what only this command needs

    outcome = None if dry_run else collector.collect(revision)
    told = {
        "repository": revision.repository,
        "resourceName": revision.resource_name,
        "lifecycle": revision.lifecycle,
        "deleted": isinstance(outcome, Done),
    }
    if outcome is None or isinstance(outcome, Done):
        return told
    return told | {"message": outcome.message}


def _show(out: Console, found: list[dict[str, Any]]) -> None:
    if not found:
        out.print("nothing is left over")
        return
    rows = [[item["repository"], item["resourceName"], item["lifecycle"], _became(item)] for item in found]
    out.print(table("", ["repository", "revision", "lifecycle", ""], rows))


def _became(item: dict[str, Any]) -> str:
    if item["deleted"]:
        return "deleted"
    return f"NOT deleted: {item['message']}" if "message" in item else "would be deleted"
