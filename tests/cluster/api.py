"""A small REST client of a Kubernetes API: tests set up and look with it, independently of the product's."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TIMEOUT = 30.0
"""How long one call may take, in seconds."""

Object = dict[str, Any]


class ApiError(Exception):
    """An answer that is no success: code, reason and message of its Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code = code
        self.reason = reason
        self.message = message
        super().__init__(f"{code} {reason}: {message}")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the API: where its objects are found."""

    api_version: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Returns the path of an object, or of all where the name is empty."""
        root = "api" if "/" not in self.api_version else "apis"
        scope = ["namespaces", namespace] if namespace else []
        parts = ["", root, self.api_version, *scope, self.plural, name, subresource]
        return "/".join(part for index, part in enumerate(parts) if part or not index)


NAMESPACES = Resource("v1", "namespaces")
SERVICE_ACCOUNTS = Resource("v1", "serviceaccounts")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io/v1", "clusterroles")
CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "rolebindings")
SUBJECT_ACCESS_REVIEWS = Resource("authorization.k8s.io/v1", "subjectaccessreviews")
CRDS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
NETWORK_INTENTS = Resource("nephoran.com/v1", "networkintents")


class Api:
    """Calls the API server of a kubeconfig as its current user."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text())
        named = {entry["name"]: entry["context"] for entry in config["contexts"]}
        context = named[config["current-context"]]
        cluster = next(item["cluster"] for item in config["clusters"] if item["name"] == context["cluster"])
        user = next(item["user"] for item in config["users"] if item["name"] == context["user"])
        self.server: str = cluster["server"].rstrip("/")
        self.authority = _material(cluster, "certificate-authority", kubeconfig.parent)
        self._tls = _tls(self.authority, user, kubeconfig.parent)
        self._token = user.get("token")

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Object:
        """Makes one call and returns the object of the answer.

        Raises:
            ApiError: the API server said no.
            OSError: it did not answer.
        """
        with self.open(method, path, body, content=content, accept=accept, **query) as answer:
            return json.load(answer) if "json" in answer.headers["Content-Type"] else {"text": answer.read()}

    def open(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Any:
        """Makes one call and returns the open answer, for streams; see `call`."""
        url = f"{self.server}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        request = urllib.request.Request(url, method=method)
        request.add_header("Accept", accept)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", content)
        try:
            return urllib.request.urlopen(request, timeout=TIMEOUT, context=self._tls)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Returns an object."""
        return self.call("GET", resource.path(namespace, name))

    def list(self, resource: Resource, namespace: str = "", **query: str) -> list[Object]:
        """Returns the objects of a namespace, or of all."""
        items: list[Object] = self.call("GET", resource.path(namespace), **query)["items"]
        return items

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Creates an object."""
        return self.call("POST", resource.path(namespace), body)

    def replace(self, resource: Resource, body: Object, subresource: str = "") -> Object:
        """Replaces an object, or its subresource, by its resourceVersion."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        return self.call("PUT", path, body)

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Object, subresource: str = ""
    ) -> Object:
        """Merges fields into an object, or into its subresource."""
        path = resource.path(namespace, name, subresource)
        return self.call("PATCH", path, body, content="application/merge-patch+json")

    def apply(self, resource: Resource, body: Object, **query: str) -> Object:
        """Applies an object by server-side apply, as the field manager `tests`."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": "tests", "force": "true"} | query
        return self.call("PATCH", path, body, content="application/apply-patch+yaml", **query)

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Deletes an object; one that is gone is well deleted."""
        try:
            self.call("DELETE", resource.path(namespace, name))
        except ApiError as error:
            if error.code != 404:
                raise

    def watch(self, resource: Resource, namespace: str, version: str, seconds: int = 10) -> Iterator[Object]:
        """Yields the events after a resource version, until the server ends the watch after some seconds."""
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        with self.open("GET", resource.path(namespace), **query) as stream:
            yield from map(json.loads, stream)


def kubeconfig(path: Path, server: str, authority: str, token: str) -> Path:
    """Writes a kubeconfig for a user with a token; `authority` is PEM."""
    encoded = base64.b64encode(authority.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        "clusters": [{"name": "tests", "cluster": {"server": server, "certificate-authority-data": encoded}}],
        "users": [{"name": "tests", "user": {"token": token}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(yaml.safe_dump(config))
    draft.chmod(0o600)
    return draft.replace(path)


def _refusal(code: int, body: bytes) -> ApiError:
    try:
        status = json.loads(body)
    except ValueError:
        return ApiError(code, "", body.decode(errors="replace"))
    return ApiError(code, status.get("reason", ""), status.get("message", ""))


def _material(entry: Object, name: str, folder: Path) -> str:
    """Returns PEM that stands in a kubeconfig, or in the file it names."""
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"]).decode()
    return (folder / entry[name]).read_text() if name in entry else ""


def _tls(authority: str, user: Object, folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority or None)
    certificate, key = (_material(user, f"client-{part}", folder) for part in ("certificate", "key"))
    if certificate:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
            both.write(certificate + "\n" + key)
            both.flush()
            context.load_cert_chain(both.name)
    return context
