"""The repository speaks of the project alone: no path of a machine, no host of a package registry."""

from __future__ import annotations

import re
import subprocess

from tests.docs.pages import ROOT

MACHINE_PATHS = re.compile(
    "|".join(f"(?<![\\w.-])/{name}/" for name in ("root", "work", "farm", "home", "Users"))
)
DOMAINS = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("crates", "io"))
HOSTS = tuple(".".join(parts) for parts in (*DOMAINS, ("rubygems", "org"), ("proxy", "golang", "org")))
REGISTRY_HOSTS = re.compile("|".join(map(re.escape, HOSTS)))
NAMES_THEM = {"tests/docs/test_tree.py", "nlp/grammar/unsafe.yaml"}
"""This test, and the patterns of what no sentence may hold."""


def tracked() -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name and name not in NAMES_THEM]
    return {name: (ROOT / name).read_text(errors="replace") for name in names if (ROOT / name).is_file()}


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_a_machine() -> None:
    assert found(MACHINE_PATHS) == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert found(REGISTRY_HOSTS) == []
