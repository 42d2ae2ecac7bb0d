"""Scoring readings against labelled examples, as the annotation guide says. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nlp.namespaces import in_namespace
from nlp.quantity import to_milliseconds, to_number
from nlp.reader import Reader
from nlp.reading import JSON


@dataclass(frozen=True, slots=True)
class Difference:
    """An example that was not read as expected; `kind` is wrong, needless or reason."""

    id: str
    text: str
    kind: str
    expected: JSON
    found: JSON
    message: str = ""


@dataclass(slots=True)
class Tally:
    """Counts of one intent type, or of all."""

    total: int = 0
    exact: int = 0
    wrong: int = 0
    needless: int = 0


@dataclass(slots=True)
class Score:
    """How well examples were read.

    Attributes:
        overall: all examples.
        by_type: by the first expected action's type, or "refused".
        refused: examples where a refusal is expected and was given.
        right_reasons: those of them with the expected reason.
    """

    overall: Tally = field(default_factory=Tally)
    by_type: dict[str, Tally] = field(default_factory=dict)
    refused: int = 0
    right_reasons: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def exact_percent(self) -> float:
        """Exact readings in percent of all."""
        return 100 * self.overall.exact / self.overall.total if self.overall.total else 0.0

    @property
    def reason_percent(self) -> float:
        """Right reasons in percent of the refusals that are expected and given."""
        return 100 * self.right_reasons / self.refused if self.refused else 100.0


def predictions(examples: Iterable[Mapping[str, Any]], reader: Reader) -> list[dict[str, JSON]]:
    """Reads each example: `{"id", "expect": {"intents": [...]} or {"refuse": reason}}`."""
    return [{"id": example["id"], "expect": _predict(example, reader)[0]} for example in examples]


def score(examples: Iterable[Mapping[str, Any]], reader: Reader) -> Score:
    """Compares the reading of each example with what is expected."""
    result = Score()
    for example in examples:
        found, message = _predict(example, reader)
        expected = example["expect"]
        name = expected["intents"][0]["intent_type"] if "intents" in expected else "refused"
        tallies = (result.overall, result.by_type.setdefault(name, Tally()))
        kind = _compare(expected, found)
        for tally in tallies:
            tally.total += 1
            tally.exact += kind in ("exact", "reason")
            tally.wrong += kind == "wrong"
            tally.needless += kind == "needless"
        if "refuse" in expected and "refuse" in found:
            result.refused += 1
            result.right_reasons += kind == "exact"
        if kind != "exact":
            result.differences.append(
                Difference(example["id"], example["text"], kind, expected, found, message)
            )
    return result


def _predict(example: Mapping[str, Any], reader: Reader) -> tuple[dict[str, JSON], str]:
    resolution = in_namespace(reader.read(example["text"]), example["namespace"])
    if resolution.refusal is not None:
        return {"refuse": resolution.refusal.reason.value}, resolution.refusal.message
    return {"intents": [dict(action) for action in resolution.actions]}, ""


def _compare(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if "refuse" in expected:
        if "intents" in found:
            return "wrong"
        return "exact" if found["refuse"] == expected["refuse"] else "reason"
    if "refuse" in found:
        return "needless"
    same = [canonical(action) for action in expected["intents"]] == [
        canonical(action) for action in found["intents"]
    ]
    return "exact" if same else "wrong"


def canonical(action: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an action in one spelling: values by value, sets sorted, defaults stated."""
    result = {name: _canonical(name, value) for name, value in action.items()}
    result.setdefault("target_kind", "Deployment")
    return result


def _canonical(name: str, value: Any) -> Any:  # noqa: PLR0911 - one return for each kind of value
    if name in ("requests", "limits", "quota"):
        return {resource: to_number(amount) for resource, amount in value.items()}
    if name in ("timeout", "per_try_timeout", "ejection_time", "delay") and isinstance(value, str):
        return to_milliseconds(value)
    if name == "ports":
        return sorted((port["port"], port.get("protocol", "TCP")) for port in value)
    if name == "peers":
        return sorted(sorted(peer.items()) for peer in value)
    if name == "labels":
        return {key: sorted(values) for key, values in value.items()}
    if isinstance(value, dict) and name != "settings":
        return {key: _canonical(key, inside) for key, inside in value.items()}
    return value
