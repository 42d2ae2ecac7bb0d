"""Writes the parts of docs/ that the code knows best, so that they cannot say something else than it does.

    python -m docs.generate           writes settings.md, reasons.md, commands.md and run.svg
    python -m docs.generate --check   writes nothing; exit code 1 where a text differs (run.svg holds times)

Texts come from models, commands and comments `#:` of the code; run.svg comes from a run of the examples.
"""
# ruff: noqa: INP001 - docs/ holds documents; this is its one module

from __future__ import annotations

import fcntl
import inspect
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Literal, get_args, get_origin

import click
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from engine.cli.main import cli
from engine.cli.output import Exit
from engine.pipeline.deciding import REOPENED
from engine.reasons import Phase, Reason
from engine.settings import ENVIRONMENT_PREFIX, Settings
from engine.status import Report, build_status

DOCS = Path(__file__).parent
ROOT = DOCS.parent
NOTICE = "<!-- Written by `make docs` from the code: change it there. -->"
COLUMNS = 156
"""The width of the terminal in run.svg: the widest line of the examples fits."""

_DOCUMENT_FIELDS = ("api_version", "kind")
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def settings_page() -> str:
    """Returns settings.md: each setting, its environment variable, its default and its meaning."""
    lines = [
        "# Settings",
        NOTICE,
        "",
        "One YAML file of kind `Settings`, given by `--settings`, and the environment over it.",
        "[Operating](operating.md#settings) says how the two are read.",
        "",
        *_settings_section(Settings, ()),
    ]
    return "\n".join(lines) + "\n"


def _settings_section(model: type[BaseModel], parents: tuple[FieldInfo, ...]) -> Iterator[str]:
    """Yields the table of a section's own settings, then the sections within it."""
    own, within = {}, []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            within.append((field, field.annotation))
        elif parents or name not in _DOCUMENT_FIELDS:
            own[name] = field
    if own:
        yield from _settings_table(own, parents)
    for field, section in within:
        path = (*parents, field)
        key = ".".join(str(step.alias) for step in path)
        yield from ("", f"{'#' * (len(path) + 1)} `{key}`", (section.__doc__ or "").strip(), "")
        yield from _settings_section(section, path)


def _settings_table(fields: Mapping[str, FieldInfo], parents: tuple[FieldInfo, ...]) -> Iterator[str]:
    yield "| Setting | Environment | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in fields.items():
        key = ".".join([*(str(parent.alias) for parent in parents), str(field.alias)])
        variable = ENVIRONMENT_PREFIX + "__".join([*(str(p.alias) for p in parents), name]).upper()
        meaning = " ".join([str(field.description), *_limits(field)])
        yield f"| `{key}` | `{variable}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return "unset"
    if isinstance(value, list):
        return f"`{yaml.safe_dump(value, default_flow_style=True, width=1000).strip()}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _limits(field: FieldInfo) -> list[str]:
    said = [
        f"{words} {getattr(bound, name):g}"
        for bound in field.metadata
        for name, words in _BOUNDS.items()
        if hasattr(bound, name)
    ]
    choices = _choices(field.annotation)
    said += [f"one of {', '.join(f'`{choice}`' for choice in choices)}"] if choices else []
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}."] if said else []


def _choices(annotation: object) -> tuple[object, ...]:
    """Returns what a setting, or each item of a list, can be one of; nothing where it can be anything."""
    item = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    return get_args(item) if get_origin(item) is Literal else ()


def reasons_page() -> str:
    """Returns reasons.md: each phase and reason, and the conditions that go with it."""
    lines = [
        "# Phases and reasons",
        NOTICE,
        "",
        "A status has one phase; each of its conditions has the reason.",
        "[Operating](operating.md#reasons) says what to do about each.",
        "",
        "## Phases",
        "| Phase | Meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {meaning} |" for name, meaning in comments_of(Phase)),
        "",
        "## Reasons",
        "*Looked at again*: by itself, once for each change of the rules or of the live objects.",
        "",
        "| Reason | Phase | Ready | Reconciling | Stalled | Looked at again | Meaning |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, meaning in comments_of(Reason):
        status = build_status(Report(generation=1, reason=Reason(name), message="", now=0))
        states = " | ".join(str(condition["status"]) for condition in status["conditions"])
        again = "yes" if Reason(name) in REOPENED else ""
        lines.append(f"| `{name}` | {status['phase']} | {states} | {again} | {meaning} |")
    return "\n".join(lines) + "\n"


def comments_of(enum: type[Enum]) -> list[tuple[str, str]]:
    """Returns the value and the comment of each member of an enum that says `NAME = value  #: comment`."""
    found = re.findall(r"^\s+([A-Z_]+) = \S+  #: (.+)$", inspect.getsource(enum), re.MULTILINE)
    return [(str(enum[name].value), comment) for name, comment in found]


def commands_page() -> str:
    """Returns commands.md: each command with its arguments, options and what it does, and the exit codes."""
    lines = ["# Commands", NOTICE, ""]
    for names, command in commands():
        context = click.Context(command, info_name=" ".join(names))
        usage = " ".join([*names, *command.collect_usage_pieces(context)])
        about = inspect.cleandoc(command.help or "")
        lines += [f"## `{' '.join(names)}`", about, "", "```text", usage, "```", ""]
        options = [item for item in command.params if isinstance(item, click.Option)]
        if options:
            lines += ["| Option | Default | Meaning |", "| --- | --- | --- |"]
            lines += [_option_row(option) for option in options]
            lines.append("")
    lines += ["## Exit codes", "| Code | Meaning |", "| --- | --- |", "| `0` | All is well. |"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in comments_of(Exit)]
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Lists every command that does something, with the words it is called by."""

    def below(group: click.Group, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from below(command, (*names, name))
            elif command is not None:
                yield (*names, name), command

    return below(cli, ("conductor-watch",))


def _option_row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    meaning = option.help or f"One of {', '.join(f'`{choice}`' for choice in choices)}."
    return f"| {names} | {_option_default(option)} | {meaning} |"


def _option_default(option: click.Option) -> str:
    if isinstance(option.default, bool):
        if option.secondary_opts:
            return f"`{(option.opts if option.default else option.secondary_opts)[0]}`"
        return ""
    if option.multiple or not isinstance(option.default, str | int | float) or option.default == "":
        return ""
    return f"`{option.default}`"


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "reasons.md": reasons_page,
    "commands.md": commands_page,
}
"""What is written, and compared by --check."""


def run_picture() -> str:
    """Returns an SVG of a terminal in which the examples have just run; takes some seconds."""
    command = "conductor-watch run --settings examples/settings.yaml --once --no-table"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder) / "examples")
        output = _in_terminal(
            [sys.executable, "-c", "import engine.cli as c; c.main()", *command.split()[1:]], folder
        )
    terminal = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    terminal.print("[bold green]$[/] make run\n", highlight=False)
    terminal.print(Text.from_ansi(output.rstrip()), soft_wrap=True)
    # Fonts of the reader's own: a picture should fetch nothing.
    frame = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return terminal.export_svg(title="conductor-watch", code_format=frame, unique_id="run")


def _in_terminal(command: list[str], folder: str) -> str:
    """Runs a command in a terminal of its own; returns what it printed, colours and all."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    environment = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stdin=theirs) as child:  # noqa: S603 - our own
        os.close(theirs)
        chunks = []
        with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor, not a path
            try:
                while chunk := screen.read(65536):
                    chunks.append(chunk)
            except OSError:  # how Linux ends a terminal whose last process has gone
                pass
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return b"".join(chunks).decode().replace("\r\n", "\n")


def main(arguments: list[str]) -> int:
    """Writes the pages, or checks them; returns the exit code."""
    check = arguments == ["--check"]
    if arguments and not check:
        click.echo(__doc__, err=True)
        return 2
    stale = [name for name, page in PAGES.items() if _read(DOCS / name) != page()]
    if check:
        for name in stale:
            click.echo(f"docs/{name} is not what the code says; run make docs", err=True)
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
    (DOCS / "run.svg").write_text(run_picture(), encoding="utf-8")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
