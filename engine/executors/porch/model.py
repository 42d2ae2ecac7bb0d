"""What porch says of package revisions, read into types of our own; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.executors.base import Effect

EFFECTS = "conductor-watch/effects"
"""The annotation of a Kptfile that says whose wishes its revision holds; it comes and goes with the files."""
TAKEN_BACK = "conductor-watch/taken-back"
"""The annotation of a revision that was proposed and is being extended: by the effect of this workspace."""
DISCARDED = "conductor-watch/discarded"
"""The annotation of a revision that is about to be deleted; nothing is built on it any more."""
STEPS = ("Draft", "Proposed", "Published")
"""The lifecycles that a revision is taken through, in order."""
PLACEHOLDER = -1
"""The revision that stands for the branch, beside those that were published."""
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")
_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?\Z")
_OURS = re.compile(r"cw-[0-9a-f]{20}\Z")
_WISH = re.compile(
    r"(?P<workspace>cw-[0-9a-f]{20}) (?P<intent>[^ ,@]+)@(?P<generation>\d+) (?P<lifecycle>\w+)\Z"
)
_LABEL_CHARACTERS = 63
_HASH_CHARACTERS = 8


class NotUnderstoodError(ValueError):
    """An answer is not what porch is known to say."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An effect that a revision holds.

    Attributes:
        workspace: made from the effect key.
        intent: "namespace/name".
        lifecycle: how far it was decided to go.
    """

    workspace: str
    intent: str
    generation: int
    lifecycle: str

    @classmethod
    def of(cls, effect: Effect) -> Wish:
        """Returns the wish of an effect."""
        return cls(effect.workspace, effect.intent, effect.generation, effect.lifecycle)

    def __str__(self) -> str:
        return f"{self.workspace} {self.intent}@{self.generation} {self.lifecycle}"


@dataclass(frozen=True, slots=True)
class PackageRevision:
    """A revision as porch has it.

    Attributes:
        revision: its number once published; 0 before.
        version: its resourceVersion; opaque.
        latest: whether porch says that it is the newest published one.
        source: the revision that it was made from; empty where it was made new.
        wishes: those whose files it holds, by its Kptfile.
        taken_back: by which effect it was taken back to Draft, to be extended; empty where it was not.
        discarded: whether it is about to be deleted.
        created: when it was made, as porch writes times; empty where it does not say.
    """

    name: str
    repository: str
    package: str
    workspace: str
    revision: int
    lifecycle: str
    version: str
    latest: bool
    source: str
    wishes: tuple[Wish, ...]
    taken_back: str = ""
    discarded: bool = False
    created: str = ""

    @property
    def published(self) -> bool:
        """Whether it is published, or was and is about to be deleted."""
        return self.lifecycle in ("Published", "DeletionProposed")

    @property
    def at_rest(self) -> str:
        """Its lifecycle, but for a while in which it is extended."""
        return "Proposed" if self.taken_back else self.lifecycle

    @property
    def ours(self) -> bool:
        """Whether it was made by us: nobody else names a workspace so."""
        return _OURS.match(self.workspace) is not None

    def holds(self, workspace: str) -> bool:
        """Tells whether it holds the effect of a workspace."""
        return any(wish.workspace == workspace for wish in self.wishes)


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a revision, and what its functions said when it was last rendered.

    Attributes:
        files: by their paths.
        version: the resourceVersion of the revision that they are of.
        problems: what went wrong, in the functions' words; empty where all is well.
    """

    files: Mapping[str, bytes]
    version: str
    problems: tuple[str, ...] = ()


def label(name: str) -> str:
    """Returns a name that porch takes, a DNS-1123 label: the same name, or one shortened with a hash."""
    if _LABEL.match(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARACTERS]
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{words[: _LABEL_CHARACTERS - _HASH_CHARACTERS - 1].rstrip('-')}-{digest}".lstrip("-")


def revision_name(repository: str, package: str, workspace: str) -> str:
    """Returns the name that porch computes for a revision, whatever name it is given."""
    return f"{repository}.{package}.{workspace}"


def wishes_text(wishes: tuple[Wish, ...]) -> str:
    """Returns the text of the annotation."""
    return ", ".join(map(str, wishes))


def read_revisions(body: Any) -> list[PackageRevision]:
    """Reads a list of PackageRevisions.

    Raises:
        NotUnderstoodError: it is none.
    """
    items = body.get("items") or []
    if body.get("kind") != "PackageRevisionList" or not isinstance(items, list):
        raise NotUnderstoodError("the answer is no list of PackageRevisions")
    return [read_revision(item) for item in items]


def read_revision(body: Any, wanted: str = "") -> PackageRevision:
    """Reads a PackageRevision: the one of a name, where one was wanted.

    Raises:
        NotUnderstoodError: it is none, or another one.
    """
    try:
        metadata, spec = body["metadata"], body["spec"]
        name = str(metadata["name"])
        task = (spec.get("tasks") or [{}])[0]
        annotations = (spec.get("packageMetadata") or {}).get("annotations") or {}
        own = metadata.get("annotations") or {}
        found = PackageRevision(
            name=name,
            repository=str(spec["repository"]),
            package=str(spec["packageName"]),
            workspace=str(spec.get("workspaceName") or ""),
            revision=int(spec.get("revision") or 0),
            lifecycle=str(spec["lifecycle"]),
            version=str(metadata["resourceVersion"]),
            latest=(metadata.get("labels") or {}).get("kpt.dev/latest-revision") == "true",
            source=str(((task.get("edit") or {}).get("sourceRef") or {}).get("name") or ""),
            wishes=read_wishes(str(annotations.get(EFFECTS) or "")),
            taken_back=str(own.get(TAKEN_BACK) or ""),
            discarded=DISCARDED in own,
            created=str(metadata.get("creationTimestamp") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise NotUnderstoodError(f"the answer is no PackageRevision: {error!r}") from error
    if not _NAME.match(name) or (wanted and name != wanted):  # it goes into paths
        raise NotUnderstoodError(f"the answer names a revision {name[:80]!r}")
    return found


def read_wishes(text: str) -> tuple[Wish, ...]:
    """Reads the annotation; what somebody else wrote into it is left out."""
    found = (_WISH.match(part.strip()) for part in text.split(","))
    return tuple(
        Wish(match["workspace"], match["intent"], int(match["generation"]), match["lifecycle"])
        for match in found
        if match is not None
    )


def read_contents(body: Any, wanted: str) -> Contents:
    """Reads the PackageRevisionResources of a name.

    Raises:
        NotUnderstoodError: it is none, or another one.
    """
    try:
        # A draft whose making broke off has no files, and porch then leaves the field out.
        resources = body["spec"].get("resources") or {}
        files = {str(path): str(text).encode() for path, text in resources.items()}
        version = str(body["metadata"]["resourceVersion"])
        rendered = (body.get("status") or {}).get("renderStatus") or {}
        problems = tuple(_problems(rendered))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstoodError(f"the answer is no PackageRevisionResources: {error!r}") from error
    if body["metadata"].get("name") != wanted:
        raise NotUnderstoodError("the answer has the files of another revision")
    return Contents(files, version, problems)


def not_ready(body: Any) -> str:
    """Returns why a Repository cannot be written; empty where it can.

    Raises:
        NotUnderstoodError: it is none.
    """
    try:
        name = body["metadata"]["name"]
        conditions = (body.get("status") or {}).get("conditions") or ()
        ready = {item["type"]: item for item in conditions}.get("Ready", {})
        why = ready.get("message") or ready.get("reason") or "porch has not looked at it yet"
        return "" if ready.get("status") == "True" else f"the repository {name} is not ready: {why}"
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstoodError(f"the answer is no Repository: {error!r}") from error


def _problems(rendered: Mapping[str, Any]) -> list[str]:
    """Returns what went wrong in functions, also in those that end well and complain all the same."""
    result = rendered.get("result") or {}
    problems = [
        f"{item.get('image') or item.get('exec') or 'a function'}: {found.get('message') or 'an error'}"
        for item in result.get("items") or ()
        for found in item.get("results") or ()
        if found.get("severity", "error") == "error"
    ]
    if problems:
        return problems
    if rendered.get("error"):
        return [str(rendered["error"])]
    return [f"a function ended with the code {result['exitCode']}"] if result.get("exitCode") else []
