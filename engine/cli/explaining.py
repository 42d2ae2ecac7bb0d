"""`explain` shows why an intent was decided as it was: the words read, each rule's part, and the facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.api.wire import Body, SocketError
from engine.cli.asking import asking, client_of, daemon_options, named
from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.times import time_of

if TYPE_CHECKING:
    from rich.console import Console

    from engine.network_intent import Intent
    from engine.planning import Planner

_STEP_STYLES = {"execute": "green", "finish": "green", "wait": "yellow", "refuse": "red"}
_EFFECT_STYLES = {"refuse": "red", "hold": "yellow", "warn": "yellow", "error": "red"}
_QUIET = ("not matched", "when false")
"""The outcomes of rules that had no part."""


@click.command("explain")
@click.argument("what", metavar="[NAMESPACE/NAME|FILE]", required=False)
@click.option("--generation", type=click.IntRange(min=1), help="An older one; the newest by default.")
@click.option(
    "--at",
    default="",
    help="As it was decided at a time, as 2h ago (2h), or 2027-01-31T12:00:00Z.",
    metavar="TIME",
)
@click.option("--text", help="Explain what would be decided for this text now.")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of --text: its own namespace.")
@daemon_options
@output_option
def explain_command(  # noqa: PLR0913, PLR0917 - each is an option
    what: str | None,
    generation: int | None,
    at: str,
    text: str | None,
    namespace: str,
    file: Path | None,
    socket: Path | None,
    output: str,
) -> int:
    """Explains the stored decision of an intent, or what would be decided now for a FILE or a text."""
    if (what is None) == (text is None):
        raise CommandError("name an intent as NAMESPACE/NAME, or a FILE, or give --text")
    if text is not None:
        found = [_planned(file, text, namespace)]
    elif what is not None and _is_file(what):
        found = _planned_file(file, Path(what))
    else:
        found = [_stored(str(what), generation, time_of(at, "--at") if at else "", file, socket)]
    body = found[0] if len(found) == 1 else {"items": found}
    kind = "Explanation" if len(found) == 1 else "ExplanationList"
    emit(output, kind, body, lambda out: show_explanations(out, found))
    return Exit.OK


def _is_file(what: str) -> bool:
    path = Path(what)
    return path.suffix in (".yaml", ".yml", ".json") or path.is_file()


def _stored(intent: str, generation: int | None, at: str, file: Path | None, socket: Path | None) -> Body:
    """Returns the explanation that the daemon gives, or its store where none runs."""
    namespace, name = named(intent)
    with asking():
        try:
            return client_of(file, socket).explain(namespace, name, generation, at)
        except SocketError:
            if socket is not None:
                raise
        from engine.api import reading  # noqa: PLC0415 - loads the store, which a daemon's client needs not
        from engine.cli.records import open_reader  # noqa: PLC0415 - as above
        from engine.settings import load_settings  # noqa: PLC0415 - as above

        with open_reader(load_settings(file)) as reader:
            then = datetime.fromisoformat(at).timestamp() if at else None
            return reading.explain(reader, namespace, name, generation, then)


def _planned(file: Path | None, text: str, namespace: str) -> Body:
    from engine.planning import intent_from_text  # noqa: PLC0415 - loads spaCy

    return _explained(_planner(file), intent_from_text(text, namespace))


def _planned_file(file: Path | None, manifest: Path) -> list[Body]:
    from engine.planning import intents_in  # noqa: PLC0415 - loads spaCy
    from engine.settings import load_settings  # noqa: PLC0415 - as above

    wanted = intents_in(manifest, load_settings(file))
    planner = _planner(file)
    return [_explained(planner, intent) for intent in wanted]


def _planner(file: Path | None) -> Planner:
    from engine.planning import Planner as Looking  # noqa: PLC0415 - loads spaCy
    from engine.settings import load_settings  # noqa: PLC0415 - as above

    planner = Looking(load_settings(file))
    for problem in planner.problems.values():
        click.secho(f"live object left out: {problem}", fg="yellow", err=True)
    return planner


def _explained(planner: Planner, intent: Intent) -> Body:
    from engine.api.explanation import explanation  # noqa: PLC0415 - as above

    look, body = planner.plan(intent, datetime.now(UTC))
    return {
        "intent": {"namespace": intent.namespace, "name": intent.name},
        "specHash": intent.spec_hash,
        "text": intent.spec.intent,
        "step": look.ruling.step.value,
        "reason": look.ruling.reason.value,
        "message": look.ruling.message,
        **explanation(body),
    }


def show_explanations(out: Console, found: list[Body]) -> None:
    """Prints explanations for people."""
    for number, item in enumerate(found):
        if number:
            out.rule(style="dim")
        _show_head(out, item)
        for index, action in enumerate(item["actions"], start=1):
            _show_action(out, index, action)
        if item["rulesDigest"]:
            out.print(f"rules digest {item['rulesDigest'][:12]}", style="dim")


def _show_head(out: Console, item: Body) -> None:
    from rich.text import Text  # noqa: PLC0415 - only for people

    intent = f"{item['intent']['namespace']}/{item['intent']['name']}"
    if "generation" in item:
        intent += f", generation {item['generation']}"
    decided = f"  decided {item['decidedAt']}" if item.get("decidedAt") else ""
    if item.get("decisions", 0) > 1:
        decided += f", one of {item['decisions']} times"
    out.print(Text(intent, style="bold"), Text(decided, style="dim"), sep="")
    if item["text"]:
        out.print(Text(f"  {item['text']}"))
    style = _STEP_STYLES.get(item["step"], "")
    by = f" by {item['rule']}" if item["rule"] else ""
    out.print(Text(f"{item['step']} ({item['reason']}){by}", style=style))
    out.print(Text(f"  {item['message']}") if item["message"] else Text(""))
    standing = item.get("standing")
    if standing and standing["reason"] != item["reason"]:
        now = f"now {standing['phase']} ({standing['reason']}): {standing['message']}"
        out.print(Text(now.removesuffix(": ")))
    for warning in item["warnings"]:
        out.print(Text(f"warning: {warning}", style="yellow"))
    for words in item["interpretation"].get("unread", ()):
        out.print(Text(f"not understood: {words}", style="red"))


def _show_action(out: Console, index: int, action: Body) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    out.print()
    out.print(Text(f"{index}. {action['summary']}", style="bold"))
    read: list[list[Any]] = [
        [field, Text(" … ".join(repr(text) for text in texts))] for field, texts in action["words"].items()
    ]
    read += [
        [item["field"], Text(f"{_value(item['value'])}, assumed: {item['why']}", style="dim")]
        for item in action["assumed"]
    ]
    if read:
        _print_table(out, "Words read", ["field", "from"], read)
    _show_rules(out, action)
    if action["changes"]:
        rows = [
            [item["rule"], item["field"], _value(item["before"]), _value(item["after"])]
            for item in action["changes"]
        ]
        _print_table(out, "Fields that rules set", ["rule", "field", "before", "after"], rows)
    _show_facts(out, action["facts"])


def _print_table(out: Console, title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Prints a table; its title above it, where the width of the table does not break it."""
    from rich.text import Text  # noqa: PLC0415 - as above

    out.print(Text(title, style="italic"))
    out.print(table("", columns, rows))


def _show_rules(out: Console, action: Body) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    rows: list[list[Any]] = []
    for step in action["rules"]:
        if step["outcome"] in _QUIET:
            continue
        what = step["outcome"] if step["outcome"] != "effect" else step["effect"]
        style = _EFFECT_STYLES.get(what, "")
        said = f"{step['effect']}: {step['message']}" if what != step["effect"] else step["message"]
        mark = Text(f"► {step['rule']}" if step["decided"] else f"  {step['rule']}")
        mark.stylize("bold" if step["decided"] else "")
        rows.append([mark, Text(what, style=style), Text(said.removeprefix(": ")), Text(step["clause"])])
    if rows:
        columns = ["rule", "outcome", "what it says", "because"]
        _print_table(out, "Rules that had a part (► decided)", columns, rows)
    quiet = [
        [Text(f"  {step['rule']}", style="dim"), step["outcome"], Text(step["clause"], style="dim")]
        for step in action["rules"]
        if step["outcome"] in _QUIET
    ]
    if quiet:
        columns = ["rule", "outcome", "first clause that failed"]
        _print_table(out, "Rules that had no part", columns, quiet)


def _show_facts(out: Console, facts: Body) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    if not facts:
        return
    rows: list[list[Any]] = [
        [name, Text(_value(value))] for name, value in facts.items() if name not in ("origin", "unknown")
    ]
    rows += [
        [name, Text(f"not known: {why}", style="yellow")] for name, why in facts.get("unknown", {}).items()
    ]
    _print_table(out, f"Facts, from: {facts.get('origin', 'unknown')}", ["fact", "value"], rows)


def _value(value: Any) -> str:
    """Returns a value as people read it; None stands for one that is not there."""
    if value is None:
        return "absent"
    return value if value and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
