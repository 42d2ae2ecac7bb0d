"""One text made ready to match: tokens, the names in it, its values, and what each token may begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from nlp.compiled import Grammar
from nlp.lexicon import Lexicon
from nlp.matching import Chart
from nlp.normal import NormalText
from nlp.numerals import FRACTION_WORDS, NUMBER_WORDS
from nlp.open_values import ASSIGNED, MARKS, read_value_of
from nlp.reading import Span
from nlp.tokens import Token
from nlp.values import NUMERIC
from nlp.words import Vocabulary, Words, find_quoted

BUDGET = 12_000
"""Steps that matching one text may take; ordinary texts take a tenth."""
_NUMERIC_WORDS = NUMBER_WORDS | FRACTION_WORDS | {"a", "an", "one"}
_ENDING = frozenset({".", "!", "!!", "!!!", "..", "...", ";", ","})
_NAMES = ("name", "known-name", "certain-name", "closing-namespace", "subset", "place")
_ANYTHING = ("reason", "purpose", "aim", "circumstance")
_DIGITS_TOO = ("version", "plain-version", "port", "port-with-protocol")


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A text ready to match."""

    normal: NormalText
    words: Words
    chart: Chart

    @property
    def tokens(self) -> Sequence[Token]:
        """The tokens that are matched."""
        return self.chart.tokens

    def spans(self, places: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
        """Returns the original characters of token ranges."""
        return tuple(
            self.normal.span(self.tokens[start].start, self.tokens[end - 1].end)
            for start, end in places
            if end > start
        )


class Preparation:
    """Makes texts ready to match by one grammar."""

    def __init__(self, grammar: Grammar, lexicon: Lexicon) -> None:
        self.vocabulary = _vocabulary(grammar)
        self._lexicon = lexicon
        self._words = grammar.word_bits
        bits = grammar.type_bits
        self._numeric = _joined(bits, set(NUMERIC) - set(MARKS))
        self._names = _joined(bits, _NAMES)
        self._anything = _joined(bits, _ANYTHING)
        self._assigned = _joined(bits, ASSIGNED)
        self._marked = [(frozenset(marks), bits.get(name, 0)) for name, marks in MARKS.items()]
        rest = set(bits) - set(NUMERIC) - set(_NAMES) - set(_ANYTHING) - set(MARKS) - ASSIGNED
        self._wordy = _joined(bits, (*rest, *_DIGITS_TOO))

    def prepare(
        self, normal: NormalText, tokens: Sequence[Token], names: Mapping[int, Sequence[tuple[int, str]]]
    ) -> PreparedText:
        """Makes a text ready: `names` are the lexicon's names by the token that they begin at."""
        last = len(tokens)
        while last and tokens[last - 1].text in _ENDING:
            last -= 1
        tokens = tokens[:last]
        words = Words(tokens, self.vocabulary, names, self._lexicon.phrases, find_quoted(tokens, normal.text))
        masks = [self._mask(token, at, words) for at, token in enumerate(tokens)]
        for start, found in names.items():
            # What stands within a longer name is part of it and begins nothing.
            for inside in range(start + 1, min(found[0][0], last)):
                masks[inside] = self._anything
        return PreparedText(normal, words, Chart(tokens, [*masks, 0], partial(read_value_of, words), BUDGET))

    def _mask(self, token: Token, at: int, words: Words) -> int:
        """Returns what a token may begin: words of the grammar and types of values."""
        low = token.low
        mask = self._words.get(low, 0) | self._anything
        first = low[0]
        if (
            first.isdigit()
            or first in "+-."
            or low in _NUMERIC_WORDS
            or low.partition("-")[0] in _NUMERIC_WORDS
        ):
            mask |= self._numeric | self._wordy
        if not low.isalpha():
            for marks, bit in self._marked:
                if not marks.isdisjoint(low):
                    mask |= bit
        if first.isalnum() or first == "_" or at in words.quoted:
            mask |= self._wordy
            if words.assigns(at + 1) or at in words.quoted:
                mask |= self._assigned
            known = self.vocabulary
            may_name = low not in known.reserved or low in known.values or low in known.names
            if may_name or at in words.names or at in words.quoted:
                mask |= self._names
        return mask


def _vocabulary(grammar: Grammar) -> Vocabulary:
    words = grammar.words
    return Vocabulary(
        reserved=grammar.reserved,
        function=words["function"],
        vague=words["vague"],
        purposes=words["purposes"],
        paired=words["paired"],
        scopes=words["scopes"],
        aims=words["aims"],
        circumstances=words["circumstances"],
        times=words["times"],
        periods=words["periods"],
        manners=words["manners"],
        units=words["units"],
        urgencies=words["urgencies"],
        qualified=words["qualified"],
        acronyms=words["acronyms"],
        values=words["values"],
        software=words["software"],
        names=words["names"],
        hard=words["hard"],
        levels=words["levels"],
        soft=words["soft"],
        forbidden_in_reason=words["forbidden"],
        instructions=words["instructions"],
        reason_ends=words["ends"],
        reason_openers=words["openers"],
        never_names=words["function"]
        | words["vague"]
        | words["purposes"]
        | words["refused"]
        | words["times"]
        | words["protocols"]
        | words["measures"]
        | words["qualifiers"]
        | words["people"]
        | words["urgencies"],
        never_key_words=words["function"]
        | words["vague"]
        | words["counted"]
        | words["wishes"]
        | words["moments"]
        | NUMBER_WORDS,
    )


def _joined(bits: Mapping[str, int], names: Iterable[str]) -> int:
    mask = 0
    for name in names:
        mask |= bits.get(name, 0)
    return mask
