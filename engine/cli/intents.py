"""`intents` lists the intents of a running daemon, approves what waits for it, and has others tried again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.api.client import Client
from engine.api.wire import Body
from engine.cli.asking import asking, client_of, daemon_options, named
from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.times import time_of
from engine.reasons import Phase, Reason

if TYPE_CHECKING:
    from rich.console import Console

PHASE_STYLES = {
    Phase.COMPLETED: "green",
    Phase.FAILED: "red",
    Phase.PENDING: "yellow",
    Phase.PROCESSING: "cyan",
}
_PAGE = 500
_REASONS = click.Choice([reason.value for reason in Reason], case_sensitive=False)


@click.group("intents")
def intents_command() -> None:
    """Looks at the intents of a running daemon, and decides what it leaves to people."""


@intents_command.command("list")
@click.option("-n", "--namespace", default="", help="Only of this namespace.")
@click.option("--phase", type=click.Choice([phase.value for phase in Phase], case_sensitive=False))
@click.option("--reason", type=_REASONS, help="Only with this reason, as Held.", metavar="REASON")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="The most to list.")
@daemon_options
@output_option
def list_command(
    namespace: str,
    phase: str | None,
    reason: str | None,
    limit: int,
    file: Path | None,
    socket: Path | None,
    output: str,
) -> int:
    """Lists intents with their phase, reason and what was understood."""
    client = client_of(file, socket)
    items: list[dict[str, Any]] = []
    after = ""
    with asking():
        while len(items) < limit:
            found = client.intents(
                namespace=namespace,
                phase=phase or "",
                reason=reason or "",
                limit=min(_PAGE, limit - len(items)),
                after=after,
            )
            items += found["items"]
            after = found["continue"]
            if not after:
                break
    body = {"items": items, "continue": after}
    emit(output, "IntentList", body, lambda out: _show_list(out, body))
    return Exit.OK


def _show_list(out: Console, body: Body) -> None:
    from rich.text import Text  # noqa: PLC0415 - only for people

    rows = [
        [
            Text(f"{item['namespace']}/{item['name']}" if item["namespace"] else item["name"]),
            Text(item["phase"], style=PHASE_STYLES[Phase(item["phase"])]),
            item["reason"],
            Text(item["understood"] or item["text"]),
            Text(item["message"].partition("\n")[0], style="dim"),
        ]
        for item in body["items"]
    ]
    out.print(table("", ["intent", "phase", "reason", "understood", "message"], rows))
    if not rows:
        out.print("no intent fits")
    if body["continue"]:
        out.print("there are more; list them with a larger --limit", style="dim")


@intents_command.command("approve")
@click.argument("intent", metavar="NAMESPACE/NAME")
@click.option("--spec-hash", default="", help="Only if its spec has this hash, as `explain` shows it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@daemon_options
@output_option
def approve_command(
    intent: str, spec_hash: str, yes: bool, file: Path | None, socket: Path | None, output: str
) -> int:
    """Lets go on what a rule holds until somebody approves it: its spec as it is now, and no later one."""
    namespace, name = named(intent)
    client = client_of(file, socket)
    with asking():
        if not yes and sys.stdin.isatty():
            spec_hash = _confirmed(client, namespace, name, spec_hash)
        found = client.approve(namespace, name, spec_hash)
    emit(output, "Approval", found, lambda out: _show_approval(out, found))
    return Exit.OK


def _confirmed(client: Client, namespace: str, name: str, spec_hash: str) -> str:
    """Asks for what is going to happen, and returns the spec hash that the answer is about."""
    seen = client.explain(namespace, name)
    click.echo(f"{namespace}/{name}, generation {seen['generation']}: {seen['text']}", err=True)
    for action in seen["actions"]:
        click.echo(f"  {action['summary']}", err=True)
    click.echo(f"{seen['rule'] or seen['reason']}: {seen['message']}", err=True)
    click.confirm("Approve?", abort=True, err=True)
    return spec_hash or str(seen["specHash"])


def _show_approval(out: Console, found: Body) -> None:
    intent = f"{found['namespace']}/{found['name']}"
    out.print(f"[green]approved[/] {intent}, generation {found['generation']}, by {found['approvedBy']}")
    if found["requester"] == "unknown":
        out.print("who asked for it is not known, so that it was not you is not checked", style="dim")


@intents_command.command("retry")
@click.argument("intent", metavar="[NAMESPACE/NAME]", required=False)
@click.option("--reason", type=_REASONS, help="All that have this reason.", metavar="REASON")
@click.option("-n", "--namespace", default="", help="Of --reason: only of this namespace.")
@click.option("--since", default="", help="Of --reason: only since a time, as 2h, or 2027-01-31T12:00:00Z.")
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Of --reason: the most to try.",
)
@click.option(
    "--rate",
    type=click.IntRange(1, 6000),
    help="Of --reason: start so many a minute, each at its time; without it, up to 100 at once.",
)
@click.option("--dry-run", is_flag=True, help="Of --reason: list them only.")
@daemon_options
@output_option
def retry_command(  # noqa: PLR0913, PLR0917 - each is an option
    intent: str | None,
    reason: str | None,
    namespace: str,
    since: str,
    limit: int,
    rate: int | None,
    dry_run: bool,
    file: Path | None,
    socket: Path | None,
    output: str,
) -> int:
    """Has one intent tried again, or all with a reason: what was decided is tried, the rest looked at."""
    if (intent is None) == (reason is None):
        raise CommandError("name one intent as NAMESPACE/NAME, or all that have a reason with --reason")
    client = client_of(file, socket)
    if intent is not None:
        if namespace or since or dry_run or rate:
            raise CommandError("--namespace, --since, --rate and --dry-run go with --reason")
        with asking():
            one = client.retry(*named(intent))
        emit(output, "Retry", one, lambda out: out.print(f"{intent} is tried again; it was {one['was']}"))
        return Exit.OK
    start = time_of(since, "--since") if since else ""
    with asking():
        found = client.retry_all(
            str(reason), namespace=namespace, since=start, limit=limit, dry_run=dry_run, rate=rate
        )
    emit(output, "BulkRetry", found, lambda out: _show_bulk(out, found))
    return Exit.OK


def _show_bulk(out: Console, found: Body) -> None:
    from rich.text import Text  # noqa: PLC0415 - only for people

    rows = [
        [f"{item['namespace']}/{item['name']}", item["generation"], Text(item["message"])]
        for item in found["retried"]
    ]
    if rows:
        out.print(table("", ["intent", "generation", "message"], rows))
    would = "would be tried again" if found["dryRun"] else "are tried again"
    out.print(f"{len(rows)} of {found['matched']} {would}")
    if found.get("lastAt"):
        out.print(f"the last of them at {found['lastAt']}", style="dim")
    if found["nextAt"]:
        out.print(f"more may be tried from {found['nextAt']} on; ask again then", style="dim")
