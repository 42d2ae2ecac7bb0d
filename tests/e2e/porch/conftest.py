"""Real porch for tests; `given.py` tells what the environment has to give.

`stage` is what most tests need: a namespace of the test's own, the product on it with one executor, its
intents followed, and the porch repository looked at. What was published is removed after the test.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.benchmarks.figures import Figure
from tests.cluster.surroundings import Surroundings, install
from tests.e2e.porch.backends import NAMES, Backend, backend
from tests.e2e.porch.given import Given, given, variable
from tests.e2e.porch.product import DEPLOYMENTS, Followed, Product, make_workload
from tests.e2e.porch.revisions import Seen

SOON = [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]
"""Retries that come sooner than the settings' own, so that a test need not wait for minutes."""


@dataclass
class Stage:
    """Where one test plays."""

    given: Given
    backend: Backend
    namespace: str
    folder: Path
    product: Product
    intents: Followed

    def workload(self, name: str, replicas: int = 2) -> None:
        """Makes a Deployment for intents to be about."""
        make_workload(self.given.admin, self.namespace, name, replicas)

    @property
    def prefix(self) -> str:
        """What the names of all its packages begin with."""
        return f"{self.namespace}-"

    def revisions(self) -> list[Seen]:
        """Lists all revisions of its packages, published or not."""
        return self.backend.packages.revisions(self.prefix)

    def published(self, package: str) -> list[Seen]:
        """Lists the published revisions of a package by number."""
        return [item for item in self.backend.packages.revisions(package) if item.lifecycle == "Published"]

    def files(self, revision: Seen) -> dict[str, str]:
        """Returns the files of a revision."""
        return self.backend.packages.files(revision)

    def in_git(self, package: str) -> dict[str, str]:
        """Returns the files of a package on the main branch of git."""
        clone = self.folder / "clone"
        command = ["git", "clone", "--quiet", "--depth=1", variable("E2E_GIT_URL"), str(clone)]
        subprocess.run(command, check=True, timeout=60)
        return {file.name: file.read_text() for file in (clone / package).iterdir() if file.is_file()}

    def until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Waits for a condition while the product runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            said = self.intents.said
            assert time.monotonic() < deadline, f"waited too long: {said}\n{self.product.log()}"
            assert self.product.alive(), self.product.log()
            time.sleep(0.05)


_FIGURES: list[Figure] = []


@pytest.fixture(scope="session")
def figures() -> list[Figure]:
    """Takes what was measured; it is printed after the last test."""
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what was measured."""
    for figure in _FIGURES:
        terminalreporter.write_line(figure.__rich__().plain)


@pytest.fixture(scope="session")
def real() -> Given:
    found = given()
    install(found.admin)
    return found


@pytest.fixture
def make_stage(real: Given, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes stages: `make_stage("porch", lifecycle="Proposed", keepDraftsHours=1)`."""
    surroundings = Surroundings(real.admin, tmp_path / "accounts")
    made: list[Stage] = []

    def make(
        name: str, *, repository: str | None = None, lifecycle: str = "Published", **kept: float
    ) -> Stage:
        namespace = surroundings.namespace()
        account = real.admin.kubeconfig
        folder = tmp_path / namespace
        folder.mkdir()
        chosen = backend(name, real, account, folder)
        bounds = {
            "executors": [chosen.name],
            "executor": chosen.name,
            "repository": repository or real.repository,
            "highestLifecycle": "Published",
            "lifecycle": lifecycle,
        }
        settings = chosen.settings | {chosen.keeping: chosen.settings[chosen.keeping] | kept}
        sections = {"bounds": bounds, "executors": settings, "execution": {"retrySeconds": SOON}}
        product = Product(folder, account, namespace, sections)
        stage = Stage(real, chosen, namespace, folder, product, Followed(real.admin, namespace))
        made.append(stage)
        return stage

    yield make
    for stage in made:
        stage.intents.stop()
        stage.product.kill()
        stage.backend.packages.remove(stage.prefix)
        real.admin.call("DELETE", DEPLOYMENTS.path(stage.namespace))
    surroundings.remove()


@pytest.fixture(params=NAMES)
def stage(request: pytest.FixtureRequest, make_stage: Callable[..., Stage]) -> Stage:
    """A stage of each executor, which publishes; the product is not started yet."""
    return make_stage(request.param)
