from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from kubernetes.client.configuration import Configuration

from engine.kube.client import Client, Times
from engine.kube.connection import NotConfiguredError, configure
from engine.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
    WebhookError,
    from_status,
)
from tests.unit.kube.scripted import INTENTS, ScriptedApi, answers, client_of, hang, intent, status


@pytest.mark.parametrize(
    ("code", "body", "error"),
    [
        (400, {}, InvalidError),
        (401, {}, UnauthorizedError),
        (403, {}, ForbiddenError),
        (404, {}, NotFoundError),
        (409, {}, ConflictError),
        (409, {"reason": "AlreadyExists"}, AlreadyExistsError),
        (410, {}, GoneError),
        (200, {"reason": "Expired"}, GoneError),
        (422, {}, InvalidError),
        (429, {}, ThrottledError),
        (500, {}, UnavailableError),
        (500, {"message": "failed to create typed patch object (/amf): .status"}, InvalidError),
        (504, {"message": "Too large resource version"}, UnavailableError),
        (500, {"message": 'failed calling webhook "check.example.com": refused'}, WebhookError),
        (403, {"message": 'admission webhook "check.example.com" denied the request: no'}, WebhookError),
    ],
)
def test_each_answer_has_its_error(code: int, body: dict[str, str], error: type[ApiError]) -> None:
    raised = from_status("list it", code, body)
    assert type(raised) is error
    assert str(raised).startswith("cannot list it: ")
    assert isinstance(raised, OSError)


def test_a_webhook_that_is_down_is_told_from_one_that_refuses() -> None:
    down = from_status("apply", 500, {"message": 'Internal error: failed calling webhook "a.b": timeout'})
    refused = from_status("apply", 403, {"message": 'admission webhook "a.b" denied the request: no'})
    assert isinstance(down, WebhookError)
    assert isinstance(refused, WebhookError)
    assert (down.webhook, down.down, refused.down) == ("a.b", True, False)


def test_the_causes_of_an_invalid_object_are_told() -> None:
    causes = [{"message": "spec.priority: must be at most 10"}]
    error = from_status("apply", 422, {"message": "is invalid", "details": {"causes": causes}})
    assert str(error) == "cannot apply: is invalid (spec.priority: must be at most 10)"


def test_the_time_to_wait_is_read_from_header_and_details() -> None:
    assert from_status("x", 429, {"details": {"retryAfterSeconds": 3}}).retry_after == 3
    assert from_status("x", 429, {"details": {"retryAfterSeconds": 3}}, 5.0).retry_after == 5


def test_nothing_is_tried_again_in_silence(api: ScriptedApi) -> None:
    api.others.append(hang)
    with pytest.raises(UnavailableError, match=r"cannot read it: the API server at http.* does not answer"):
        client_of(api, Times(connect=1.0, read=0.2)).get("/version", "read it")
    assert len(api.requests) == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    configuration = Configuration()
    configuration.retries = False
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        configuration.host = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=r"does not answer: Failed to [^()]*Connection refused$"):
            Client(configuration).get("/version", "read it")


def test_a_connection_that_breaks_is_told_in_words(api: ScriptedApi) -> None:
    api.others.append(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))
    with pytest.raises(UnavailableError, match=r"does not answer: [A-Z][^()<>]*$"):
        client_of(api).get("/version", "read it")


def test_an_answer_of_a_proxy_is_no_object(api: ScriptedApi) -> None:
    api.others.extend([answers(502, b"<html>Bad Gateway</html>"), answers(200, b"<html>Log in</html>")])
    client = client_of(api)
    with pytest.raises(UnavailableError, match="HTTP 502"):
        client.get("/version", "read it")
    with pytest.raises(UnavailableError, match="no JSON"):
        client.get("/version", "read it")


def test_an_apply_says_who_applies_and_how(api: ScriptedApi) -> None:
    api.others.append(answers(200, intent("a", 5)))
    body = {"metadata": {"name": "a"}, "status": {"phase": "Pending"}}
    client_of(api).apply(INTENTS, "core", body, manager="cw", subresource="status")
    (request,) = api.requests
    assert request.path == "/apis/nephoran.com/v1/namespaces/core/networkintents/a/status"
    assert request.query == {"fieldManager": "cw", "force": "true"}
    assert request.headers["content-type"] == "application/apply-patch+yaml"
    assert request.headers["user-agent"] == "conductor-watch"
    assert request.body == {"apiVersion": "nephoran.com/v1", "kind": "NetworkIntent", **body}


@pytest.mark.parametrize("name", ["system:anonymous", ""])
def test_an_account_that_is_nobody_is_refused(api: ScriptedApi, name: str) -> None:
    api.others.append(answers(201, {"status": {"userInfo": {"username": name}}}))
    with pytest.raises(UnauthorizedError, match="service account"):
        client_of(api).whoami()


def test_a_server_too_old_to_say_who_we_are_is_no_error(api: ScriptedApi) -> None:
    api.others.append(status(404, "the server could not find the requested resource"))
    assert client_of(api).whoami() == ""


def test_a_server_that_knows_no_such_question_names_us_where_it_refuses_it(api: ScriptedApi) -> None:
    refusal = 'selfsubjectreviews.authentication.k8s.io is forbidden: User "{}" cannot create resource'
    api.others.append(status(403, refusal.format("system:serviceaccount:core:watch")))
    assert client_of(api).whoami() == "system:serviceaccount:core:watch"
    api.others.append(status(403, refusal.format("system:anonymous")))
    with pytest.raises(UnauthorizedError, match="service account"):
        client_of(api).whoami()
    api.others.append(status(403, "no"))
    assert client_of(api).whoami() == ""


def test_a_cluster_whose_id_we_may_not_read_has_none(api: ScriptedApi) -> None:
    api.others.extend([status(403, "forbidden"), answers(200, {"metadata": {"uid": "c1"}})])
    client = client_of(api)
    assert client.cluster_id() == ""
    assert client.cluster_id() == "c1"


def test_the_time_is_that_of_the_server_also_where_it_refuses_to_talk(api: ScriptedApi) -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.date_time_string = lambda _=None: "Fri, 01 Jan 2027 12:00:00 GMT"  # type: ignore[method-assign]
        status(403, "no")(handler)

    api.others.append(refuse)
    assert client_of(api).server_time() == 1798804800.0


def test_a_rotated_token_is_in_force_with_the_next_call(api: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\n")
    (tmp_path / "ca.crt").write_text("unused")
    configuration = configure(account=tmp_path, environment={"KUBERNETES_SERVICE_HOST": "127.0.0.1"})
    assert configuration.host == "https://127.0.0.1:443"
    configuration.host = api.host
    client = Client(configuration)
    api.others.extend([status(401, "expired"), answers(200, {})])
    with pytest.raises(UnauthorizedError):
        client.get("/version", "read it")
    (tmp_path / "token").write_text("two\n")
    client.get("/version", "read it")
    assert [request.headers["authorization"] for request in api.requests] == ["Bearer one", "Bearer two"]


def test_an_account_without_a_token_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match=r"token .* cannot be read"):
        configure(account=tmp_path, environment={"KUBERNETES_SERVICE_HOST": "::1"})


def test_nowhere_to_go_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="KUBECONFIG"):
        configure(account=tmp_path / "none", environment={})


def test_a_kubeconfig_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("- no kubeconfig")
    with pytest.raises(NotConfiguredError, match=r"kubeconfig .*config cannot be used"):
        configure(environment={"KUBECONFIG": str(path)})


def test_the_environment_names_a_kubeconfig(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: c,"
        " clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}],"
        " contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}]}"
    )
    configuration = configure(environment={"KUBECONFIG": str(path)})
    assert configuration.host == "http://127.0.0.1:1"
    assert configuration.retries is False


def test_a_kubeconfig_says_who_asks_where_and_over_which_proxy(
    api: ScriptedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: c,"
        " clusters: [{name: c, cluster: {server: 'http://a.example.com/clusters/one'}}],"
        " contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}]}"
    )
    monkeypatch.setenv("http_proxy", api.host)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    configuration = configure(path)
    client = Client(configuration)
    monkeypatch.delenv("http_proxy")
    api.others.extend([answers(200, {}), answers(200, {})])
    for _ in range(2):
        client.get("/version", "read it", {"words": "a b"})
    assert configuration.proxy == api.host  # not asked for anew with each look at the token
    assert len(api.requests) == 2
    for request in api.requests:
        assert request.path == "/clusters/one/version"
        assert request.query == {"words": "a b"}
        assert request.headers["host"] == "a.example.com"
        assert request.headers["authorization"] == "Bearer t"
