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


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@settings_option()
@output_option
def gc_command(dry_run: bool, file: Path | None, output: str) -> int:
    """Deletes open revisions of packages that nobody has wished for long; published ones stay."""
    from functools import partial  # noqa: PLC0415 - what only this command needs

    from engine.executors.base import Done  # noqa: PLC0415
    from engine.executors.choice import executors_of  # noqa: PLC0415
    from engine.pipeline.collecting import Leftovers  # noqa: PLC0415
    from engine.settings import load_settings  # noqa: PLC0415

    settings = load_settings(file)
    found: list[dict[str, Any]] = []
    with open_reader(settings) as reader:
        executors = executors_of(settings, lambda *_: None)
        leftovers = Leftovers(executors.values(), lambda function: function(reader))
        try:
            for collector, revision in leftovers.find(time.time()):
                deleted = not dry_run and isinstance(collector.collect(revision), Done)
                found.append(
                    {
                        "resourceName": revision.resource_name,
                        "lifecycle": revision.lifecycle,
                        "deleted": deleted,
                    }
                )
        except OSError as error:
            raise CommandError(str(error), Exit.UNREACHABLE) from error
    emit(output, "Leftovers", {"revisions": found}, partial(_show, found=found, dry_run=dry_run))
    return Exit.OK if dry_run or all(item["deleted"] for item in found) else Exit.NEGATIVE


def _show(out: Console, found: list[dict[str, Any]], *, dry_run: bool) -> None:
    if not found:
        out.print("nothing is left over")
        return
    kept = "would be deleted" if dry_run else "NOT deleted"
    rows = [
        [item["resourceName"], item["lifecycle"], "deleted" if item["deleted"] else kept] for item in found
    ]
    out.print(table("", ["revision", "lifecycle", ""], rows))
