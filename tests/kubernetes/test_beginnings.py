"""When something was first followed, on a real Lease."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.kube.beginnings import Beginnings
from engine.kube.client import Client
from engine.kube.connection import configure
from tests.cluster.surroundings import Rules, manifests

Account = Callable[[Rules], Path]


@pytest.fixture
def client(account: Account) -> Client:
    (rules,) = (item["rules"] for item in manifests("rbac.yaml") if item["kind"] == "Role")
    return Client(configure(account(rules)))


def test_it_is_the_same_ever_after_for_each(client: Client, namespace: str) -> None:
    names = [f"networkintents:{number}" for number in range(8)]
    beginnings = Beginnings(client, {"POD_NAMESPACE": namespace})
    with ThreadPoolExecutor(4) as pool:  # one thread follows each namespace
        first = list(pool.map(beginnings.of, names))
    assert not any(each.found for each in first)
    again = [Beginnings(client, {"POD_NAMESPACE": namespace}).of(name) for name in names]
    assert all(each.found for each in again)
    assert [each.at for each in again] == [each.at for each in first]


def test_outside_of_a_pod_nothing_is_kept(client: Client) -> None:
    beginnings = Beginnings(client, {})
    assert [beginnings.of("all").found for _ in range(2)] == [False, False]


def test_without_the_right_nothing_is_kept_and_the_log_says_so(
    product: Path, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    beginnings = Beginnings(Client(configure(product)), {"POD_NAMESPACE": namespace})
    assert [beginnings.of("all").found for _ in range(2)] == [False, False]
    assert "known to the store alone: cannot read" in caplog.text
