"""One API server for all workers of a test session; it goes with the last of them, however they end.

Each worker holds a shared lock on a file. A process of its own keeps the servers and waits for the exclusive
lock: the kernel grants it when no worker is left, so nothing has to count them.

`python -m tests.cluster.sharing start FOLDER PROGRAMS` starts that process and returns when the API is ready.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.server import ApiServer, ServerError

ROOT = Path(__file__).parents[2]
_READY = "ready"


@contextmanager
def shared_server(folder: Path, programs: Path) -> Iterator[Path]:
    """Yields the admin's kubeconfig of the API server in a folder, started where none runs there.

    Raises:
        ServerError: it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kubeconfig = folder / "admin.kubeconfig"
    with (folder / "users.lock").open("w") as users:
        with (folder / "start.lock").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for one that is just going down
            if not (folder / _READY).exists():
                _run("start", folder, programs)
        yield kubeconfig


def _run(verb: str, folder: Path, programs: Path) -> None:
    command = [sys.executable, "-m", "tests.cluster.sharing", verb, str(folder), str(programs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(done.stderr or done.stdout)


def _start(folder: Path, programs: Path) -> None:
    """Starts the process that keeps the servers, apart from this one, and waits until it says ready."""
    command = [sys.executable, "-m", "tests.cluster.sharing", "keep", str(folder), str(programs)]
    keeper = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests, which still clean up
    )
    assert keeper.stdout is not None
    if (said := keeper.stdout.readline().strip()) != _READY:
        sys.exit(said + "\n" + keeper.stdout.read())


def _keep(folder: Path, programs: Path) -> None:
    """Keeps the servers for as long as anybody holds the shared lock."""
    server = ApiServer(folder, programs)
    try:
        server.start()
        (folder / _READY).touch()
        print(_READY, flush=True)  # noqa: T201 - what the starting process waits for
        with (folder / "users.lock").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            (folder / _READY).unlink()
            server.stop()
    finally:
        server.stop()


if __name__ == "__main__":
    {"start": _start, "keep": _keep}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
