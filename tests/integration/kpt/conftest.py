from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.child.folders import WorkingFolders
from engine.child.running import Runner
from engine.child.settings import ChildSettings
from engine.executors.base import Effect
from engine.executors.kpt.executor import KptExecutor
from engine.executors.kpt.settings import FunctionSettings, KptSettings, RepositorySettings
from engine.identity import effect_key, workspace_name
from engine.krm import PackageChange
from engine.settings import load_settings
from tests.integration.conftest import Workplace
from tests.integration.kpt.server import GitServer

HAS_LANDLOCK = int(ctypes.CDLL(None).syscall(444, None, 0, 1)) > 0

STAND_IN = """#!/bin/sh
# What the tests need of kpt where there is none: a package made, and its exec functions run.
case "$1 $2" in
"version ") echo 1.0.0-stand-in ;;
"pkg init")
  printf 'apiVersion: kpt.dev/v1\\nkind: Kptfile\\nmetadata:\\n  name: %s\\n' "${3##*/}" >"$3/Kptfile"
  printf '# %s\\n' "${3##*/}" >"$3/README.md" ;;
"fn render")
  package=$3; shift 3
  case " $* " in *" --allow-exec "*) allowed=yes ;; esac
  for program in $(sed -n 's/^ *- exec: //p' "$package/Kptfile"); do
    [ -n "$allowed" ] || { echo 'Error: must run with `--allow-exec` option' >&2; exit 1; }
    "$program" "$package" || { echo "[FAIL] $program" >&2; exit 1; }
  done ;;
"fn eval")
  package=$3; shift 4; [ "$1" = --exec ]; program=$2
  "$program" "$package" || { echo "[FAIL] $program" >&2; exit 1; } ;;
*) echo "Error: unknown command $*" >&2; exit 1 ;;
esac
"""

MakeExecutor = Callable[..., KptExecutor]
DECIDED: dict[str, Effect] = {}
"""Effects by their workspaces, as the store has them."""


def recall(_repository: str, _package: str, workspace: str) -> Effect | None:
    return DECIDED.get(workspace)


def change(replicas: int, target: str = "amf", repository: str = "main") -> PackageChange:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": target, "namespace": "core"},
        "spec": {"replicas": replicas},
    }
    field = f"Deployment/{target}:spec.replicas"
    return PackageChange(repository, "core", target, f"core-{target}", (deployment,), (field,))


def effect(
    *changes: PackageChange,
    generation: int = 1,
    lifecycle: str = "Published",
    name: str = "scale",
    record: str = "",
) -> Effect:
    key = effect_key("core", name, "uid", generation, "hash")
    made = Effect(f"core/{name}", generation, key, workspace_name(key), lifecycle, changes, record)
    DECIDED[made.workspace] = made
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    root = tmp_path / "git"
    root.mkdir()
    with GitServer(root).serving() as serving:
        yield serving


@pytest.fixture
def main(server: GitServer) -> Path:
    """A repository with nothing but a README."""
    return server.create("main")


KPTS = ("stand-in", "real") if os.environ.get("KPT") else ("stand-in",)


@pytest.fixture(params=KPTS)
def kpt(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """kpt: a script of these tests, and the real one where KPT says where it is."""
    if request.param == "real":
        return Path(os.environ["KPT"])
    return program(tmp_path / "bin" / "kpt", STAND_IN)


@pytest.fixture
def executor(server: GitServer, kpt: Path, tmp_path: Path) -> Iterator[MakeExecutor]:
    """Makes executors for the repositories of the server."""
    folders = WorkingFolders(tmp_path / "work")

    def make(
        *functions: FunctionSettings, repositories: tuple[str, ...] = ("main",), **settings: object
    ) -> KptExecutor:
        children = ChildSettings(unconfined=not HAS_LANDLOCK, readable=[tmp_path / "bin"])
        found = {
            name: RepositorySettings.model_validate({"url": f"{server.url}/{name}.git"} | settings)
            for name in repositories
        }
        git = Path(shutil.which("git") or "/usr/bin/git")
        chosen = KptSettings(kpt=kpt, git=git, repositories=found, functions=list(functions))
        clock = lambda: 1_700_000_000.0  # noqa: E731 - a time is all it is
        return KptExecutor(chosen, Runner(children), folders, recall, clock)

    yield make
    folders.close()


def program(path: Path, text: str) -> Path:
    """Writes a program."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def function(path: Path, text: str, **settings: object) -> FunctionSettings:
    """Writes a program and lists it as a function."""
    program(path, text)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return FunctionSettings.model_validate({"path": path, "sha256": digest} | settings)


SETTINGS = """\
source: {{directory: intents, pollSeconds: 0.05}}
live: {{directory: live, pollSeconds: 1}}
output: {{directory: out}}
store: {{path: out/store.db}}
rules: {{paths: [rules]}}
bounds: {{executors: [kpt], executor: kpt, repository: main, lifecycle: Proposed}}
executors:
  children: {{unconfined: {unconfined}, readable: [bin]}}
  kpt: {{kpt: {kpt}, git: {git}, repositories: {{main: {{url: "{url}/main.git"}}}}}}
"""


@pytest.fixture
def place(
    tmp_path: Path, kpt: Path, main: Path, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workplace]:
    """A workplace whose packages are proposed in git."""
    monkeypatch.setattr("engine.pipeline.daemon.FOLLOWED_SECONDS", 0.1)
    monkeypatch.setattr("engine.executors.kpt.watching._SHOWN_SECONDS", 0.1)
    for folder in ("intents", "live", "rules", "bin"):
        (tmp_path / folder).mkdir(exist_ok=True)
    unconfined = "false" if HAS_LANDLOCK else "true"
    program = shutil.which("git") or "/usr/bin/git"
    text = SETTINGS.format(unconfined=unconfined, kpt=kpt, git=program, url=server.url)
    (tmp_path / "settings.yaml").write_text(text)
    work = Workplace(tmp_path, load_settings(tmp_path / "settings.yaml", {}))
    work.workload("amf")
    work.workload("smf")
    yield work
    for running in work.daemons:
        running.stop()
