"""A porch for tests without one, and a porchctl that asks it: real processes that say what the real ones say.

The program is a script that hands its arguments and files over to the test and prints what it is told; what
porchctl was measured to say, word for word, is here.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SCRIPT = """
import json, os, pathlib, signal, socket, sys
folder = next((pathlib.Path(word) for word in sys.argv[1:] if word.startswith("/")), None)
files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()} \
    if folder and folder.exists() else {}
with socket.create_connection(("127.0.0.1", PORT)) as connection, connection.makefile("rw") as pipe:
    kubeconfig = pathlib.Path(os.environ["KUBECONFIG"]).read_text()
    pipe.write(json.dumps({"words": sys.argv[1:], "files": files, "kubeconfig": kubeconfig}) + chr(10))
    pipe.flush()
    reply = json.loads(pipe.readline())
for name, text in reply["files"].items():
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
sys.stdout.write(reply["stdout"])
sys.stderr.write(reply["stderr"])
sys.stdout.flush()
if reply["code"] < 0:
    os.kill(os.getpid(), -reply["code"])
sys.exit(reply["code"])
"""


@dataclass
class Reply:
    """What porchctl prints, and the files it writes."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Revision:
    repository: str
    package: str
    workspace: str
    files: dict[str, str]
    lifecycle: str = "Draft"
    number: int = 0
    version: int = 1
    source: str = ""

    @property
    def name(self) -> str:
        return f"{self.repository}.{self.package}.{self.workspace}"


FALLS = """panic: assignment to entry in nil map

goroutine 1 [running]:
github.com/nephio-project/porch/pkg/cli/commands/rpkg/util.AddRevisionMetadata(0xc0003ae008)
\tgithub.com/nephio-project/porch/pkg/cli/commands/rpkg/util/common.go:72 +0x2a5
"""
"""How porchctl 1.5.8 ends where porch has no files of a revision."""


def failed(message: str) -> Reply:
    """Returns how porchctl fails."""
    return Reply(stderr=f"Error: {message} \n", code=1)


class Porch:
    """Package revisions of one repository, by porchctl.

    Attributes:
        fault: sees the words of each command first; a reply stands in place of what would be done.
        after: sees the words of each command that was done; a reply stands in place of the true one.
        commands: the words of each command, without what is the same in all.
        complaint: what a function says when a package is rendered.
    """

    def __init__(self) -> None:
        self.revisions: dict[str, Revision] = {}
        self.fault: Callable[[Sequence[str]], Reply | None] = lambda _: None
        self.after: Callable[[Sequence[str]], Reply | None] = lambda _: None
        self.commands: list[list[str]] = []
        self.kubeconfigs: list[str] = []
        self.complaint = ""
        self._lock = threading.Lock()

    @contextmanager
    def serving(self, script: Path) -> Iterator[Porch]:
        """Answers the script, which is written first."""
        porch = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                asked = json.loads(self.rfile.readline())
                reply = porch.answer(asked)
                self.wfile.write(json.dumps(vars(reply)).encode() + b"\n")

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            script.parent.mkdir(exist_ok=True)
            code = script.with_suffix(".py")
            code.write_text(SCRIPT.replace("PORT", str(server.server_address[1])))
            script.write_text(f'#!/bin/sh\nexec {Path(sys.executable).resolve()} -I -S {code} "$@"\n')
            script.chmod(0o755)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def answer(self, asked: Mapping[str, Any]) -> Reply:
        """Does what a command asks for; returns what it prints."""
        words = [word for word in asked["words"] if not word.startswith("--namespace=")]
        with self._lock:
            self.commands.append(words)
            self.kubeconfigs.append(asked["kubeconfig"])
            if (reply := self.fault(words)) is not None:
                return reply
            verb = (words[-1] if len(words) == 1 else words[1]).replace("-", "_")
            done = getattr(self, f"_{verb}")(words, asked["files"])
            return self.after(words) or done

    def publish(self, revision: Revision) -> None:
        """Publishes a revision, as somebody else may."""
        same = [item for item in self.revisions.values() if item.package == revision.package]
        revision.number = max(item.number for item in same) + 1
        revision.lifecycle = "Published"
        revision.version += 1

    def _version(self, *_: object) -> Reply:
        return Reply("Version: 1.5.8\nGit commit: 0123456\n")

    def _get(self, words: Sequence[str], _: object) -> Reply:
        if words[0] == "repo":
            if words[2] != "edge":
                return failed(f'repositories.config.porch.kpt.dev "{words[2]}" not found')
            ready = {"type": "Ready", "status": "True", "reason": "Ready"}
            return Reply(json.dumps({"metadata": {"name": words[2]}, "status": {"conditions": [ready]}}))
        if words[2].startswith("-"):
            part = words[3] if words[2] == "--name" else ""
            found = [item for item in self.revisions.values() if part in item.package]
            return Reply("".join(json.dumps(self._object(item), indent=4) + "\n" for item in found))
        item = self.revisions.get(words[2])
        return Reply(json.dumps(self._object(item))) if item else self._gone(words[2])

    def _init(self, words: Sequence[str], _: object) -> Reply:
        options = dict(zip(words[3::2], words[4::2], strict=True))
        if options["--repository"] != "edge":
            return failed(f'repositories.config.porch.kpt.dev "{options["--repository"]}" not found')
        files = {
            "Kptfile": f"apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: {words[2]}\n",
            "README.md": "# About\n",
        }
        return self._add(Revision(options["--repository"], words[2], options["--workspace"], files))

    def _copy(self, words: Sequence[str], _: object) -> Reply:
        source = self.revisions.get(words[2])
        if source is None or source.lifecycle != "Published":
            return failed("Internal error occurred: source revision must be published")
        made = Revision(source.repository, source.package, words[4], dict(source.files), source=source.name)
        return self._add(made)

    def _pull(self, words: Sequence[str], _: object) -> Reply:
        item = self.revisions.get(words[2])
        if item is None:
            return self._gone(words[2])
        if not item.files:
            return Reply(stderr=FALLS, code=2)
        about = (
            f"kind: KptRevisionMetadata\nmetadata:\n  name: {item.name}\n  resourceVersion: v{item.version}\n"
        )
        return Reply(files={**item.files, ".KptRevisionMetadata": about})

    def _push(self, words: Sequence[str], files: Mapping[str, str]) -> Reply:
        item = self.revisions[words[2]]
        if item.lifecycle != "Draft":
            why = f'lifecycle value "{item.lifecycle}"; package must be Draft'
            return failed(f"Internal error occurred: cannot update a package revision with {why}")
        about = yaml.safe_load(files[".KptRevisionMetadata"])
        if about["metadata"]["resourceVersion"] != f"v{item.version}":
            return failed(
                "Internal error occurred: Operation cannot be fulfilled on "
                f'packagerevisionresources.porch.kpt.dev "{item.name}": '
                "the object has been modified; please apply your changes to the latest version and try again"
            )
        item.files = {name: text for name, text in files.items() if name != ".KptRevisionMetadata"}
        item.version += 1
        said = f'[RUNNING] "set-namespace:v0.4"\n[PASS] "set-namespace:v0.4"\n  [Results]: {self.complaint}\n'
        return Reply(f"{item.name} pushed\n", said if self.complaint else "")

    def _propose(self, words: Sequence[str], _: object) -> Reply:
        item = self.revisions[words[2]]
        if item.lifecycle == "Proposed":
            return Reply(stderr=f"{item.name} is already proposed\n")
        if item.lifecycle == "Published":
            return self._many(item, "cannot propose Published package")
        item.lifecycle = "Proposed"
        item.version += 1
        return Reply(f"{item.name} proposed\n")

    def _approve(self, words: Sequence[str], _: object) -> Reply:
        item = self.revisions[words[2]]
        if item.lifecycle == "Draft":
            return self._many(item, "cannot change approval from Draft to Published")
        if item.lifecycle == "Proposed":
            self.publish(item)
        return Reply(f"{item.name} approved\n")

    def _reject(self, words: Sequence[str], _: object) -> Reply:
        item = self.revisions[words[2]]
        if item.lifecycle != "Proposed":
            return self._many(item, f"cannot reject {item.name} with lifecycle '{item.lifecycle}'")
        item.lifecycle = "Draft"
        item.version += 1
        return Reply(f"{item.name} no longer proposed for approval\n")

    def _propose_delete(self, words: Sequence[str], _: object) -> Reply:
        item = self.revisions[words[2]]
        if item.lifecycle != "Published":
            said = "can only propose published packages for deletion; package"
            return self._many(item, f"{said} {item.name} is not published")
        item.lifecycle = "DeletionProposed"
        item.version += 1
        return Reply(f"{item.name} proposed for deletion\n")

    def _del(self, words: Sequence[str], _: object) -> Reply:
        if words[2] not in self.revisions:
            said = f'packagerevisions.porch.kpt.dev "{words[2]}" not found'
            return Reply(stderr=f"{words[2]} failed ({said})\nError: errors:\n  {said} \n", code=1)
        if self.revisions[words[2]].lifecycle == "Published":
            said = "published PackageRevisions must be proposed for deletion by setting spec.lifecycle"
            return self._many(self.revisions[words[2]], f"{said} to 'DeletionProposed' prior to deletion")
        del self.revisions[words[2]]
        return Reply(f"{words[2]} deleted\n")

    def _add(self, revision: Revision) -> Reply:
        if revision.name in self.revisions:
            return failed(
                "Internal error occurred: package revision workspaceNames must be unique; package revision "
                f"with name {revision.package} in repo {revision.repository} with workspaceName "
                f"{revision.workspace} already exists"
            )
        self.revisions[revision.name] = revision
        return Reply(f"{revision.name} created\n")

    @staticmethod
    def _gone(name: str) -> Reply:
        return failed(f'packagerevisions.porch.kpt.dev "{name}" not found')

    @staticmethod
    def _many(item: Revision, message: str) -> Reply:
        return Reply(stderr=f"{item.name} failed ({message})\nError: errors:\n  {message} \n", code=1)

    def _object(self, item: Revision) -> dict[str, Any]:
        task = (
            {"type": "edit", "edit": {"sourceRef": {"name": item.source}}}
            if item.source
            else {"type": "init"}
        )
        newest = max(other.number for other in self.revisions.values() if other.package == item.package)
        return {
            "apiVersion": "porch.kpt.dev/v1alpha1",
            "kind": "PackageRevision",
            "metadata": {
                "name": item.name,
                "namespace": "default",
                "creationTimestamp": "2026-01-02T03:04:05Z",
                "resourceVersion": f"v{item.version}",
                "labels": {"kpt.dev/latest-revision": "true"} if item.number == newest and newest else {},
            },
            "spec": {
                "repository": item.repository,
                "packageName": item.package,
                "workspaceName": item.workspace,
                "lifecycle": item.lifecycle,
                "tasks": [task],
                "packageMetadata": {"annotations": _annotations(item.files.get("Kptfile", ""))},
                **({"revision": item.number} if item.number else {}),
            },
        }


def _annotations(kptfile: str) -> dict[str, str]:
    return dict((yaml.safe_load(kptfile) or {}).get("metadata", {}).get("annotations") or {})
