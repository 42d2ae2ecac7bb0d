"""What an account has to be allowed to for writing packages; docs/porch.md and docs/executors.md grant it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.executors.porch.api import REPOSITORIES, RESOURCES, REVISIONS
from engine.kube.resources import Resource
from engine.kube.rights import Right

_Verbs = Mapping[tuple[Resource, str], Sequence[str]]
_OF_THE_API: _Verbs = {
    (REVISIONS, ""): ("create", "delete", "get", "list", "patch"),
    (REVISIONS, "approval"): ("patch",),
    (RESOURCES, ""): ("get", "patch"),
    (REPOSITORIES, ""): ("get",),
}
_OF_PORCHCTL: _Verbs = {
    (REVISIONS, ""): ("create", "delete", "get", "list", "update"),
    (REVISIONS, "approval"): ("update",),  # it rejects by it too, so whatever the rules publish
    (RESOURCES, ""): ("get", "update"),
    (REPOSITORIES, ""): ("get",),
}


def rights_of_the_api(namespace: str, *, publishing: bool) -> list[Right]:
    """Returns what the porch executor needs.

    Args:
        namespace: where repositories and package revisions are.
        publishing: whether rules may publish, which is to approve.
    """
    needed = _rights(_OF_THE_API, namespace)
    return [right for right in needed if publishing or right.subresource != "approval"]


def rights_of_porchctl(namespace: str) -> list[Right]:
    """Returns what the account of porchctl needs, as `rights_of_the_api` does for ours."""
    return _rights(_OF_PORCHCTL, namespace)


def _rights(verbs: _Verbs, namespace: str) -> list[Right]:
    return [
        Right(verb, resource, subresource, namespace)
        for (resource, subresource), needed in verbs.items()
        for verb in needed
    ]
