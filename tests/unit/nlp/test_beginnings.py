"""What tokens may begin: nothing that a reader would find is ruled out."""

from __future__ import annotations

import pytest

from nlp import Reader
from nlp.normal import normalise
from nlp.open_values import TYPES, read_value_of
from tests.unit.nlp.conftest import examples

NEIGHBOURS = ("the", "namespace", "%", "CPU", "and", ",", "=", "(", '"', "priority", "label")
"""Words that change what stands beside them."""


def texts() -> list[str]:
    """Returns the texts of the corpus, and their words each beside one that may change them."""
    said = [example["text"] for name in ("dev.jsonl", "regression.jsonl") for example in examples(name)]
    words = sorted({word for text in said for word in text.split()})
    mixed = [f"{NEIGHBOURS[at % len(NEIGHBOURS)]} {word}" for at, word in enumerate(words)]
    return [*said, *(" ".join(mixed[at : at + 20]) for at in range(0, len(mixed), 20))]


@pytest.mark.parametrize("capital", [False, True])
def test_no_value_is_ruled_out_that_a_reader_finds(reader: Reader, *, capital: bool) -> None:
    wrong = []
    for text in texts():
        prepared = reader._prepare(normalise(text.upper() if capital else text))
        chart = prepared.chart
        for at, token in enumerate(chart.tokens):
            ruled_out = chart.looks[at] & ~chart.masks[at]
            # Apart namespaces are looked for after the word "namespace" only.
            found = [
                name
                for name, bit in TYPES.items()
                if ruled_out & bit and name != "apart-namespace" and read_value_of(prepared.words, name, at)
            ]
            wrong += [(text, token.text, name) for name in found]
    assert not wrong
