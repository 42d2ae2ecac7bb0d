"""The Roles that the documentation tells people to create."""

from __future__ import annotations

import re

import yaml

from tests.cluster.surroundings import ROOT, Rules


def rules_of(page: str, role: str) -> Rules:
    """Returns the rules of a Role on a page of docs/."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    found = [item for block in blocks for item in yaml.safe_load_all(block) if isinstance(item, dict)]
    rules: Rules = next(item["rules"] for item in found if item.get("metadata", {}).get("name") == role)
    return rules
