"""The parts on their own: reading texts, deciding by many rules."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import celpy
import yaml
from rich.console import Console

import rules
from engine import contract
from engine.reconcile.decide import contract_after
from nlp import Reader
from rules.values import Values
from tests.benchmarks.figures import Figure, histogram, quantile

CORPUS = Path(__file__).parents[1] / "corpus" / "dev.jsonl"
ROUNDS = 5


RULES = 200
DECISIONS = 1000
PEER_ROUNDS = 20
CONDITIONS = (
    "has(action.replicas) && action.replicas > {n}",
    'intent.namespace != action.namespace && action.target == "nf-{n}"',
    'facts.exists && facts.kind == "Deployment" && facts.replicas > {n}',
    "has(action.autoscale) && action.autoscale.max_replicas > {n}",
    'facts.namespaceLabels.exists(l, l == "env" && facts.namespaceLabels[l] == "production-{n}")',
    'facts.images.exists(i, i.startsWith("registry-{n}.example.com/"))',
    '"tier" in intent.labels && intent.labels.tier == "gold-{n}"',
    'vars.protected.exists(p, p == action.namespace) || intent.text.contains("urgent {n}")',
)
"""Conditions such as people write, in words that every CEL has; `n` makes each another one."""
BOUNDS = rules.Bounds(frozenset({"directory"}), "directory", "main")
SNAPSHOT = rules.Snapshot(
    rules.IntentView("core", "scale", "uid", 1, "scale amf to 5", {"tier": "silver"}),
    ({"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5},),
    (
        rules.Facts(
            exists=True,
            kind="Deployment",
            replicas=3,
            hpa="",
            images=("docker.io/oai/amf:2.1",),
            namespace_labels={"env": "lab", "team": "core"},
        ),
    ),
    rules.History(),
    datetime(2026, 1, 1, tzinfo=UTC),
)


def run(console: Console) -> list[Figure]:
    """Measures reading and deciding."""
    return [*_reading(console), *_deciding(console)]


def _deciding(console: Console) -> list[Figure]:
    """Measures one decision by many rules, and their conditions alone by another implementation of CEL."""
    console.print(f"deciding: one intent by {RULES} rules, {DECISIONS} times; then by cel-python …")
    conditions = [CONDITIONS[index % len(CONDITIONS)].format(n=index) for index in range(RULES)]
    book = _book(conditions)
    times = []
    for _ in range(DECISIONS):
        began = time.perf_counter()
        decision = rules.evaluate(SNAPSHOT, book, BOUNDS, contract_after(SNAPSHOT.actions, contract.base()))
        times.append(1000 * (time.perf_counter() - began))
    console.print(histogram(times, "ms"))
    held = sum(step.outcome is rules.Outcome.EFFECT for step in decision.trace)
    peer = _by_cel_python(conditions, book, held)
    return [
        Figure(f"deciding by {RULES} rules, median", quantile(times, 0.5), "ms", 1),
        Figure(f"deciding by {RULES} rules, P99", quantile(times, 0.99), "ms"),
        Figure("their conditions alone by cel-python, median", peer, "ms"),
        Figure("cel-python's time to ours", peer / quantile(times, 0.5), "times"),
    ]


def _book(conditions: list[str]) -> rules.RuleBook:
    document = {
        "apiVersion": "conductor-watch/v1",
        "kind": "RuleSet",
        "metadata": {"name": "bench"},
        "vars": {"protected": ["kube-system", "kube-public"]},
        "rules": [
            {"name": f"rule-{index}", "when": when, "then": {"warn": "mind ${action.target}"}}
            for index, when in enumerate(conditions)
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "bench.yaml")
        file.write_text(yaml.safe_dump(document))
        return rules.load([file], contract.schema(), with_defaults=False)


def _by_cel_python(conditions: list[str], book: rules.RuleBook, held: int) -> float:
    """Returns the median time of all conditions in milliseconds.

    Raises:
        ValueError: not as many hold as by the rules, so that the two did not do the same work.
    """
    environment = celpy.Environment()
    programs = [environment.program(environment.compile(text)) for text in conditions]
    variables = Values.of(SNAPSHOT, 0, book, BOUNDS).variables
    times = []
    for _ in range(PEER_ROUNDS):
        began = time.perf_counter()
        activation = {
            name: celpy.json_to_cel(value) for name, value in variables.items() if isinstance(value, dict)
        }
        results = [bool(program.evaluate(activation)) for program in programs]
        times.append(1000 * (time.perf_counter() - began))
    if sum(results) != held:
        raise ValueError(f"by cel-python {sum(results)} conditions hold, by the rules {held}")
    return quantile(times, 0.5)


def _reading(console: Console) -> list[Figure]:
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
