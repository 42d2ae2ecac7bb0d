"""`cleanup` makes NetworkIntents ready to outlive the daemon, before it is uninstalled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.records import settings_option

if TYPE_CHECKING:
    from rich.console import Console


@click.command("cleanup")
@click.option("--annotations", is_flag=True, help="Take away the annotations that it wrote too.")
@click.option("--dry-run", is_flag=True, help="Only list the intents concerned.")
@settings_option()
@output_option
def cleanup_command(annotations: bool, dry_run: bool, file: Path | None, output: str) -> int:
    """Takes the finalizers from the NetworkIntents of a cluster, so that they can be deleted without it.

    Stop the daemon first, or it puts them back. Packages stay as they are, also those of intents that wish
    them withdrawn.
    """
    from engine.kube.cleaning import clean, find  # noqa: PLC0415 - the Kubernetes client is heavy
    from engine.kube.client import Client  # noqa: PLC0415 - as above
    from engine.kube.connection import configure  # noqa: PLC0415 - as above
    from engine.kube.errors import ApiError  # noqa: PLC0415 - as above
    from engine.kube.followed import followed  # noqa: PLC0415 - as above
    from engine.settings import load_settings  # noqa: PLC0415 - as above

    settings = load_settings(file)
    if settings.source.kind != "kubernetes":
        raise CommandError("intents come from a folder, where nothing has to be cleaned up; see source.kind")
    client = Client(configure(settings.kubernetes.kubeconfig))
    cleaned: list[dict[str, Any]] = []
    try:
        places = settings.kubernetes.namespaces or ("",)
        for resource, found in (
            (kind.resource, found)
            for kind in followed(settings)
            for found in find(client, kind.resource, places)
        ):
            if not (found.finalizer or annotations):
                continue
            if not dry_run:
                clean(client, resource, found, annotations=annotations)
            cleaned.append(
                {
                    "resource": resource.words(),
                    "namespace": found.namespace,
                    "name": found.name,
                    "finalizer": found.finalizer,
                    "annotations": list(found.annotations) if annotations else [],
                    "deleted": found.deleted,
                }
            )
    except ApiError as error:
        done = f"; {len(cleaned)} were cleaned up before" if cleaned and not dry_run else ""
        raise CommandError(f"{error}{done}", Exit.UNREACHABLE) from error
    finally:
        client.close()
    body = {"dryRun": dry_run, "items": cleaned}
    emit(output, "Cleanup", body, lambda out: _show(out, cleaned, dry_run=dry_run))
    return Exit.OK


def _show(out: Console, items: list[dict[str, Any]], *, dry_run: bool) -> None:
    rows = [
        [
            f"{item['namespace']}/{item['name']}",
            item["resource"],
            "yes" if item["finalizer"] else "",
            str(len(item["annotations"]) or ""),
            "waits for it" if item["deleted"] else "",
        ]
        for item in items
    ]
    if rows:
        out.print(table("", ["intent", "resource", "finalizer", "annotations", "deletion"], rows))
    out.print(f"{len(items)} intents {'would be' if dry_run else 'were'} cleaned up")
