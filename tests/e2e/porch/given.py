"""What the tests against a real porch are given by the environment, and how they say what is absent.

- KUBECONFIG: of an admin of a cluster that serves porch.kpt.dev; NetworkIntents are made there too.
- E2E_REPOSITORY: the name of a Repository that is Ready and may be written; what the tests publish there is
  removed after them.
- E2E_NAMESPACE: the namespace of that Repository; `default` where unset.
- E2E_GIT_URL: the URL of the git repository behind E2E_REPOSITORY, to see what was pushed.
- E2E_KPT_GIT_URL: the URL of a git repository that porch does not have, for the executor kpt to push to.
- E2E_PORCHCTL, E2E_KPT: absolute paths of porchctl and of kpt, for the executors that run them.
- E2E_STOP_PORCH and E2E_START_PORCH, the same with GIT and DATABASE, E2E_FREEZE_PORCH and E2E_THAW_PORCH:
  commands that break a part and mend it; they return when it is down, or up again.
- E2E_STRICT: fails where a test would skip; `make e2e-porch` sets it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cluster.api import Api, ApiError, Resource

REPOSITORIES = Resource("config.porch.kpt.dev/v1alpha1", "repositories")
PART_SECONDS = 180.0
"""How long a command that breaks or mends a part may take."""


@dataclass(frozen=True, slots=True)
class Given:
    """A cluster with porch, and the repository that tests may write."""

    admin: Api
    repository: str
    namespace: str


def absent(what: str) -> NoReturn:
    """Skips, saying what is absent; fails where that counts as a failure."""
    if os.environ.get("E2E_STRICT"):
        pytest.fail(f"absent: {what}", pytrace=False)
    pytest.skip(what)


def given() -> Given:
    """Returns what the environment gives, or skips."""
    for name in ("KUBECONFIG", "E2E_REPOSITORY"):
        if not os.environ.get(name):
            absent(f"real porch: {name} is unset (tests/e2e/porch/given.py tells what is needed)")
    admin = Api(Path(os.environ["KUBECONFIG"]))
    found = Given(admin, os.environ["E2E_REPOSITORY"], os.environ.get("E2E_NAMESPACE", "default"))
    try:
        admin.call("GET", "/apis/porch.kpt.dev/v1alpha1")
        repository = admin.get(REPOSITORIES, found.namespace, found.repository)
    except (ApiError, OSError) as error:
        absent(f"real porch with the repository {found.namespace}/{found.repository}: {error}")
    conditions = repository.get("status", {}).get("conditions", [])
    if not any(item["type"] == "Ready" and item["status"] == "True" for item in conditions):
        absent(f"a repository that is Ready: {found.namespace}/{found.repository} has {conditions}")
    return found


def variable(name: str) -> str:
    """Returns a variable of the environment, or skips."""
    return os.environ.get(name) or absent(f"{name} is unset")


def program(name: str) -> str:
    """Returns the path of a program that a variable gives, or skips."""
    path = variable(name)
    return path if os.access(path, os.X_OK) else absent(f"{name}: {path} is no program")


@contextmanager
def broken(part: str, verbs: tuple[str, str] = ("STOP", "START")) -> Iterator[None]:
    """Breaks a part while the block runs, and mends it whatever happens; skips where nothing says how."""
    commands = [os.environ.get(f"E2E_{verb}_{part}") for verb in verbs]
    if not all(commands):
        absent(f"E2E_{verbs[0]}_{part} or E2E_{verbs[1]}_{part} is unset")
    stop, start = (shlex.split(command or "") for command in commands)
    try:
        subprocess.run(stop, check=True, timeout=PART_SECONDS)
        yield
    finally:
        subprocess.run(start, check=True, timeout=PART_SECONDS)
