"""The command `conductor-watch` and its groups; errors become messages and exit codes here."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

import click

from engine.cli.output import CommandError, Exit

_COMMANDS = {
    "run": "engine.cli.run",
    "parse": "engine.cli.reading",
    "eval": "engine.cli.reading",
    "plan": "engine.cli.planning",
    "explain": "engine.cli.explaining",
    "intents": "engine.cli.intents",
    "history": "engine.cli.records",
    "audit": "engine.cli.records",
    "rules": "engine.cli.rules_commands",
    "shadow": "engine.cli.shadow",
    "gc": "engine.cli.collecting",
    "check": "engine.cli.checking",
    "schema": "engine.cli.checking",
    "crd": "engine.cli.crd",
    "cleanup": "engine.cli.cleanup",
    "upgrade": "engine.cli.upgrading",
}
"""Each command and the module that defines it, loaded when it is asked for."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name])
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="conductor-watch")
def cli() -> None:
    """Reads network intents in plain language, decides by business rules, writes KRM packages.

    Exit codes: 0 ok, 1 a negative answer, 2 wrong usage or a bad file, 3 a backend unreachable, 4 not found.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    guarded(lambda: cli.main(args=arguments, prog_name="conductor-watch", standalone_mode=False))


def guarded(run: Callable[[], int | None]) -> None:
    """Runs commands and exits with their code; what goes wrong becomes a message and the code for it."""
    try:
        sys.exit(run() or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except CommandError as error:
        error.show()
        sys.exit(error.code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of a pipe went away, as `head` does
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        CommandError(f"{name}{error.strerror or error}").show()
        sys.exit(Exit.USAGE)
    except Exception as error:
        from documents import DocumentError  # noqa: PLC0415 - light commands never need it

        if not isinstance(error, DocumentError):
            raise
        CommandError(str(error)).show()
        sys.exit(Exit.USAGE)
