"""`check` tries the API server of the settings, and says what is missing there and what to add."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.surroundings import without

Check = Callable[[Path], tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def check(tmp_path: Path, namespace: str) -> Check:
    def run(kubeconfig: Path, group: str = "nephoran.com") -> tuple[int, dict[str, dict[str, Any]]]:
        settings = {
            "apiVersion": "conductor-watch/v1",
            "kind": "Settings",
            "group": group,
            "source": {"kind": "kubernetes"},
            "live": {"kind": "kubernetes"},
            "kubernetes": {"kubeconfig": str(kubeconfig), "namespaces": [namespace]},
            "output": {"directory": str(tmp_path / "out")},
            "store": {"path": str(tmp_path / "store.db")},
        }
        file = tmp_path / "settings.yaml"
        file.write_text(yaml.safe_dump(settings))
        program = "import sys; from engine.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "check", "--settings", str(file), "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        assert done.stdout, done.stderr
        return done.returncode, {item["name"]: item for item in json.loads(done.stdout)["checks"]}

    return run


def test_with_the_rights_of_the_deployment_all_is_well(check: Check, product: Path) -> None:
    code, found = check(product)
    assert {name for name, item in found.items() if not item["ok"]} == set()
    assert code == 0
    assert {"API server", "definition", "rights", "live objects", "backend directory"} <= found.keys()
    assert "system:serviceaccount:" in found["API server"]["detail"]


def test_missing_rights_come_with_the_role_to_add(
    check: Check, namespace: str, account: Callable[..., Path]
) -> None:
    code, found = check(account(without("networkintents/status")))
    assert code == 1
    assert f"patch networkintents/status.nephoran.com in namespace {namespace}" in found["rights"]["detail"]
    role, binding = yaml.safe_load_all(found["rights"]["remedy"])
    assert role["kind"] == "Role"
    assert role["metadata"]["namespace"] == namespace
    assert role["rules"] == [
        {"apiGroups": ["nephoran.com"], "resources": ["networkintents/status"], "verbs": ["patch"]}
    ]
    assert binding["subjects"][0]["kind"] == "ServiceAccount"


def test_facts_that_cannot_be_read_are_told(
    check: Check, namespace: str, account: Callable[..., Path]
) -> None:
    code, found = check(account(without("services")))
    assert code == 1
    assert f"list services in namespace {namespace}" in found["live objects"]["detail"]
    assert found["live objects"]["remedy"]


def test_an_api_server_that_does_not_answer_is_told(check: Check, product: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(product.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away = tmp_path / "away.kubeconfig"
    away.write_text(yaml.safe_dump(config))
    code, found = check(away)
    assert code == 3
    assert "does not answer" in found["API server"]["detail"]
