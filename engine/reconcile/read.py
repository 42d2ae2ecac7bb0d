"""The step `read`: the text of an intent to actions in their namespaces, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.contract import Contract
from engine.intent_types import IntentTypes
from engine.network_intent import Intent
from engine.reasons import Reason
from engine.reconcile.ruling import Ruling, Step
from engine.settings import FeatureSettings
from nlp import Assumption, ReadAction, Reading, Refusal, in_namespace


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text says.

    Attributes:
        actions: by the contract, each with its namespace; relative scaling still has `replicas_change`.
        assumed: what was not said.
        off: the features that it asks for and the settings have off in its namespace.
        types: those that users teach, as they were when it was read.
    """

    reading: Reading
    actions: tuple[dict[str, Any], ...]
    assumed: tuple[Assumption, ...]
    refusal: Refusal | None
    off: tuple[str, ...] = ()
    types: IntentTypes = field(default_factory=IntentTypes, repr=False)

    def interpretation(self) -> dict[str, Any]:
        """Returns how the text was read, for `status.interpretation`."""
        found = self.reading.understood if self.refusal and not self.actions else self.reading.actions
        shown = self.actions or tuple(action.fields for action in found)
        words = [
            {field: [span.text for span in spans] for field, spans in action.words.items()}
            for action in found
        ]
        result: dict[str, Any] = {
            "actions": [dict(action) for action in shown],
            "words": words,
            "assumed": [
                {"action": item.action, "field": item.field, "value": item.value, "why": item.why}
                for item in self.assumed
            ],
        }
        if self.reading.reason_text:
            result["reason"] = self.reading.reason_text
        if self.refusal:
            result["unread"] = [span.text for span in self.refusal.unread]
            result["suggestions"] = list(self.refusal.suggestions)
        return result


def understand(
    intent: Intent, read: Callable[[str], Reading], features: FeatureSettings, taught: IntentTypes
) -> Understood:
    """Reads an intent; `read` may remember what it read before. What is stated in fields is not read."""
    if intent.action is None:
        reading = read(intent.spec.intent)
    else:
        reading = Reading(intent.spec.intent, (ReadAction(dict(intent.action)),))
    resolution = in_namespace(reading, intent.namespace, intent.spec.target_namespace)
    types = dict.fromkeys(str(action["intent_type"]) for action in resolution.actions)
    return Understood(
        reading,
        tuple(resolution.actions),
        tuple(resolution.assumed),
        resolution.refusal,
        tuple(name for name in types if not features.on(name, intent.namespace)),
        taught,
    )


def refused(understood: Understood) -> Ruling | None:
    """Refuses what could not be read whole, with what to write instead."""
    refusal = understood.refusal
    if refusal is None:
        return None
    message = refusal.message
    if refusal.suggestions:
        message = f"{message.rstrip('.')}. Try: {' | '.join(repr(text) for text in refusal.suggestions)}"
    return Ruling(Step.REFUSE, Reason(refusal.reason.value), message)


def switched_off(understood: Understood) -> Ruling | None:
    """Lets an intent wait whose type the settings have off in its namespace."""
    if not understood.off:
        return None
    names = ", ".join(f"features.{name}" for name in understood.off)
    return Ruling(Step.WAIT, Reason.PAUSED, f"off in this namespace by the settings: {names}")


def outside_contract(understood: Understood) -> Ruling | None:
    """Refuses an action that the contract does not allow; relative numbers are checked once resolved."""
    for action in understood.actions:
        if "replicas_change" in action:
            continue
        ruling = contract_ruling(action, understood.types.contract)
        if ruling is not None:
            return ruling
    return None


def contract_ruling(action: Mapping[str, Any], contract: Contract) -> Ruling | None:
    """Refuses an action that the contract does not allow, naming every field at fault."""
    problems = contract.validate(action)
    if not problems:
        return None
    details = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
    return Ruling(Step.REFUSE, Reason.INVALID, f"{action.get('target', 'the action')}: {details}")


GUARDS: tuple[Callable[[Understood], Ruling | None], ...] = (refused, switched_off, outside_contract)
"""In the order in which they are asked; the first that rules ends the look."""
