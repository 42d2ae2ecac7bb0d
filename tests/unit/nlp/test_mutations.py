"""All or nothing: a word that carries meaning is never dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp import Reader

CORPUS = Path(__file__).parents[2] / "corpus"
READER = Reader.load()
ACCEPTED = [
    example["text"]
    for name in ("dev.jsonl", "regression.jsonl")
    for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()
    if "intents" in (example := json.loads(line))["expect"]
]


@pytest.mark.parametrize("word", ["not", "if", "unless", "tomorrow", "except"])
def test_an_inserted_word_never_leaves_a_reading_as_it_was(word: str) -> None:
    kept: list[str] = []
    # Every eighth text for each word, a different eighth by the length of the word: all would take minutes.
    for text in ACCEPTED[len(word) % 8 :: 8]:
        before = [action.fields for action in READER.read(text).actions]
        words = text.split()
        for at in range(len(words) + 1):
            changed = " ".join([*words[:at], word, *words[at:]])
            reading = READER.read(changed)
            if [action.fields for action in reading.actions] == before and not _in_a_reason(
                changed, word, reading.reason_text
            ):
                kept.append(changed)
    assert kept == []


def _in_a_reason(text: str, word: str, reason: str) -> bool:
    """The guide lets `not` pass inside a reason, and no other of the words."""
    return word == "not" and f" {word} " in f" {reason} " and word in text


TARGETS = st.sampled_from(
    ["amf", "smf", "checkout-api", "access and mobility function", "redis", "o-cu-up", "cu-1"]
)
NAMES = {"access and mobility function": "amf"}
COUNTS = st.integers(0, 10_000)
NAMESPACES = st.sampled_from(["core", "edge-1", "ran", "prod"])
PLACES = st.sampled_from(["in namespace {}", "in ns {}", "-n {}", "in the {} namespace", "in {}"])
SCALINGS = st.sampled_from(
    [
        "scale {} to {}",
        "{} should have {} replicas",
        "set the number of replicas of {} to {}",
        "scale the {} deployment to {} pods",
        "run {} with {} replicas",
        "{}: {} replicas",
        "we need {1} replicas of {0}",
    ]
)


@settings(max_examples=200, deadline=None)
@given(TARGETS, COUNTS, NAMESPACES, PLACES, SCALINGS)
def test_scalings_built_from_the_grammar_are_read_back(
    target: str, count: int, namespace: str, place: str, sentence: str
) -> None:
    text = f"{sentence.format(target, count)} {place.format(namespace)}"
    (action,) = READER.read(text).actions
    assert action.fields == {
        "intent_type": "scaling",
        "target": NAMES.get(target, target),
        "namespace": namespace,
        "replicas": count,
    }


AMOUNTS = st.tuples(st.integers(1, 64), st.sampled_from(["Gi", "Mi", "G", "M"]), st.sampled_from(["", " "]))
LIMITS = st.sampled_from(
    ["limit {} to {} of memory", "set the memory limit of {} to {}", "{} memory limit {}", "cap {} at {}"]
)


@settings(max_examples=100, deadline=None)
@given(TARGETS, AMOUNTS, LIMITS)
def test_limits_built_from_the_grammar_are_read_back(
    target: str, amount: tuple[int, str, str], sentence: str
) -> None:
    number, unit, space = amount
    (action,) = READER.read(sentence.format(target, f"{number}{space}{unit}")).actions
    assert action.fields["resources"] == {"limits": {"memory": f"{number}{unit}"}}
    assert action.fields["target"] == NAMES.get(target, target)


FOREIGN = st.sampled_from(["banana", "sideways", "hopefully", "elsewhere", "purple", "gently", "however"])


@settings(max_examples=150, deadline=None)
@given(TARGETS, COUNTS, FOREIGN, st.data())
def test_a_foreign_word_outside_a_name_is_refused(
    target: str, count: int, word: str, data: st.DataObject
) -> None:
    words = f"please scale the {target} deployment to {count} replicas in namespace core".split()
    names = {at for at, one in enumerate(words) if one in ("the", "deployment", "namespace")}
    at = data.draw(st.sampled_from(sorted(set(range(1, len(words))) - names)))
    assert READER.read(" ".join([*words[:at], word, *words[at:]])).refusal is not None
