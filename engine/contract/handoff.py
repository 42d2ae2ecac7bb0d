"""Actions as files for other programs: which version of the contract each can be said in, and its name.

The readers of 1.0.0 know three types and four fields; what they could misread goes to another folder, so that
they never meet it; what users teach, which no published version says, to a third. The same actions give the
same bytes: no times, no trace ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine import files

Folder = Literal["v1", "v1.1", "extended"]

_V1_TYPES = frozenset({"scaling", "deployment", "configuration"})
_V1_1_TYPES = _V1_TYPES | {"network_policy", "resource_limits", "affinity", "service_mesh"}
_V1_FIELDS = frozenset({"intent_type", "target", "namespace", "replicas"})
_V1_REPLICAS = range(1, 101)
_LONGEST_REASON = 512
_LONGEST_CORRELATION_ID = 128
_LONGEST_STEM = 180
"""Of `<namespace>-<name>`, in characters: the whole file name stays under the 255 that volumes allow."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The intent that actions were taken from.

    Attributes:
        namespace, name, generation: of the intent.
        uid_hash: eight hexadecimal digits of the hash of its uid, for intents whose names run together.
        source: who stated it: user, planner or test.
        priority: 0 to 10.
        reason: why, in the words of the intent; empty if it does not say.
        correlation_id: what the reader can trace it by; empty for none.
    """

    namespace: str
    name: str
    generation: int
    uid_hash: str
    source: Literal["user", "planner", "test"] = "user"
    priority: int = 5
    reason: str = ""
    correlation_id: str = ""


class HandoffDocument(NamedTuple):
    """A file to hand over: the folder of its contract's version, its name, its bytes."""

    folder: Folder
    filename: str
    content: bytes


def handoff_documents(origin: Origin, actions: Sequence[Mapping[str, Any]]) -> list[HandoffDocument]:
    """Returns the file of each action, in order; the actions fit the contract."""
    stem = f"{origin.namespace}-{origin.name}"[:_LONGEST_STEM].rstrip("-.")
    documents = []
    for number, action in enumerate(actions, start=1):
        folder, said = _in_oldest_version(action)
        content = json.dumps(said | _about(origin), sort_keys=True, indent=2, ensure_ascii=False)
        filename = f"intent-{stem}-{origin.uid_hash}-{origin.generation}-{number}.json"
        documents.append(HandoffDocument(folder, filename, f"{content}\n".encode()))
    return documents


def write_atomically(folder: Path, filename: str, content: bytes) -> None:
    """Writes a file that readers see whole or not at all, also after a loss of power.

    Raises:
        OSError: it could not be written; what was there under its name before is still there.
    """
    files.replace(f"{folder}/{filename}", content)
    files.sync_folder(str(folder))


def _in_oldest_version(action: Mapping[str, Any]) -> tuple[Folder, dict[str, Any]]:
    said = {
        field: value for field, value in action.items() if (field, value) != ("target_kind", "Deployment")
    }
    by_v1 = (
        said["intent_type"] in _V1_TYPES and said.keys() == _V1_FIELDS and said["replicas"] in _V1_REPLICAS
    )
    if by_v1:
        return "v1", said
    return ("v1.1" if action["intent_type"] in _V1_1_TYPES else "extended"), dict(action)


def _about(origin: Origin) -> dict[str, Any]:
    about: dict[str, Any] = {"source": origin.source, "priority": origin.priority}
    if origin.reason:
        about["reason"] = origin.reason[:_LONGEST_REASON]
    if origin.correlation_id:
        about["correlation_id"] = origin.correlation_id[:_LONGEST_CORRELATION_ID]
    return about
