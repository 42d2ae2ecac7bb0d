"""A git server on loopback, over HTTP, with real repositories: git's own http-backend behind a small one."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IDENTITY = [
    "-c",
    "user.name=somebody",
    "-c",
    "user.email=somebody@localhost",
    "-c",
    "init.defaultBranch=main",
]


def git(*arguments: str, folder: Path, stdin: bytes = b"") -> str:
    """Runs git as somebody else who works with the repository."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *IDENTITY, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class GitServer:
    """Serves the bare repositories below a folder.

    Attributes:
        fault: looks at the path of each request and returns the HTTP code of a failure, or 0 for none.
        cut: whether the answer to the next push is lost after the push was done.
        password: what has to be given, as "user:password"; empty where nothing has.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fault: Callable[[str], int] = lambda _: 0
        self.cut = False
        self.password = ""
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[GitServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def create(self, name: str, files: Mapping[str, str] | None = None) -> Path:
        """Makes a repository with one commit on main; returns its folder."""
        bare = self.root / f"{name}.git"
        git("init", "--quiet", "--bare", str(bare), folder=self.root)
        git("config", "http.receivepack", "true", folder=bare)
        commit(bare, files or {"README.md": "Packages.\n"}, "Begin")
        return bare

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

            def _answer(self) -> None:
                server.requests.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                wanted = f"Basic {base64.b64encode(server.password.encode()).decode()}"
                if server.password and self.headers.get("Authorization") != wanted:
                    self._fail(401)
                elif code := server.fault(self.path):
                    self._fail(code)
                else:
                    self._pass_on(body)

            def _fail(self, code: int) -> None:
                self.send_response(code)
                if code == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                if code in (301, 302):
                    self.send_header("Location", f"http://localhost:1{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _pass_on(self, body: bytes) -> None:
                path, _, query = self.path.partition("?")
                environment = {
                    "PATH": os.environ["PATH"],
                    "HOME": str(server.root),
                    "GIT_PROJECT_ROOT": str(server.root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_CONFIG_NOSYSTEM": "1",
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "REMOTE_ADDR": "127.0.0.1",
                }
                done = subprocess.run(
                    ["git", "http-backend"], env=environment, input=body, capture_output=True, check=False
                )
                if server.cut and self.command == "POST" and path.endswith("git-receive-pack"):
                    server.cut = False
                    self.close_connection = True
                    return
                head, _, data = done.stdout.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
                self.send_response(int(fields.pop("Status", "200").split()[0]))
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler


def commit(bare: Path, files: Mapping[str, str], message: str, branch: str = "main") -> str:
    """Commits files to a branch as somebody else; returns the commit's hash."""
    heads = git("for-each-ref", "--format=%(refname)", folder=bare).split()
    base = next((ref for ref in (f"refs/heads/{branch}", "refs/heads/main") if ref in heads), None)
    stream = f"commit refs/heads/{branch}\ncommitter somebody <somebody@localhost> 1700000000 +0000\n"
    stream += f"data {len(message)}\n{message}\n"
    if base:
        stream += f"from {base}^0\n"
    for path, text in files.items():
        stream += f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
    git("fast-import", "--quiet", folder=bare, stdin=stream.encode())
    return git("rev-parse", f"refs/heads/{branch}", folder=bare)


def show(bare: Path, ref: str, path: str) -> str:
    """Returns a file as a ref has it."""
    return git("show", f"{ref}:{path}", folder=bare)


def refs(bare: Path) -> dict[str, str]:
    """Returns every ref of a repository."""
    rows = git("for-each-ref", "--format=%(refname) %(objectname)", folder=bare).splitlines()
    return dict(row.split() for row in rows)


def opened(bare: Path) -> list[str]:
    """Returns the branches of the revisions that are not published."""
    return [ref for ref in refs(bare) if ref.startswith(("refs/heads/proposed/", "refs/heads/drafts/"))]


def merge(bare: Path, branch: str) -> None:
    """Merges a branch as somebody does: the branch goes."""
    git("update-ref", "refs/heads/main", branch, folder=bare)
    git("update-ref", "-d", branch, folder=bare)
