"""Structures of YAML with typed `${CEL}` in their texts: compiled when they load, filled for an action.

An expression stands on a parsed leaf, so that no value can change the structure. Reads `action` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from documents import Document, DocumentError, Problem
from documents.reading import KeyPath
from rules.assignments import Value, resolve
from rules.compilation import located
from rules.expressions import Compiler, ExpressionError
from rules.shapes import action_shape
from rules.snapshot import Action, Json
from rules.templates import Template, compile_template


@dataclass(frozen=True, slots=True)
class Structure:
    """One compiled structure."""

    value: Value
    compiler: Compiler = field(repr=False, compare=False)

    def fill(self, action: Action) -> Json:
        """Returns the structure with every expression evaluated for an action.

        What comes out as null is left out of its map or list.

        Raises:
            EvaluationError: an expression failed; says which and why.
        """
        return _without_nulls(resolve(self.value, self.compiler.scope({"action": action})))


def compile_structures(
    document: Document, path: KeyPath, schema: Mapping[str, Json], intent_type: str
) -> tuple[Structure, ...]:
    """Compiles the list of structures at a path of a document.

    Args:
        document: where they stand.
        path: of the list.
        schema: the JSON schema of an action.
        intent_type: the only type of the actions that they are filled for.

    Raises:
        DocumentError: with every expression that cannot be used.
    """
    compiler = Compiler({"action": action_shape(schema)}, {})
    written = document.value
    for step in path:
        written = written[step]
    one = _StructureCompiler(compiler, document, frozenset({intent_type}))
    values = [one.value((*path, index), item) for index, item in enumerate(written)]
    if one.problems:
        raise DocumentError(tuple(one.problems))
    return tuple(Structure(value, compiler) for value in values)


@dataclass(slots=True)
class _StructureCompiler:
    compiler: Compiler
    document: Document
    intent_types: frozenset[str]
    problems: list[Problem] = field(default_factory=list)

    def value(self, path: KeyPath, written: Json) -> Value:
        if isinstance(written, str):
            return self._text(path, written)
        if isinstance(written, Mapping):
            return {key: self.value((*path, key), item) for key, item in written.items()}
        if isinstance(written, Sequence):
            return tuple(self.value((*path, index), item) for index, item in enumerate(written))
        return written

    def _text(self, path: KeyPath, text: str) -> Template:
        try:
            return compile_template(self.compiler, text, self.intent_types, frozenset())
        except ExpressionError as error:
            self.problems.extend(located(self.document, path, text, finding) for finding in error.findings)
            return Template((text,))


def _without_nulls(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value
