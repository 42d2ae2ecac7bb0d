"""An etcd and a kube-apiserver as child processes, on free ports of the loopback interface, in a folder.

There is no controller manager: deleted namespaces stay Terminating, workloads get no pods. RBAC is on, the
audit log off, etcd does not sync to disk. Certificates and keys are made anew at each start.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.api import Api, ApiError, kubeconfig

READY_SECONDS = 60.0
_NOT_EPHEMERAL = range(20000, 32000)
"""Ports that no outgoing connection is given, so that a free one stays free until it is listened on."""


class ServerError(Exception):
    """A server did not start; the end of its log."""


class ApiServer:
    """A Kubernetes API of its own; `kubeconfig` is that of its admin.

    Parameters:
        folder: gets data, logs, certificates and the kubeconfig.
        programs: the folder of etcd and kube-apiserver.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._port, self._etcd_port, self._peer_port = free_ports(3)
        self._token = secrets.token_hex(16)
        self.kubeconfig = folder / "admin.kubeconfig"

    @property
    def certificate(self) -> tuple[Path, Path]:
        """The certificate that the API server has made for itself, and its key."""
        folder = self._folder / "certificates"
        return folder / "apiserver.crt", folder / "apiserver.key"

    @property
    def admin(self) -> Api:
        """A client with every right."""
        return Api(self.kubeconfig)

    def start(self) -> None:
        """Starts both; returns when the API is ready, after about four seconds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        token_file = self._folder / "tokens.csv"
        token_file.write_text(f'{self._token},admin,admin,"system:masters"\n')
        (self._folder / "service-accounts.key").write_text(_signing_key())
        self.start_etcd()
        self.start_api()

    def start_etcd(self) -> None:
        """Starts etcd on its data, which outlive a stop."""
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd_port, self._peer_port))
        self._spawn(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )
        self._wait("etcd", self._etcd_is_healthy)

    def start_api(self) -> None:
        """Starts the API server, on the same port as before; returns when it is ready."""
        certificate, _ = self.certificate
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={certificate.parent}",  # it makes a certificate for itself there
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._folder / 'service-accounts.key'}",
            f"--service-account-signing-key-file={self._folder / 'service-accounts.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",  # a loopback address is refused as an endpoint
            "--profiling=false",
        )
        self._wait("kube-apiserver", lambda: self._is_ready(certificate))

    def stop_api(self) -> None:
        """Kills the API server: clients are cut off in the middle of what they do."""
        self._kill("kube-apiserver")

    def stop_etcd(self) -> None:
        """Kills etcd: the API server goes on and answers with errors."""
        self._kill("etcd")

    def stop(self) -> None:
        """Kills both; their data are of no more use."""
        for name in list(self._children):
            self._kill(name)

    def compact(self) -> None:
        """Forgets all past revisions: a watch from one that the API server does not hold itself is Gone."""
        revision = int(self._etcd("/v3/kv/range", {"key": _text("/")})["header"]["revision"])
        self._etcd("/v3/kv/compaction", {"revision": revision, "physical": True})

    def _is_ready(self, certificate: Path) -> bool:
        if not certificate.exists():
            return False
        server = f"https://127.0.0.1:{self._port}"
        kubeconfig(self.kubeconfig, server, certificate.read_text(), self._token)
        try:
            return self.admin.call("GET", "/readyz") == {"text": b"ok"}
        except (OSError, ApiError):
            return False

    def _etcd_is_healthy(self) -> bool:
        try:
            return bool(self._etcd("/v3/maintenance/status", {}))
        except (OSError, http.client.HTTPException):
            return False

    def _etcd(self, path: str, body: object) -> dict[str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._etcd_port, timeout=10)
        try:
            connection.request("POST", path, json.dumps(body))
            answer: dict[str, dict[str, str]] = json.load(connection.getresponse())
            return answer
        finally:
            connection.close()

    def _spawn(self, name: str, *arguments: str) -> None:
        program = shutil.which(name, path=str(self._programs)) or shutil.which(name)
        if program is None:
            raise ServerError(f"no {name} in {self._programs} nor on the PATH")
        with (self._folder / f"{name}.log").open("ab") as log:
            self._children[name] = subprocess.Popen(
                [program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if self._children[name].poll() is not None or time.monotonic() > deadline:
                log = (self._folder / f"{name}.log").read_text(errors="replace")
                self.stop()
                raise ServerError(f"{name} did not become ready. The end of its log:\n{log[-2000:]}")
            time.sleep(0.05)

    def _kill(self, name: str) -> None:
        child = self._children.pop(name, None)
        if child is not None:
            child.kill()
            child.wait()


def free_ports(count: int) -> list[int]:
    """Returns ports of the loopback interface that nobody listens on, nor calls from."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(_NOT_EPHEMERAL, len(_NOT_EPHEMERAL)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise ServerError("no free port on the loopback interface")


def _signing_key() -> str:
    """Returns a new EC private key in PEM.

    An ECPrivateKey of RFC 5915 on P-256 without its public part is a fixed frame around 32 random bytes, so
    no library for keys is needed.
    """
    der = (
        bytes.fromhex("30310201010420") + secrets.token_bytes(32) + bytes.fromhex("a00a06082a8648ce3d030107")
    )
    body = base64.b64encode(der).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"


def _text(value: str) -> str:
    """Returns text as etcd's gateway wants bytes."""
    return base64.b64encode(value.encode()).decode()
