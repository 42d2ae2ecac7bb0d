"""The parts on their own: reading texts, deciding by many rules."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich.console import Console

from nlp import Reader
from tests.benchmarks.figures import Figure, histogram, quantile

CORPUS = Path(__file__).parents[1] / "corpus" / "dev.jsonl"
ROUNDS = 5


def run(console: Console) -> list[Figure]:
    """Measures reading."""
    console.print("reading: every labelled text, five times …")
    texts = [json.loads(line)["text"] for line in CORPUS.read_text().splitlines()]
    reader = Reader.load()
    for text in texts:
        reader.read(text)
    times = []
    for _ in range(ROUNDS):
        for text in texts:
            began = time.perf_counter()
            reader.read(text)
            times.append(1000 * (time.perf_counter() - began))
    console.print(histogram(times, "ms"))
    return [
        Figure("reading a text, median", quantile(times, 0.5), "ms", 2),
        Figure("reading a text, P99", quantile(times, 0.99), "ms", 5),
    ]
