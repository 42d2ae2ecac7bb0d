"""`history` and `audit` look into the store, beside a running daemon if need be; they change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.cli.output import CommandError, Exit, emit, output_option, table

if TYPE_CHECKING:
    from rich.console import Console

    from engine.settings import Settings
    from store import Reader

T = TypeVar("T")


def settings_option() -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Adds `--settings FILE`."""
    return click.option(
        "--settings", "file", type=click.Path(path_type=Path), help="The settings file of the daemon."
    )


@contextmanager
def open_reader(settings: Settings) -> Iterator[Reader]:
    """Opens the store of the settings for reading.

    Raises:
        CommandError: there is none, or it cannot be read.
    """
    from store import StoreError, open_read_only  # noqa: PLC0415 - only where a store is read

    path = settings.store.path
    if not path.is_file():
        raise CommandError(
            f"there is no store at {path}; has the daemon run with these settings?", Exit.NOT_FOUND
        )
    try:
        with open_read_only(path) as reader:
            yield reader
    except StoreError as error:
        raise CommandError(str(error), Exit.UNREACHABLE) from error


@click.command("history")
@click.argument("intent", metavar="NAMESPACE/NAME")
@click.option("--limit", default=20, show_default=True, help="The most to show of each.")
@settings_option()
@output_option
def history_command(intent: str, limit: int, file: Path | None, output: str) -> int:
    """Shows what became of each generation of an intent, and all that was recorded of it."""
    from engine.settings import load_settings  # noqa: PLC0415 - as above
    from engine.status import timestamp  # noqa: PLC0415 - as above
    from store import history  # noqa: PLC0415

    namespace, _, name = intent.partition("/")
    if not name:
        raise CommandError(f"{intent!r} is no intent; write NAMESPACE/NAME")
    with open_reader(load_settings(file)) as reader:
        found = history.of_intent(reader, namespace, name, limit=limit)
    if not found.generations:
        gone = (
            f"; what ended before {timestamp(found.pruned_before)} is no longer kept"
            if found.pruned_before
            else ""
        )
        raise CommandError(f"no intent {intent} is known{gone}", Exit.NOT_FOUND)
    body = {
        "intent": {"namespace": namespace, "name": name},
        "generations": [asdict(item) for item in found.generations],
        "decisions": [{**asdict(item), "body": json.loads(item.body)} for item in found.decisions],
        "audit": [_record(item) for item in found.audit],
        "prunedBefore": timestamp(found.pruned_before) if found.pruned_before is not None else None,
    }
    emit(output, "History", body, lambda out: _show_history(out, intent, body))
    return Exit.OK


def _record(record: Any) -> dict[str, Any]:
    entry = asdict(record.entry)
    return {**entry, "body": json.loads(entry["body"]), "seq": record.seq, "hash": record.hash}


def _show_history(out: Console, intent: str, body: dict[str, Any]) -> None:
    from engine.status import timestamp  # noqa: PLC0415 - as above

    rows = [
        [
            item["generation"],
            item["state"],
            item["reason"],
            item["attempts"],
            timestamp(item["updated_at"]),
            item["message"],
        ]
        for item in body["generations"]
    ]
    out.print(
        table(f"Generations of {intent}", ["generation", "state", "reason", "tries", "time", "message"], rows)
    )
    rows = [
        [
            timestamp(item["at"]),
            item["generation"],
            item["kind"],
            item["body"].get("reason", item["body"].get("outcome", "")),
            item["body"].get("rule", ""),
            item["body"].get("message", item["body"].get("origin", "")),
        ]
        for item in body["audit"]
    ]
    out.print(
        table("Audit, newest first", ["time", "generation", "what", "outcome", "rule", "message"], rows)
    )
    if body["prunedBefore"]:
        out.print(f"What ended before {body['prunedBefore']} is no longer kept (retention).")


@click.group("audit")
def audit_command() -> None:
    """Looks into the audit log."""


@audit_command.command("verify")
@click.option("--head", help="A head published earlier, which the log must contain.")
@settings_option()
@output_option
def verify_command(head: str | None, file: Path | None, output: str) -> int:
    """Checks the whole chain of the audit log; exit code 1 where it is broken."""
    from engine.settings import load_settings  # noqa: PLC0415 - as above
    from store import audit  # noqa: PLC0415

    settings = load_settings(file)
    key = settings.store.audit_key_file
    with open_reader(settings) as reader:
        found = audit.verify(reader, key.read_bytes().strip() if key else None, published_head=head)
    body = {
        "records": found.count,
        "pruned": found.pruned,
        "head": found.head,
        "firstBroken": found.first_broken,
        "why": found.why,
    }
    earlier = f", after {found.pruned} that are no longer kept" if found.pruned else ""

    def show(out: Console) -> None:
        if found.first_broken is None:
            out.print(f"[green]whole[/]: {found.count} records{earlier}, head {found.head or 'none'}")
        else:
            out.print(f"[red]broken[/] at record {found.first_broken}: {found.why}")
            out.print(f"{found.count} records before it are sound, head {found.head or 'none'}")

    emit(output, "AuditVerification", body, show)
    return Exit.OK if found.first_broken is None else Exit.NEGATIVE
