"""The labelled corpora, read as the annotation guide scores them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nlp import Reader
from nlp.evaluation import predictions, score

CORPUS = Path(__file__).parents[2] / "corpus"


def load(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["dev.jsonl", "regression.jsonl"])
def test_at_least_98_percent_are_exact_and_no_action_is_wrong(reader: Reader, name: str) -> None:
    result = score(load(name), reader)
    assert result.overall.wrong == 0, [one for one in result.differences if one.kind == "wrong"]
    assert result.exact_percent >= 98, result.differences
    assert result.reason_percent >= 90, [one for one in result.differences if one.kind == "reason"]


def test_every_type_is_in_the_development_corpus_and_mostly_exact(reader: Reader) -> None:
    result = score(load("dev.jsonl"), reader)
    assert set(result.by_type) == {
        "scaling",
        "deployment",
        "configuration",
        "network_policy",
        "resource_limits",
        "affinity",
        "service_mesh",
        "refused",
    }
    assert all(tally.exact >= 0.95 * tally.total for tally in result.by_type.values())


def test_predictions_are_what_the_score_compares(reader: Reader) -> None:
    examples = load("dev.jsonl")
    lines = predictions(examples, reader)
    assert [line["id"] for line in lines] == [example["id"] for example in examples]
    assert lines[0]["expect"] == examples[0]["expect"]


def test_a_wrong_action_a_needless_refusal_and_a_wrong_reason_are_told_apart(reader: Reader) -> None:
    def example(text: str, expect: dict[str, Any]) -> dict[str, Any]:
        return {"id": text, "text": text, "namespace": "core", "expect": expect}

    scaling = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 4}
    result = score(
        [
            example("scale amf to 5", {"intents": [scaling]}),
            example("scale amf to 4", {"refuse": "Ambiguous"}),
            example("scale amf tomorrow", {"intents": [scaling]}),
            example("restart amf", {"refuse": "Invalid"}),
        ],
        reader,
    )
    assert [one.kind for one in result.differences] == ["wrong", "wrong", "needless", "reason"]
    assert (result.overall.exact, result.overall.wrong, result.overall.needless) == (1, 2, 1)
    assert (result.refused, result.right_reasons) == (1, 0)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"resources": {"limits": {"cpu": "1.5"}}}, "limit amf to 1500m"),
        ({"resources": {"limits": {"memory": "1Gi"}}}, "limit amf to 1024Mi"),
        ({"service_mesh": {"timeout": "60s"}}, "set a timeout of 1m on amf"),
        (
            {
                "network_policy": {
                    "action": "allow",
                    "direction": "ingress",
                    "peers": [{"app": "pcf"}, {"app": "smf"}],
                    "ports": [{"port": 2, "protocol": "TCP"}, {"port": 1}],
                }
            },
            "allow smf and pcf to reach amf on ports 1 and 2",
        ),
    ],
)
def test_values_that_mean_the_same_are_equal(reader: Reader, expected: dict[str, Any], text: str) -> None:
    root = next(iter(expected))
    kind = {"resources": "resource_limits"}.get(root, root)
    action = {"intent_type": kind, "target": "amf", "namespace": "core", **expected}
    result = score([{"id": "1", "text": text, "namespace": "core", "expect": {"intents": [action]}}], reader)
    assert result.differences == []
