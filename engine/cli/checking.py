"""`check` tries whatever the settings name, before a daemon depends on it; `schema` prints the contract."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.finding import Finding
from engine.cli.output import Exit, emit, output_option, table
from engine.cli.records import settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from engine.settings import Settings


@click.command("check")
@settings_option()
@output_option
def check_command(file: Path | None, output: str) -> int:
    """Tries whatever the settings name, before a daemon depends on it, and says what is missing.

    The folders or the API server, the definition that it serves and the rights there, rules, grammar, the
    store and every backend. For a missing right it prints the role to add.
    """
    from engine.settings import load_settings  # noqa: PLC0415 - only what is asked for is loaded

    findings = list(_findings(load_settings(file)))
    body = {
        "checks": [
            {"name": found.name, "ok": found.code is Exit.OK, "detail": found.detail}
            | ({"remedy": found.remedy} if found.remedy else {})
            for found in findings
        ]
    }
    emit(output, "Check", body, lambda out: _show(out, findings))
    return max((found.code for found in findings), default=Exit.OK)


def _findings(settings: Settings) -> Iterator[Finding]:
    if settings.source.kind == "directory":
        yield _source(settings)
    if settings.live.kind == "directory":
        yield _live_objects(settings)
    if "kubernetes" in (settings.source.kind, settings.live.kind):
        from engine.cli.cluster_checks import cluster_findings  # noqa: PLC0415 - as above

        yield from cluster_findings(settings)
    for check in (_rules, _grammar, _store, _output):
        yield check(settings)
    yield from _backends(settings)
    if {"porch", "porchctl"}.intersection(settings.bounds.executors):
        from engine.cli.porch_checks import porch_findings  # noqa: PLC0415 - as above

        yield from porch_findings(settings)


def _show(out: Console, findings: list[Finding]) -> None:
    rows = [["ok" if found.code is Exit.OK else "FAILED", found.name, found.detail] for found in findings]
    out.print(table("", ["", "check", "detail"], rows))
    for found in findings:
        if found.remedy:
            out.print(
                f"\nTo grant what is missing for {found.name}, kubectl apply -f - with:\n", markup=False
            )
            out.print(found.remedy, markup=False, highlight=False, soft_wrap=True)


def _source(settings: Settings) -> Finding:
    from documents import scan  # noqa: PLC0415 - as above

    folder = settings.source.directory
    if not folder.is_dir():
        return Finding("source", f"{folder} is no folder; set source.directory", Exit.USAGE)
    return Finding("source", f"{folder}: {len(scan(folder))} files")


def _live_objects(settings: Settings) -> Finding:
    from engine.live import DirectoryInventory  # noqa: PLC0415 - as above

    folder = settings.live.directory
    if not folder.is_dir():
        message = f"{folder} is no folder; set live.directory, or every fact is unknown"
        return Finding("live objects", message, Exit.USAGE)
    inventory = DirectoryInventory(folder)
    if inventory.errors:
        problems = "\n".join(str(error) for error in inventory.errors.values())
        return Finding("live objects", problems, Exit.USAGE)
    return Finding("live objects", f"{folder}: readable")


def _rules(settings: Settings) -> Finding:
    from documents import DocumentError  # noqa: PLC0415 - as above
    from engine.planning import load_rules  # noqa: PLC0415 - as above

    try:
        book = load_rules(settings)
    except (DocumentError, OSError) as error:
        return Finding("rules", str(error), Exit.USAGE)
    warnings = "".join(f"\nwarning: {warning}" for warning in book.warnings)
    return Finding("rules", f"{len(book.rules)} rules, digest {book.digest[:12]}{warnings}")


def _grammar(settings: Settings) -> Finding:
    from documents import DocumentError  # noqa: PLC0415 - as above
    from engine.planning import load_reader, types_of  # noqa: PLC0415 - as above

    try:
        reader = load_reader(settings, types_of(settings))
    except (DocumentError, OSError) as error:
        return Finding("grammar", str(error), Exit.USAGE)
    return Finding("grammar", f"digest {reader.digest[:12]}")


def _store(settings: Settings) -> Finding:
    from store import Store, StoreError, StoreLocked  # noqa: PLC0415 - as above

    path = settings.store.path
    if not path.exists():
        return _writable("store", path.parent)
    try:
        Store.open(path).close()
    except StoreLocked as error:
        return Finding("store", f"in use, as it should be while the daemon runs: {error}")
    except StoreError as error:
        return Finding("store", str(error), Exit.UNREACHABLE)
    return Finding("store", f"{path}: sound")


def _output(settings: Settings) -> Finding:
    return _writable("output", settings.output.directory)


def _backends(settings: Settings) -> Iterator[Finding]:
    """Probes every executor that rules may name."""
    from engine.executors.base import Down  # noqa: PLC0415 - as above
    from engine.executors.choice import executor_named  # noqa: PLC0415 - as above

    for executor in settings.bounds.executors:
        name = f"backend {executor}"
        try:
            found = executor_named(executor, settings, lambda *_: None).probe()
        except OSError as error:
            yield Finding(name, str(error), Exit.USAGE)
            continue
        if isinstance(found, Down):
            yield Finding(name, found.message, Exit.UNREACHABLE)
        elif found.problems:
            yield Finding(name, "\n".join(found.problems), Exit.NEGATIVE)
        else:
            yield Finding(name, found.detail)


def _writable(name: str, folder: Path) -> Finding:
    """Tries to write below a folder, or below the nearest folder that is there."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
            os.fsync(file.fileno())
    except OSError as error:
        message = f"{there} cannot be written: {error.strerror or error}"
        return Finding(name, message, Exit.UNREACHABLE)
    return Finding(name, f"{folder}: writable")


@click.command("schema")
@settings_option()
def schema_command(file: Path | None) -> int:
    """Prints the contract of structured actions, as JSON Schema; with settings, extended by their types."""
    json.dump(_schema(file), sys.stdout, indent=2)
    click.echo()
    return Exit.OK


def _schema(file: Path | None) -> dict[str, Any]:
    from engine import contract  # noqa: PLC0415 - as above

    if file is None:
        return contract.schema()
    from engine.planning import types_of  # noqa: PLC0415 - spaCy takes a second to load
    from engine.settings import load_settings  # noqa: PLC0415

    return types_of(load_settings(file)).contract.schema()
