"""What `check` asks about porch: whether we, and the account of porchctl, have the rights that packages need.

The API server answers that whether or not it serves porch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.cluster_checks import rights_finding
from engine.cli.finding import Finding
from engine.cli.output import Exit
from engine.executors.porch.rights import rights_of_porchctl, rights_of_the_api
from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.errors import ApiError
from engine.kube.resources import SERVICE_ACCOUNTS
from engine.kube.rights import Right
from engine.kube.tokens import NarrowAccess

if TYPE_CHECKING:
    from engine.settings import Settings

_WHOLE = "all that packages need"
_UNNAMED = "the-account-of-porchctl"
"""Stands in the role for one that the API server is too old to tell."""


def porch_findings(settings: Settings) -> Iterator[Finding]:
    """Asks for the rights of each executor that rules may name and that writes through porch."""
    for executor in settings.bounds.executors:
        if executor in _CHECKS:
            name = f"rights of {executor}"
            try:
                yield _CHECKS[executor](settings, name)
            except (ApiError, OSError) as error:
                yield Finding(name, f"they cannot be asked for: {error}", Exit.UNREACHABLE)


def _of_the_api(settings: Settings, name: str) -> Finding:
    porch = settings.executors.porch
    publishing = settings.bounds.highest_lifecycle == "Published"
    with closing(Client(configure(porch.kubeconfig or settings.kubernetes.kubeconfig))) as client:
        needed = rights_of_the_api(porch.namespace, publishing=publishing)
        return rights_finding(name, client, client.whoami(), needed, _WHOLE)


def _of_porchctl(settings: Settings, name: str) -> Finding:
    """Asks as the account that porchctl gets, and before for the right to a token where it gets one."""
    porch, chosen = settings.executors.porch, settings.executors.porchctl
    if chosen.kubeconfig is not None:
        return _as_porchctl(settings, name, chosen.kubeconfig, "")
    if chosen.service_account is None:
        return Finding(name, "porchctl has no account: set executors.porchctl.serviceAccount", Exit.USAGE)
    configuration = configure(porch.kubeconfig or settings.kubernetes.kubeconfig)
    home, _, account = chosen.service_account.partition("/")
    token = Right("create", SERVICE_ACCOUNTS, "token", home, name=account)
    with closing(Client(configuration)) as client:
        found = rights_finding(name, client, client.whoami(), [token], _WHOLE)
        if found.code is not Exit.OK:
            return found
        access = NarrowAccess(client, configuration, chosen.service_account, chosen.token_seconds)
        with tempfile.NamedTemporaryFile(suffix=".kubeconfig") as file:  # readable by us alone
            file.write(access.kubeconfig())
            file.flush()
            return _as_porchctl(settings, name, Path(file.name), f"system:serviceaccount:{home}:{account}")


def _as_porchctl(settings: Settings, name: str, kubeconfig: Path, account: str) -> Finding:
    with closing(Client(configure(kubeconfig))) as client:
        needed = rights_of_porchctl(settings.executors.porch.namespace)
        return rights_finding(name, client, account or client.whoami() or _UNNAMED, needed, _WHOLE)


_CHECKS: Mapping[str, Callable[[Settings, str], Finding]] = {
    "porch": _of_the_api,
    "porchctl": _of_porchctl,
}
