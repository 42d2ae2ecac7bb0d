"""Files to a RuleBook: the user's first, then the shipped ones, checked as a whole.

Reads files and nothing else; who polls them and keeps the last good book is somebody else's business.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from documents import Document, DocumentError, Place, Problem, validate
from documents import load as load_documents
from rules.book import Rule, RuleBook
from rules.compilation import RuleCompiler
from rules.expressions import Compiler
from rules.lint import lint
from rules.models import RuleSetSpec
from rules.origins import Disabled, Origins, VarOrigin
from rules.shapes import Kind, ListOf, MapOf, Record, Scalar, Shape, value_shape, variables
from rules.snapshot import Bounds, Json

DEFAULTS = Path(__file__).parent / "default"
"""The folder of the shipped rules."""
_SUFFIXES = (".yaml", ".yml")
_ELSEWHERE = ("IntentType", "Lexicon", "Settings")
"""Kinds that may stand beside rules and are read by others."""
_SHIPPED = "default"


def load(
    paths: Sequence[Path],
    schema: Mapping[str, Json],
    *,
    with_defaults: bool = True,
    bounds: Bounds | None = None,
) -> RuleBook:
    """Reads rules from files and folders, in path order, and the shipped ones after them.

    Args:
        paths: files, or folders whose *.yaml and *.yml are read in the order of their names.
        schema: the JSON schema of an action, which says what expressions may read.
        with_defaults: whether the shipped rules apply as well.
        bounds: what rules may choose; without them, that is left to each decision.

    Raises:
        DocumentError: with every problem of every file.
    """
    loader = _Loader(bounds)
    for path in paths:
        loader.read(path, shipped=False)
    if with_defaults:
        loader.read(DEFAULTS, shipped=True)
    return loader.book(schema)


def documents_of(paths: Sequence[Path], kind: str) -> list[Document]:
    """Reads the documents of one kind that stand beside the rules, in path order.

    Raises:
        DocumentError: with every file that cannot be read.
    """
    found: list[Document] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            for file in _files(path):
                found += _documents(file, problems)
        except OSError as error:
            problems.append(_unreadable(path, error))
    if problems:
        raise DocumentError(tuple(problems))
    return [each for each in found if isinstance(each.value, dict) and each.value.get("kind") == kind]


def _documents(file: Path, problems: list[Problem]) -> list[Document]:
    """Reads the documents of a file; what is wrong with it goes to `problems`."""
    try:
        if file.stat().st_size == 0:  # cut short, or about to be written
            message = "is empty; write its rules, or remove the file"
            problems.append(Problem(Place(str(file), 1, 1), "", message))
        return load_documents(file)
    except DocumentError as error:
        problems.extend(error.problems)
        return []


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(Place(str(path), 1, 1), "", f"cannot be read: {error.strerror or error}")


@dataclass(frozen=True, slots=True)
class _RuleSet:
    """One RuleSet as it was read."""

    spec: RuleSetSpec
    document: Document
    shipped: bool


@dataclass(slots=True)
class _Loader:
    """Collects documents, then what is wrong with them as a whole."""

    bounds: Bounds | None
    sets: list[_RuleSet] = field(default_factory=list)
    tests: list[Document] = field(default_factory=list)
    shipped_tests: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def read(self, path: Path, *, shipped: bool) -> None:
        """Reads the documents of a file or a folder."""
        try:
            for file in _files(path):
                self._read_file(file, shipped=shipped)
        except OSError as error:
            self.problems.append(_unreadable(path, error))

    def _read_file(self, file: Path, *, shipped: bool) -> None:
        for document in _documents(file, self.problems):
            self._read_document(document, shipped=shipped)

    def _read_document(self, document: Document, *, shipped: bool) -> None:
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        if kind == "RuleTest":
            (self.shipped_tests if shipped else self.tests).append(document)
        elif kind == "RuleSet":
            try:
                spec = validate(document, RuleSetSpec)
            except DocumentError as error:
                self.problems.extend(error.problems)
                return
            if spec.metadata.name == _SHIPPED and not shipped:
                message = f"{_SHIPPED!r} is the name of the shipped rules; choose another one"
                self.problems.append(document.problem(("metadata", "name"), message))
            self.sets.append(_RuleSet(spec, document, shipped))
        elif kind not in _ELSEWHERE:
            message = f"the kind has to be RuleSet or RuleTest, this is {kind!r}"
            self.problems.append(document.problem(("kind",), message))

    def book(self, schema: Mapping[str, Json]) -> RuleBook:
        """Compiles everything that was read."""
        values, origins = self._effective_vars()
        disabled = self._disabled()
        self._find_doubles()
        shapes = variables(schema, values)
        action = shapes["action"]
        assert isinstance(action, Record)  # noqa: S101 - action_shape returns nothing else
        compiler = Compiler(shapes, {"vars": values})
        rules: list[Rule] = []
        for each, index, identity in self._rules():
            if identity not in disabled:
                one = RuleCompiler(compiler, action, each.document, ("rules", index), self.bounds)
                rule = one.compile(each.spec.metadata.name, each.spec.rules[index])
                rules.append(replace(rule, shipped=each.shipped))
                self.problems.extend(one.problems)
        if self.problems:
            raise DocumentError(tuple(self.problems))
        warnings = lint(rules, compiler, self._own_vars())
        digest = self._digest(values, disabled)
        # What the shipped rules promise holds for them alone: users' vars and rules are there to change it.
        own = not all(each.shipped for each in self.sets)
        tests = self.tests if own else self.tests + self.shipped_tests
        found = Origins(origins, tuple(disabled.values()))
        return RuleBook(tuple(rules), values, digest, tuple(warnings), tuple(tests), own, found, compiler)

    def _rules(self) -> Iterator[tuple[_RuleSet, int, str]]:
        """Yields each rule's set, its index there, and its id."""
        for each in self.sets:
            for index, rule in enumerate(each.spec.rules):
                yield each, index, f"{each.spec.metadata.name}/{rule.name}"

    def _effective_vars(self) -> tuple[dict[str, Json], dict[str, VarOrigin]]:
        """Lays the users' vars over the shipped ones, which say what type each has to be."""
        shipped: dict[str, Json] = {}
        origins: dict[str, VarOrigin] = {}
        for each in self.sets:
            for name, value in each.spec.vars.items() if each.shipped else ():
                shipped[name] = value
                origins[name] = VarOrigin(each.document.place(("vars", name)), shipped=True)
        shipped_at = {name: origin.place for name, origin in origins.items()}
        own: dict[str, Json] = {}
        places: dict[str, Place] = {}
        for each in self.sets:
            if each.shipped:
                continue
            for name, value in each.spec.vars.items():
                path = ("vars", name)
                if name in places:
                    self.problems.append(each.document.problem(path, f"is also set at {places[name]}"))
                if _too_large(value):
                    message = "holds a whole number of more than 64 bits, which no expression can read"
                    self.problems.append(each.document.problem(path, message))
                if name in shipped and not _fits(value_shape(value), value_shape(shipped[name])):
                    message = f"has to be of the type of the shipped value, {json.dumps(shipped[name])}"
                    self.problems.append(each.document.problem(path, message))
                    continue
                places[name] = each.document.place(path)
                own[name] = value
                below = (shipped[name], shipped_at[name]) if name in shipped else None
                origins[name] = VarOrigin(places[name], shipped=False, overrides=below)
        return shipped | own, origins

    def _own_vars(self) -> dict[str, Problem]:
        """Returns the users' vars, each with what to say if nothing reads it."""
        return {
            name: each.document.problem(("vars", name), "no rule reads this var")
            for each in self.sets
            if not each.shipped
            for name in each.spec.vars
        }

    def _disabled(self) -> dict[str, Disabled]:
        """Returns the rules that are disabled, by their ids; of several that disable one, the first."""
        known = {
            identity: (each.document.place(("rules", index)), each.shipped)
            for each, index, identity in self._rules()
        }
        found: dict[str, Disabled] = {}
        for each in self.sets:
            for index, identity in enumerate(each.spec.disable):
                path = ("disable", index)
                if identity in known:
                    by = each.document.place(path)
                    found.setdefault(
                        identity, Disabled(identity, *known[identity], by, each.spec.metadata.name)
                    )
                    continue
                close = difflib.get_close_matches(identity, known, n=1)
                meant = f"; did you mean {close[0]!r}?" if close else ""
                self.problems.append(each.document.problem(path, f"there is no rule {identity!r}{meant}"))
        return found

    def _find_doubles(self) -> None:
        places: dict[str, Place] = {}
        for each, index, identity in self._rules():
            path = ("rules", index, "name")
            if identity in places:
                message = f"there is a rule {identity!r} at {places[identity]} already"
                self.problems.append(each.document.problem(path, message))
            else:
                places[identity] = each.document.place(path)

    def _digest(self, values: Mapping[str, Json], disabled: Collection[str]) -> str:
        """Returns a hash of what is in force: it changes with the meaning, not with comments or files."""
        rules = [
            {**each.spec.rules[index].model_dump(mode="json"), "name": identity}
            for each, index, identity in self._rules()
            if identity not in disabled
        ]
        text = json.dumps({"rules": rules, "vars": values}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    """Lists the files to read; hidden ones are left out (a mounted ConfigMap has `..data` folders)."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def _fits(given: Shape, wanted: Shape) -> bool:
    """Tells whether expressions checked for one shape can read the other; empty lists fit any list."""
    if isinstance(wanted, ListOf):
        return isinstance(given, ListOf) and _fits(given.item, wanted.item)
    if isinstance(wanted, MapOf):
        return isinstance(given, MapOf) and _fits(given.value, wanted.value)
    if isinstance(wanted, Scalar) and isinstance(given, Scalar):
        return Kind.DYN in (given.kind, wanted.kind) or given.kind is wanted.kind
    return wanted == Scalar(Kind.DYN)


def _too_large(value: Json) -> bool:
    """Tells whether a value holds a number that CEL has no type for."""
    if isinstance(value, Mapping):
        return any(_too_large(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_too_large(item) for item in value)
    return isinstance(value, int) and not -(2**63) <= value < 2**63
