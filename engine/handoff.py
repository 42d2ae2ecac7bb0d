"""Structured intents as files, for systems that read the contract rather than packages.

What version 1.0.0 can say goes to `v1/`, the rest to `v1.1/`, which its old readers never see.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import contract
from engine.identity import sha256
from store.work import Work


class Handoff:
    """Writes the actions of each executed intent below a folder, one file an action, without times."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, item: Work, body: Mapping[str, Any]) -> None:
        """Writes the files of a generation; each appears whole, and writing them again changes nothing.

        Raises:
            OSError: a file cannot be written.
        """
        origin = contract.Origin(
            namespace=item.namespace,
            name=item.name,
            generation=item.generation,
            uid_hash=sha256(item.uid)[:8],
            priority=item.priority,
            reason=body["interpretation"].get("reason", ""),
            correlation_id=item.trace_id or "",
        )
        for document in contract.handoff_documents(origin, body["actions"]):
            contract.write_atomically(self._folder / document.folder, document.filename, document.content)
