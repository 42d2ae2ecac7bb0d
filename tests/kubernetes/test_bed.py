"""The API server that tests run against is a real one, and its accounts have the rights that they should."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.api import NETWORK_INTENTS, Api, ApiError, Resource
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import ROOT, Surroundings, wait_until_served, without

USER = """
import sys
from pathlib import Path
from tests.cluster.sharing import shared_server
with shared_server(Path(sys.argv[1]), Path(sys.argv[2])) as kubeconfig:
    print(kubeconfig, flush=True)
    sys.stdin.read()
"""
AMF = {
    "apiVersion": "nephoran.com/v1",
    "kind": "NetworkIntent",
    "metadata": {"name": "amf"},
    "spec": {"intent": "scale amf to 3 replicas"},
}
SECRETS = Resource("v1", "secrets")


def test_an_intent_is_stored_and_has_a_generation(admin: Api, namespace: str) -> None:
    made = admin.create(NETWORK_INTENTS, namespace, AMF)
    assert made["metadata"]["generation"] == 1
    assert [item["metadata"]["uid"] for item in admin.list(NETWORK_INTENTS, namespace)] == [
        made["metadata"]["uid"]
    ]


def test_the_product_may_report_and_may_not_change_a_spec_by_replacing(
    admin: Api, namespace: str, product: Path
) -> None:
    made = admin.create(NETWORK_INTENTS, namespace, AMF)
    api = Api(product)
    status = {"status": {"phase": "Pending"}}
    assert api.patch(NETWORK_INTENTS, namespace, "amf", status, "status")["status"] == status["status"]
    with pytest.raises(ApiError, match="403 Forbidden"):
        api.replace(NETWORK_INTENTS, made)


def test_the_product_sees_no_secrets(namespace: str, product: Path) -> None:
    with pytest.raises(ApiError, match="403 Forbidden"):
        Api(product).list(SECRETS, namespace)


def test_an_account_without_a_right_is_refused(
    admin: Api, namespace: str, account: Callable[..., Path]
) -> None:
    admin.create(NETWORK_INTENTS, namespace, AMF)
    api = Api(account(without("networkintents/status")))
    with pytest.raises(ApiError, match="403 Forbidden"):
        api.patch(NETWORK_INTENTS, namespace, "amf", {"status": {"phase": "Pending"}}, "status")


def test_a_server_of_ones_own_keeps_its_objects_over_a_restart(own_server: ApiServer, tmp_path: Path) -> None:
    namespace = Surroundings(own_server.admin, tmp_path).namespace()
    own_server.admin.create(NETWORK_INTENTS, namespace, AMF)
    own_server.stop_api()
    with pytest.raises(OSError, match="refused"):
        own_server.admin.list(NETWORK_INTENTS)
    own_server.stop_etcd()
    own_server.start_etcd()
    own_server.start_api()
    wait_until_served(own_server.admin)
    assert [item["metadata"]["name"] for item in own_server.admin.list(NETWORK_INTENTS)] == ["amf"]


def test_a_watch_from_before_a_compaction_and_a_restart_is_gone(
    own_server: ApiServer, tmp_path: Path
) -> None:
    namespace = Surroundings(own_server.admin, tmp_path).namespace()
    made = own_server.admin.create(NETWORK_INTENTS, namespace, AMF)
    own_server.admin.patch(NETWORK_INTENTS, namespace, "amf", {"spec": {"priority": 7}})
    own_server.stop_api()
    own_server.compact()
    own_server.start_api()
    wait_until_served(own_server.admin)
    watch = own_server.admin.watch(NETWORK_INTENTS, namespace, made["metadata"]["resourceVersion"], seconds=2)
    try:
        first = next(watch)
    except ApiError as error:
        assert error.code == 410
    else:
        assert (first["type"], first["object"]["code"]) == ("ERROR", 410)


def test_a_shared_server_goes_with_its_last_user_even_a_killed_one(programs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", USER, str(tmp_path), str(programs)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(command, cwd=ROOT, **pipes) as first,
        subprocess.Popen(command, cwd=ROOT, **pipes) as second,
    ):
        said = [user.stdout.readline().strip() for user in (first, second)]
        api = Api(Path(said[0]))
        assert said[0] == said[1]
        first.kill()
        first.wait()
        assert api.call("GET", "/readyz") == {"text": b"ok"}
        second.kill()
        second.wait()
    deadline = time.monotonic() + 20
    while answers(api) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(api)


def answers(api: Api) -> bool:
    try:
        api.call("GET", "/readyz")
    except OSError:
        return False
    return True
