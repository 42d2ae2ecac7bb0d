"""The reader of intents: text in, Reading out, whatever the text.

Puts the steps together: safety, tokens, names, covers, actions, refusal. One lock, as spaCy's memory zone is
one for all threads.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nlp.assembly import Meant, assemble
from nlp.clauses import IGNORED, REASON, ClauseFinder, Cover
from nlp.draft import Places, Rejected, unclear
from nlp.grammar import Grammar, load_grammar
from nlp.lexicon import Lexicon
from nlp.matching import Chart, TooComplex
from nlp.normal import NormalText, normalise
from nlp.numerals import FRACTION_WORDS, NUMBER_WORDS
from nlp.open_values import TextValues, Vocabulary, find_quoted
from nlp.reading import Assumption, ReadAction, Reading, Refusal, RefusalReason, Span
from nlp.refusals import Judge, Verdict
from nlp.resources import load_lexicons, load_unsafe
from nlp.safety import SafetyCheck
from nlp.tokens import Token, Tokenizer, to_tokens
from nlp.values import NUMERIC

MAX_LENGTH = 1000
"""The longest text, in characters."""
BUDGET = 20_000
"""Steps that matching one text may take."""
_NUMERIC_WORDS = NUMBER_WORDS | FRACTION_WORDS | {"a", "an", "one"}
_GREETINGS = frozenset({"please", "hello", "hi", "hey", ",", "kindly", "urgent", ":", "so", "and", "!"})
_ENDING = frozenset({".", "!", "!!", "!!!", "..", "...", ";", ","})
_HEX_STARTS = frozenset("abcdef:")


class Reader:
    """Reads texts; thread-safe, warm after construction.

    Attributes:
        digest: names the grammar and the lexicon in force.
    """

    def __init__(self, grammar: Grammar, names: Mapping[str, Sequence[str]], digest: str) -> None:
        self.digest = digest
        self._grammar = grammar
        self._tokenizer = Tokenizer()
        self._lexicon = Lexicon(names, self._tokenizer)
        self._safety = SafetyCheck(load_unsafe(), self._lexicon.phrases)
        self._vocabulary = vocabulary(grammar)
        self._judge = Judge(grammar.refusals)
        self._classes = _TypeBits(grammar.type_bits)
        self._glue = _bits(grammar, (",", ":", "(", "-", "--"))
        self._closing = _bits(grammar, (")",))
        self._lock = threading.Lock()

    @classmethod
    def load(cls, lexicon_files: Sequence[Path] = ()) -> Reader:
        """Loads the shipped grammar and lexicon, extended by Lexicon documents.

        Raises:
            documents.DocumentError: a file is broken.
        """
        grammar = load_grammar()
        names, digest = load_lexicons(lexicon_files)
        return cls(grammar, names, digest)

    def read(self, text: object) -> Reading:
        """Returns what a text means; never raises."""
        if not isinstance(text, str):
            return self._refused("", RefusalReason.INVALID, "an intent is a text of 1 to 1,000 characters")
        if len(text) > MAX_LENGTH:
            message = f"the text has {len(text):,} characters; write at most {MAX_LENGTH:,}"
            return self._refused(text[:MAX_LENGTH], RefusalReason.INVALID, message)
        normal = normalise(text)
        danger = self._safety.find(normal.text)
        if danger is not None:
            spans = (normal.span(danger.start, danger.end),)
            message = f"the text holds {danger.what}; write the intent in plain words"
            return self._refused(text, RefusalReason.UNSAFE, message, spans)
        if not any(character.isalnum() for character in normal.text):
            message = "the text says nothing; write what is to be done, in 1 to 1,000 characters"
            return self._refused(text, RefusalReason.AMBIGUOUS, message)
        with self._lock, self._tokenizer.nlp.memory_zone():
            doc = self._tokenizer.nlp.make_doc(normal.text.replace("\n", " "))
            tokens = to_tokens(doc)
            names = self._lexicon.find(doc)
        return self._read(normal, tokens, names)

    def _read(
        self, normal: NormalText, tokens: list[Token], names: Mapping[int, Sequence[tuple[int, str]]]
    ) -> Reading:
        while tokens and tokens[-1].text in _ENDING:
            tokens = tokens[:-1]
        values = TextValues(
            tokens, self._vocabulary, names, self._lexicon.phrases, find_quoted(tokens, normal.text)
        )
        masks = [self._mask(token, at, values) for at, token in enumerate(tokens)]
        for start, found in names.items():
            # What stands within a longer name is part of it and begins nothing.
            for inside in range(start + 1, min(found[0][0], len(tokens))):
                masks[inside] = self._classes.anything
        chart = Chart(tokens, [*masks, 0], values.read, BUDGET)
        finder = ClauseFinder(self._grammar, chart, self._glue, self._closing)
        try:
            covers = finder.covers()
            if covers:
                cover, actions = _meant(covers)
                return self._accepted(normal, tokens, cover, actions)
        except Rejected as rejected:
            verdict = Verdict(rejected.reason, rejected.message, rejected.places)
        except TooComplex:
            message = "the text can be read in too many ways; split it into several intents"
            verdict = Verdict(RefusalReason.AMBIGUOUS, message, ())
        else:
            verdict = self._judged(chart, values, finder.farthest)
        return self._refused(normal.original, verdict.reason, verdict.message, _spans(verdict.places, tokens, normal))

    def _judged(self, chart: Chart, values: TextValues, farthest: int) -> Verdict:
        """Tells why a text that no clauses cover is refused."""
        chart.budget = BUDGET
        opening = next(
            (at for at, token in enumerate(chart.tokens) if token.low not in _GREETINGS), len(chart.tokens)
        )
        found = self._judge.unsupported(chart, values.quoted, opening)
        return found or self._judge.unread(chart, values.quoted, farthest)

    def _accepted(
        self, normal: NormalText, tokens: Sequence[Token], cover: Cover, actions: Sequence[Meant]
    ) -> Reading:
        ignored: list[tuple[Span, str]] = []
        reasons: list[str] = []
        for clause in cover.clauses:
            for one in clause.found:
                span = _spans(((one.start, one.end),), tokens, normal)[0]
                if one.field == IGNORED:
                    ignored.append((span, str(one.value)))
                elif one.field == REASON:
                    ignored.append((span, "reason"))
                    reasons.append(span.text)
        read = tuple(
            ReadAction(
                action.fields, {name: _spans(places, tokens, normal) for name, places in action.places.items()}
            )
            for action in actions
        )
        assumed = tuple(
            Assumption(index, *assumption)
            for index, action in enumerate(actions)
            for assumption in action.assumed
        )
        return Reading(
            normal.original, read, assumed, tuple(ignored), "; ".join(reasons)[:512], grammar_digest=self.digest
        )

    def _refused(
        self, text: str, reason: RefusalReason, message: str, unread: tuple[Span, ...] = ()
    ) -> Reading:
        return Reading(text, refusal=Refusal(reason, message, unread), grammar_digest=self.digest)

    def _mask(self, token: Token, at: int, values: TextValues) -> int:
        """Returns what a token may begin: words of the grammar and types of values."""
        low = token.low
        mask = self._grammar.word_bits.get(low, 0)
        first = low[0]
        if first.isdigit() or first in "+-." or low in _NUMERIC_WORDS or low.partition("-")[0] in _NUMERIC_WORDS:
            mask |= self._classes.numeric | self._classes.wordy
        if ":" in low and first in _HEX_STARTS:
            mask |= self._classes.address
        if first.isalnum() or at in values.quoted or first == "_":
            mask |= self._classes.wordy
            if low not in self._vocabulary.reserved or at in values.names:
                mask |= self._classes.names
            elif low in self._vocabulary.values or low in self._vocabulary.names:
                mask |= self._classes.names
        return mask | self._classes.anything


class _TypeBits:
    """Masks of the value types by how their first token looks."""

    def __init__(self, bits: Mapping[str, int]) -> None:
        def joined(names: Sequence[str]) -> int:
            mask = 0
            for name in names:
                mask |= bits.get(name, 0)
            return mask

        named = ("name", "known-name", "certain-name", "kinded", "closing-namespace", "subset", "label-key", "place")
        self.address = joined(("address",))
        self.numeric = joined(tuple(NUMERIC))
        self.names = joined(named)
        self.anything = joined(("reason", "purpose"))
        rest = set(bits) - set(NUMERIC) - set(named) - {"reason", "purpose"}
        self.wordy = joined((*rest, "version", "plain-version", "port", "port-with-protocol", "factor"))


def vocabulary(grammar: Grammar) -> Vocabulary:
    """Returns what the words of a grammar mean to open values."""
    words = grammar.words
    return Vocabulary(
        reserved=grammar.reserved,
        function=words["function"],
        vague=words["vague"],
        purposes=words["purposes"],
        times=words["times"],
        units=words["units"],
        acronyms=words["acronyms"],
        values=words["values"],
        software=words["software"],
        names=words["names"],
        hard=words["hard"],
        soft=words["soft"],
        forbidden_in_reason=words["forbidden"],
        instructions=words["instructions"],
        reason_ends=words["ends"],
        never_names=words["function"] | words["vague"] | words["purposes"],
        never_key_words=words["function"] | words["vague"] | words["counted"] | NUMBER_WORDS,
    )


def _meant(covers: Sequence[Cover]) -> tuple[Cover, list[Meant]]:
    """Returns the cheapest cover that means something, if all of that cost mean the same.

    Raises:
        Rejected: there is none, or several that differ.
    """
    rejected: Rejected | None = None
    accepted: list[tuple[Cover, list[Meant]]] = []
    for cover in covers:
        if accepted and cover.cost > accepted[0][0].cost:
            break
        try:
            accepted.append((cover, assemble(cover)))
        except Rejected as error:
            if rejected is None or (error.reason is RefusalReason.INVALID and not accepted):
                rejected = error
    if not accepted:
        raise rejected or unclear("the text was not understood")
    first = [action.fields for action in accepted[0][1]]
    if any([action.fields for action in actions] != first for _, actions in accepted[1:]):
        raise unclear("the text can be read in two ways; say it more plainly")
    return accepted[0]


def _spans(places: Places, tokens: Sequence[Token], normal: NormalText) -> tuple[Span, ...]:
    return tuple(normal.span(tokens[start].start, tokens[end - 1].end) for start, end in places if end > start)


def _bits(grammar: Grammar, words: Sequence[str]) -> int:
    mask = 0
    for word in words:
        mask |= grammar.word_bits.get(word, 0)
    return mask


__all__ = ["MAX_LENGTH", "Reader", "replace"]
