"""`rules show` lists the rules and vars in force, each with where it comes from; decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import Exit, emit, output_option, table
from engine.cli.records import settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from documents import Place
    from rules import Rule, RuleBook


@click.command("show")
@settings_option()
@output_option
def show_command(file: Path | None, output: str) -> int:
    """Shows the rules in force, in the order in which they apply, and where each comes from.

    Behind them the rules that are disabled, and by whom, and the vars that are not as shipped.
    """
    from engine.planning import load_rules  # noqa: PLC0415 - spares the other commands the import
    from engine.settings import load_settings  # noqa: PLC0415

    book = load_rules(load_settings(file))
    body = {
        "digest": book.digest,
        "rules": [_rule(rule, book) for rule in book.rules],
        "disabled": [
            {
                "rule": each.rule,
                "source": _source(shipped=each.shipped),
                "origin": _place(each.place, shipped=each.shipped),
                "disabledBy": each.set_name,
                "disabledAt": str(each.by),
            }
            for each in book.origins.disabled
        ],
        "vars": {name: _var(name, book) for name in sorted(book.vars)},
    }
    emit(output, "Rules", body, lambda out: _show(out, body))
    return Exit.OK


def _rule(rule: Rule, book: RuleBook) -> dict[str, Any]:
    from rules import vars_read  # noqa: PLC0415 - as above

    names = sorted(set(vars_read(rule)))
    return {
        "rule": rule.id,
        "mode": rule.mode.value,
        "when": rule.when,
        "description": rule.description,
        "source": _source(shipped=rule.shipped),
        "origin": _place(rule.place, shipped=rule.shipped),
        "vars": names,
        "overridden": [name for name in names if book.origins.vars[name].overrides is not None],
    }


def _var(name: str, book: RuleBook) -> dict[str, Any]:
    origin = book.origins.vars[name]
    found: dict[str, Any] = {
        "value": book.vars[name],
        "source": _source(shipped=origin.shipped),
        "origin": _place(origin.place, shipped=origin.shipped),
    }
    if origin.overrides is not None:
        value, place = origin.overrides
        found["overrides"] = {"value": value, "origin": _place(place, shipped=True)}
    return found


def _source(*, shipped: bool) -> str:
    return "shipped" if shipped else "user"


def _place(place: Place, *, shipped: bool) -> str:
    """Returns a place as people find it: shipped files by their name, wherever they are installed."""
    return f"{Path(place.file).name}:{place.line}:{place.column}" if shipped else str(place)


def _show(out: Console, body: Mapping[str, Any]) -> None:
    from rich.text import Text  # noqa: PLC0415 - only for people, whose conditions may look like its markup

    def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        out.print(table(title, columns, [[Text(cell) for cell in row] for row in rows]))

    values = body["vars"]
    rules = [
        [
            each["rule"],
            each["mode"],
            each["when"],
            each["description"],
            "\n".join([_origin(each), *(_override(name, values[name]) for name in each["overridden"])]),
        ]
        for each in body["rules"]
    ]
    show(f"Rules, digest {body['digest'][:12]}", ["rule", "mode", "when", "description", "origin"], rules)
    disabled = [
        [each["rule"], _origin(each), each["disabledBy"], each["disabledAt"]] for each in body["disabled"]
    ]
    if disabled:
        show("Disabled", ["rule", "origin", "by", "at"], disabled)
    own = [
        [
            name,
            json.dumps(each["value"], ensure_ascii=False),
            each["origin"],
            json.dumps(each["overrides"]["value"], ensure_ascii=False) if "overrides" in each else "",
        ]
        for name, each in values.items()
        if each["source"] == "user"
    ]
    if own:
        show("Vars of your own", ["var", "value", "origin", "as shipped"], own)


def _origin(each: Mapping[str, Any]) -> str:
    return f"{each['source']} {each['origin']}"


def _override(name: str, value: Mapping[str, Any]) -> str:
    return f"{name}: {value['source']} {value['origin']}"
