"""The calls of porch that an executor needs, made by porchctl; each with its failures understood.

porchctl takes no resourceVersion for its steps, so a revision is looked at right before each: what somebody
else did since it was read is seen, unless it comes within the moment between the two commands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from documents import DocumentError, parse
from engine.child.binaries import UntrustedProgramError
from engine.child.files import UnacceptableFilesError, read_files, write_files
from engine.child.folders import WorkingFolders
from engine.child.running import CannotRunError, Ended, Program, Result, Runner
from engine.executors.errors import ErrorClass, Failure, classify
from engine.executors.porch.api import MOST_ANSWER_BYTES, PorchError, settled, understood
from engine.executors.porch.model import (
    PLACEHOLDER,
    Contents,
    PackageRevision,
    not_ready,
    read_revision,
    revision_name,
)
from engine.kube.errors import ApiError
from engine.reasons import Reason

_METADATA = ".KptRevisionMetadata"
_STEPS = {
    "Proposed": "propose",
    "Published": "approve",
    "Draft": "reject",
    "DeletionProposed": "propose-delete",
}
_TELL_VERSION = ("version",)
_SUBCOMMANDS = frozenset(
    [_TELL_VERSION, ("repo", "get")]
    + [("rpkg", word) for word in ("get", "init", "copy", "pull", "push", "del", *_STEPS.values())]
)
_COMPLAINT = re.compile(r"\[error\]:?\s*(.+)")
_NOISE = re.compile(r"(?m)^[EWIF]\d{4} .*$\n?")
"""What the Kubernetes libraries log beside what porchctl says."""
_MISSING = re.compile(
    r"packagerevision\w*\.porch\.kpt\.dev \S+ not found|could not find the requested resource"
)
_FILES_MISSING = re.compile(r"assignment to entry in nil map.*AddRevisionMetadata", re.DOTALL)
"""How porchctl falls over a revision that porch has no files of: what a create that was broken off leaves."""
_NOT_READ = ""
"""The version of a revision after a step of ours; nobody else had a turn since."""

Answer = TypeVar("Answer")


class PorchctlApi:
    """Calls porch by porchctl; safe for several threads.

    Args:
        access: gives the kubeconfig for one command.
        namespace: where repositories and package revisions are.
        settle_seconds: for how long what is not there is looked for again.
        saw: told of each revision that porch tells of.
    """

    def __init__(
        self,
        runner: Runner,
        folders: WorkingFolders,
        program: Path,
        access: Callable[[], bytes],
        namespace: str,
        settle_seconds: float,
        saw: Callable[[PackageRevision], None] = lambda _: None,
    ) -> None:
        self._runner = runner
        self._folders = folders
        self._program = Program("porchctl", program, _SUBCOMMANDS, network=True)
        self._access = access
        self.namespace = namespace
        self._settle_seconds = settle_seconds
        self._saw = saw

    def version(self) -> str:
        """Returns the version of porchctl, as it tells it."""
        with self._folders.new() as folder:
            said = self._run(_TELL_VERSION, [], folder).decode("utf-8", "replace")
        return f"porchctl {said.partition(chr(10))[0].strip() or '(no version)'}"

    def revisions(
        self, repository: str, package: str, *, with_placeholder: bool = False
    ) -> list[PackageRevision]:
        """Lists the revisions of a package, the one that stands for the branch only where it is asked for."""
        found = (self._read(item) for item in self._get(["--name", package]))
        return [
            revision
            for revision in found
            if (revision.repository, revision.package) == (repository, package)
            and (with_placeholder or revision.revision != PLACEHOLDER)
        ]

    def open_revisions(self, repository: str) -> list[PackageRevision]:
        """Lists the drafts and the proposals of a repository."""
        found = (self._read(item) for item in self._get([]))
        return [each for each in found if each.repository == repository and not each.published]

    def find(self, name: str) -> PackageRevision | None:
        """Returns a revision; None where porch says that it is not there, which it may be all the same."""
        try:
            return self._one(name)
        except PorchError as error:
            if error.missing:
                return None
            raise

    def contents(self, name: str) -> Contents:
        """Returns the files of a revision that is there."""
        with self._folders.new() as folder:
            return self._settled(lambda: self._pull(name, folder))

    def create(
        self, repository: str, package: str, workspace: str, task: Mapping[str, Any]
    ) -> PackageRevision:
        """Makes a draft."""
        given = ["--workspace", workspace]
        if task["type"] == "edit":
            words, arguments = ("rpkg", "copy"), [task["edit"]["sourceRef"]["name"], *given]
        else:
            described = ["--description", task["init"]["description"]]
            words, arguments = ("rpkg", "init"), [package, "--repository", repository, *given, *described]
        with self._folders.new() as folder:
            self._run(words, arguments, folder, writing=True)
        source = arguments[0] if task["type"] == "edit" else ""
        name = revision_name(repository, package, workspace)
        return PackageRevision(
            name,
            repository,
            package,
            workspace,
            0,
            "Draft",
            _NOT_READ,
            latest=False,
            source=source,
            wishes=(),
        )

    def push(self, revision: PackageRevision, files: Mapping[str, bytes | None]) -> Contents:
        """Writes files of a draft, which renders it; None takes a file away.

        Returns:
            All files as they were rendered, and what the functions complained about.
        """
        with self._folders.new() as folder:
            before = self._settled(lambda: self._pull(revision.name, folder))
            _refuse_changed(revision, before.version)
            package = folder / "package"
            for name, data in files.items():
                if data is None:
                    (package / name).unlink(missing_ok=True)
            write_files(package, {name: data for name, data in files.items() if data is not None})
            result = self._result(("rpkg", "push"), [revision.name, str(package)], folder, writing=True)
        problems = tuple(_COMPLAINT.findall(result.stderr))
        with self._folders.new() as folder:
            after = self._settled(lambda: self._pull(revision.name, folder))
        return Contents(after.files, after.version, problems)

    def move(self, revision: PackageRevision, lifecycle: str) -> PackageRevision:
        """Takes a revision, as it was when it was read, to another lifecycle."""
        if revision.version != _NOT_READ:
            _refuse_changed(revision, self._settled(lambda: self._one(revision.name)).version)
        with self._folders.new() as folder:
            self._run(("rpkg", _STEPS[lifecycle]), [revision.name], folder, writing=True)
        if lifecycle == "Published":  # it has a number now
            return self._settled(lambda: self._one(revision.name))
        return replace(revision, lifecycle=lifecycle, version=_NOT_READ)

    def take_back(self, revision: PackageRevision, workspace: str) -> PackageRevision:  # noqa: ARG002
        """Takes a proposed revision back to Draft; porchctl has no way to note for which effect."""
        return self.move(revision, "Draft")

    def delete(self, revision: PackageRevision) -> None:
        """Deletes an open revision; one that is gone is well deleted."""
        try:
            self.remove(revision)
        except PorchError as error:
            if not error.missing:
                raise

    def remove(self, revision: PackageRevision) -> None:
        """Deletes a revision that is proposed for deletion."""
        with self._folders.new() as folder:
            self._run(("rpkg", "del"), [revision.name], folder, writing=True)

    def repository(self, name: str) -> str:
        """Returns why a repository cannot be written; empty where it can."""
        with self._folders.new() as folder:
            result = self._answer(("repo", "get"), [name, "-o", "json"], folder)
        if not result.succeeded and f'"{name}" not found' in result.stderr:
            return f"the repository {name} is not registered in namespace {self.namespace}"
        if not result.succeeded:
            raise _error(result, writing=False)
        return understood(not_ready, next(_objects(result.stdout), None))

    def ping(self) -> None:
        """Asks for what porch-server itself answers."""
        self._get(["--name", "conductor-watch"])

    def close(self) -> None:
        """Holds nothing open."""

    def _get(self, arguments: Sequence[str]) -> list[Any]:
        with self._folders.new() as folder:
            return list(_objects(self._run(("rpkg", "get"), [*arguments, "-o", "json"], folder)))

    def _one(self, name: str) -> PackageRevision:
        return self._read(next(iter(self._get([name])), None))

    def _pull(self, name: str, folder: Path) -> Contents:
        package = folder / "package"
        result = self._answer(("rpkg", "pull"), [name, str(package)], folder)
        if _FILES_MISSING.search(result.stderr):
            return self._pull_nothing(name, package)
        if not result.succeeded:
            raise _error(result, writing=False)
        try:
            files = read_files(package)
            about = parse(files[_METADATA], _METADATA)[0].value["metadata"]
            version = str(about["resourceVersion"])
        except (UnacceptableFilesError, DocumentError, KeyError, IndexError, TypeError) as error:
            message = f"what porchctl pulled of {name} cannot be used: {error}"
            raise PorchError(Failure(ErrorClass.PERMANENT, message, Reason.INVALID)) from error
        return Contents({path: data for path, data in files.items() if path != _METADATA}, version)

    def _pull_nothing(self, name: str, package: Path) -> Contents:
        """Makes what a pull would have made of a revision without files, so that it can be pushed to."""
        version = self._one(name).version
        about = {
            "apiVersion": "porch.kpt.dev/v1alpha1",
            "kind": "KptRevisionMetadata",
            "metadata": {"name": name, "resourceVersion": version},
        }
        write_files(package, {_METADATA: json.dumps(about).encode()})
        return Contents({}, version)

    def _read(self, body: Any) -> PackageRevision:
        revision = understood(read_revision, body)
        self._saw(revision)
        return revision

    def _settled(self, call: Callable[[], Answer]) -> Answer:
        return settled(call, self._settle_seconds)

    def _run(
        self, words: tuple[str, ...], arguments: Sequence[str], folder: Path, *, writing: bool = False
    ) -> bytes:
        return self._result(words, arguments, folder, writing=writing).stdout

    def _result(
        self, words: tuple[str, ...], arguments: Sequence[str], folder: Path, *, writing: bool
    ) -> Result:
        result = self._answer(words, arguments, folder)
        if not result.succeeded:
            raise _error(result, writing=writing)
        return result

    def _answer(self, words: tuple[str, ...], arguments: Sequence[str], folder: Path) -> Result:
        """Runs porchctl with a kubeconfig that is there for this run only."""
        try:
            config = folder / "kubeconfig"
            config.touch(mode=0o600)
            given = []
            if words != _TELL_VERSION:  # which is told without the API server
                config.write_bytes(self._access())
                given = [f"--namespace={self.namespace}"]
            return self._runner.run(
                self._program,
                words,
                [*arguments, *given],
                folder=folder,
                environment={"KUBECONFIG": str(config)},
                most=MOST_ANSWER_BYTES,
            )
        except (CannotRunError, UntrustedProgramError, ApiError, OSError) as error:  # nothing has been sent
            message = f"porchctl cannot be run: {error}; it goes on by itself"
            failure = Failure(ErrorClass.RETRYABLE, message, Reason.BACKEND_DOWN, outage=True)
            raise PorchError(failure) from error


def _error(result: Result, *, writing: bool) -> PorchError:
    """Returns what a failed command stands for; of one that changes nothing, nothing can have happened."""
    said = _NOISE.sub("", result.stderr)
    if result.ended is Ended.EXITED:
        failure = classify(said)
        missing = _MISSING.search(said) is not None and failure.error_class is ErrorClass.RETRYABLE
    else:
        failure = Failure(ErrorClass.UNKNOWN, f"porchctl {result.words()}", Reason.READ_BACK)
        missing = False
    if failure.error_class is ErrorClass.UNKNOWN and not writing:
        failure = Failure(ErrorClass.RETRYABLE, failure.message, Reason.BACKEND_DOWN, outage=True)
    return PorchError(failure, missing=missing and not failure.outage)


def _refuse_changed(revision: PackageRevision, version: str) -> None:
    if revision.version not in (version, _NOT_READ):
        raise PorchError(classify(f"revision {revision.name}: the object has been modified"))


def _objects(output: bytes) -> Iterator[Any]:
    """Yields the objects that porchctl printed one after another."""
    text = output.decode("utf-8", "replace").lstrip()
    decoder = json.JSONDecoder()
    while text:
        try:
            found, end = decoder.raw_decode(text)
        except (ValueError, RecursionError) as error:
            message = f"porchctl printed no JSON: {error}; it is read back"
            raise PorchError(Failure(ErrorClass.UNKNOWN, message, Reason.READ_BACK)) from error
        yield found
        text = text[end:].lstrip()
