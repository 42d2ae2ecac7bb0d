"""Reading a hundred thousand different texts: memory must not grow with what people write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from nlp import Reader
from tests.benchmarks.figures import Figure

TEXTS = int(os.environ.get("BENCH_TEXTS", "100000"))
WARM_UP = 2000
FRAMES = (
    "scale nf-{i} to {n} replicas in namespace ns-{i}",
    "set SETTING_{i} to value-{i} on nf-{i}",
    "allow app-{i} to reach nf-{i} on port {p}",
    "limit nf-{i} to {n} CPUs and {p}Mi of memory",
    "deploy nf-{i} from image registry.example.com/nf-{i}:1.{n}",
)


def run(console: Console) -> list[Figure]:
    """Measures the growth of this process over many texts."""
    reader = Reader.load()
    for text in _texts(WARM_UP, start=10_000_000):
        reader.read(text)
    before = _resident()
    for text in track(_texts(TEXTS), f"growth: {TEXTS:,} different texts …", TEXTS, console=console):
        reader.read(text)
    after = _resident()
    return [
        Figure(f"resident memory before {TEXTS:,} texts", before, "MiB"),
        Figure(f"growth over {TEXTS:,} texts", after - before, "MiB", 15),
    ]


def _texts(count: int, start: int = 0) -> Iterator[str]:
    for number in range(start, start + count):
        frame = FRAMES[number % len(FRAMES)]
        yield frame.format(i=number, n=1 + number % 90, p=1 + number % 60_000)


def _resident() -> float:
    """Returns this process's resident memory in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
