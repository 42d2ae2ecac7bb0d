"""What expressions may read follows the records and the contract, whole."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

import rules
from engine.reasons import Reason
from rules.shapes import Presence, Record, Scalar, action_shape, record_shape, variables


def test_every_field_of_an_action_can_be_read(schema: dict[str, Any]) -> None:
    assert set(action_shape(schema).members) == set(schema["properties"])


@pytest.mark.parametrize(
    ("field", "intent_types"),
    [
        ("replicas", {"scaling"}),
        ("settings", {"configuration"}),
        ("network_policy", {"network_policy"}),
        ("resources", {"resource_limits"}),
        ("affinity", {"affinity"}),
        ("service_mesh", {"service_mesh"}),
        ("autoscale", set()),
    ],
)
def test_the_contract_says_which_types_have_a_field(
    field: str, intent_types: set[str], schema: dict[str, Any]
) -> None:
    assert action_shape(schema).members[field].required_by == intent_types


def test_what_every_action_has_needs_no_asking(schema: dict[str, Any]) -> None:
    members = action_shape(schema).members
    always = {name for name, member in members.items() if member.presence is Presence.ALWAYS}
    assert always == set(schema["required"])


def test_every_fact_can_be_read_but_the_reasons_why_others_are_unknown() -> None:
    shape = record_shape("facts", rules.Facts, Presence.FACT)
    assert set(shape.members) == {to_camel(item.name) for item in fields(rules.Facts)} - {"unknown"}


def test_the_choices_of_a_literal_are_known(schema: dict[str, Any]) -> None:
    intent = variables(schema, {})["intent"]
    assert isinstance(intent, Record)
    source = intent.members["source"].shape
    assert isinstance(source, Scalar)
    assert source.choices == ("cluster", "directory", "cli", "webhook")


def test_every_reason_of_the_rules_is_a_reason_of_the_status() -> None:
    assert {reason.value for reason in rules.Reason} <= {reason.value for reason in Reason}
