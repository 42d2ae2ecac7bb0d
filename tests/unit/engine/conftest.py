from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import rules
from engine import krm, live
from engine.identity import spec_hash, uid_of
from engine.network_intent import Intent, IntentSpec
from engine.planning import load_rules
from engine.reconcile import Look, Looker, Standing
from engine.settings import Settings, Switches
from nlp import Reader

LIVE = """\
apiVersion: v1
kind: Namespace
metadata: {name: core}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: amf, namespace: core}
spec:
  replicas: 4
  selector: {matchLabels: {app: amf}}
  template:
    metadata: {labels: {app: amf}}
    spec: {containers: [{name: amf, image: "registry.example.com/amf:1.0"}]}
"""
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LookAt = Callable[..., Look]


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load()


@pytest.fixture(scope="session")
def book() -> rules.RuleBook:
    return load_rules(Settings())


@pytest.fixture
def inventory(tmp_path: Path) -> live.DirectoryInventory:
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "core.yaml").write_text(LIVE)
    return live.DirectoryInventory(folder)


@pytest.fixture
def looker(reader: Reader, book: rules.RuleBook, inventory: live.DirectoryInventory) -> Looker:
    return Looker(
        read=reader.read,
        inventory=inventory,
        book=book,
        bounds=rules.Bounds(frozenset({"directory"}), "directory", "main", "Published", "Published"),
        cluster=krm.ClusterSettings(),
        owners=lambda *_: {},
        switches=Switches.of(Settings()),
    )


def make_intent(text: str, namespace: str = "core", **spec: Any) -> Intent:
    return Intent(
        namespace=namespace,
        name="test",
        uid=uid_of(namespace, "test"),
        generation=1,
        origin="test.yaml",
        spec=IntentSpec.model_validate({"intent": text, **spec}),
        spec_hash=spec_hash({"intent": text, **spec}),
        labels={},
        annotations={},
    )


@pytest.fixture
def look_at(looker: Looker) -> LookAt:
    """Looks at a text, with fields of the spec by their names in YAML."""

    def look(text: str, namespace: str = "core", **spec: Any) -> Look:
        return looker.look(Standing(make_intent(text, namespace, **spec)), rules.History(), NOW)

    return look
