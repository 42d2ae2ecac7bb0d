"""kpt, run on the files of a package in a working folder: made, gone through functions, rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from documents import DocumentError, parse
from engine.child.binaries import trusted
from engine.child.files import UnacceptableFilesError, read_files, write_files
from engine.child.running import Program, Runner
from engine.executors.kpt.pipeline import programs_of
from engine.executors.kpt.problems import GitError, understand
from engine.executors.kpt.settings import FunctionSettings

_SUBCOMMANDS = frozenset({("pkg", "init"), ("fn", "render"), ("fn", "eval"), ("version",)})


class Kpt:
    """Runs kpt, without any network and with the functions of the settings only."""

    def __init__(self, runner: Runner, program: Path, functions: Sequence[FunctionSettings]) -> None:
        self._runner = runner
        self._program = Program("kpt", program, _SUBCOMMANDS)
        self._functions = {str(function.path): function for function in functions}

    def version(self, folder: Path) -> str:
        """Returns the version of kpt. Raises as `render`."""
        return self._run(("version",), [], folder).decode("utf-8", "replace").strip()

    def init(self, name: str, folder: Path) -> dict[str, bytes]:
        """Returns the files that kpt gives a new package. Raises as `render`."""
        package = folder / name
        package.mkdir()
        description = f"What network intents state, kept by conductor-watch: {name}"
        self._run(("pkg", "init"), [str(package), "--description", description], folder)
        return _read(package)

    def render(self, name: str, files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
        """Returns the files of a package after the functions that always run, and its own pipeline.

        Args:
            name: of the package.
            folder: a working folder that is nobody else's.

        Raises:
            GitError: a function is none that may run, or fails, or leaves what is no package.
            CannotRunError, UntrustedProgramError: kpt did not run.
        """
        programs = programs_of(files, self._functions)
        package = folder / name
        write_files(package, files)
        for function in self._functions.values():
            if function.always:
                self._evaluate(function, package, folder)
        # A function may have written another pipeline.
        programs |= programs_of(_read(package), self._functions)
        for program in programs:
            trusted(Path(program), self._functions[program].sha256)
        allow = ["--allow-exec"] if programs else []
        self._checked(("fn", "render"), [str(package), *allow], folder, [Path(item) for item in programs])
        return _read(package)

    def _evaluate(self, function: FunctionSettings, package: Path, folder: Path) -> None:
        program = trusted(function.path, function.sha256)
        values = [f"{key}={value}" for key, value in function.config.items()]
        given = ["--", *values] if values else []
        self._checked(("fn", "eval"), [str(package), "--exec", str(program), *given], folder, [program])

    def _checked(
        self, words: tuple[str, ...], arguments: Sequence[str], folder: Path, readable: Sequence[Path]
    ) -> None:
        """Runs functions; one that reports an error has failed, though kpt may call that a success."""
        results = folder / "results"
        flags = [f"--results-dir={results}"]
        self._run(words, [arguments[0], *flags, *arguments[1:]], folder, readable)
        for file in sorted(results.glob("*.yaml")):
            for message in _errors(file):
                raise GitError.permanent(
                    f"a function says: {message}; correct the package, then retry the intent"
                )
            file.unlink()

    def _run(
        self, words: tuple[str, ...], arguments: Sequence[str], folder: Path, readable: Sequence[Path] = ()
    ) -> bytes:
        result = self._runner.run(self._program, words, arguments, folder=folder, readable=readable)
        if not result.succeeded:
            raise understand(result, f"kpt {' '.join(words)}")
        return result.stdout


def _read(folder: Path) -> dict[str, bytes]:
    """Returns the files of a package in which functions may have written."""
    try:
        return read_files(folder)
    except UnacceptableFilesError as error:
        raise GitError.permanent(
            f"what rendering left is no package: {error}; correct the function"
        ) from error


def _errors(file: Path) -> Iterator[str]:
    """Yields the messages of severity error in a file of structured results."""
    try:
        documents = parse(file.read_bytes(), "results.yaml")
        items = [item for document in documents for item in document.value.get("items") or []]
        results = [result for item in items for result in item.get("results") or []]
        yield from (str(result.get("message")) for result in results if result.get("severity") == "error")
    except (DocumentError, AttributeError, TypeError) as error:
        raise GitError.permanent(f"the results of kpt cannot be read: {error}") from error
