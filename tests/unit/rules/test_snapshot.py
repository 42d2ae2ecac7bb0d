"""Snapshots as they are stored with decisions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import rules

TEXTS = st.text(max_size=5)
NUMBERS = st.one_of(st.none(), st.integers(0, 9))
CONTAINERS = st.builds(rules.ContainerFacts, TEXTS, TEXTS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
FACTS = st.builds(
    rules.Facts,
    origin=st.sampled_from(["cluster", "unknown"]),
    exists=st.one_of(st.none(), st.booleans()),
    kind=st.one_of(st.none(), TEXTS),
    replicas=NUMBERS,
    hpa=st.one_of(st.none(), st.just(""), TEXTS),
    containers=st.one_of(st.none(), st.lists(CONTAINERS, max_size=2).map(tuple)),
    images=st.one_of(st.none(), st.lists(TEXTS, max_size=2).map(tuple)),
    namespace_labels=st.one_of(st.none(), st.dictionaries(TEXTS, TEXTS, max_size=2)),
    managers=st.one_of(st.none(), st.dictionaries(TEXTS, TEXTS, max_size=2)),
    unknown=st.dictionaries(TEXTS, TEXTS, max_size=2),
)
SNAPSHOT = rules.Snapshot(
    rules.IntentView("core", "i", "u", 3, "text", {"a": "b"}, priority=7, allowed_namespaces=("core",)),
    ({"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5},),
    (rules.Facts(),),
    rules.History(2, 1, "Failed", datetime(2026, 3, 1, tzinfo=UTC)),
    datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC),
    approved=True,
)


@given(FACTS)
def test_nothing_that_is_known_or_unknown_is_lost(facts: rules.Facts) -> None:
    snapshot = replace(SNAPSHOT, facts=(facts,))
    assert rules.Snapshot.from_json(json.loads(json.dumps(snapshot.to_json()))) == snapshot


def test_what_is_as_by_default_takes_no_room() -> None:
    assert SNAPSHOT.to_json()["facts"] == [{}]


def test_facts_of_a_newer_version_are_refused_rather_than_left_out() -> None:
    stored = SNAPSHOT.to_json()
    stored["facts"] = [{"moonPhase": "full"}]
    with pytest.raises(ValidationError, match="moonPhase"):
        rules.Snapshot.from_json(stored)
