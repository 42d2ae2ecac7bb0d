"""What real porch holds: the revisions of the packages of a test, looked at and removed as a person would."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.api import Api, Object, Resource
from tests.e2e.porch.direct import MERGE, Direct, DirectError

REVISIONS = Resource("porch.kpt.dev/v1alpha1", "packagerevisions")
RESOURCES = Resource("porch.kpt.dev/v1alpha1", "packagerevisionresources")
PLACEHOLDER = -1
"""The revision number of the entry that stands for the branch after the first approval."""


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """A revision as porch shows it; `revision` is 0 where it has no number yet."""

    package: str
    revision: int
    workspace: str
    lifecycle: str
    name: str


class Porch:
    """The package revisions of one repository."""

    def __init__(self, admin: Api, namespace: str, repository: str) -> None:
        self._admin = admin
        self.namespace = namespace
        self.repository = repository

    def revisions(self, prefix: str) -> list[Seen]:
        """Lists the revisions of packages whose names begin with a text, by package and number."""
        selector = f"spec.repository={self.repository}"
        found = [_seen(item) for item in self._admin.list(REVISIONS, self.namespace, fieldSelector=selector)]
        return sorted(
            item for item in found if item.package.startswith(prefix) and item.revision != PLACEHOLDER
        )

    def files(self, revision: Seen) -> dict[str, str]:
        """Returns the files of a revision."""
        found: Object = self._admin.get(RESOURCES, self.namespace, revision.name)
        files: dict[str, str] = found["spec"]["resources"]
        return files

    def draft(self, package: str, workspace: str) -> None:
        """Begins a revision of a new package, as somebody else would."""
        spec = {
            "packageName": package,
            "repository": self.repository,
            "workspaceName": workspace,
            "lifecycle": "Draft",
            "tasks": [{"type": "init", "init": {"description": package}}],
        }
        head = {"apiVersion": "porch.kpt.dev/v1alpha1", "kind": "PackageRevision"}
        body = {**head, "metadata": {"namespace": self.namespace}, "spec": spec}
        self._admin.create(REVISIONS, self.namespace, body)

    def approve(self, revision: Seen) -> None:
        """Approves a proposal as a person would."""
        body = {"spec": {"lifecycle": "Published"}}
        self._admin.patch(REVISIONS, self.namespace, revision.name, body, "approval")

    def reject(self, revision: Seen) -> None:
        """Rejects a proposal as a person would."""
        self._admin.patch(REVISIONS, self.namespace, revision.name, {"spec": {"lifecycle": "Draft"}})

    def remove(self, prefix: str) -> None:
        """Removes every revision of packages whose names begin with a text."""
        selector = f"spec.repository={self.repository}"
        listed = self._admin.list(REVISIONS, self.namespace, fieldSelector=selector)
        found = [_seen(item) for item in listed]
        # The entry that stands for the branch goes last: some versions keep it while revisions are there.
        with Direct(self._admin) as direct:
            for item in sorted(found, key=lambda item: item.revision == PLACEHOLDER):
                if item.package.startswith(prefix):
                    self._remove(direct, item)

    def _remove(self, direct: Direct, item: Seen) -> None:
        path = REVISIONS.path(self.namespace, item.name)
        try:
            if item.lifecycle == "Published":
                direct.call("PATCH", path, {"spec": {"lifecycle": "DeletionProposed"}}, MERGE)
            direct.call("DELETE", path)
        except DirectError:
            if item.revision != PLACEHOLDER:
                raise


def _seen(item: Object) -> Seen:
    spec = item["spec"]
    return Seen(
        spec["packageName"],
        spec.get("revision", 0),
        spec["workspaceName"],
        spec.get("lifecycle", "Draft"),
        item["metadata"]["name"],
    )
