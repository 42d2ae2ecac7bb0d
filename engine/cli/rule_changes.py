"""`rules diff` says what other rules would decide; `rules reapply` has what is done decided by them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.asking import asking, client_of, daemon_options
from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.records import open_reader, settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from engine.network_intent import Intent
    from engine.rehearsal import Case, Decide, Rehearsal
    from engine.settings import Settings

_HISTORY = "history"


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path, exists=True))
@click.argument("new", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--against",
    default=_HISTORY,
    show_default=True,
    help="history: the stored decisions; or a file of manifests, or of JSON lines {text, namespace}.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where anything changes.")
@settings_option()
@output_option
def diff_command(old: Path, new: Path, against: str, exit_code: bool, file: Path | None, output: str) -> int:
    """Shows which decisions would change if the rules NEW stood in place of OLD, files or folders.

    Decisions of the past are made again from what was stored with them, by the time and the facts of then.
    """
    from engine.rehearsal import past, rehearse  # noqa: PLC0415
    from engine.settings import load_settings  # noqa: PLC0415

    settings = load_settings(file)
    before, after = (_deciding(path, settings) for path in (old, new))
    left_out: list[dict[str, str]] = []
    if against == _HISTORY:
        with open_reader(settings) as reader:
            found = rehearse(past(reader), after, before)
    else:
        cases, left_out = _looked_at(_wanted(Path(against), settings), settings)
        found = rehearse(cases, after, before)
    body = {**_body(found), "undecided": left_out}
    emit(output, "RuleDiff", body, lambda out: _show(out, found, left_out))
    return Exit.NEGATIVE if exit_code and found.differences else Exit.OK


@click.command("reapply")
@click.option("--dry-run", is_flag=True, help="List, and change nothing; needs no running daemon.")
@click.option(
    "--rate",
    type=click.IntRange(1, 6000),
    default=60,
    show_default=True,
    help="How many are decided anew in a minute.",
)
@click.option("-n", "--namespace", default="", help="Only the intents of this namespace.")
@daemon_options
@output_option
def reapply_command(
    dry_run: bool, rate: int, namespace: str, file: Path | None, socket: Path | None, output: str
) -> int:
    """Has finished intents decided anew that the rules decide otherwise now, each as a new effect.

    Which ones are, their stored facts tell, so that only the rules make a difference. "Double" stays the
    number that it was. What an intent wrote stays as it is where it is refused now. With --dry-run the rules
    of the settings count, else those that the daemon takes up from its own.
    """
    if dry_run:
        _rehearse(namespace, file, output)
        return Exit.OK
    client = client_of(file, socket)
    reapplied: list[Any] = []
    body: dict[str, Any] = {"compared": 0, "unreadable": 0, "reapplied": reapplied}
    after = ""
    with asking():
        while after or "rulesDigest" not in body:
            found = client.reapply(namespace=namespace, rate=rate, after=after)
            body["rulesDigest"] = found["rulesDigest"]
            body["compared"] += found["compared"]
            body["unreadable"] += found["unreadable"]
            reapplied += found["reapplied"]
            after = found["continue"]
    emit(output, "Reapplication", body, lambda out: _show_reapplied(out, body))
    return Exit.OK


def _rehearse(namespace: str, file: Path | None, output: str) -> None:
    from engine.planning import bounds_of, load_rules, types_of  # noqa: PLC0415 - as above
    from engine.rehearsal import deciding, finished, rehearse  # noqa: PLC0415
    from engine.settings import load_settings  # noqa: PLC0415

    settings = load_settings(file)
    types = types_of(settings)
    with open_reader(settings) as reader:
        decide = deciding(load_rules(settings, types), bounds_of(settings), types.contract)
        found = rehearse(finished(reader, namespace or None), decide)
    emit(output, "RuleReapply", _body(found), lambda out: _show(out, found, []))


def _show_reapplied(out: Console, body: Mapping[str, Any]) -> None:
    rows = [
        [
            each["intent"],
            _verdict(each["before"]),
            _verdict(each["after"]),
            ", ".join(each["fields"]),
            each["at"],
        ]
        for each in body["reapplied"]
    ]
    if rows:
        out.print(
            table("", ["intent", "before", "by the rules now", "what differs", "decided anew at"], rows)
        )
    if body["unreadable"]:
        out.print(f"[yellow]{body['unreadable']} left out[/]: another version stored them")
    out.print(f"{len(rows)} of {body['compared']} are decided anew, by rules {body['rulesDigest'][:12]}")


def _deciding(path: Path, settings: Settings) -> Decide:
    """Returns how the rules at a path would decide, with the types beside them."""
    from engine.planning import bounds_of, rules_at, types_of  # noqa: PLC0415 - as above
    from engine.rehearsal import deciding  # noqa: PLC0415

    types = types_of(settings, [path])
    return deciding(rules_at([path], settings, types), bounds_of(settings), types.contract)


def _wanted(file: Path, settings: Settings) -> list[tuple[str, Intent]]:
    """Reads intents from manifests, or from JSON lines; each with what to call it."""
    from engine.planning import intent_from_text, intents_in  # noqa: PLC0415 - as above

    if not file.is_file():
        raise CommandError(f"--against {file}: there is no such file; give one, or {_HISTORY}")
    if file.suffix != ".jsonl":
        return [(intent.key, intent) for intent in intents_in(file, settings)]
    found: list[tuple[str, Intent]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            text, namespace = str(value["text"]), str(value.get("namespace", "default"))
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            message = f'{file}:{number}: write {{"text": "scale amf to 5", "namespace": "core"}}'
            raise CommandError(message) from error
        found.append((text, intent_from_text(text, namespace)))
    return found


def _looked_at(
    wanted: Sequence[tuple[str, Intent]], settings: Settings
) -> tuple[list[Case], list[dict[str, str]]]:
    """Reads intents and gathers the facts around them as the daemon would now.

    Returns:
        What rules decide, and what they have no say in, with why.
    """
    from engine.planning import Planner  # noqa: PLC0415 - loads spaCy
    from engine.rehearsal import Case  # noqa: PLC0415 - as above

    planner = Planner(settings)
    cases: list[Case] = []
    left_out: list[dict[str, str]] = []
    for name, intent in wanted:
        look, _ = planner.plan(intent, datetime.now(UTC))
        if look.snapshot is None or look.decided is None or look.decided.decision is None:
            ruling = look.ruling
            left_out.append({"intent": name, "reason": ruling.reason.value, "message": ruling.message})
        else:
            cases.append(Case(name, intent.generation, look.snapshot.rules))
    return cases, left_out


def _body(found: Rehearsal) -> dict[str, Any]:
    return {
        "decisions": found.decisions,
        "changed": len(found.differences),
        "unreadable": found.unreadable,
        "transitions": dict(sorted(_transitions(found).items())),
        "differences": [asdict(difference) for difference in found.differences],
    }


def _transitions(found: Rehearsal) -> Counter[str]:
    return Counter(f"{each.before['verdict']} → {each.after['verdict']}" for each in found.differences)


def _show(out: Console, found: Rehearsal, left_out: Sequence[Mapping[str, str]]) -> None:
    rows = [
        [
            each.intent,
            each.generation,
            _verdict(each.before),
            _verdict(each.after),
            ", ".join(each.fields),
            each.after["message"],
        ]
        for each in found.differences
    ]
    if rows:
        columns = ["intent", "generation", "before", "after", "what differs", "message after"]
        out.print(table("", columns, rows))
    for each in left_out:
        out.print(f"[yellow]no rule is asked[/] ({each['reason']}): ", end="")
        out.print(each["intent"], markup=False)
    if found.unreadable:
        out.print(f"[yellow]{found.unreadable} left out[/]: another version stored them")
    for transition, count in sorted(_transitions(found).items()):
        out.print(f"  {transition}: {count}")
    out.print(f"{len(found.differences)} of {found.decisions} decisions change")


def _verdict(decision: Mapping[str, Any]) -> str:
    if not decision["rule"]:
        return str(decision["verdict"])
    return f"{decision['verdict']} ({decision['reason']}, {decision['rule']})"
