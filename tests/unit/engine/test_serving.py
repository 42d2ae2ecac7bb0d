from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from engine import serving
from engine.serving import Answer, PageServer, Question


@pytest.fixture
def server() -> Iterator[PageServer]:
    def echo(question: Question) -> Answer:
        return Answer(f"{dict(question.query)} {question.accept}".encode())

    def broken(_: Question) -> Answer:
        raise RuntimeError("a fault")

    pages = {
        "/echo": echo,
        "/down": lambda _: Answer(b"down\n", status=HTTPStatus.SERVICE_UNAVAILABLE),
        "/broken": broken,
    }
    running = PageServer("127.0.0.1", 0, pages)
    yield running
    running.stop()


def get(server: PageServer, path: str, method: str = "GET") -> tuple[int, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    request = urllib.request.Request(url, headers={"Accept": "text/x"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def raw(server: PageServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(data)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_a_page_gets_the_parameters_and_what_is_accepted(server: PageServer) -> None:
    assert get(server, "/echo?verbose&a=1") == (200, "{'verbose': '', 'a': '1'} text/x")


def test_a_page_says_its_own_status(server: PageServer) -> None:
    assert get(server, "/down") == (503, "down\n")


def test_another_path_names_the_pages_that_there_are(server: PageServer) -> None:
    status, said = get(server, "/nothing")
    assert status == 404
    assert "/broken, /down, /echo" in said


def test_a_page_that_fails_stops_no_other(server: PageServer) -> None:
    assert get(server, "/broken")[0] == 500
    assert get(server, "/echo")[0] == 200


def test_head_has_no_body_and_other_methods_are_not_known(server: PageServer) -> None:
    assert get(server, "/echo", "HEAD") == (200, "")
    assert get(server, "/echo", "POST")[0] == 501


@pytest.mark.parametrize("data", [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n"])
def test_what_is_no_request_is_refused_and_the_next_is_answered(server: PageServer, data: bytes) -> None:
    assert raw(server, data).startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert get(server, "/echo")[0] == 200


def test_a_request_that_does_not_end_is_dropped(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "READ_SECONDS", 0.1)
    assert raw(server, b"GET /echo HTTP/1.1\r\nX: ") == b""


def test_more_connections_than_are_answered_at_a_time_are_closed(server: PageServer) -> None:
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(40)]
    try:
        assert held[-1].recv(1) == b""  # those before it wait for their requests
    finally:
        for connection in held:
            connection.close()
