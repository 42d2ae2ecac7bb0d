"""The product stands on the packages that its users chose, and uses each of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHOSEN = {
    "pydantic": "pydantic",
    "sqlite-utils": "sqlite_utils",
    "apscheduler": "apscheduler",
    "spacy": "spacy",
    "jsonschema": "jsonschema",
    "prometheus-client": "prometheus_client",
}
SOURCES = ("documents", "engine", "nlp", "rules", "store")


def imports_of(module: str) -> list[str]:
    pattern = re.compile(rf"^\s*(?:from|import) {module}\b", re.MULTILINE)
    return [
        str(path.relative_to(ROOT))
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        if pattern.search(path.read_text())
    ]


@pytest.mark.parametrize(("distribution", "module"), CHOSEN.items())
def test_a_chosen_package_is_required_and_used(distribution: str, module: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(re.match(rf"{distribution}\b", item) for item in project["dependencies"])
    assert imports_of(module)


def test_every_required_package_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = {"pyyaml": "yaml", "protobuf": "google.protobuf", "cel-expr-python": "cel_expr_python"}
    for requirement in project["dependencies"]:
        name = re.match(r"[a-z0-9-]+", requirement)
        assert name is not None
        module = modules.get(name[0], name[0].replace("-", "_"))
        assert imports_of(module.replace(".", r"\.")), f"{name[0]} is required and not used"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^[A-Za-z0-9._-]+==", text, re.MULTILINE)
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(pins) == len(blocks) > 20
    assert all("--hash=sha256:" in block for block in blocks)
    assert "index-url" not in text
