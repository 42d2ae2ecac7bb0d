"""Grammar files to nodes that match: names resolved, word forms made, masks settled.

A mistake in a file becomes a DocumentError with its place. What the phrases mean is the files' business.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Generic, Literal, TypeVar

from documents import DocumentError, Problem, load, validate
from documents.reading import KeyPath
from nlp import phrases as ast
from nlp.compiled import CompiledFrame, Grammar, Refusals, UnsupportedKind
from nlp.grammar_model import Frame, GrammarFile, RefusalFile, Rule
from nlp.inflection import forms_of
from nlp.intent_types import TaughtType
from nlp.matching import (
    ChoiceNode,
    MaybeNode,
    Node,
    ObjectNode,
    RuleNode,
    SequenceNode,
    SeveralNode,
    ValueNode,
    WordNode,
)
from nlp.needs import TYPE_BITS, Needs
from nlp.open_values import TELLING, TYPES

FOLDER = Path(__file__).parent / "grammar"
SEPARATOR = "and"
"""The rule that joins the items of a list."""
CLAUSE_SEPARATOR = "then"
"""The rule that joins clauses."""
GLUE = "glue"
"""The rule of what may stand between the parts of a clause."""
OPENING = "opening"
"""The rule of what may open a clause."""
CLOSING = "closing"
"""The rule of what may close a part."""
MAX_SETTLE_ROUNDS = 50
_WORD = re.compile(r"[a-z0-9][a-z0-9/-]*")


File = TypeVar("File", GrammarFile, RefusalFile)


@dataclass(slots=True)
class _Source(Generic[File]):
    """A file and how a problem at a path of it is told.

    Attributes:
        taught: the type that it was made of; None for the grammar's own files.
    """

    problem: Callable[[KeyPath, str], Problem]
    file: File
    taught: TaughtType | None = None


def load_grammar(folder: Path = FOLDER, taught: Sequence[TaughtType] = ()) -> Grammar:
    """Reads and compiles the grammar files of a folder, extended by the types that users teach.

    Raises:
        DocumentError: a file is broken, or a phrase names what is not there.
    """
    sources: list[_Source[GrammarFile]] = []
    refusals: list[_Source[RefusalFile]] = []
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        digest.update(path.read_bytes())
        for document in load(path, path.name):
            if isinstance(document.value, dict) and document.value.get("kind") == "Grammar":
                sources.append(_Source(document.problem, validate(document, GrammarFile)))
            if isinstance(document.value, dict) and document.value.get("kind") == "Refusals":
                refusals.append(_Source(document.problem, validate(document, RefusalFile)))
    for one in taught:
        digest.update(one.spec.model_dump_json(exclude={"resources"}).encode())
        sources.append(_Source(one.problem, one.grammar(), one))
    return _Compiler(sources, refusals[0], digest.hexdigest()).grammar()


@dataclass(slots=True)
class _Compiler:
    sources: Sequence[_Source[GrammarFile]]
    refusal_source: _Source[RefusalFile]
    digest: str
    bits: dict[str, int] = field(default_factory=dict)
    words: dict[WordNode | ChoiceNode, frozenset[str]] = field(default_factory=dict)
    rules: dict[str, RuleNode] = field(default_factory=dict)
    parts: dict[str, RuleNode] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    shared: dict[ast.Phrase, Node] = field(default_factory=dict)
    irregular: dict[str, list[str]] = field(default_factory=dict)

    def grammar(self) -> Grammar:
        for source in self.sources:
            self.irregular.update(source.file.forms)
        self._declare_rules()
        free = tuple(
            self._build(source, text, ("free", index))
            for source in self.sources
            for index, text in enumerate(source.file.free)
        )
        own = [source for source in self.sources if source.taught is None]
        built = self._build_sources(own)
        known = self._words_so_far()
        built += self._build_sources([source for source in self.sources if source.taught is not None])
        # The words of refusals may be names: they count only where a text was not read.
        reserved = self._words_so_far()
        refusals = self._build_refusals(reserved - known)
        self._number_words()
        self._settle()
        frames = tuple(
            replace(
                _compiled(source, frame, parts),
                following=_compiled(source, frame, following) if following else None,
            )
            for source, frame, parts, following in built
        )
        words: dict[str, set[str]] = {"refused": self._refused_words()}
        for source in self.sources:
            for name, listed in source.file.words.items():
                words.setdefault(name, set()).update(self._expanded(listed))
        return Grammar(
            frames,
            free,
            self.rules[CLAUSE_SEPARATOR],
            self.rules[OPENING],
            self.rules[GLUE].first,
            self.rules[CLOSING].first,
            refusals,
            reserved,
            self.bits,
            {name: frozenset(listed) for name, listed in words.items()},
            self.digest,
        )

    def _build_sources(
        self, sources: Sequence[_Source[GrammarFile]]
    ) -> list[tuple[_Source[GrammarFile], Frame, list[Node], list[Node]]]:
        """Builds the rules of some files, and returns their frames: the parts, and those of what follows."""
        for source in sources:
            for name, rule in source.file.rules.items():
                self._build_rule(source, name, rule)
        return [
            (
                source,
                frame,
                self._build_frame(source, frame, index, "parts"),
                self._build_frame(source, frame, index, "following") if frame.following else [],
            )
            for source in sources
            for index, frame in enumerate(source.file.frames)
        ]

    def _refused_words(self) -> set[str]:
        """Returns the single words of refusals that are no names either."""
        kinds = self.refusal_source.file.unsupported.values()
        listed = (word for kind in kinds if kind.never_names for word in kind.phrases)
        return set(self._expanded(word for word in listed if re.fullmatch(r"[a-z0-9-]+~?", word)))

    def _expanded(self, listed: Iterable[str]) -> Iterable[str]:
        for word in listed:
            yield from forms_of(word[:-1], self.irregular) if word.endswith("~") else (word,)

    def _declare_rules(self) -> None:
        for source in self.sources:
            for name, rule in source.file.rules.items():
                if name in self.rules or name in TYPES:
                    problem = source.problem(("rules", name), f"the rule {name!r} is there twice")
                    raise DocumentError((problem,))
                node = RuleNode(name)
                if isinstance(rule, Rule):
                    node.sets = tuple(rule.sets.items())
                    node.under = rule.under
                self.rules[name] = node
                self.nodes.append(node)

    def _build_rule(self, source: _Source[GrammarFile], name: str, rule: list[str] | Rule) -> None:
        path = ("rules", name, "phrases") if isinstance(rule, Rule) else ("rules", name)
        texts = rule.phrases if isinstance(rule, Rule) else rule
        options = [self._build(source, text, (*path, index)) for index, text in enumerate(texts)]
        self.rules[name].body = self._choice(options)

    def _build_frame(
        self, source: _Source[GrammarFile], frame: Frame, index: int, named: Literal["parts", "following"]
    ) -> list[Node]:
        head = [self._part(source, frame.head, ("frames", index, "head"))] if frame.head else []
        parts = [
            self._part(source, text, ("frames", index, named, at))
            for at, text in enumerate(getattr(frame, named))
        ]
        may = [self._part(source, text, ("frames", index, "may", at)) for at, text in enumerate(frame.may)]
        return head + parts + may

    def _part(self, source: _Source[GrammarFile], text: str, path: tuple[str | int, ...]) -> Node:
        """Builds a part of a frame: a rule without a name, so that frames that share it match it once."""
        if text not in self.parts:
            node = self.parts[text] = RuleNode(text)
            node.body = self._build(source, text, path)
            self.nodes.append(node)
        return self.parts[text]

    def _build_refusals(self, taught: frozenset[str]) -> Refusals:
        """Builds the refusals; a kind that has words of taught types is none in a text that holds such."""
        source = self.refusal_source
        taught_words = self._word_node(taught)
        kinds = []
        for name, kind in source.file.unsupported.items():
            path = ("unsupported", name)
            phrases, openings, without, together = (
                self._phrases(source, getattr(kind, part), (*path, part))
                for part in ("phrases", "openings", "without", "together")
            )
            if taught and any(taught & set(_WORD.findall(text)) for text in kind.phrases):
                without = self._choice([taught_words, *([without] if without else [])])
            if phrases is not None:
                kinds.append(UnsupportedKind(kind.what, kind.advice, phrases, openings, without, together))
        supported = self._phrases(source, source.file.supported, ("supported",))
        examples = [
            (self._phrases(source, example.when, ("examples", index, "when")), example.write)
            for index, example in enumerate(source.file.examples)
        ]
        assert supported is not None  # noqa: S101 - the model wants at least one
        if taught:
            supported = self._choice([supported, taught_words])
        return Refusals(tuple(kinds), supported, tuple((node, text) for node, text in examples if node))

    def _phrases(
        self, source: _Source[RefusalFile], texts: list[str], path: tuple[str | int, ...]
    ) -> Node | None:
        options = [self._build(source, text, (*path, index)) for index, text in enumerate(texts)]
        return self._choice(options) if options else None

    def _build(
        self, source: _Source[GrammarFile] | _Source[RefusalFile], text: str, path: tuple[str | int, ...]
    ) -> Node:
        try:
            return self._node(ast.parse_phrase(text))
        except ast.PhraseError as error:
            raise DocumentError((source.problem(path, str(error)),)) from error

    def _node(self, phrase: ast.Phrase) -> Node:
        """Returns the node of a phrase; equal phrases share one, wherever they stand."""
        node = self.shared.get(phrase)
        if node is None:
            node = self.shared[phrase] = self._new_node(phrase)
        return node

    def _new_node(self, phrase: ast.Phrase) -> Node:
        node: Node
        match phrase:
            case ast.Word(text):
                return self._word_node(frozenset(self._expanded([text])))
            case ast.Reference(name):
                return self._rule(name)
            case ast.Slot():
                node = self._slot(phrase)
            case ast.Sequence(parts):
                node = SequenceNode([self._node(part) for part in parts])
            case ast.Choice(options):
                return self._choice([self._node(option) for option in options])
            case ast.Maybe(part):
                node = MaybeNode(self._node(part))
            case ast.Several(part, closed):
                node = SeveralNode(self._node(part), self._rule(SEPARATOR), closed=closed)
        self.nodes.append(node)
        return node

    def _word_node(self, words: frozenset[str]) -> WordNode:
        node = WordNode()
        self.words[node] = words
        self.nodes.append(node)
        return node

    def _words_so_far(self) -> frozenset[str]:
        return frozenset().union(*self.words.values())

    def _number_words(self) -> None:
        """Gives each word its bit: the lower, the more nodes hold it, as a mask is as long as its highest."""
        counts = Counter(word for words in self.words.values() for word in words)
        for word in sorted(counts, key=lambda word: (-counts[word], word)):
            self.bits[word] = 1 << (TYPE_BITS + len(self.bits))
        for node, words in self.words.items():
            node.words = sum(self.bits[word] for word in words)

    def _rule(self, name: str) -> RuleNode:
        rule = self.rules.get(name)
        if rule is None:
            raise ast.PhraseError(f"there is no rule <{name}>")
        return rule

    def _slot(self, slot: ast.Slot) -> Node:
        if slot.type in TYPES:
            return ValueNode(slot.field, slot.type, TYPES[slot.type], telling=slot.type in TELLING)
        if slot.type not in self.rules:
            raise ast.PhraseError(f"there is no value type or rule {slot.type!r}")
        return ObjectNode(slot.field, self.rules[slot.type])

    def _choice(self, options: Sequence[Node]) -> Node:
        """Joins options; single words among them become one node."""
        words: frozenset[str] = frozenset()
        others: list[Node] = []
        for option in options:
            if isinstance(option, WordNode):
                words |= self.words[option]
            else:
                others.append(option)
        if not others:
            return self._word_node(words)
        if len(others) == 1 and not words:
            return others[0]
        node = ChoiceNode(others)
        self.words[node] = words
        self.nodes.append(node)
        return node

    def _settle(self) -> None:
        for _ in range(MAX_SETTLE_ROUNDS):
            # A list, not a generator: every node is settled in each round.
            if not any([node.settle() for node in self.nodes]):  # noqa: C419
                return


def _compiled(source: _Source[GrammarFile], frame: Frame, parts: Sequence[Node]) -> CompiledFrame:
    stated = parts[: len(parts) - len(frame.may)]
    needed = sum(1 << index for index, part in enumerate(stated) if not part.nullable)
    needs = Needs.of_all(part.needs for part in stated if not part.nullable)
    return CompiledFrame(
        frame.name,
        source.file.intent_type or "",
        bool(frame.head),
        needed,
        tuple(parts),
        needs.rarest_first(),
        reduce(or_, (part.first for part in parts)),
        tuple(frame.sets.items()),
        source.taught.means if source.taught else None,
    )
