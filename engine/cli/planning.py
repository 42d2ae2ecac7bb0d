"""`plan` shows what an intent would do now: the decision, each rule's part, and the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import Exit, emit, output_option, table
from engine.cli.records import settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from engine.network_intent import Intent
    from engine.settings import Settings


@click.command("plan")
@click.argument("what", metavar="FILE|TEXT")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of a TEXT: its own namespace.")
@click.option("--files/--no-files", default=True, help="Show the files that would be written.")
@settings_option()
@output_option
def plan_command(what: str, namespace: str, files: bool, file: Path | None, output: str) -> int:
    """Shows what the intents of FILE, or TEXT, would do now, and writes nothing."""
    from engine.planning import intent_from_text, intents_in  # noqa: PLC0415 - loads spaCy
    from engine.settings import load_settings  # noqa: PLC0415 - as above

    settings = load_settings(file)
    path = Path(what)
    named = path.suffix in (".yaml", ".yml", ".json") or path.is_file()
    wanted = intents_in(path, settings) if named else [intent_from_text(what, namespace)]
    return plan_intents(settings, wanted, files=files, output=output)


def plan_intents(settings: Settings, wanted: Sequence[Intent], *, files: bool, output: str) -> int:
    """Prints what some intents would do now; a negative answer where any is refused."""
    from engine.planning import Planner  # noqa: PLC0415 - loads spaCy

    planner = Planner(settings)
    for problem in planner.problems.values():
        click.secho(f"live object left out: {problem}", fg="yellow", err=True)
    plans: list[dict[str, Any]] = []
    for intent in wanted:
        look, body = planner.plan(intent, datetime.now(UTC))
        ruling = {
            "step": look.ruling.step.value,
            "reason": look.ruling.reason.value,
            "message": look.ruling.message,
        }
        plans.append({"intent": intent.key, "text": intent.spec.intent, **ruling, **body})
    emit(output, "Plan", {"plans": plans}, lambda out: _show(out, plans, files=files))
    return Exit.NEGATIVE if any(plan["step"] == "refuse" for plan in plans) else Exit.OK


def _show(out: Console, plans: list[dict[str, Any]], *, files: bool) -> None:
    from rich.syntax import Syntax  # noqa: PLC0415 - only for people
    from rich.text import Text  # noqa: PLC0415 - only for people

    styles = {"execute": "green", "finish": "green", "wait": "yellow", "refuse": "red"}
    for plan in plans:
        out.print(Text(f"{plan['intent']}: ", style="bold"), Text(plan["text"]), sep="")
        out.print(
            Text(f"{plan['step']} ({plan['reason']}): ", style=styles[plan["step"]]),
            Text(plan["message"]),
            sep="",
        )
        _show_actions(out, plan)
        for warning in plan.get("warnings", ()):
            out.print(Text(f"warning: {warning}", style="yellow"))
        if files:
            for name, content in plan["files"].items():
                out.print(Text(name, style="bold cyan"))
                out.print(Syntax(content.rstrip(), "yaml", theme="ansi_dark", background_color="default"))


def _show_actions(out: Console, plan: Mapping[str, Any]) -> None:
    from engine.describe import describe  # noqa: PLC0415 - as above

    rows = [
        [step["rule"], describe(plan["decision"]["actions"][step["action"]]), step["effect"], step["message"]]
        for step in plan.get("decision", {}).get("trace", ())
        if step["outcome"] in ("effect", "error", "dryrun")
    ]
    if rows:
        out.print(table("Rules that had a part", ["rule", "action", "effect", "message"], rows))
