"""The shape of an action: the JSON schema, compiled once, and its errors in a person's words."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft7Validator, TypeChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from jsonschema_rs import Draft7Validator as Draft7

from documents.reading import dotted
from engine.contract.problem import Problem


def base_schema() -> dict[str, Any]:
    """Returns a copy of the JSON schema of an action of the types that are built in."""
    text = files(__package__).joinpath("intent.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


class Structure:
    """A schema, compiled twice: one tells at once what fits, the other says what is wrong with the rest.

    Raises:
        jsonschema.SchemaError: the schema itself is wrong; the validator would only find out in use.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        strict: type[Validator] = extend(  # type: ignore[no-untyped-call]
            Draft7Validator, {"pattern": _pattern}, type_checker=_integers_only()
        )
        strict.check_schema(schema)
        self._explaining = strict(schema)
        self._fast = Draft7(schema, validate_formats=False)

    def problems(self, action: Mapping[str, Any]) -> list[Problem]:
        """Returns what of an action the schema does not allow, one problem a field, sorted by field."""
        if self.fits(action):
            return []
        errors = self._explaining.iter_errors(action)
        # The last one of a field holds: a branch by type says it closer than the general part before.
        found = dict(finding for error in errors for finding in _findings(error, action))
        return sorted(Problem(field, message) for field, message in found.items())

    def fits(self, action: Mapping[str, Any]) -> bool:
        """Tells whether an action surely fits; 5.0 is an integer here, and some values are no JSON."""
        try:
            return not _has_float(action) and self._fast.is_valid(action)
        except ValueError:
            return False


def _has_float(value: object) -> bool:
    match value:
        case float():
            return True
        case Mapping():
            return any(_has_float(inner) for inner in value.values())
        case list():
            return any(_has_float(inner) for inner in value)
        case _:
            return False


def _integers_only() -> TypeChecker:
    """Returns types by which 5.0 is no integer: it would be written as 5.0."""
    types: TypeChecker = Draft7Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return types


def _pattern(_: Validator, pattern: str, value: object, __: object) -> Iterator[ValidationError]:
    """Matches as JSON schema means it: its `$` is the very end, Python's also comes before a last newline."""
    if isinstance(value, str) and not _compiled(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\$\Z", r"\\Z", pattern))


def _findings(error: ValidationError, action: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tells the fields that an error is about, and what is wrong with each."""
    path = tuple(error.absolute_path)
    part = cast("Mapping[str, Any]", error.schema)
    if error.validator == "required":
        missing = [name for name in part["required"] if name not in cast("Mapping[str, Any]", error.instance)]
        yield from ((dotted((*path, name)), "is missing") for name in missing)
    elif error.validator == "additionalProperties":
        unknown = [
            str(name) for name in cast("Mapping[str, Any]", error.instance) if name not in part["properties"]
        ]
        yield from (
            (dotted((*path, name)), f"there is no such field{_suggestion(name, part)}") for name in unknown
        )
    elif error.validator == "not":
        yield dotted(path), _out_of_place(path, action)
    elif "title" in part:
        yield dotted(path), f"{_shown(error.instance)} is not {part['title']}"
    else:
        words = _WORDS.get(str(error.validator))
        yield dotted(path), words(error) if words else error.message


def _suggestion(name: str, part: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, part["properties"], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _out_of_place(path: tuple[str | int, ...], action: Mapping[str, Any]) -> str:
    """Says why a field that the contract has may not stand in this action."""
    match path:
        case ("affinity", _):
            return f"does not belong to an affinity of kind {action['affinity']['kind']}"
        case ("network_policy", "peers", *_):
            return "does not go with cidr in one peer; make it two"
        case ("resources", "quota"):
            return "is for a whole namespace, target *; a workload has requests and limits"
        case ("replicas",) if action.get("target_kind") == "DaemonSet":
            return "a DaemonSet has none: it runs one pod on each node"
        case ("target_kind",) | ("resources", _) | ("service_mesh", _):
            return "does not go with target *; name a workload"
        case _:
            return f"does not belong to an action of type {action['intent_type']}"


def _shown(value: object) -> str:
    """Returns a value as it was written, cut where it would fill the screen."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    longest = 80
    return text if len(text) <= longest else f"{text[:longest]}…"


def _allowed(error: ValidationError) -> str:
    values = cast("list[str]", error.validator_value)
    return f"{_shown(error.instance)} is none of {', '.join(value or '(empty)' for value in values)}"


_WORDS: Mapping[str, Callable[[ValidationError], str]] = {
    "enum": _allowed,
    "maxLength": lambda error: f"longer than {error.validator_value} characters",
    "maximum": lambda error: f"{_shown(error.instance)} is more than {error.validator_value}",
    "minItems": lambda _: "the list is empty",
    "minLength": lambda _: "is empty",
    "minProperties": lambda error: f"needs at least {error.validator_value} of its fields",
    "minimum": lambda error: f"{_shown(error.instance)} is less than {error.validator_value}",
    "type": lambda error: f"{_shown(error.instance)} is no {error.validator_value}",
    "uniqueItems": lambda _: "says the same thing twice",
}
