"""What an intent would do now, without a store and without writing: the three steps, on their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rules
from documents import DocumentError, load
from engine import krm, live, report
from engine.identity import spec_hash, uid_of
from engine.intent_types import IntentTypes, load_types
from engine.network_intent import Intent, IntentSpec, intent_of, read_manifest
from engine.reconcile import Look, Looker, Standing
from engine.settings import Settings, Switches
from engine.structured import form_of, is_structured, read_structured
from nlp import Reader


def types_of(settings: Settings, paths: Sequence[Path] = ()) -> IntentTypes:
    """Loads the types that users teach beside some rules; where there are none, beside those of the settings.

    Raises:
        DocumentError: a type cannot be used.
    """
    own = load_types(paths, settings.bounds.kinds)
    return own if own.taught else load_types(settings.rules.paths, settings.bounds.kinds)


def load_rules(settings: Settings, types: IntentTypes | None = None) -> rules.RuleBook:
    """Loads the rules that the settings name, the shipped ones behind them.

    Args:
        settings: where they are.
        types: what users teach, which rules may read; loaded where not given.

    Raises:
        DocumentError: a rule or a type cannot be used.
    """
    return rules_at(settings.rules.paths, settings, types or types_of(settings))


def rules_at(paths: Sequence[Path], settings: Settings, types: IntentTypes) -> rules.RuleBook:
    """Loads rules from files and folders, within the bounds of the settings.

    Raises:
        DocumentError: a rule cannot be used.
    """
    schema, bounds = types.contract.schema(), bounds_of(settings)
    return rules.load(paths, schema, with_defaults=settings.rules.defaults, bounds=bounds)


def load_reader(settings: Settings, types: IntentTypes) -> Reader:
    """Loads the grammar with the lexicon of the settings and the types that users teach.

    Raises:
        DocumentError: a file cannot be used.
    """
    return Reader.load(settings.rules.lexicon, types.taught)


def bounds_of(settings: Settings) -> rules.Bounds:
    """Returns what rules may choose by the settings."""
    bounds = settings.bounds
    return rules.Bounds(
        executors=frozenset(bounds.executors),
        default_executor=bounds.executor,
        default_repository=bounds.repository,
        default_lifecycle=bounds.lifecycle,
        highest_lifecycle=bounds.highest_lifecycle,
        repositories=frozenset(bounds.repositories) if bounds.repositories is not None else None,
    )


def cluster_of(settings: Settings) -> krm.ClusterSettings:
    """Returns what the settings say about the cluster that packages are for."""
    return krm.ClusterSettings(
        ranges=tuple(settings.network.cluster_ranges),
        catalog={name: entry.image for name, entry in settings.catalog.items()},
    )


def intents_in(file: Path, settings: Settings) -> list[Intent]:
    """Reads the intents of a manifest file.

    Raises:
        DocumentError: a document of it is not a NetworkIntent.
    """
    found, form = [], form_of(settings)
    for document in load(file):
        if form is not None and is_structured(document, form):
            body = read_structured(document, form)
        else:
            body = read_manifest(document, settings.group, settings.version)
        uid = uid_of(body["metadata"]["namespace"], body["metadata"]["name"])
        found.append(intent_of(body, uid=uid, generation=1, origin=str(file)))
    return found


def intent_from_text(text: str, namespace: str) -> Intent:
    """Returns an intent that says only a text."""
    return Intent(
        namespace=namespace,
        name="plan",
        uid=uid_of(namespace, "plan"),
        generation=1,
        origin="the command line",
        spec=IntentSpec(intent=text),
        spec_hash=spec_hash({"intent": text}),
        labels={},
        annotations={},
    )


class Planner:
    """Looks at intents as the daemon would, on the live objects and rules of the settings.

    Raises:
        DocumentError: rules or lexicon cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        inventory = live.DirectoryInventory(settings.live.directory)
        types = types_of(settings)
        self._looker = Looker(
            read=load_reader(settings, types).read,
            inventory=inventory,
            book=load_rules(settings, types),
            bounds=bounds_of(settings),
            cluster=cluster_of(settings),
            owners=lambda *_: {},
            switches=Switches.of(settings),
            source="cli",
            types=types,
        )
        self.problems: dict[Path, DocumentError] = dict(inventory.errors)
        """The files of live objects that cannot be read."""

    def plan(self, intent: Intent, now: datetime) -> tuple[Look, dict[str, Any]]:
        """Looks at an intent; returns the look, and its stored form with the files that would be written."""
        look = self._looker.look(Standing(intent), rules.History(), now)
        body = report.decision_body(look)
        plan = look.decided.plan if look.decided is not None else None
        body["files"] = {
            f"{change.repository}/{change.name}/{name}": data.decode()
            for change in (plan.packages if plan is not None else ())
            for name, data in krm.render_package(change.name, krm.merge([], change)).items()
        }
        return look, body
