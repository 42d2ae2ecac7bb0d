"""Rights for other programs: short-lived tokens of an account that may do less than we may."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from engine.kube.client import Client
from engine.kube.errors import UnavailableError
from engine.kube.light_kubernetes import Configuration
from engine.kube.resources import SERVICE_ACCOUNTS

_USED_SHARE = 0.7
"""How much of a token's time is used: what begins with it has to end with it."""


class NarrowAccess:
    """Gives kubeconfigs with a token of a ServiceAccount, asked for anew before it ends.

    Needs the right to create serviceaccounts/token of that account.

    Args:
        configuration: of `client`.
        account: "namespace/name".
        seconds: how long a token is good for.
    """

    def __init__(
        self,
        client: Client,
        configuration: Configuration,
        account: str,
        seconds: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._client = client
        self._configuration = configuration
        self._namespace, _, self._name = account.partition("/")
        self._seconds = seconds
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def kubeconfig(self) -> bytes:
        """Returns a kubeconfig that holds all it needs; safe for several threads.

        Raises:
            ApiError: the API server gives no token.
            OSError: the certificates of the API server cannot be read.
        """
        with self._lock:
            if not self._token or self._monotonic() > self._until:
                asked = self._monotonic()
                self._token = self._request()
                self._until = asked + _USED_SHARE * self._seconds
            return _kubeconfig(self._configuration, self._token)

    def _request(self) -> str:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": self._seconds},
        }
        answer = self._client.create(
            SERVICE_ACCOUNTS, self._namespace, body, name=self._name, subresource="token"
        )
        token = answer.get("status", {}).get("token")
        if not isinstance(token, str) or not token:
            raise UnavailableError(
                f"the API server gave no token of ServiceAccount {self._namespace}/{self._name}"
            )
        return token


def _kubeconfig(configuration: Configuration, token: str) -> bytes:
    cluster: dict[str, object] = {"server": configuration.host}
    if configuration.ssl_ca_cert:
        data = Path(configuration.ssl_ca_cert).read_bytes()
        cluster["certificate-authority-data"] = base64.b64encode(data).decode()
    if not configuration.verify_ssl:
        cluster["insecure-skip-tls-verify"] = True
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "porch", "cluster": cluster}],
        "users": [{"name": "narrow", "user": {"token": token}}],
        "contexts": [{"name": "porch", "context": {"cluster": "porch", "user": "narrow"}}],
        "current-context": "porch",
    }
    return json.dumps(config).encode()
