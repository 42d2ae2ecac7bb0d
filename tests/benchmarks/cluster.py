"""The daemon on a real Kubernetes API beside a minimal kopf operator: the same load, one after the other.

An intent is timed from just before it is created to when a watch shows it Completed. Both run as processes of
their own on one API server; the load comes from here. The ratio is what tells: both bear the same machine.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from store import open_read_only, outbox
from tests.benchmarks.daemon import ROOT
from tests.benchmarks.figures import Figure, quantile
from tests.cluster import build
from tests.cluster.api import NAMESPACES, NETWORK_INTENTS, Api, Resource
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import install

STEADY_PER_MINUTE = 100
STEADY_SECONDS = int(os.environ.get("BENCH_STEADY_SECONDS", "60"))
FLOOD = int(os.environ.get("BENCH_FLOOD", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
"""How often each floods and is flooded, in turn: the best of each counts, as the machine has other work."""
CONNECTIONS = 4
KOPF_P50, KOPF_P99 = 25, 46
"""What kopf reached at 100 a minute on a quiet machine of two cores, in milliseconds."""
DEPLOYMENTS = Resource("apps/v1", "deployments")
SETTINGS = """\
adopt: none
source: {{kind: kubernetes}}
live: {{kind: kubernetes}}
kubernetes: {{kubeconfig: {kubeconfig}, namespaces: [{namespace}]}}
output: {{directory: out}}
store: {{path: out/store.db}}
bounds: {{executor: directory, highestLifecycle: Published, lifecycle: Published}}
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """Something that makes NetworkIntents of its namespace Completed."""

    name: str
    namespace: str
    command: Sequence[str]
    folder: Path


def run(console: Console) -> list[Figure]:
    """Measures both; nothing where no API server is built (`make kubernetes`)."""
    programs = Path(os.environ["KUBEBUILDER_ASSETS"]) if "KUBEBUILDER_ASSETS" in os.environ else None
    programs = programs or build.programs()
    if programs is None:
        console.print("cluster: no kube-apiserver is built; run `make kubernetes` first")
        return []
    with tempfile.TemporaryDirectory(prefix="conductor-bench-") as folder:
        server = ApiServer(Path(folder) / "server", programs)
        server.start()
        try:
            install(server.admin)
            return _compare(console, server.admin, Path(folder))
        finally:
            server.stop()


def _compare(console: Console, admin: Api, folder: Path) -> list[Figure]:
    ours, peer = _conductor(admin, folder), _kopf(admin, folder)
    steady: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {ours.name: [], peer.name: []}
    for each in (ours, peer):
        admin.create(NAMESPACES, "", {"metadata": {"name": each.namespace}})
    _make_workloads(admin, ours.namespace, FLOOD)
    with _running(ours), _running(peer):
        for each in (ours, peer):
            console.print(f"cluster: {each.name}: the first intent, then {STEADY_PER_MINUTE} a minute …")
            _load(admin, each, "first", 1, 0.0)
        for each in (ours, peer):
            count = STEADY_PER_MINUTE * STEADY_SECONDS // 60
            steady[each.name] = _load(admin, each, "steady", count, 60 / STEADY_PER_MINUTE).latencies
        for number in range(ROUNDS):
            for each in (ours, peer):
                took = _load(admin, each, f"flood-{number}", FLOOD, 0.0).seconds
                rates[each.name].append(60 * FLOOD / took)
                console.print(f"cluster: {each.name}: {FLOOD} at once in {took:.1f} s")
                _until_quiet(ours)
    return _figures(ours.name, peer.name, steady, rates)


def _until_quiet(ours: Operator) -> None:
    """Waits until the daemon has shown all else that it shows, which would disturb its peer."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with open_read_only(ours.folder / "out" / "store.db") as reader:
            if outbox.count(reader) == 0:
                return
        time.sleep(0.5)


def _figures(
    ours: str, peer: str, steady: dict[str, list[float]], rates: dict[str, list[float]]
) -> list[Figure]:
    figures = []
    for name, share, bound in (("P50", 0.5, KOPF_P50), ("P99", 0.99, KOPF_P99)):
        mine, theirs = (quantile(steady[each], share) for each in (ours, peer))
        text = f"on a Kubernetes API at 100 a minute, {name}"
        figures += [
            Figure(f"{text}: {ours}", 1000 * mine, "ms", bound),
            Figure(f"{text}: {peer}", 1000 * theirs, "ms"),
            Figure(f"{text}: ours to kopf's", mine / theirs, "times"),
        ]
    best, other = max(rates[ours]), max(rates[peer])
    text = f"on a Kubernetes API, {FLOOD:,} at once"
    return [
        *figures,
        Figure(f"{text}: {ours}", best, "a minute"),
        Figure(f"{text}: {peer}", other, "a minute"),
        Figure(f"{text}: our rate to kopf's", best / other, "times", 1, 1.5, at_least=True),
    ]


def _conductor(admin: Api, folder: Path) -> Operator:
    home = folder / "ours"
    home.mkdir()
    settings = home / "settings.yaml"
    settings.write_text(SETTINGS.format(kubeconfig=admin.kubeconfig, namespace="bench-ours"))
    run = ("-P", "-c", "from engine.cli import main; main()", "run")
    arguments = ("--settings", str(settings), "--log-level", "error")
    return Operator("conductor-watch", "bench-ours", (sys.executable, *run, *arguments), home)


def _kopf(admin: Api, folder: Path) -> Operator:
    home = folder / "kopf"
    home.mkdir()
    arguments = (
        "--standalone",
        "--quiet",
        "--namespace",
        "bench-kopf",
        str(Path(__file__).parent / "peer_operator.py"),
    )
    command = (sys.executable, "-P", "-c", "from kopf.cli import main; main()", "run", *arguments)
    return Operator("kopf", "bench-kopf", command, home)


@contextmanager
def _running(operator: Operator) -> Iterator[None]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kubeconfig = operator.folder.parent / "server" / "admin.kubeconfig"
    with (operator.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            operator.command,
            cwd=operator.folder,
            env=environment | {"KUBECONFIG": str(kubeconfig)},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@dataclass(frozen=True, slots=True)
class _Times:
    """How long each intent took, and all of them together, in seconds."""

    latencies: list[float]
    seconds: float


def _load(admin: Api, operator: Operator, prefix: str, count: int, pause: float) -> _Times:
    """Creates intents, each after a pause or all at once, and waits until all are Completed."""
    version = admin.call("GET", NETWORK_INTENTS.path(operator.namespace), limit="1")["metadata"][
        "resourceVersion"
    ]
    created: dict[str, float] = {}
    completed: dict[str, float] = {}
    watching = threading.Thread(target=_watch, args=(admin, operator, version, prefix, count, completed))
    watching.start()

    def create(connection: _Connection, number: int) -> None:
        name = f"{prefix}-{number}"
        text = f"scale nf-{number} to {3 + (hash(prefix) + number) % 90} replicas"
        body = {
            "apiVersion": NETWORK_INTENTS.api_version,
            "kind": "NetworkIntent",
            "metadata": {"name": name},
            "spec": {"intent": text},
        }
        created[name] = time.monotonic()
        connection.post(NETWORK_INTENTS.path(operator.namespace), body)

    if pause:
        connection, began = _Connection(admin), time.monotonic()
        for number in range(count):
            create(connection, number)
            time.sleep(max(0.0, began + (number + 1) * pause - time.monotonic()))
    else:
        _at_once(admin, range(count), create)
    watching.join()
    if len(completed) < count:
        log = (operator.folder / "log").read_text(errors="replace")
        raise SystemExit(f"{operator.name} has done {len(completed)} of {count}: {log[-2000:]}")
    seconds = max(completed.values()) - min(created.values())
    return _Times([completed[name] - at for name, at in created.items()], seconds)


def _watch(
    admin: Api, operator: Operator, version: str, prefix: str, count: int, completed: dict[str, float]
) -> None:
    for event in admin.watch(NETWORK_INTENTS, operator.namespace, version, seconds=300):
        name = event["object"]["metadata"]["name"]
        if event["object"].get("status", {}).get("phase") == "Completed" and name.startswith(prefix):
            completed.setdefault(name, time.monotonic())
            if len(completed) == count:
                return


def _make_workloads(admin: Api, namespace: str, count: int) -> None:
    def make(connection: _Connection, number: int) -> None:
        labels = {"app": f"nf-{number}"}
        containers = [{"name": "nf", "image": "registry.example.com/nf:1"}]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"nf-{number}"},
            "spec": spec,
        }
        connection.post(DEPLOYMENTS.path(namespace), body)

    _at_once(admin, range(count), make)


def _at_once(admin: Api, numbers: Sequence[int], send: Callable[[_Connection, int], None]) -> None:
    """Sends over a few connections side by side."""

    def some(start: int) -> None:
        connection = _Connection(admin)
        for number in numbers[start::CONNECTIONS]:
            send(connection, number)

    threads = [threading.Thread(target=some, args=(start,)) for start in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _Connection:
    """A connection that stays open, so that what makes the load takes little of the machine."""

    def __init__(self, admin: Api) -> None:
        self._http = http.client.HTTPSConnection(
            urlsplit(admin.server).netloc, context=admin._tls, timeout=60
        )
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {admin._token}"}

    def post(self, path: str, body: dict[str, Any]) -> None:
        """Creates an object.

        Raises:
            SystemExit: the API server refused it.
        """
        self._http.request("POST", path, json.dumps(body), self._headers)
        answer = self._http.getresponse()
        said = answer.read()
        if answer.status != http.client.CREATED:
            raise SystemExit(f"not created: {said[:500]!r}")
