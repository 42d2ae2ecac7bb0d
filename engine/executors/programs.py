"""The executors that run other programs, made from the settings; what is missing is told at the start.

Each program is asked for its version: that shows that it is there, that it may be trusted, that it can be
confined here, and that it is new enough.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from engine.child.binaries import UntrustedProgramError
from engine.child.folders import WorkingFolders
from engine.child.running import CannotRunError, Runner
from engine.executors.kpt.executor import KptExecutor
from engine.executors.kpt.problems import GitError
from engine.executors.porch.api import PorchError
from engine.executors.porch.drafting import Drafter, Recall
from engine.executors.porch.queues import WriterQueues
from engine.executors.porch.upkeep import Upkeep
from engine.executors.porchctl.cli import PorchctlApi
from engine.executors.porchctl.executor import PorchctlExecutor
from engine.settings import Settings

log = logging.getLogger(__name__)

OLDEST_KPT = "v1.0.0-beta.62"
OLDEST_PORCHCTL = "1.5.8"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-beta\.(\d+))?")
_RELEASED = "1000000"
"""What counts as the beta of a version that is none."""
_POD_SECRETS = Path("/var/run/secrets")


class MissingProgramError(OSError):
    """A program cannot be used as the settings have it; the message says why and what to do."""


def make_kpt(settings: Settings, recall: Recall) -> KptExecutor:
    """Makes the kpt executor.

    Raises:
        MissingProgramError: kpt cannot be used.
    """
    try:
        executor = KptExecutor(settings.executors.kpt, _runner(settings), _folders(settings), recall)
        check_version("kpt", executor.version(), OLDEST_KPT)
    except (CannotRunError, UntrustedProgramError, GitError) as error:
        raise MissingProgramError(f"the executor kpt cannot be used: {error}") from error
    return executor


def make_porchctl(settings: Settings, recall: Recall) -> PorchctlExecutor:
    """Makes the porchctl executor.

    Raises:
        MissingProgramError: porchctl cannot be used, or has no rights of its own.
        ApiError: nothing says where the API server is.
    """
    porch, bounds = settings.executors.porch, settings.bounds
    queues = WriterQueues(porch.cache)
    try:
        api = PorchctlApi(
            _runner(settings),
            _folders(settings),
            settings.executors.porchctl.program,
            _access(settings),
            porch.namespace,
            porch.settle_seconds,
            saw=queues.learn,
        )
        check_version("porchctl", api.version(), OLDEST_PORCHCTL)
    except (CannotRunError, PorchError) as error:
        why = error.__cause__ or error  # without the word that it goes on by itself: nothing starts so
        raise MissingProgramError(f"the executor porchctl cannot be used: {why}") from error
    upkeep = Upkeep(api, porch.keep_revisions, porch.keep_drafts_hours * 3600)
    repositories = bounds.repositories or [bounds.repository]
    return PorchctlExecutor(api, queues, Drafter(api, recall), upkeep, repositories)


def check_version(program: str, said: str, oldest: str) -> None:
    """Compares what a program says of its version with the oldest that is known to work.

    Raises:
        MissingProgramError: it is older. One that tells no version, as builds of one's own do, is warned of.
    """
    found, least = _VERSION.search(said), _VERSION.search(oldest)
    if found is None or least is None:
        log.warning(
            "%s does not tell a version that is known here (%s); %s is the oldest", program, said, oldest
        )
    elif _numbers(found) < _numbers(least):
        raise MissingProgramError(f"{program} {found[0]} is too old; install {oldest} or newer")


def _numbers(version: re.Match[str]) -> tuple[int, ...]:
    return tuple(int(part) for part in version.groups(_RELEASED))


def _folders(settings: Settings) -> WorkingFolders:
    return WorkingFolders(settings.executors.children.directory)


def _runner(settings: Settings) -> Runner:
    executors = settings.executors
    if executors.children.unconfined:
        log.warning("executors.children.unconfined is set: commands can read what conductor-watch can")
    named = [
        settings.store.path,
        settings.store.audit_key_file,
        settings.kubernetes.kubeconfig,
        executors.porch.kubeconfig,
        executors.porchctl.kubeconfig,
        *(repository.password_file for repository in executors.kpt.repositories.values()),
        *(Path(path) for path in [os.environ.get("KUBECONFIG")] if path),
        _POD_SECRETS,
    ]
    return Runner(executors.children, [path for path in named if path is not None])


def _access(settings: Settings) -> Callable[[], bytes]:
    """Returns what gives porchctl its kubeconfig: a file of its own, or one with a short-lived token."""
    from engine.kube.client import Client  # noqa: PLC0415 - costs memory that a kubeconfig spares
    from engine.kube.connection import configure  # noqa: PLC0415 - as above
    from engine.kube.tokens import NarrowAccess  # noqa: PLC0415 - as above

    chosen = settings.executors.porchctl
    if chosen.kubeconfig is not None:
        return chosen.kubeconfig.read_bytes
    if chosen.service_account is None:
        raise MissingProgramError(
            "porchctl never gets the rights of conductor-watch: set executors.porchctl.serviceAccount to an "
            "account of its own, or executors.porchctl.kubeconfig"
        )
    configuration = configure(settings.executors.porch.kubeconfig or settings.kubernetes.kubeconfig)
    access = NarrowAccess(Client(configuration), configuration, chosen.service_account, chosen.token_seconds)
    return access.kubeconfig
