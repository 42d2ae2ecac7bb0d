"""The resources of the API as this program names them, and their paths; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object that the API serves.

    Attributes:
        group: its API group; empty for the core group.
        namespaced: whether its objects stand in namespaces.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path of its API group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Returns the path of its objects in a namespace (of all where empty), or of one of them."""
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        parts = [f"{self.root}{where}/{self.plural}", name, subresource]
        return "/".join(part for part in parts if part)

    def words(self, namespace: str = "", name: str = "") -> str:
        """Returns how people call its objects: "networkintents in namespace core"."""
        if name:
            return f"{self.kind} {namespace}/{name}" if namespace else f"{self.kind} {name}"
        full = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{full} in namespace {namespace}" if namespace else full


EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
PODS = Resource("", "v1", "pods", "Pod")
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)


def network_intents(group: str, version: str, plural: str = "networkintents") -> Resource:
    """Returns the NetworkIntent resource of the settings."""
    return Resource(group, version, plural, "NetworkIntent")
