"""What the documentation tells people to apply: Roles, and kustomizations of their own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.surroundings import ROOT, Rules

SITE = "site"
"""A folder of one's own, beside the base."""


def _blocks(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


def rules_of(page: str, role: str) -> Rules:
    """Returns the rules of a Role on a page of docs/."""
    documents = (item for block in _blocks(page) for item in yaml.safe_load_all(block))
    found = [item for item in documents if isinstance(item, dict)]
    rules: Rules = next(item["rules"] for item in found if item.get("metadata", {}).get("name") == role)
    return rules


def kustomization_of(page: str, word: str, folder: Path, **files: str) -> Path:
    """Writes the kustomization on a page of docs/ that has a word in it, beside a copy of deploy/.

    Args:
        files: others that it names, with `_` for the dot in their names.

    Returns:
        Its folder.
    """
    (text,) = (block for block in _blocks(page) if "kind: Kustomization" in block and word in block)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    site = folder / "deploy" / SITE
    site.mkdir()
    for name, content in {"kustomization_yaml": text, **files}.items():
        (site / name.replace("_", ".")).write_text(content)
    return site


def of_kind(rendered: str, kind: str, name: str) -> dict[str, Any]:
    """Returns an object of what kustomize printed."""
    found: dict[str, Any] = next(
        item
        for item in yaml.safe_load_all(rendered)
        if (item["kind"], item["metadata"]["name"]) == (kind, name)
    )
    return found
