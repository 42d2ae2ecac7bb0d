"""The calls of the porch API that an executor needs, each with its failures understood.

Nothing is decided here, and nothing is tried again but what porch says is not there though it is: its cache
may not have taken up yet what it was just told (a single "not found" is never final).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from engine.executors.errors import ErrorClass, Failure, classify
from engine.executors.porch.model import (
    DISCARDED,
    PLACEHOLDER,
    STEPS,
    TAKEN_BACK,
    Contents,
    NotUnderstoodError,
    PackageRevision,
    not_ready,
    read_contents,
    read_revision,
    read_revisions,
    revision_name,
)
from engine.kube.client import Client
from engine.kube.errors import ApiError, NotFoundError, UnansweredError
from engine.kube.resources import Resource
from engine.reasons import Reason

REVISIONS = Resource("porch.kpt.dev", "v1alpha1", "packagerevisions", "PackageRevision")
RESOURCES = Resource("porch.kpt.dev", "v1alpha1", "packagerevisionresources", "PackageRevisionResources")
REPOSITORIES = Resource("config.porch.kpt.dev", "v1alpha1", "repositories", "Repository")
MOST_BYTES = 6 * 1024 * 1024
"""The largest body that the API server takes."""
MOST_ANSWER_BYTES = 4 * MOST_BYTES
"""The largest answer that is read; one with many small files is larger than what was sent."""
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 2.0

Answer = TypeVar("Answer")


class PorchError(Exception):
    """porch did not do what it was asked to.

    Attributes:
        failure: what that means.
        missing: whether porch says that what was asked for is not there.
    """

    def __init__(self, failure: Failure, *, missing: bool = False) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.missing = missing


class PorchApi:
    """Calls porch; safe for several threads.

    Args:
        namespace: where repositories and package revisions are.
        settle_seconds: for how long what is not there is looked for again.
        saw: told of each revision that porch tells of.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        settle_seconds: float,
        saw: Callable[[PackageRevision], None] = lambda _: None,
    ) -> None:
        self._client = client
        self.namespace = namespace
        self._settle_seconds = settle_seconds
        self._saw = saw

    def revisions(
        self, repository: str, package: str, *, with_placeholder: bool = False
    ) -> list[PackageRevision]:
        """Lists the revisions of a package, the one that stands for the branch only where it is asked for."""
        found = self._select(f"spec.repository={repository},spec.packageName={package}")
        return [each for each in found if with_placeholder or each.revision != PLACEHOLDER]

    def open_revisions(self, repository: str) -> list[PackageRevision]:
        """Lists the drafts and the proposals of a repository."""
        selector = f"spec.repository={repository},spec.lifecycle="
        return [found for lifecycle in STEPS[:2] for found in self._select(selector + lifecycle)]

    def _select(self, selector: str) -> list[PackageRevision]:
        """Lists revisions by a field selector, also those that stand for branches."""
        path, what = REVISIONS.path(self.namespace), f"list {REVISIONS.words(self.namespace)}"
        body = _reading(lambda: self._client.get(path, what, {"fieldSelector": selector}))
        found = understood(read_revisions, body)
        for revision in found:
            self._saw(revision)
        return found

    def find(self, name: str) -> PackageRevision | None:
        """Returns a revision; None where porch says that it is not there, which it may be all the same."""
        path = REVISIONS.path(self.namespace, name)
        what = f"read {REVISIONS.words(self.namespace, name)}"
        try:
            return self._read(_reading(lambda: self._client.get(path, what)), name)
        except PorchError as error:
            if error.missing:
                return None
            raise

    def contents(self, name: str) -> Contents:
        """Returns the files of a revision that is there."""
        path = RESOURCES.path(self.namespace, name)
        what = f"read {RESOURCES.words(self.namespace, name)}"
        body = self._settled(lambda: _reading(lambda: self._client.get(path, what)))
        return understood(lambda found: read_contents(found, name), body)

    def create(
        self, repository: str, package: str, workspace: str, task: Mapping[str, Any]
    ) -> PackageRevision:
        """Makes a draft."""
        spec = {
            "repository": repository,
            "packageName": package,
            "workspaceName": workspace,
            "lifecycle": "Draft",
            "tasks": [dict(task)],
        }
        body = {
            "apiVersion": REVISIONS.api_version,
            "kind": REVISIONS.kind,
            "metadata": {"namespace": self.namespace},
            "spec": spec,
        }
        made = _writing(lambda: self._client.create(REVISIONS, self.namespace, body))
        return self._read(made, revision_name(repository, package, workspace))

    def push(self, revision: PackageRevision, files: Mapping[str, bytes | None]) -> Contents:
        """Writes files of a draft, which renders it; None takes a file away.

        Returns:
            All files as they were rendered, and what the functions complained about.
        """
        texts = {path: None if data is None else data.decode() for path, data in files.items()}
        body = {"metadata": {"resourceVersion": revision.version}, "spec": {"resources": texts}}
        size = len(json.dumps(body))
        if size > MOST_BYTES:
            message = (
                f"package {revision.package} is too large for porch, which takes {MOST_BYTES} bytes: {size}; "
                "split what it states over several targets"
            )
            raise PorchError(Failure(ErrorClass.PERMANENT, message, Reason.INVALID))

        def merge() -> dict[str, Any]:
            return _writing(lambda: self._client.merge(RESOURCES, self.namespace, revision.name, body))

        return understood(lambda found: read_contents(found, revision.name), self._settled(merge))

    def move(self, revision: PackageRevision, lifecycle: str) -> PackageRevision:
        """Takes a revision, as it was when it was read, to another lifecycle."""
        annotations = {TAKEN_BACK: None} if revision.taken_back else {}
        return self._move(revision, lifecycle, annotations)

    def take_back(self, revision: PackageRevision, workspace: str) -> PackageRevision:
        """Takes a proposed revision back to Draft, and notes for which effect: nobody has rejected it."""
        return self._move(revision, "Draft", {TAKEN_BACK: workspace})

    def _move(
        self, revision: PackageRevision, lifecycle: str, annotations: Mapping[str, str | None]
    ) -> PackageRevision:
        metadata: dict[str, Any] = {"resourceVersion": revision.version}
        if annotations:
            metadata["annotations"] = dict(annotations)
        body = {"metadata": metadata, "spec": {"lifecycle": lifecycle}}
        subresource = "approval" if lifecycle == "Published" else ""

        def merge() -> dict[str, Any]:
            return self._client.merge(REVISIONS, self.namespace, revision.name, body, subresource=subresource)

        return self._read(_writing(merge), revision.name)

    def delete(self, revision: PackageRevision) -> None:
        """Deletes an open revision that is as it was seen; one that is gone is well deleted.

        porch does not look at the version that a deletion names, but at that of a change: the revision is
        marked first, so that nobody goes on with it.
        """
        try:
            self._move(revision, "Draft", {TAKEN_BACK: None, DISCARDED: "true"})
            self.remove(revision)
        except PorchError as error:
            if not error.missing:
                raise

    def remove(self, revision: PackageRevision) -> None:
        """Deletes a revision that is proposed for deletion, whatever became of it since it was seen."""
        name, version = revision.name, revision.version
        _writing(lambda: self._client.delete(REVISIONS, self.namespace, name, version=version))

    def repository(self, name: str) -> str:
        """Returns why a repository cannot be written; empty where it can."""
        path = REPOSITORIES.path(self.namespace, name)
        what = f"read {REPOSITORIES.words(self.namespace, name)}"
        try:
            body = self._client.get(path, what)
        except NotFoundError as error:
            if _failure(error).outage:
                raise PorchError(_failure(error)) from error
            return f"the repository {name} is not registered in namespace {self.namespace}"
        except ApiError as error:
            raise PorchError(_failure(error)) from error
        return understood(not_ready, body)

    def ping(self) -> None:
        """Asks for what porch-server itself answers, and nothing behind it."""
        _reading(lambda: self._client.get(REVISIONS.root, "read the resources of porch"))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _read(self, body: Any, name: str) -> PackageRevision:
        revision = understood(lambda found: read_revision(found, name), body)
        self._saw(revision)
        return revision

    def _settled(self, call: Callable[[], Answer]) -> Answer:
        return settled(call, self._settle_seconds)


def settled(call: Callable[[], Answer], seconds: float) -> Answer:
    """Makes a call until what it is about is there, or has not been for some seconds."""
    deadline = time.monotonic() + seconds
    delay = _FIRST_DELAY
    while True:
        try:
            return call()
        except PorchError as error:
            if not error.missing or time.monotonic() + delay > deadline:
                raise
        time.sleep(delay)
        delay = min(2 * delay, _LONGEST_DELAY)


def _reading(call: Callable[[], Answer]) -> Answer:
    """Makes a call that changes nothing: where no answer comes, nothing has happened."""
    try:
        return call()
    except ApiError as error:
        raise PorchError(_failure(error), missing=_missing(error)) from error


def _writing(call: Callable[[], Answer]) -> Answer:
    """Makes a call that changes something: where no answer comes, it may have happened."""
    try:
        return call()
    except UnansweredError as error:
        message = f"{error}; it is read back"
        raise PorchError(Failure(ErrorClass.UNKNOWN, message, Reason.READ_BACK)) from error
    except ApiError as error:
        raise PorchError(_failure(error), missing=_missing(error)) from error


def _failure(error: ApiError) -> Failure:
    if error.code:
        return classify(error.told, error.code)
    message = f"{error}; it goes on by itself"
    return Failure(ErrorClass.RETRYABLE, message, Reason.BACKEND_DOWN, outage=True)


def _missing(error: ApiError) -> bool:
    """Tells whether the object is not there, and not all of porch, its namespace or its repository."""
    if not isinstance(error, NotFoundError):
        return False
    failure = classify(error.told, error.code)
    return failure.error_class is ErrorClass.RETRYABLE and not failure.outage


def understood(read: Callable[[Any], Answer], body: Any) -> Answer:
    """Reads an answer.

    Raises:
        PorchError: it is not what porch is known to say.
    """
    try:
        return read(body)
    except NotUnderstoodError as error:
        message = f"{error}; it is read back"
        raise PorchError(Failure(ErrorClass.UNKNOWN, message, Reason.READ_BACK)) from error
