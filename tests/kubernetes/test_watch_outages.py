"""A watch of NetworkIntents through an API server, a network and a token that fail (W4 to W6, W9)."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.errors import UnavailableError
from engine.kube.resources import network_intents
from engine.kube.source import KubernetesSource
from engine.kube.versions import Versions
from tests.cluster.api import Api
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import Surroundings
from tests.kubernetes.proxy import (
    FaultProxy,
    after,
    between,
    cut_in,
    silent_after,
)
from tests.kubernetes.watching import FAST, Journal, create, eventually, watching


def test_w4_a_silent_server_is_left(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    ended = threading.Event()
    proxy.watches.append(silent_after(1, ended))
    with watching(proxy.client(product, replace(FAST, silence=0.5)), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        create(admin, namespace, "told")
        create(admin, namespace, "kept-back")
        eventually(lambda: len(journal.events) == 2)
    ended.set()
    assert journal.told() == ["upsert told", "upsert kept-back"]
    assert len(proxy.asked("list")) == 1


def test_w5_an_event_that_was_cut_off_comes_again(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    proxy.watches.extend([cut_in(1, keep=0.5), cut_in(0, keep=0.99), after(0, breaks=True)])
    with watching(proxy.client(product, FAST), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        for name in ("a", "b", "c"):
            create(admin, namespace, name)
        eventually(lambda: len(journal.events) == 3)
    assert journal.told() == ["upsert a", "upsert b", "upsert c"]
    assert len(proxy.asked("list")) == 1


def test_w6_a_restart_of_the_api_server_loses_nothing_and_brings_no_storm(
    own_server: ApiServer, tmp_path: Path, journal: Journal
) -> None:
    surroundings = Surroundings(own_server.admin, tmp_path)
    namespace = surroundings.namespace()
    create(own_server.admin, namespace, "before")
    with between(own_server.admin) as proxy:
        client = proxy.client(surroundings.account(namespace), FAST)
        with watching(client, namespace, journal):
            eventually(lambda: proxy.streams == 1)
            own_server.stop_api()
            proxy.down.set()
            eventually(lambda: client.health.problems)
            calls, began = len(proxy.requests), time.monotonic()
            time.sleep(3.0)
            calls = len(proxy.requests) - calls
            assert calls <= (time.monotonic() - began) / (FAST.longest_delay / 2) + 1
            proxy.down.clear()
            own_server.start_api()
            create(own_server.admin, namespace, "after")
            eventually(lambda: len(journal.events) == 2)
            eventually(lambda: not client.health.problems)
    assert journal.told() == ["upsert before", "upsert after"]


def test_w9_a_rotated_token_is_taken_up(
    admin: Api, namespace: str, surroundings: Surroundings, product: Path, tmp_path: Path, journal: Journal
) -> None:
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "ca.crt").write_text(admin.authority)
    (account / "token").write_text("expired")
    host, port = admin.server.removeprefix("https://").rsplit(":", 1)
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    client = Client(configure(account=account, environment=environment), FAST)
    with watching(client, namespace, journal) as source:
        eventually(lambda: "Unauthorized" in client.health.problems.get("watch " + namespace, ""))
        assert not source.synced.is_set()
        (account / "token").write_text(configure(product).api_key["BearerToken"].removeprefix("Bearer "))
        assert source.synced.wait(60)
        assert client.whoami().startswith(f"system:serviceaccount:{namespace}:")
    assert client.health.problems == {}


def test_a_missing_kind_is_told_and_waited_for(namespace: str, product: Path, journal: Journal) -> None:
    client = Client(configure(product), FAST)
    source = KubernetesSource(client, network_intents("example.com", "v1"), journal, Versions())
    source.start()
    eventually(lambda: client.health.problems)
    source.stop(5)
    (problem,) = client.health.problems.values()
    assert problem.startswith("cannot list networkintents.example.com: ")


def test_an_api_server_that_is_away_is_unavailable(own_server: ApiServer) -> None:
    client = Client(configure(own_server.kubeconfig), FAST)
    assert client.whoami() in ("admin", "")  # before 1.28 the API server does not say
    assert client.cluster_id()
    own_server.stop_api()
    with pytest.raises(UnavailableError, match="refused"):
        client.whoami()
