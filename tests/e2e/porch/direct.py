"""A bare client over one kept connection: the least that making a package revision in porch can cost.

What the product is compared with. It makes the same four calls, checks nothing but the status code, and keeps
nothing.
"""

from __future__ import annotations

import http.client
import json
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.cluster.api import Api, Object

TIMEOUT = 60.0
MERGE = "application/merge-patch+json"


class DirectError(Exception):
    """An answer that is no success: its code and its text."""


class Direct:
    """Calls an API server over one connection."""

    def __init__(self, api: Api) -> None:
        self._headers = {"Authorization": f"Bearer {api._token}"} if api._token else {}
        place = urlsplit(api.server)
        self._connection = http.client.HTTPSConnection(
            place.hostname or "", place.port, timeout=TIMEOUT, context=api._tls
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: object = None, content: str = "application/json") -> Object:
        """Makes one call and returns the object of the answer.

        Raises:
            DirectError: the server said no.
            OSError: it did not answer.
        """
        self._connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {**self._headers, "Content-Type": content},
        )
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise DirectError(f"{answer.status} {data[:500].decode(errors='replace')}")
        found: Object = json.loads(data)
        return found


def publish(
    direct: Direct, namespace: str, repository: str, package: str, workspace: str, files: dict[str, str]
) -> str:
    """Makes and publishes the first revision of a package by four calls; returns its name."""
    root = f"/apis/porch.kpt.dev/v1alpha1/namespaces/{namespace}"
    spec: dict[str, Any] = {
        "packageName": package,
        "repository": repository,
        "workspaceName": workspace,
        "lifecycle": "Draft",
        "tasks": [{"type": "init", "init": {"description": package}}],
    }
    body = {
        "apiVersion": "porch.kpt.dev/v1alpha1",
        "kind": "PackageRevision",
        "metadata": {"namespace": namespace},
        "spec": spec,
    }
    name = str(direct.call("POST", f"{root}/packagerevisions", body)["metadata"]["name"])
    direct.call("PATCH", f"{root}/packagerevisionresources/{name}", {"spec": {"resources": files}}, MERGE)
    direct.call("PATCH", f"{root}/packagerevisions/{name}", {"spec": {"lifecycle": "Proposed"}}, MERGE)
    approval = f"{root}/packagerevisions/{name}/approval"
    direct.call("PATCH", approval, {"spec": {"lifecycle": "Published"}}, MERGE)
    return name
