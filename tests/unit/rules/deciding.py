"""An intent in what is known of it, as the tests of deciding give it to rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import rules

BookOf = Callable[..., rules.RuleBook]
Decide = Callable[..., rules.Decision]

HEAD = "apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {name: mine}\nvars: {cap: 10}\nrules:\n"
INTENT = rules.IntentView("core", "ramp", "u1", 1, "scale amf to 5")
AMF = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5}
KNOWN = rules.Facts(origin="directory", exists=True, kind="Deployment", replicas=3, hpa="")
BOUNDS = rules.Bounds(frozenset({"directory", "porch"}), "directory", "main")
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def snapshot(*actions: Mapping[str, Any], facts: rules.Facts = KNOWN, **changes: Any) -> rules.Snapshot:
    """Returns what is known on a Monday, with the same facts for each action; AMF where none is given."""
    actions = actions or (AMF,)
    found = rules.Snapshot(INTENT, actions, (facts,) * len(actions), rules.History(), MONDAY)
    return replace(found, **changes)
