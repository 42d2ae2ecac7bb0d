from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.child.running import Program, Result, Runner
from engine.child.settings import ChildSettings


def _has_landlock() -> bool:
    return int(ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)) > 0


HAS_LANDLOCK = _has_landlock()
PYTHON = Path(sys.executable).resolve()
Script = Callable[..., Program]
Run = Callable[..., Result]


@pytest.fixture
def needs_landlock() -> None:
    if not HAS_LANDLOCK:
        pytest.skip("this kernel has no Landlock")


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Writes a program: a shell script, or Python with `python=True`."""

    def write(text: str, *, python: bool = False, network: bool = False) -> Program:
        path = tmp_path / "bin" / "tool"
        path.parent.mkdir(exist_ok=True)
        if python:
            (path.parent / "tool.py").write_text(text)
            text = f'exec {PYTHON} -I "$(dirname "$0")/tool.py" "$@"'
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        readable = (Path(sys.base_prefix), path.parent)
        return Program("tool", path, frozenset({("do",)}), network=network, readable=readable)

    return write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs a program with some settings; confined where the kernel can."""

    def go(program: Program, *arguments: str, stdin: bytes = b"", **settings: object) -> Result:
        runner = Runner(ChildSettings.model_validate({"unconfined": not HAS_LANDLOCK} | settings))
        return runner.run(program, ("do",), arguments, folder=folder, stdin=stdin)

    return go
