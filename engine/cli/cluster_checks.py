"""What `check` tries of an API server: whether it answers, what it serves, and what we may do there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import yaml

from engine.cli.finding import Finding
from engine.cli.output import Exit
from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.errors import ApiError, NotPublishedError
from engine.kube.followed import Followed, followed
from engine.kube.inventory import resource_of
from engine.kube.rights import Right, missing_rights, needed_rights, roles_for
from engine.kube.schema import check_schema
from engine.live.shapes import CLUSTER_WIDE, SHAPES

if TYPE_CHECKING:
    from engine.settings import Settings

_DEFAULT_ACCOUNT = "system:serviceaccount:conductor-watch:conductor-watch"
"""That of deploy/base: where an API server is too old to tell who we are."""

_PUBLISHED_SECONDS = 30.0
"""How long an API server is waited for that was given a definition just now."""


def cluster_findings(settings: Settings) -> list[Finding]:
    """Tries the API server of the settings, as far as they use it."""
    try:
        client = Client(configure(settings.kubernetes.kubeconfig))
        account = client.whoami()
    except ApiError as error:
        return [Finding("API server", str(error), Exit.UNREACHABLE)]
    findings = [Finding("API server", f"{client.host}: answers {account or 'us'}")]
    namespaces = settings.kubernetes.namespaces or ("",)
    try:
        if settings.source.kind == "kubernetes":
            kinds = followed(settings)
            findings += [_definition(client, kind) for kind in kinds]
            needed = needed_rights([kind.resource for kind in kinds], namespaces)
            findings.append(rights_finding("rights", client, account, needed, "all that intents need"))
        if settings.live.kind == "kubernetes":
            findings.append(_facts(client, account, namespaces))
    except ApiError as error:
        findings.append(Finding("API server", str(error), Exit.UNREACHABLE))
    finally:
        client.close()
    return findings


def _definition(client: Client, kind: Followed) -> Finding:
    name = f"definition {kind.resource.words()}"
    deadline = time.monotonic() + _PUBLISHED_SECONDS
    while True:
        try:
            flaws = check_schema(client, kind)
        except NotPublishedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            break
    if flaws:
        return Finding(name, "\n".join(flaw.message for flaw in flaws), Exit.NEGATIVE)
    return Finding(name, f"{kind.resource.version} keeps every field")


def rights_finding(name: str, client: Client, account: str, needed: Iterable[Right], whole: str) -> Finding:
    """Asks for some rights, and prints the role that grants what is missing of them.

    Args:
        account: who asks; empty where the API server does not tell.
        whole: what is said where none is missing.

    Raises:
        ApiError: they cannot be asked for.
    """
    missing = missing_rights(client, needed)
    if not missing:
        return Finding(name, whole)
    detail = f"the account may not {', '.join(map(str, missing))}"
    return Finding(name, detail, Exit.NEGATIVE, _role(missing, account))


def _facts(client: Client, account: str, namespaces: Sequence[str]) -> Finding:
    """Asks for the rights that facts of live objects need; what lacks one is refused with MissingFact."""
    needed = [
        Right(verb, resource_of(kind, versions[0]), namespace=where, essential=False)
        for kind, (versions, _) in sorted(SHAPES.items())
        for where in (("",) if kind in CLUSTER_WIDE else namespaces)
        for verb in ("list", "watch")
    ]
    missing = missing_rights(client, needed)
    if not missing:
        return Finding("live objects", f"{len(SHAPES)} kinds can be read")
    told = ", ".join(map(str, missing))
    detail = f"the account may not {told}; what needs them is refused with MissingFact"
    return Finding("live objects", detail, Exit.NEGATIVE, _role(missing, account))


def _role(missing: Iterable[Right], account: str) -> str:
    roles = roles_for(missing, account or _DEFAULT_ACCOUNT)
    return yaml.safe_dump_all(roles, sort_keys=False, explicit_start=True)
