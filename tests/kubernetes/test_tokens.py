from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.errors import ForbiddenError
from engine.kube.tokens import NarrowAccess
from tests.cluster.api import Api, Resource

SERVICE_ACCOUNTS = Resource("v1", "serviceaccounts")
MAY_ASK = {
    "apiGroups": [""],
    "resources": ["serviceaccounts/token"],
    "resourceNames": ["narrow"],
    "verbs": ["create"],
}
MAY_LOOK = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}


@pytest.fixture
def ours(admin: Api, namespace: str, account: Callable[..., Path]) -> Path:
    """The kubeconfig of one who may ask for tokens of the account `narrow`, and look at namespaces."""
    admin.create(SERVICE_ACCOUNTS, namespace, {"metadata": {"name": "narrow"}})
    return account([MAY_LOOK, MAY_ASK])


def access(ours: Path, account: str, monotonic: Callable[[], float] = lambda: 0.0) -> NarrowAccess:
    configuration = configure(ours)
    return NarrowAccess(Client(configuration), configuration, account, 600, monotonic)


def test_a_kubeconfig_has_the_rights_of_the_other_account(ours: Path, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_bytes(access(ours, f"{namespace}/narrow").kubeconfig())
    client, path = Client(configure(tmp_path / "kubeconfig")), f"/api/v1/namespaces/{namespace}"
    # Before Kubernetes 1.28 nobody can ask who they are; the token is taken all the same.
    assert client.whoami() in (f"system:serviceaccount:{namespace}:narrow", "")
    with pytest.raises(ForbiddenError):
        client.get(path, "look")
    client.close()
    assert Client(configure(ours)).get(path, "look")


def test_a_token_is_used_again_and_asked_for_anew_before_it_ends(ours: Path, namespace: str) -> None:
    now = [0.0]
    found = access(ours, f"{namespace}/narrow", lambda: now[0])
    first = found.kubeconfig()
    now[0] = 419.0
    assert found.kubeconfig() == first
    now[0] = 421.0
    assert found.kubeconfig() != first


def test_a_right_that_is_missing_is_named(ours: Path, namespace: str) -> None:
    with pytest.raises(ForbiddenError, match="create a token of ServiceAccount"):
        access(ours, f"{namespace}/other").kubeconfig()
