"""`shadow report` compares what shadow decisions would have done with what an existing system did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.records import open_reader, settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from engine.settings import Settings
    from engine.shadow import Finding, Shadowed

_LIVE = "live"


@click.group("shadow")
def shadow_command() -> None:
    """Looks at what is decided in shadow."""


@shadow_command.command("report")
@click.option(
    "--against",
    default=_LIVE,
    show_default=True,
    help="live: the live objects; or the folder of an existing system's intent-*.json files.",
)
@settings_option()
@output_option
def report_command(against: str, file: Path | None, output: str) -> int:
    """Compares the newest decisions of the namespaces in shadow with what another system did.

    Prints agreement by type and each difference; the exit code is 0 whatever they are.
    """
    from engine.settings import load_settings  # noqa: PLC0415 - spares the other commands the import
    from engine.shadow import shadowed  # noqa: PLC0415

    settings = load_settings(file)
    if not settings.shadow.namespaces:
        raise CommandError("no namespace is in shadow; set shadow.namespaces")
    with open_reader(settings) as reader:
        ours = list(shadowed(reader, settings.shadow.namespaces))
    findings, problems = _findings(ours, against, settings)
    unread = [{"intent": each.intent, "why": each.refused} for each in ours if not each.actions]
    body = {
        "against": against,
        "namespaces": list(settings.shadow.namespaces),
        "intents": len(ours),
        "agreement": _by_type(findings),
        "findings": [asdict(finding) for finding in findings],
        "unread": unread,
        "problems": problems,
    }
    emit(output, "ShadowReport", body, lambda out: _show(out, findings, body))
    return Exit.OK


def _findings(ours: Sequence[Shadowed], against: str, settings: Settings) -> tuple[list[Finding], list[str]]:
    """Returns the comparisons, and what of the other side could not be read."""
    from engine.live import DirectoryInventory  # noqa: PLC0415 - as above
    from engine.modes import mode_of  # noqa: PLC0415
    from engine.shadow import HandoffFolder, against_handoff, against_live  # noqa: PLC0415

    if against == _LIVE:
        mode = mode_of(settings)
        try:
            findings = against_live(ours, mode.inventory)
        finally:
            mode.close()
        folder = mode.inventory if isinstance(mode.inventory, DirectoryInventory) else None
        return findings, [str(error) for error in folder.errors.values()] if folder is not None else []
    if not Path(against).is_dir():
        raise CommandError(f"--against {against}: there is no such folder; give one, or {_LIVE}")
    theirs = HandoffFolder.read(Path(against))
    return against_handoff(ours, theirs, settings.shadow.namespaces), theirs.problems


def _by_type(findings: Sequence[Finding]) -> dict[str, dict[str, Any]]:
    """Counts the findings of each type by their agreement, with the percentage that is the same."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({finding.intent_type for finding in findings}):
        counts = Counter(each.agreement.value for each in findings if each.intent_type == name)
        found[name] = {**counts, "samePercent": round(100 * counts["same"] / counts.total(), 1)}
    return found


def _show(out: Console, findings: Sequence[Finding], body: Mapping[str, Any]) -> None:
    from engine.shadow import Agreement  # noqa: PLC0415 - as above

    names = [agreement.value for agreement in Agreement]
    rows = [
        [name, *(counts.get(each, 0) for each in names), f"{counts['samePercent']:.1f} %"]
        for name, counts in body["agreement"].items()
    ]
    out.print(table(f"Agreement with {body['against']}", ["type", *names, "same"], rows))
    differing = [
        [each.intent, each.intent_type, each.subject, each.agreement.value, "\n".join(each.differences)]
        for each in findings
        if each.agreement is not Agreement.SAME
    ]
    if differing:
        out.print(table("Differences", ["intent", "type", "about", "", "what"], differing))
    for each in body["unread"]:
        out.print(f"not decided: {each['intent']}: {each['why']}", markup=False)
    for problem in body["problems"]:
        out.print(f"left out: {problem}", markup=False)
    out.print(f"{body['intents']} intents in shadow ({', '.join(body['namespaces'])})", markup=False)
