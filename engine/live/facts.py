"""The view of live objects as the facts that rules read; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.live.inventory import Object
from engine.live.managers import field_managers
from engine.live.objects import containers_of, labels_of, name_of, pods_of, replicas_of
from engine.live.quantity import milli, whole
from engine.live.view import EVERY_POD, LiveView
from rules.snapshot import ContainerFacts, Facts


def facts(action: Mapping[str, Any], view: LiveView, earlier: Sequence[Mapping[str, Any]] = ()) -> Facts:
    """Returns what is known around one action, for rules.

    `field_owners` is left empty: only the store knows it.

    Args:
        action: resolved, by the contract.
        view: what `gather` found for it.
        earlier: the actions before it in the same intent; a target that one of them deploys counts as there.
    """
