"""The porch executor over porchctl: the same steps in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.executors.base import Down, ProbeOutcome, Up
from engine.executors.porch.api import PorchError
from engine.executors.porch.drafting import Drafter
from engine.executors.porch.executor import PorchExecutor
from engine.executors.porch.queues import WriterQueues
from engine.executors.porch.upkeep import Upkeep
from engine.executors.porchctl.cli import PorchctlApi


class PorchctlExecutor(PorchExecutor):
    """Makes effects through porchctl."""

    name = "porchctl"

    def __init__(
        self,
        api: PorchctlApi,
        queues: WriterQueues,
        drafter: Drafter,
        upkeep: Upkeep,
        repositories: Sequence[str] = (),
    ) -> None:
        super().__init__(api, queues, drafter, upkeep, repositories)
        self._porchctl = api

    def probe(self) -> ProbeOutcome:
        """Asks porchctl for its version, then porch by it, then whether the repositories are ready."""
        try:
            version = self._porchctl.version()
        except PorchError as error:
            return Down(error.failure.message)
        outcome = super().probe()
        return replace(outcome, detail=f"{version}, {outcome.detail}") if isinstance(outcome, Up) else outcome
