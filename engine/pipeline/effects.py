"""From a stored decision back to the effect that it asks for; reads the store, decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine import krm
from engine.executors.base import Effect
from engine.identity import workspace_name
from engine.pipeline.recollection import record_of
from store import Reader, Store, decisions, packages, work
from store.work import Work


def effect_of(item: Work, body: Mapping[str, Any]) -> Effect:
    """Returns the effect that a stored decision asks for; the same each time it is asked."""
    key = item.effect_key or ""
    return Effect(
        intent=f"{item.namespace}/{item.name}",
        generation=item.generation,
        key=key,
        workspace=workspace_name(key),
        lifecycle=body["lifecycle"],
        changes=krm.Plan.from_json(body["plan"]).packages,
        record=record_of(item, body),
    )


def recall(store: Store, repository: str, package: str, workspace: str) -> Effect | None:
    """Returns the effect that wrote a package in a workspace; None where the store does not know of it."""

    def look(reader: Reader) -> Effect | None:
        written = packages.get(reader, repository, package, workspace)
        item = work.get(reader, written.work_id) if written is not None else None
        decision = decisions.latest(reader, item.id) if item is not None else None
        return (
            effect_of(item, json.loads(decision.body)) if item is not None and decision is not None else None
        )

    return store.read(look)
