"""The namespace of each action: the text's, else the intent's targetNamespace, else the intent's own."""

from __future__ import annotations

from dataclasses import dataclass

from nlp.reading import JSON, Assumption, Reading, Refusal, RefusalReason


@dataclass(frozen=True, slots=True)
class Resolution:
    """A reading with every namespace filled in: actions by the contract, or a refusal."""

    actions: tuple[dict[str, JSON], ...]
    assumed: tuple[Assumption, ...]
    refusal: Refusal | None


def in_namespace(reading: Reading, own: str, target_namespace: str | None = None) -> Resolution:
    """Fills the namespaces that a text does not state.

    A text and a targetNamespace that disagree are refused as Invalid: one of them is a mistake.
    """
    if reading.refusal is not None:
        return Resolution((), (), reading.refusal)
    actions: list[dict[str, JSON]] = []
    assumed = list(reading.assumed)
    for index, action in enumerate(reading.actions):
        said = action.fields.get("namespace")
        if said is not None and target_namespace and said != target_namespace:
            message = (
                f"the text says namespace {said}, targetNamespace says {target_namespace}; "
                "leave one of them out or make them agree"
            )
            return Resolution(
                (), (), Refusal(RefusalReason.INVALID, message, action.words.get("namespace", ()))
            )
        if said is None:
            said = target_namespace or own
            why = "targetNamespace of the intent" if target_namespace else "the intent's own namespace"
            assumed.append(Assumption(index, "namespace", said, why))
        actions.append({**action.fields, "namespace": said})
    return Resolution(tuple(actions), tuple(assumed), None)
