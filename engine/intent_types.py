"""The types of intent that users teach, as the documents of kind IntentType among the rules say it.

Puts together what each part makes of one: reading (nlp), the contract, and the objects that it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rules
from documents import DocumentError, Problem
from engine import contract
from engine.contract import Contract
from engine.kinds import never_written, whole_kind
from nlp import FieldSpec, TaughtType, refuse_doubles
from rules import Structure

_LONGEST_TEXT = 253
"""The most characters of a text whose field does not say so."""


@dataclass(frozen=True, slots=True)
class IntentTypes:
    """The taught types in force.

    Attributes:
        contract: the base contract, extended by them.
        resources: by type, the objects that an action of it writes.
    """

    taught: tuple[TaughtType, ...] = ()
    contract: Contract = field(default_factory=contract.base)
    resources: Mapping[str, tuple[Structure, ...]] = field(default_factory=dict)


def taught_in(paths: Sequence[Path]) -> tuple[TaughtType, ...]:
    """Reads the types that files and folders of rules teach.

    Raises:
        DocumentError: with every problem of every IntentType among them.
    """
    types: list[TaughtType] = []
    problems: list[Problem] = []
    for document in rules.documents_of(paths, "IntentType"):
        try:
            types.append(TaughtType.read(document))
        except DocumentError as error:
            problems.extend(error.problems)
    if problems:
        raise DocumentError(tuple(problems))
    refuse_doubles(types)
    return tuple(types)


def load_types(paths: Sequence[Path], kinds: Iterable[str]) -> IntentTypes:
    """Reads and compiles the types that files and folders of rules teach.

    Args:
        paths: as those of the rules.
        kinds: what the settings let types write, each as `Kind` or `group/Kind`.

    Raises:
        DocumentError: with every problem of every IntentType among them.
    """
    types = taught_in(paths)
    if not types:
        return IntentTypes()
    base = contract.schema()["properties"]
    problems = [
        one.document.problem(("spec", "type"), f"{one.spec.type!r} is a field of the contract already")
        for one in types
        if one.spec.type in base
    ]
    allowed = frozenset(kinds)
    problems += [problem for one in types for problem in _resource_problems(one, allowed)]
    if problems:
        raise DocumentError(tuple(problems))
    extended = Contract.of({one.spec.type: _body(one.spec.contract) for one in types})
    resources: dict[str, tuple[Structure, ...]] = {}
    for one in types:
        try:
            resources[one.spec.type] = rules.compile_structures(
                one.document, ("spec", "resources"), extended.schema(), one.spec.type
            )
        except DocumentError as error:
            problems.extend(error.problems)
    if problems:
        raise DocumentError(tuple(problems))
    return IntentTypes(types, extended, resources)


def _body(fields: Mapping[str, FieldSpec]) -> dict[str, Any]:
    """Returns the JSON schema of the fields of a type."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, one in fields.items() if one.required or one.default is not None],
        "properties": {name: _field(one) for name, one in fields.items()},
    }


def _field(one: FieldSpec) -> dict[str, Any]:
    said = {
        "description": one.description or None,
        "minimum": one.minimum,
        "maximum": one.maximum,
        "enum": one.enum,
        "default": one.default,
    }
    if one.type == "string" and one.enum is None:
        said["maxLength"] = one.max_length or _LONGEST_TEXT
    return {"type": one.type, **{name: value for name, value in said.items() if value is not None}}


def _resource_problems(one: TaughtType, allowed: frozenset[str]) -> list[Problem]:
    """Finds objects that cannot be written, or may not by the settings."""
    found: list[Problem] = []
    for index, item in enumerate(one.spec.resources):
        path = ("spec", "resources", index)
        fixed = [name for name in ("apiVersion", "kind") if not _fixed(item.get(name))]
        found += [
            one.document.problem((*path, name), f"an object says its {name} in plain words, without ${{}}")
            for name in fixed
        ]
        metadata = item.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            found.append(one.document.problem((*path, "metadata"), "an object needs a metadata.name"))
        else:
            found += [
                one.document.problem(
                    (*path, "metadata", name), "only name, labels and annotations can be said here"
                )
                for name in metadata
                if name not in ("name", "labels", "annotations")
            ]
        if not fixed and (fault := _kind_fault(item["apiVersion"], item["kind"], allowed)):
            found.append(one.document.problem((*path, "kind"), fault))
    return found


def _fixed(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "${" not in value


def _kind_fault(api_version: str, kind: str, allowed: frozenset[str]) -> str:
    whole = whole_kind(api_version, kind)
    if never_written(whole):
        return f"{whole} gives power over others; no intent writes it"
    if whole not in allowed:
        known = ", ".join(sorted(allowed)) or "none"
        return f"the settings do not let intents write {whole} (bounds.kinds: {known})"
    return ""
