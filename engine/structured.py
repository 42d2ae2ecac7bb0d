"""NetworkIntents that state one action in fields, in place of a text; the mapping is the settings'.

What is stated so is not read: it goes straight to the contract check. Such an intent is another resource than
one with a text, so its group is part of the name that it is known by here: `scale.intent.nephoran.com`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from documents import Document, DocumentError
from engine.network_intent import KIND, MAX_TEXT, IntentSpec, Metadata, said_problems
from engine.settings import Settings, StructuredSettings

_STATED = ("intent_type", "target", "namespace")
"""What every action has to state to be spoken of."""
_TREATMENT = ("priority", "suspend", "dryRun", "deletionPolicy", "constraints")
"""What a spec may say beside its action: how the intent is treated, as in one with a text."""


class NotStatedError(ValueError):
    """The fields of a spec do not state an action."""


@dataclass(frozen=True, slots=True)
class StructuredForm:
    """Reads specs by the mapping, and knows the names of such intents."""

    settings: StructuredSettings

    @property
    def api_version(self) -> str:
        """`apiVersion` of its resources."""
        return f"{self.settings.group}/{self.settings.version}"

    def known_as(self, name: str) -> str:
        """Returns the name that a resource is known by here."""
        return f"{name}.{self.settings.group}"

    def resource_name(self, known_as: str) -> str:
        """Returns the name of the resource that is known by a name."""
        return known_as.removesuffix(f".{self.settings.group}")

    def owns(self, known_as: str) -> bool:
        """Tells whether a name is that of such an intent."""
        return known_as.endswith(f".{self.settings.group}")

    def read(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what a spec states: {"spec": of a text, "action": by the contract, not checked yet}.

        Raises:
            NotStatedError: naming the fields that are missing or of another type.
        """
        names = self.settings.fields
        action = {field: spec[name] for field, name in names.items() if spec.get(name) is not None}
        wrong = [names.get(field, field) for field in _STATED if not _said(action.get(field))]
        if wrong:
            raise NotStatedError("; ".join(f"spec.{name}: a name is wanted here" for name in wrong))
        text = " ".join(f"{names[field]}={value}" for field, value in action.items())
        treated = {name: spec[name] for name in _TREATMENT if name in spec}
        try:
            read = IntentSpec.model_validate(
                {**treated, "intent": text[:MAX_TEXT], "parameters": {"action": action}}
            )
        except ValidationError as error:
            raise NotStatedError(said_problems(error)) from error
        return {
            "spec": read.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True),
            "action": action,
        }


def form_of(settings: Settings) -> StructuredForm | None:
    """Returns the form of the settings; None where such intents are not followed."""
    return StructuredForm(settings.structured) if settings.structured.enabled else None


def is_structured(document: Document, form: StructuredForm | None) -> bool:
    """Tells whether a manifest states an action in fields."""
    value = document.value
    return (
        form is not None
        and isinstance(value, dict)
        and (value.get("kind"), value.get("apiVersion")) == (KIND, form.api_version)
    )


def read_structured(document: Document, form: StructuredForm) -> dict[str, Any]:
    """Reads a manifest that states an action in fields, as `read_manifest` does one with a text.

    Raises:
        DocumentError: it does not fit.
    """
    value = document.value
    try:
        metadata = Metadata.model_validate(value.get("metadata") or {})
        read = form.read(value.get("spec") or {})
    except ValidationError as error:
        raise DocumentError((document.problem(("metadata",), said_problems(error, "metadata")),)) from error
    except NotStatedError as error:
        raise DocumentError((document.problem(("spec",), str(error)),)) from error
    about = metadata.model_dump()
    return {"metadata": {**about, "name": form.known_as(metadata.name)}, **read}


def _said(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
