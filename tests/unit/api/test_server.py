from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.api import handler
from engine.api.client import Client
from engine.api.server import MOST_CONNECTIONS, ApiServer
from engine.api.wire import LARGEST_REQUEST, ApiError, Code, SocketError
from tests.unit.api.conftest import ME, Place


def exchange(path: Path, request: bytes) -> tuple[int, dict]:
    """Sends bytes as they are and returns status and body of the answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def post(path: str, body: bytes, **headers: str) -> bytes:
    given = {"Host": "localhost", "Content_Length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def test_the_socket_is_its_owners_alone(serve: Callable[[], ApiServer]) -> None:
    path = serve().path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_every_answer_says_its_version_and_kind(client: Client) -> None:
    assert client.health() == {"apiVersion": "conductor-watch/v1", "kind": "Health", "status": "ok"}


def test_the_kernel_says_who_asks(client: Client, place: Place) -> None:
    place.hold(place.see("amf"))
    assert client.approve("core", "amf")["approvedBy"] == ME
    assert place.audited("Approved")[0]["userID"] == os.getuid()


def test_state_tells_queues_versions_and_digests(client: Client, place: Place) -> None:
    place.see("amf")
    state = client.state()
    assert state["queues"]["decide"] == 1
    assert state["digests"] == {"rules": "abc"}
    assert state["instance"] == place.store.instance_id


def test_a_reload_that_fails_says_why(client: Client, place: Place) -> None:
    assert client.reload()["changed"] is True
    place.problems["rules"] = "site.yaml:3:5: unknown field"
    with pytest.raises(ApiError) as refused:
        client.reload()
    assert refused.value.code is Code.NOT_RELOADED
    assert "site.yaml:3:5" in refused.value.message


@pytest.mark.parametrize(
    ("request_line", "status", "said"),
    [
        ("GET /v2/state HTTP/1.1", 404, "begins with /v1/"),
        ("GET /v1/nothing HTTP/1.1", 404, "/v1/intents"),
        ("POST /v1/state HTTP/1.1", 405, "use GET"),
        ("GET /v1/intents?limit=many HTTP/1.1", 400, "limit"),
        ("GET /v1/intents?limit=0 HTTP/1.1", 400, "limit"),
        ("GET /v1/intents?colour=red HTTP/1.1", 400, "colour"),
        ("GET /v1/intents?phase=Done HTTP/1.1", 400, "phase"),
        (f"GET /v1/intents?{'&'.join('a=b' for _ in range(30))} HTTP/1.1", 400, "fields"),
        ("GET /v1/intents/core/%00 HTTP/1.1", 404, "there is no intent"),
        ("PATCH /v1/state HTTP/1.1", 501, "PATCH"),
        ("GET", 400, "Bad"),
        ("GET /v1/state HTTP/9", 400, "Bad"),
        (f"GET /{'a' * 70_000} HTTP/1.1", 414, "Long"),
    ],
)
def test_a_request_that_is_none_is_refused_in_json(
    serve: Callable[[], ApiServer], request_line: str, status: int, said: str
) -> None:
    found, body = exchange(serve().path, f"{request_line}\r\nHost: x\r\n\r\n".encode())
    assert found == status
    assert said in body["message"] + body["hint"]
    assert body["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "no JSON"),
        (b"[" * 60_000, "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"kind": "Approval"}', "kind"),
        (b'{"apiVersion": "v2"}', "apiVersion"),
        (b'{"specHash": 5}', "specHash"),
        (b'{"force": true}', "force"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_field(
    serve: Callable[[], ApiServer], body: bytes, said: str
) -> None:
    found, answer = exchange(serve().path, post("/v1/intents/core/amf/approve", body))
    assert (found, answer["error"]) == (400, "Invalid")
    assert said in answer["message"]


def test_a_bulk_retry_has_to_say_which(serve: Callable[[], ApiServer]) -> None:
    path = serve().path
    for body in (b"{}", b'{"reason": "Bored"}', b'{"reason": "Held", "since": "yesterday"}'):
        assert exchange(path, post("/v1/intents/retry", body))[0] == 400


def test_more_than_ten_megabytes_are_refused_unread(serve: Callable[[], ApiServer]) -> None:
    status, body = exchange(serve().path, post("/v1/intents/retry", b"x" * 10_000_000))
    assert (status, body["error"]) == (413, "TooLarge")
    assert str(LARGEST_REQUEST) in body["message"]


def test_a_body_of_unknown_length_is_refused(serve: Callable[[], ApiServer]) -> None:
    request = post("/v1/rules/reload", b"", Transfer_Encoding="chunked")
    path = serve().path
    assert exchange(path, request)[0] == 400
    assert exchange(path, post("/v1/rules/reload", b"", Content_Length="-1"))[0] == 400


def test_clients_that_hang_keep_nobody_else_waiting(
    serve: Callable[[], ApiServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "READ_SECONDS", 60.0)
    server = serve()
    hanging = [socket.socket(socket.AF_UNIX) for _ in range(MOST_CONNECTIONS - 1)]
    for connection in hanging:
        connection.connect(str(server.path))
        connection.sendall(b"GET /v1/hea")
    assert Client(server.path).health()["status"] == "ok"
    assert not server.stop(0.0), "a stop does not wait for clients that hang"
    for connection in hanging:
        connection.close()


def test_a_request_that_trickles_in_is_given_up(
    serve: Callable[[], ApiServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "READ_SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(serve().path))
        connection.sendall(post("/v1/rules/reload", b"", Content_Length="100"))
        done = threading.Event()

        def trickle() -> None:
            while not done.wait(0.05):
                try:
                    connection.send(b" ")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = connection.recv(65536)
        done.set()
        thread.join()
    assert answer.startswith(b"HTTP/1.1 408")


def test_many_clients_at_once_are_all_answered(client: Client, place: Place) -> None:
    for number in range(20):
        place.end(place.see(f"nf-{number:02}"))
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda number: client.retry("core", f"nf-{number:02}"), range(20)))
        lists = list(pool.map(lambda _: client.intents(limit=500), range(40)))
    assert {answer["name"] for answer in answers} == {f"nf-{number:02}" for number in range(20)}
    assert all(len(found["items"]) == 20 for found in lists)


def test_of_two_who_approve_at_once_one_has_approved(client: Client, place: Place) -> None:
    place.hold(place.see("amf"))

    def approve(_: int) -> str:
        try:
            return client.approve("core", "amf")["approvedBy"]
        except ApiError as error:
            return error.code.title

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approve, range(2))) == sorted([ME, "Conflict"])
    assert len(place.audited("Approved")) == 1


def test_a_socket_that_a_dead_process_left_is_replaced(place: Place, serve: Callable[[], ApiServer]) -> None:
    path = place.root / "state" / "conductor-watch.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert Client(serve().path).health()["status"] == "ok"


def test_a_socket_at_which_somebody_answers_is_left_alone(
    place: Place, serve: Callable[[], ApiServer]
) -> None:
    server = serve()
    with pytest.raises(SocketError, match="another process answers"):
        ApiServer(server.path, place.operations()).start()
    assert Client(server.path).health()["status"] == "ok"


def test_a_file_in_place_of_the_socket_is_left_alone(place: Place) -> None:
    path = place.root / "state" / "conductor-watch.sock"
    path.write_text("precious")
    with pytest.raises(SocketError, match="no socket; move it away"):
        ApiServer(path, place.operations()).start()
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_told(place: Place) -> None:
    path = place.root / ("x" * 120) / "conductor-watch.sock"
    with pytest.raises(SocketError, match=r"Linux takes 107; set store\.path"):
        ApiServer(path, place.operations()).start()
    with pytest.raises(SocketError, match="Linux takes 107"):
        Client(path).health()


def test_the_socket_goes_with_the_server(serve: Callable[[], ApiServer]) -> None:
    server = serve()
    assert server.stop(5.0)
    assert not server.path.exists()
    with pytest.raises(SocketError, match="no daemon answers"):
        Client(server.path).health()
    assert server.stop(5.0), "a second stop does nothing"


def test_a_stop_leaves_the_socket_of_another_in_its_place(
    place: Place, serve: Callable[[], ApiServer]
) -> None:
    first = serve()
    first.path.unlink()
    second = serve()
    first.stop(5.0)
    assert Client(second.path).health()["status"] == "ok"


def test_a_stop_lets_a_running_request_end(place: Place, serve: Callable[[], ApiServer]) -> None:
    server = serve()
    held, entered = threading.Event(), threading.Event()

    def occupy(_: object) -> None:
        entered.set()
        held.wait(20)

    place.hold(place.see("amf"))
    place.store.write(occupy)
    entered.wait(20)
    with ThreadPoolExecutor(2) as pool:
        approval = pool.submit(Client(server.path).approve, "core", "amf")
        while not server._open:
            time.sleep(0.005)
        stopped = pool.submit(server.stop, 20.0)
        while server.path.exists():
            time.sleep(0.005)
        held.set()
        assert approval.result(20)["approvedBy"] == ME
        assert stopped.result(20)


def test_a_closed_store_is_told_as_unavailable(client: Client, place: Place) -> None:
    place.store.close()
    with pytest.raises(ApiError, match="the store is closed") as refused:
        client.health()
    assert refused.value.code is Code.UNAVAILABLE


def test_what_is_no_daemon_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"220 ready\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SocketError, match="is no conductor-watch"):
            Client(path).health()
        thread.join()


def test_a_daemon_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(SocketError, match=r"did not answer within 0\.2 s"):
            Client(path, timeout=0.2).health()
