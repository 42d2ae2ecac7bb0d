"""`rules` looks at business rules and tries them, without deciding anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.output import Exit, emit, output_option
from engine.cli.records import settings_option
from engine.cli.rule_changes import diff_command, reapply_command
from engine.cli.rule_origins import show_command
from engine.cli.rule_tests import test_command

if TYPE_CHECKING:
    from rich.console import Console

    from rules import RuleBook


@click.group("rules")
def rules_command() -> None:
    """Looks at business rules, tries them, and has them decide anew what is done."""


for _command in (show_command, test_command, diff_command, reapply_command):
    rules_command.add_command(_command)


@rules_command.command("lint")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--defaults/--no-defaults", default=True, help="Load the shipped rules too.")
@settings_option()
@output_option
def lint_command(
    paths: tuple[Path, ...], strict: bool, defaults: bool, file: Path | None, output: str
) -> int:
    """Loads rules as the daemon would, and tells what is wrong or suspicious, with file and line.

    Without PATHS, the rules that the settings name.
    """
    from documents import DocumentError  # noqa: PLC0415 - spares the other commands the import
    from engine.planning import bounds_of, types_of  # noqa: PLC0415
    from engine.settings import load_settings  # noqa: PLC0415
    from rules import load  # noqa: PLC0415

    settings = load_settings(file)
    found = list(paths) or settings.rules.paths
    try:
        schema = types_of(settings, found).contract.schema()
        book = load(found, schema, with_defaults=defaults, bounds=bounds_of(settings))
    except DocumentError as error:
        problems = [str(problem) for problem in error.problems]
        emit(
            output,
            "Lint",
            {"errors": problems, "warnings": []},
            lambda out: _show_problems(out, problems, []),
        )
        return Exit.USAGE
    warnings = [str(problem) for problem in book.warnings]
    body = {"errors": [], "warnings": warnings, "rules": len(book.rules), "digest": book.digest}
    emit(output, "Lint", body, lambda out: _show_lint(out, book, warnings))
    return Exit.NEGATIVE if strict and warnings else Exit.OK


def _show_lint(out: Console, book: RuleBook, warnings: list[str]) -> None:
    _show_problems(out, [], warnings)
    out.print(f"[green]{len(book.rules)} rules[/], digest {book.digest[:12]}, {len(warnings)} warnings")


def _show_problems(out: Console, errors: list[str], warnings: list[str]) -> None:
    for style, kind, problems in (("red", "error", errors), ("yellow", "warning", warnings)):
        for problem in problems:
            out.print(f"[{style}]{kind}[/] ", end="")
            out.print(problem, markup=False)
