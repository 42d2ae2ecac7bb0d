"""The peer of the benchmark on a Kubernetes API: a minimal kopf operator, as its documentation has it.

For each new NetworkIntent it runs one child process and sets the status in one patch. kopf itself keeps in
an annotation what it has handled, as every operator of its kind does. `kopf run` loads this file.
"""

from __future__ import annotations

import asyncio
from typing import Any

import kopf


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Leaves out what costs calls and is not asked for."""
    settings.posting.enabled = False


@kopf.on.create("nephoran.com", "v1", "networkintents")
async def reconcile(patch: kopf.Patch, **_: Any) -> None:
    """Handles a new intent."""
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    patch.status["phase"] = "Completed"
