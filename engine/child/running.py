"""Runs one command of another program: confined, bounded in time, output and use, and ended as a whole.

No text ever reaches a shell: a command is a program, one of the subcommands fixed for it, and arguments.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO

import engine
from engine.child.binaries import trusted
from engine.child.launcher import Launch
from engine.child.settings import ChildSettings
from engine.child.text import readable as readable_text

_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from engine.child.launcher import main; main(sys.argv[1:])"
)
_CODE = str(Path(engine.__file__).parent.parent)
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib64", "/dev/zero", "/dev/urandom", "/dev/random"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"),
    *("/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group"),
    *("/etc/localtime", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
)
"""What every program may read and run: programs, libraries, certificates, names; nobody's data."""
_CHUNK = 65_536
_LEAVING_SECONDS = 5.0
"""How long processes that were killed may take to let go of their outputs."""
_MEBIBYTE = 1 << 20
_ADDRESSES = 16
"""How many times its memory a program may reserve: Go reserves far more than it takes."""


class CannotRunError(Exception):
    """A command could not be started, or not be confined; the message says why and what to do."""


class Ended(Enum):
    """How a command came to its end."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIME = "took too long"
    OUTPUT = "printed too much"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a command.

    Attributes:
        code: its exit code; the number of the signal that ended it.
        stderr: what it printed there, for people.
    """

    ended: Ended
    code: int
    stdout: bytes
    stderr: str

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.ended is Ended.EXITED and self.code == 0

    def words(self) -> str:
        """Returns in words how it ended."""
        if self.ended is Ended.EXITED:
            return f"ended with exit code {self.code}"
        if self.ended is Ended.SIGNALLED:
            return f"was ended by signal {self.code} ({signal.strsignal(self.code) or 'unknown'})"
        return f"{self.ended.value} and was ended"


@dataclass(frozen=True, slots=True)
class Program:
    """Another program, and all of it that is ever run.

    Attributes:
        subcommands: their words, such as ("rpkg", "init").
        network: whether it may use the network.
        environment: the variables it needs, beside those that each gets.
        readable: what it may read beside what each may.
    """

    name: str
    path: Path
    subcommands: frozenset[tuple[str, ...]]
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()


class Runner:
    """Runs commands, several at a time where several threads ask.

    Args:
        secrets: files and folders that no command may read.

    Raises:
        CannotRunError: one of the secrets stands where commands may read.
    """

    def __init__(self, settings: ChildSettings, secrets: Sequence[Path] = ()) -> None:
        self._settings = settings
        self._readable = (*_SYSTEM, *map(str, settings.readable))
        for secret in secrets:
            self._refuse_exposed(secret, self._readable)
        self._secrets = tuple(secrets)

    def run(  # noqa: PLR0913 - each says something else about one run
        self,
        program: Program,
        subcommand: tuple[str, ...],
        arguments: Sequence[str] = (),
        *,
        folder: Path,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        readable: Sequence[Path] = (),
        most: int = 0,
    ) -> Result:
        """Runs a command to its end in a folder of its own, the one place where it may write.

        Args:
            environment: variables for this run, beside those that each gets.
            readable: what it may read for this run, beside what it always may.
            most: how many bytes it may print, where that is more than the settings allow.

        Raises:
            CannotRunError: it could not be started or confined; nothing of it has run.
            UntrustedProgramError: the program is not to be run.
            ValueError: the subcommand is none of the program's.
        """
        if subcommand not in program.subcommands:
            raise ValueError(f"{program.name} {' '.join(subcommand)} is not among what may be run")
        path = trusted(program.path)
        extra = [str(path), *map(str, program.readable), *map(str, readable)]
        for secret in self._secrets:
            self._refuse_exposed(secret, extra)
        launch = Launch(
            parent=os.getpid(),
            readable=[*self._readable, *extra],
            writable=[str(folder), "/dev/null"],
            limits=self._limits(),
            network=program.network,
            confine=not self._settings.unconfined,
        )
        variables = _environment(folder) | dict(program.environment) | self._settings.environment
        variables |= environment or {}
        with _started(launch, [str(path), *subcommand, *arguments], folder, variables) as (child, failure):
            exchange = _Exchange(child, stdin)
            ended = exchange.carry(self._settings.seconds, max(most, self._settings.output_kib * 1024))
            message = failure.read(_CHUNK)
        if message:
            raise CannotRunError(f"{path} cannot be run: {readable_text(message)}")
        code = child.returncode
        if ended is Ended.EXITED and code < 0:
            ended = Ended.SIGNALLED
        return Result(ended, abs(code), bytes(exchange.stdout), readable_text(bytes(exchange.stderr)))

    def _limits(self) -> dict[str, int]:
        settings = self._settings
        memory = settings.memory_mib * _MEBIBYTE
        return {
            "RLIMIT_CPU": settings.cpu_seconds,
            "RLIMIT_DATA": memory,
            "RLIMIT_AS": memory * _ADDRESSES,
            "RLIMIT_NPROC": settings.processes,
            "RLIMIT_NOFILE": settings.open_files,
            "RLIMIT_FSIZE": settings.file_mib * _MEBIBYTE,
            "RLIMIT_CORE": 0,
        }

    @staticmethod
    def _refuse_exposed(secret: Path, roots: Sequence[str]) -> None:
        found = secret.resolve()
        for root in roots:
            if found.is_relative_to(Path(root).resolve()):
                raise CannotRunError(
                    f"commands may read {root}, and {secret} stands there; move it, or take "
                    "the folder out of executors.children.readable"
                )


@contextmanager
def _started(
    launch: Launch, command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Starts a command in a session of its own, and ends all of it with the context.

    Gives the process, and what tells why it could not be confined: nothing where it runs.
    """
    told, tell = os.pipe()
    python = [sys.executable, "-I", "-S", "-c", _BOOT, _CODE, launch.to_json(), str(tell)]
    with open(told, "rb", buffering=0) as failure:  # noqa: PTH123 - a descriptor, not a path
        try:
            child = subprocess.Popen(  # noqa: S603 - a fixed program; the arguments reach no shell
                [*python, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=folder,
                env=environment,
                start_new_session=True,
                pass_fds=(tell,),
            )
        except OSError as error:
            raise CannotRunError(f"{command[0]} cannot be started: {error.strerror}") from error
        finally:
            os.close(tell)
        try:
            yield child, failure
        finally:
            _kill(child)
            child.wait()


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends every process of a child's group; while it is not waited for, no other can have its number."""
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)


class _Exchange:
    """The pipes to and from a child until all of its processes have ended."""

    def __init__(self, child: subprocess.Popen[bytes], stdin: bytes) -> None:
        assert child.stdin and child.stdout and child.stderr  # noqa: S101, PT018 - all are pipes
        self._child = child
        self._stdin, self._left = child.stdin, memoryview(stdin)
        self.stdout, self.stderr = bytearray(), bytearray()
        self._outputs: dict[IO[bytes], bytearray] = {child.stdout: self.stdout, child.stderr: self.stderr}
        self._selector = selectors.DefaultSelector()

    def carry(self, seconds: float, most: int) -> Ended:
        """Writes the input and reads the outputs until the child has ended, or is ended."""
        ending = os.pidfd_open(self._child.pid)
        try:
            self._selector.register(ending, selectors.EVENT_READ)
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
            for output in self._outputs:
                self._selector.register(output, selectors.EVENT_READ)
            for pipe in (self._stdin, *self._outputs):
                os.set_blocking(pipe.fileno(), False)
            ended = self._until(time.monotonic() + seconds, most, ending)
            _kill(self._child)
            if ended is Ended.EXITED:  # what it printed last may still be on its way
                late = self._until(time.monotonic() + _LEAVING_SECONDS, most, ending)
                ended = Ended.OUTPUT if late is Ended.OUTPUT else ended
            self._child.wait()
            return ended
        finally:
            self._selector.close()
            os.close(ending)
            for pipe in (self._stdin, *self._outputs):
                pipe.close()

    def _until(self, deadline: float, most: int, ending: int) -> Ended:
        """Goes on until the child ends, then until the outputs do; or until a bound is reached."""
        while self._selector.get_map():
            ready = self._selector.select(deadline - time.monotonic())
            if not ready and time.monotonic() >= deadline:
                return Ended.TIME
            for key, _ in ready:
                if key.fileobj == ending:
                    self._selector.unregister(ending)
                    return Ended.EXITED
                if key.fileobj is self._stdin:
                    self._write()
                else:
                    self._read(key.fileobj)  # type: ignore[arg-type] # what was registered
            if sum(map(len, self._outputs.values())) > most:
                return Ended.OUTPUT
        return Ended.EXITED

    def _write(self) -> None:
        try:
            written = os.write(self._stdin.fileno(), self._left[:_CHUNK]) if self._left else 0
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want it
            written = len(self._left)
        self._left = self._left[written:]
        if not self._left:
            self._selector.unregister(self._stdin)
            self._stdin.close()

    def _read(self, output: IO[bytes]) -> None:
        try:
            chunk = os.read(output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        self._outputs[output].extend(chunk)
        if not chunk:
            self._selector.unregister(output)


def _environment(folder: Path) -> dict[str, str]:
    """Returns the variables of every command: nothing of ours, English, its own folder as home."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "GOMAXPROCS": "2",
    }
