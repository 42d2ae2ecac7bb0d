from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.describe import describe, describe_all

CORPUS = Path(__file__).parents[2] / "corpus" / "dev.jsonl"
ACTIONS = [
    action
    for line in CORPUS.read_text().splitlines()
    for action in json.loads(line)["expect"].get("intents", ())
]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (
            {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5},
            "scale amf to 5 (core)",
        ),
        (
            {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas_change": {"by": -1}},
            "scale amf by -1 (core)",
        ),
        (
            {
                "intent_type": "network_policy",
                "target": "amf",
                "namespace": "core",
                "network_policy": {
                    "action": "allow",
                    "direction": "ingress",
                    "peers": [{"app": "smf", "namespace": "lab"}],
                    "ports": [{"port": 8080}],
                },
            },
            "allow ingress of amf from smf/lab on 8080/TCP (core)",
        ),
        ({"intent_type": "slice", "target": "video", "namespace": "core"}, "slice video (core)"),
    ],
)
def test_an_action_is_said_in_a_few_words(action: dict, said: str) -> None:
    assert describe(action) == said


def test_the_intents_own_namespace_is_left_out() -> None:
    action = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5}
    assert describe(action, "core") == "scale amf to 5"


def test_every_action_of_the_corpus_can_be_said() -> None:
    assert len(ACTIONS) > 200
    assert all(action["target"] in describe(action) or action["target"] == "*" for action in ACTIONS)
    assert describe_all(ACTIONS[:2]).count(";") == 1
