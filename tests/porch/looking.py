"""What tests of the porch executor look at."""

from __future__ import annotations

from typing import Any

import yaml

from engine.executors.base import (
    Done,
    Revision,
)
from engine.executors.porch.model import EFFECTS
from tests.porch.server import Porch

STEPS = {
    "made": "POST /packagerevisions",
    "written": "PATCH /packagerevisionresources",
    "proposed": "PATCH /packagerevisions/",
    "published": "PATCH /approval",
}


def done(outcome: object) -> tuple[Revision, ...]:
    assert isinstance(outcome, Done), outcome
    return outcome.revisions


def files(porch: Porch, revision: Revision) -> dict[str, Any]:
    """The files of a revision, parsed."""
    return {path: yaml.safe_load(text) for path, text in porch.files[revision.resource_name].items()}


def wishes(porch: Porch, revision: Revision) -> str:
    return str(files(porch, revision)["Kptfile"]["metadata"]["annotations"][EFFECTS])
