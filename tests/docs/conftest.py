"""A copy of the examples in which they have run, as people have it after `make run`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "examples", place / "examples")
    command = "from engine.cli import main; main()"
    arguments = ["run", "--settings", "examples/settings.yaml", "--once", "--no-table"]
    subprocess.run(
        [sys.executable, "-c", command, *arguments],
        cwd=place,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=True,
        capture_output=True,
    )
    return place
