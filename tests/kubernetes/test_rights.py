"""What the product's account may do, and that a missing right is found before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.resources import network_intents
from engine.kube.rights import missing_rights
from tests.cluster.surroundings import without

INTENTS = network_intents("nephoran.com", "v1")


def test_the_roles_of_the_deployment_are_enough(namespace: str, product: Path) -> None:
    client = Client(configure(product))
    assert missing_rights(client, INTENTS) == []
    assert missing_rights(client, INTENTS, (namespace, "default")) == []


def test_a_right_that_is_missing_is_named(namespace: str, account: Callable[..., Path]) -> None:
    client = Client(configure(account(without("networkintents/status"))))
    assert missing_rights(client, INTENTS) == ["patch networkintents/status.nephoran.com"]
    assert missing_rights(client, INTENTS, (namespace,)) == [
        f"patch networkintents/status.nephoran.com in namespace {namespace}"
    ]
