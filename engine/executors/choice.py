"""From settings to executors: those that rules may name, each loaded only where it is one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.executors.base import Effect, Executor
from engine.settings import Settings


class NotAvailableError(OSError):
    """An executor that the settings name cannot be set up; the message says what to set."""


Recall = Callable[[str, str, str], Effect | None]
"""Looks up an effect by repository, package and its workspace; None where it is not known."""


def executors_of(settings: Settings, recall: Recall) -> dict[str, Executor]:
    """Makes the executors of `bounds.executors`, by name.

    Raises:
        NotAvailableError: one of them cannot be set up.
        OSError: what it needs to be reached is not there.
    """
    return {name: executor_named(name, settings, recall) for name in settings.bounds.executors}


def executor_named(name: str, settings: Settings, recall: Recall) -> Executor:
    """Makes one executor; raises as `executors_of` does."""
    if name not in _MAKERS:
        raise NotAvailableError(f"the executor {name} is not part of this version; see bounds.executors")
    return _MAKERS[name](settings, recall)


def _directory(settings: Settings, _: Recall) -> Executor:
    from engine.executors.directory import DirectoryExecutor  # noqa: PLC0415 - only what is used is loaded

    return DirectoryExecutor(settings.output.directory, settings.output.keep_revisions)


def _porch(settings: Settings, recall: Recall) -> Executor:
    from engine.executors.porch.api import MOST_ANSWER_BYTES, PorchApi  # noqa: PLC0415 - as above
    from engine.executors.porch.drafting import Drafter  # noqa: PLC0415 - as above
    from engine.executors.porch.executor import PorchExecutor  # noqa: PLC0415 - as above
    from engine.executors.porch.queues import WriterQueues  # noqa: PLC0415 - as above
    from engine.executors.porch.upkeep import Upkeep  # noqa: PLC0415 - as above
    from engine.kube.client import Client, Times  # noqa: PLC0415 - as above
    from engine.kube.connection import configure  # noqa: PLC0415 - as above

    porch, bounds = settings.executors.porch, settings.bounds
    times = Times(connect=porch.connect_seconds, read=porch.answer_seconds, answer=porch.answer_seconds)
    configuration = configure(porch.kubeconfig or settings.kubernetes.kubeconfig)
    client = Client(configuration, times, most_bytes=MOST_ANSWER_BYTES)
    queues = WriterQueues(porch.cache)
    api = PorchApi(client, porch.namespace, porch.settle_seconds, saw=queues.learn)
    drafter = Drafter(api, recall)
    upkeep = Upkeep(api, porch.keep_revisions, porch.keep_drafts_hours * 3600)
    return PorchExecutor(api, queues, drafter, upkeep, bounds.repositories or [bounds.repository])


def _porchctl(settings: Settings, recall: Recall) -> Executor:
    from engine.executors.programs import make_porchctl  # noqa: PLC0415 - as above

    return make_porchctl(settings, recall)


def _kpt(settings: Settings, recall: Recall) -> Executor:
    from engine.executors.programs import make_kpt  # noqa: PLC0415 - as above

    return make_kpt(settings, recall)


_MAKERS: Mapping[str, Callable[[Settings, Recall], Executor]] = {
    "directory": _directory,
    "porch": _porch,
    "porchctl": _porchctl,
    "kpt": _kpt,
}
