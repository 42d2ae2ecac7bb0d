"""Which rights our account lacks, asked of the API server: found by `check`, not by the first failure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.kube.client import Client
from engine.kube.resources import EVENTS, SELF_SUBJECT_ACCESS_REVIEWS, Resource


def missing_rights(client: Client, resource: Resource, namespaces: Sequence[str] = ("",)) -> list[str]:
    """Returns what we may not do and have to, for people: "patch networkintents/status.nephoran.com".

    What facts of live objects need is not among it: one that cannot be read is unknown, and says so.

    Args:
        namespaces: those whose NetworkIntents are followed; ("",) for all.

    Raises:
        ApiError: it could not be asked.
    """
    needed = [
        (resource, "", ("get", "list", "watch", "patch")),
        (resource, "status", ("patch",)),
        (EVENTS, "", ("create", "patch")),
    ]
    return [
        _words(verb, kind, subresource, namespace)
        for namespace in namespaces
        for kind, subresource, verbs in needed
        for verb in verbs
        if not _allowed(client, verb, kind, subresource, namespace)
    ]


def _allowed(client: Client, verb: str, kind: Resource, subresource: str, namespace: str) -> bool:
    attributes = {
        "verb": verb,
        "group": kind.group,
        "version": kind.version,
        "resource": kind.plural,
        "subresource": subresource,
        "namespace": namespace,
    }
    body = {
        "apiVersion": SELF_SUBJECT_ACCESS_REVIEWS.api_version,
        "kind": SELF_SUBJECT_ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    review = client.create(SELF_SUBJECT_ACCESS_REVIEWS, "", body)
    return bool(review["status"].get("allowed"))


def _words(verb: str, kind: Resource, subresource: str, namespace: str) -> str:
    name = "/".join(part for part in (kind.plural, subresource) if part)
    where = f" in namespace {namespace}" if namespace else ""
    return f"{verb} {name}.{kind.group}{where}"
