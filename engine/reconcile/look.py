"""One whole look: admission, read, gather, decide, with what each step found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import rules
from engine import krm, live
from engine.intent_types import IntentTypes
from engine.network_intent import Intent
from engine.reconcile import read as reading_step
from engine.reconcile.admission import Standing, admit
from engine.reconcile.decide import Decided, decide
from engine.reconcile.gather import Context, Place, Snapshot, gather
from engine.reconcile.read import Understood, understand
from engine.reconcile.ruling import Ruling
from engine.settings import Switches
from nlp import Reading
from rules.snapshot import Source

Owners = Callable[[Intent, Collection[Place]], Mapping[Place, Mapping[str, str]]]
"""Looks up which other intent owns which field of some targets."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, as far as it went."""

    ruling: Ruling
    understood: Understood | None = None
    snapshot: Snapshot | None = None
    decided: Decided | None = None

    @property
    def actions(self) -> tuple[Mapping[str, Any], ...]:
        """The actions as far as they are known: decided, else resolved, else read."""
        if self.decided is not None:
            return self.decided.actions
        return self.understood.actions if self.understood is not None else ()


@dataclass(frozen=True, slots=True)
class Looker:
    """Everything that a look needs besides the intent; replaced whole when rules or grammar are reloaded.

    Attributes:
        read: reads a text, remembering what it has read.
        owners: who owns the fields of some targets.
        types: the types that users teach, which `read` and `book` know too.
        timer: told of the rules as they are evaluated.
    """

    read: Callable[[str], Reading]
    inventory: live.Inventory
    book: rules.RuleBook
    bounds: rules.Bounds
    cluster: krm.ClusterSettings
    owners: Owners
    switches: Switches
    source: Source = "directory"
    types: IntentTypes = field(default_factory=IntentTypes)
    timer: rules.Timer = rules.UNTIMED

    @property
    def basis(self) -> str:
        """What a refusal depended on: looked at again once it differs."""
        return f"{self.book.digest[:16]}.{self.inventory.digest[:16]}"

    def look(self, standing: Standing, history: rules.History, now: datetime) -> Look:
        """Looks at an intent once."""
        ruling = admit(standing)
        if ruling is not None or standing.intent is None:
            assert ruling is not None  # noqa: S101 - `malformed` rules where there is no intent
            return Look(ruling)
        understood = understand(standing.intent, self.read, self.switches.features, self.types)
        for guard in reading_step.GUARDS:
            ruling = guard(understood)
            if ruling is not None:
                return Look(ruling, understood)
        context = Context(
            owners=partial(self.owners, standing.intent),
            history=history,
            now=now,
            source=self.source,
            cluster=self.cluster,
            paused_executors=tuple(self.switches.paused.executors),
        )
        snapshot = gather(standing, understood, self.inventory, context)
        decided = decide(snapshot, self.book, self.bounds, self.cluster, self.timer)
        return Look(decided.ruling, understood, snapshot, decided)
