"""Which rights our account lacks, asked of the API server: found by `check`, not by the first failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.kube.client import Client
from engine.kube.resources import EVENTS, SELF_SUBJECT_ACCESS_REVIEWS, Resource


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that an account may do, or needs to.

    Attributes:
        namespace: where; empty for everywhere.
        essential: whether nothing works without it.
        name: of the one object that it is about; empty for all.
    """

    verb: str
    resource: Resource
    subresource: str = ""
    namespace: str = ""
    essential: bool = True
    name: str = ""

    @property
    def target(self) -> str:
        """The resource as rules of RBAC name it: "networkintents/status"."""
        return "/".join(part for part in (self.resource.plural, self.subresource) if part)

    def __str__(self) -> str:
        group = f".{self.resource.group}" if self.resource.group else ""
        which = f" of {self.name}" if self.name else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.target}{group}{which}{where}"


def needed_rights(resources: Iterable[Resource], namespaces: Sequence[str] = ("",)) -> list[Right]:
    """Returns what we have to be allowed to.

    What facts of live objects need is not among it: one that cannot be read is unknown, and says so.

    Args:
        resources: those of intents.
        namespaces: those whose intents are followed; ("",) for all.
    """
    kinds = list(resources)
    return [
        right
        for namespace in namespaces
        for right in (
            *(right for kind in kinds for right in _of_intents(kind, namespace)),
            *(Right(verb, EVENTS, "", namespace, essential=False) for verb in ("create", "patch")),
        )
    ]


def _of_intents(resource: Resource, namespace: str) -> Iterator[Right]:
    for verb in ("get", "list", "watch"):
        yield Right(verb, resource, namespace=namespace)
    yield Right("patch", resource, namespace=namespace, essential=False)
    yield Right("patch", resource, "status", namespace)


def missing_rights(client: Client, needed: Iterable[Right]) -> list[Right]:
    """Returns those of some rights that we do not have.

    Raises:
        ApiError: it could not be asked.
    """
    return [right for right in needed if not _allowed(client, right)]


def roles_for(rights: Iterable[Right], account: str) -> list[dict[str, Any]]:
    """Returns what grants some rights, and no more, as plain objects: a role and its binding, by namespace.

    Args:
        rights: those to be granted.
        account: who gets them, as the API server calls it; an account of a pod is bound as such.
    """
    found: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for right in rights:
        key = (right.resource.group, right.target, right.name)
        found.setdefault(right.namespace, {}).setdefault(key, []).append(right.verb)
    return [
        item
        for namespace, rules in found.items()
        for item in _role(namespace, [_rule(*key, verbs) for key, verbs in rules.items()], account)
    ]


_NAME = "conductor-watch-missing"
_ACCOUNT = "system:serviceaccount:"


def _rule(group: str, target: str, name: str, verbs: list[str]) -> dict[str, Any]:
    named = {"resourceNames": [name]} if name else {}
    return {"apiGroups": [group], "resources": [target], **named, "verbs": verbs}


def _role(namespace: str, rules: list[dict[str, Any]], account: str) -> list[dict[str, Any]]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": _NAME} | ({"namespace": namespace} if namespace else {})
    version, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    if account.startswith(_ACCOUNT):
        home, _, name = account.removeprefix(_ACCOUNT).partition(":")
        subject = {"kind": "ServiceAccount", "name": name, "namespace": home}
    else:
        subject = {"kind": "User", "name": account, "apiGroup": group}
    return [
        {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": dict(metadata),
            "roleRef": {"apiGroup": group, "kind": kind, "name": _NAME},
            "subjects": [subject],
        },
    ]


def _allowed(client: Client, right: Right) -> bool:
    attributes = {
        "verb": right.verb,
        "group": right.resource.group,
        "version": right.resource.version,
        "resource": right.resource.plural,
        "subresource": right.subresource,
        "namespace": right.namespace,
        "name": right.name,
    }
    body = {
        "apiVersion": SELF_SUBJECT_ACCESS_REVIEWS.api_version,
        "kind": SELF_SUBJECT_ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    review = client.create(SELF_SUBJECT_ACCESS_REVIEWS, "", body)
    return bool(review["status"].get("allowed"))
