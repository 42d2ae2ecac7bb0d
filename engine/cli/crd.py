"""`crd` prints the CustomResourceDefinition of NetworkIntent, for `kubectl apply -f -`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from engine.cli.output import Exit
from engine.cli.records import settings_option


@click.command("crd")
@settings_option()
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def crd_command(file: Path | None, output: str) -> int:
    """Prints the CustomResourceDefinition of NetworkIntent; group, version and plural are the settings'."""
    import yaml  # noqa: PLC0415 - only what is asked for is loaded

    from engine.crd import definition  # noqa: PLC0415 - as above
    from engine.settings import load_settings  # noqa: PLC0415 - as above

    settings = load_settings(file)
    made = definition(settings.group, settings.version, settings.kubernetes.plural)
    if output == "json":
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        click.echo("# Written by `conductor-watch crd`.")
        dumper = type("_NoAliases", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
        click.echo(yaml.dump(made, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110), nl=False)
    return Exit.OK
