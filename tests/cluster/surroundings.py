"""What a test stands in: the CRD and the roles of deploy/, namespaces, and accounts with their kubeconfig."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CRDS,
    NAMESPACES,
    NETWORK_INTENTS,
    SERVICE_ACCOUNTS,
    SUBJECT_ACCESS_REVIEWS,
    Api,
    ApiError,
    Object,
    Resource,
    kubeconfig,
)

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "base"
SERVED_SECONDS = 30.0
_NOT_YET = (404, 429, 503)
"""A CRD that is not established, one whose storage is being set up, a server that is not ready."""
Rules = list[dict[str, Any]]


def manifests(name: str) -> list[Object]:
    """Returns the objects of a file of deploy/base."""
    return list(yaml.safe_load_all((BASE / name).read_text()))


def product_roles() -> list[Object]:
    """Returns the ClusterRoles that the product has in deploy/."""
    return [item for item in manifests("rbac.yaml") if item["kind"] == "ClusterRole"]


def without(resource: str) -> Rules:
    """Returns the rules of the product's ClusterRoles but for those about a resource."""
    rules: Rules = [rule for role in product_roles() for rule in role["rules"]]
    return [rule for rule in rules if resource not in rule["resources"]]


def install(admin: Api) -> None:
    """Installs the CRD and the ClusterRoles of deploy/; does no harm where they are."""
    (definition,) = manifests("crd.yaml")
    admin.apply(CRDS, definition)
    for role in product_roles():
        admin.apply(CLUSTER_ROLES, role)
    wait_until_served(admin)


def wait_until_served(admin: Api, resource: Resource = NETWORK_INTENTS) -> None:
    """Waits until a custom resource can be listed: a moment after the server is ready, or has its CRD."""
    deadline = time.monotonic() + SERVED_SECONDS
    while True:
        try:
            admin.list(resource)
        except ApiError as error:
            if error.code not in _NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


class Surroundings:
    """Namespaces and accounts of one test, removed after it."""

    def __init__(self, admin: Api, folder: Path) -> None:
        self._admin = admin
        self._folder = folder
        self._namespaces: list[str] = []
        self._cluster_wide: list[str] = []

    def namespace(self) -> str:
        """Makes a namespace; returns its name."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        self._admin.create(NAMESPACES, "", {"metadata": {"name": name}})
        self._namespaces.append(name)
        return name

    def account(self, namespace: str, rules: Rules | None = None) -> Path:
        """Makes a ServiceAccount with some rights in the whole cluster; returns its kubeconfig.

        Without rules it has the rights of deploy/.
        """
        name = f"account-{uuid.uuid4().hex[:8]}"
        self._admin.create(SERVICE_ACCOUNTS, namespace, {"metadata": {"name": name}})
        if rules is None:
            roles, granted = (
                [role["metadata"]["name"] for role in product_roles()],
                product_roles()[-1]["rules"],
            )
        else:
            self._admin.create(CLUSTER_ROLES, "", {"metadata": {"name": name}, "rules": rules})
            roles, granted = [name], rules
        for role in roles:
            binding = f"{name}-{role}"
            subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
            body = {"metadata": {"name": binding}, "roleRef": reference, "subjects": [subject]}
            self._admin.create(CLUSTER_ROLE_BINDINGS, "", body)
            self._cluster_wide.append(CLUSTER_ROLE_BINDINGS.path(name=binding))
        if rules is not None:
            self._cluster_wide.append(CLUSTER_ROLES.path(name=name))
        self._wait_for_right(f"system:serviceaccount:{namespace}:{name}", granted[0])
        return kubeconfig(
            self._folder / f"{name}.kubeconfig",
            self._admin.server,
            self._admin.authority,
            self.token(namespace, name),
        )

    def token(self, namespace: str, account: str, seconds: int = 3600) -> str:
        """Returns a new token of a ServiceAccount, valid for at least ten minutes."""
        path = SERVICE_ACCOUNTS.path(namespace, account, "token")
        issued = self._admin.call("POST", path, {"spec": {"expirationSeconds": seconds}})
        return str(issued["status"]["token"])

    def remove(self) -> None:
        """Removes all that was made, intents first: without a controller manager a namespace keeps them."""
        for path in self._cluster_wide:
            self._admin.call("DELETE", path)
        for name in self._namespaces:
            for intent in self._admin.list(NETWORK_INTENTS, name):
                self._release(intent)
            self._admin.call("DELETE", NETWORK_INTENTS.path(name))
            self._admin.delete(NAMESPACES, "", name)

    def _wait_for_right(self, user: str, rule: dict[str, Any]) -> None:
        """Waits until the API server has taken up a role that it was just given."""
        group, resource, verb = (rule[key][0] for key in ("apiGroups", "resources", "verbs"))
        resource, _, subresource = resource.partition("/")
        asked = {"group": group, "resource": resource, "subresource": subresource, "verb": verb}
        asked["name"] = rule.get("resourceNames", [""])[0]
        body = {"spec": {"user": user, "resourceAttributes": asked}}
        deadline = time.monotonic() + SERVED_SECONDS
        while not self._admin.create(SUBJECT_ACCESS_REVIEWS, "", body)["status"]["allowed"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{user} has no right to {verb} {resource}")
            time.sleep(0.02)

    def _release(self, intent: Object) -> None:
        metadata = intent["metadata"]
        if metadata.get("finalizers"):
            body = {"metadata": {"finalizers": None}}
            self._admin.patch(NETWORK_INTENTS, metadata["namespace"], metadata["name"], body)
