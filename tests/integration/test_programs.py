"""The executors that run programs, as the settings make them."""

from __future__ import annotations

import ctypes
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from engine.cli.main import cli
from engine.executors.base import Effect
from engine.executors.choice import executors_of
from engine.executors.programs import OLDEST_KPT, OLDEST_PORCHCTL, MissingProgramError, check_version
from engine.settings import Settings, load_settings

HAS_LANDLOCK = int(ctypes.CDLL(None).syscall(444, None, 0, 1)) > 0


def recall(_repository: str, _package: str, _workspace: str) -> Effect | None:
    return None


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def settings_of(folder: Path, name: str, **executors: Any) -> Settings:
    children = {"unconfined": not HAS_LANDLOCK, "directory": "work"}
    values = {
        "apiVersion": "conductor-watch/v1",
        "kind": "Settings",
        "store": {"path": "state.db"},
        "bounds": {"executors": [name], "executor": name},
        "executors": {"children": children, **executors},
    }
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(values))
    return load_settings(file, {})


def test_kpt_is_made_from_the_settings(tmp_path: Path) -> None:
    kpt = program(tmp_path / "bin" / "kpt", "1.0.0-beta.62")
    settings = settings_of(tmp_path, "kpt", kpt={"kpt": str(kpt)})
    assert settings.executors.children.directory == tmp_path / "work"
    assert executors_of(settings, recall)["kpt"].name == "kpt"


def test_porchctl_is_made_from_the_settings(tmp_path: Path) -> None:
    found = program(tmp_path / "bin" / "porchctl", "Version: 1.5.8")
    (tmp_path / "narrow.kubeconfig").write_text("{}")
    chosen = {"program": str(found), "kubeconfig": "narrow.kubeconfig"}
    settings = settings_of(tmp_path, "porchctl", porchctl=chosen)
    assert executors_of(settings, recall)["porchctl"].name == "porchctl"


def test_porchctl_without_rights_of_its_own_is_refused(tmp_path: Path) -> None:
    found = program(tmp_path / "bin" / "porchctl", "Version: 1.5.8")
    settings = settings_of(tmp_path, "porchctl", porchctl={"program": str(found)})
    with pytest.raises(MissingProgramError, match=r"set executors\.porchctl\.serviceAccount"):
        executors_of(settings, recall)


@pytest.mark.parametrize(
    ("name", "section"), [("kpt", {"kpt": "kpt"}), ("porchctl", {"program": "porchctl"})]
)
def test_a_program_that_is_missing_or_old_ends_the_start(
    tmp_path: Path, name: str, section: dict[str, str]
) -> None:
    key, file = next(iter(section.items()))
    path = tmp_path / "bin" / file
    chosen = {key: str(path)} | ({"kubeconfig": "x"} if name == "porchctl" else {})
    settings = settings_of(tmp_path, name, **{name: chosen})
    with pytest.raises(MissingProgramError, match="install it there"):
        executors_of(settings, recall)
    program(path, "Version: 0.9.0")
    with pytest.raises(MissingProgramError, match=r"0\.9\.0 is too old"):
        executors_of(settings, recall)
    path.chmod(0o777)
    with pytest.raises(MissingProgramError, match="others than root and this user may change"):
        executors_of(settings, recall)


def test_check_tells_of_each_backend_though_one_cannot_be_set_up(tmp_path: Path) -> None:
    settings_of(tmp_path, "porchctl", porchctl={"program": str(tmp_path / "porchctl"), "kubeconfig": "x"})
    file = tmp_path / "settings.yaml"
    file.write_text(file.read_text().replace("- porchctl", "- porchctl\n  - directory"))
    said = CliRunner().invoke(cli, ["check", "--settings", str(file), "-o", "json"], standalone_mode=False)
    found = {item["name"]: item for item in json.loads(said.stdout)["checks"]}
    assert "install it there, or set the path" in found["backend porchctl"]["detail"]
    assert "goes on by itself" not in found["backend porchctl"]["detail"]
    assert found["backend directory"]["ok"]


def test_a_store_where_commands_may_read_ends_the_start(tmp_path: Path) -> None:
    kpt = program(tmp_path / "bin" / "kpt", "1.0.0-beta.62")
    children = {"unconfined": not HAS_LANDLOCK, "readable": ["."]}
    settings = settings_of(tmp_path, "kpt", kpt={"kpt": str(kpt)}, children=children)
    with pytest.raises(MissingProgramError, match=r"state\.db stands there"):
        executors_of(settings, recall)


def test_running_them_unconfined_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kpt = program(tmp_path / "bin" / "kpt", "1.0.0-beta.62")
    settings = settings_of(tmp_path, "kpt", kpt={"kpt": str(kpt)}, children={"unconfined": True})
    with caplog.at_level(logging.WARNING):
        executors_of(settings, recall)
    assert "commands can read what conductor-watch can" in caplog.text


@pytest.mark.parametrize(
    ("said", "oldest", "fits"),
    [
        ("1.0.0-beta.56", OLDEST_KPT, False),
        ("v1.0.0-beta.62.1", OLDEST_KPT, True),
        ("1.0.0", OLDEST_KPT, True),
        ("porchctl Version: 1.5.8+74d82d56", OLDEST_PORCHCTL, True),
        ("porchctl Version: 1.10.0", OLDEST_PORCHCTL, True),
        ("porchctl Version: 1.5.7", OLDEST_PORCHCTL, False),
    ],
)
def test_versions_are_compared_by_their_numbers(said: str, oldest: str, fits: bool) -> None:
    if fits:
        check_version("it", said, oldest)
    else:
        with pytest.raises(MissingProgramError, match="too old; install"):
            check_version("it", said, oldest)


def test_a_version_that_is_not_told_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_version("porchctl", "Version: unknown", OLDEST_PORCHCTL)
    assert "does not tell a version" in caplog.text
