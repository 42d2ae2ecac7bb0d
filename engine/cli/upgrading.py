"""`upgrade check` tells what a new version reads otherwise, before it is let loose on stored intents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import Exit, emit, output_option, table
from engine.cli.records import open_reader, settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from nlp import Reader as TextReader
    from nlp import Reading
    from store import Reader

_PAGE = 500


@click.group("upgrade")
def upgrade_command() -> None:
    """Looks at what a new version changes."""


@upgrade_command.command("check")
@settings_option()
@output_option
def check_command(file: Path | None, output: str) -> int:
    """Reads every stored text again with this version, and lists the readings that change.

    What is decided is never read again by itself: a changed reading counts from the intent's next change.
    """
    from engine.planning import load_reader, types_of  # noqa: PLC0415 - as above
    from engine.settings import load_settings  # noqa: PLC0415 - loads spaCy

    settings = load_settings(file)
    texts = load_reader(settings, types_of(settings))
    with open_reader(settings) as reader:
        read, changes = _changes(reader, texts)
    body = {"grammar": texts.digest, "read": read, "changes": changes}
    emit(output, "UpgradeCheck", body, lambda out: _show(out, body))
    return Exit.NEGATIVE if changes else Exit.OK


def _changes(reader: Reader, texts: TextReader) -> tuple[int, list[dict[str, Any]]]:
    from engine.identity import sha256  # noqa: PLC0415 - as above
    from nlp import Reading as StoredReading  # noqa: PLC0415 - as above
    from store import intents, readings  # noqa: PLC0415 - as above

    read, changes, after = 0, [], ("", "")
    while page := intents.page(reader, _PAGE, after=after):
        after = (page[-1].namespace, page[-1].name)
        for intent in page:
            text = json.loads(intent.body).get("spec", {}).get("intent")
            stored = readings.of_text(reader, sha256(text)) if text is not None else []
            if not stored:
                continue
            read += 1
            before = _meaning(StoredReading.from_json(json.loads(stored[0][1])))
            now = _meaning(texts.read(text))
            if before != now:
                name = f"{intent.namespace}/{intent.name}"
                changes.append({"intent": name, "text": text, "before": before, "now": now})
    return read, changes


def _meaning(reading: Reading) -> dict[str, Any]:
    """What of a reading is acted on: its actions, or why it is refused."""
    if reading.refusal is not None:
        return {"refuse": reading.refusal.reason.value}
    return {"intents": [action.fields for action in reading.actions]}


def _show(out: Console, body: dict[str, Any]) -> None:
    rows = [
        [change["intent"], change["text"], _said(change["before"]), _said(change["now"])]
        for change in body["changes"]
    ]
    if rows:
        out.print(table("Readings that change", ["intent", "text", "was", "is now"], rows))
    out.print(f"{body['read']} texts read again, {len(rows)} change; grammar {body['grammar'][:12]}")


def _said(meaning: dict[str, Any]) -> str:
    from engine.describe import describe_all  # noqa: PLC0415 - as above

    if "refuse" in meaning:
        return f"refused: {meaning['refuse']}"
    return describe_all([{"namespace": "", **action} for action in meaning["intents"]], "")
