"""Intents that state an action in fields: past the reader, straight to the contract check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.settings import StructuredSettings
from tests.integration.conftest import Workplace

KNOWN_AS = "scale.intent.nephoran.com"


@pytest.fixture
def place(workplace: Workplace) -> Workplace:
    workplace.settings = workplace.settings.model_copy(
        update={"structured": StructuredSettings(enabled=True)}
    )
    return workplace


def state(place: Workplace, name: str = "scale", **spec: Any) -> Path:
    whole = {"intentType": "scaling", "target": "amf", "namespace": "core", "replicas": 5} | spec
    manifest = {
        "apiVersion": "intent.nephoran.com/v1alpha1",
        "kind": "NetworkIntent",
        "metadata": {"name": name, "namespace": "core"},
        "spec": {key: value for key, value in whole.items() if value is not None},
    }
    return place.write(f"intents/structured-{name}.yaml", yaml.safe_dump(manifest))


def test_an_action_in_fields_is_carried_out(place: Workplace) -> None:
    state(place)
    place.settle()
    assert place.reason(KNOWN_AS) == "Completed"
    assert place.package("amf")["Deployment"]["spec"]["replicas"] == 5
    (action,) = place.status(KNOWN_AS)["interpretation"]["actions"]
    assert (action["intent_type"], action["target"], action["replicas"]) == ("scaling", "amf", 5)


def test_an_intent_with_a_text_may_have_the_same_name(place: Workplace) -> None:
    state(place)
    place.intent("scale", "scale smf to 4")
    place.settle()
    assert (place.reason("scale"), place.reason(KNOWN_AS)) == ("Completed", "Completed")
    assert place.package("smf")["Deployment"]["spec"]["replicas"] == 4


def test_what_reads_like_an_instruction_is_a_name_and_nothing_else(place: Workplace) -> None:
    state(place, target="amf to 9 and scale smf")
    place.settle()
    assert place.reason(KNOWN_AS) == "Invalid"
    assert "target" in place.status(KNOWN_AS)["lastMessage"]
    assert not (place.root / "out/packages").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"replicas": -1}, "replicas"),
        ({"replicas": "many"}, "replicas"),
        ({"replicas": None}, "replicas"),
        ({"intentType": "teleportation"}, "intent_type"),
        ({"target": None}, "spec.target"),
        ({"namespace": 7}, "spec.namespace"),
        ({"priority": 11}, "spec.priority"),
    ],
)
def test_what_does_not_fit_is_refused_naming_the_field(
    place: Workplace, change: dict[str, Any], said: str
) -> None:
    state(place, **change)
    place.settle()
    assert place.reason(KNOWN_AS) == "Invalid"
    assert said in place.status(KNOWN_AS)["lastMessage"]


def test_a_change_is_a_new_generation_and_rules_decide_as_ever(place: Workplace) -> None:
    state(place)
    place.settle()
    state(place, replicas=500)
    place.settle()
    assert place.reason(KNOWN_AS) == "RuleRefused"
    assert place.status(KNOWN_AS)["observedGeneration"] == 2
    state(place, replicas=6, dryRun=True)
    place.settle()
    assert place.reason(KNOWN_AS) == "DryRun"


def test_another_mapping_takes_other_fields(place: Workplace) -> None:
    fields = {"intent_type": "what", "target": "of", "namespace": "where", "replicas": "count"}
    structured = StructuredSettings(enabled=True, group="example.com", version="v1", fields=fields)
    place.settings = place.settings.model_copy(update={"structured": structured})
    spec = {"what": "scaling", "of": "smf", "where": "core", "count": 3, "replicas": 99}
    manifest = {
        "apiVersion": "example.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": "scale", "namespace": "core"},
        "spec": spec,
    }
    place.write("intents/other.yaml", yaml.safe_dump(manifest))
    place.settle()
    assert place.reason("scale.example.com") == "Completed"
    assert place.package("smf")["Deployment"]["spec"]["replicas"] == 3


def test_they_are_refused_unless_they_are_switched_on(workplace: Workplace) -> None:
    state(workplace)
    workplace.settle()
    assert workplace.reason("scale") == "Invalid"
    assert not (workplace.root / "out/packages").exists()


def test_no_field_of_an_intent_with_a_text_states_an_action(place: Workplace) -> None:
    action = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 9}
    place.intent("scale", "scale amf to 3", action=action, parameters={"action": dict(action)})
    place.settle()
    assert place.package("amf")["Deployment"]["spec"]["replicas"] == 3
