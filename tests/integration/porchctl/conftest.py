from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.child.folders import WorkingFolders
from engine.child.running import Runner
from engine.child.settings import ChildSettings
from engine.executors.base import Effect
from engine.executors.porch.drafting import Drafter
from engine.executors.porch.queues import WriterQueues
from engine.executors.porch.upkeep import Upkeep
from engine.executors.porchctl.cli import PorchctlApi
from engine.executors.porchctl.executor import PorchctlExecutor
from tests.integration.porchctl.standin import Porch

HAS_LANDLOCK = int(ctypes.CDLL(None).syscall(444, None, 0, 1)) > 0
CONFIG = b'{"users": [{"user": {"token": "narrow"}}]}'


@pytest.fixture
def porch(tmp_path: Path) -> Iterator[Porch]:
    with Porch().serving(tmp_path / "bin" / "porchctl") as porch:
        yield porch


@pytest.fixture
def api(porch: Porch, tmp_path: Path) -> Iterator[PorchctlApi]:
    folders = WorkingFolders(tmp_path / "work")
    readable = [tmp_path / "bin", Path(sys.base_prefix)]
    runner = Runner(ChildSettings(unconfined=not HAS_LANDLOCK, readable=readable))
    yield PorchctlApi(runner, folders, tmp_path / "bin" / "porchctl", lambda: CONFIG, "default", 0.0)
    folders.close()


@pytest.fixture
def decided() -> dict[str, Effect]:
    """Effects by their workspaces, as the store has them."""
    return {}


@pytest.fixture
def executor(api: PorchctlApi, decided: dict[str, Effect]) -> PorchctlExecutor:
    return executor_on(api, decided)


def executor_on(api: PorchctlApi, decided: dict[str, Effect], keep: int = 50) -> PorchctlExecutor:
    """Makes an executor that keeps so many published revisions of each package."""
    drafter = Drafter(api, lambda _repository, _package, workspace: decided.get(workspace))
    return PorchctlExecutor(api, WriterQueues("db"), drafter, Upkeep(api, keep, 3600), ["edge"])
