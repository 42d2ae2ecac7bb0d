"""One text made ready to match: tokens, the names in it, its values, and what each token may begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from nlp.beginnings import Beginnings
from nlp.compiled import Grammar
from nlp.lexicon import Lexicon
from nlp.matching import Chart
from nlp.normal import NormalText
from nlp.numerals import NUMBER_WORDS
from nlp.open_values import read_value_of
from nlp.reading import Span
from nlp.tokens import Token
from nlp.words import Vocabulary, Words, find_quoted

BUDGET = 12_000
"""Steps that matching one text may take; ordinary texts take a tenth."""
_ENDING = frozenset({".", "!", "!!", "!!!", "..", "...", ";", ","})


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
        self._beginnings = Beginnings(grammar.word_bits, self.vocabulary)

    def prepare(
        self, normal: NormalText, tokens: Sequence[Token], names: Mapping[int, Sequence[tuple[int, str]]]
    ) -> PreparedText:
        """Makes a text ready: `names` are the lexicon's names by the token that they begin at."""
        last = len(tokens)
        while last and tokens[last - 1].text in _ENDING:
            last -= 1
        tokens = tokens[:last]
        words = Words(tokens, self.vocabulary, names, self._lexicon.phrases, find_quoted(tokens, normal.text))
        looks = self._beginnings.looks(words)
        masks = [look & ~self._beginnings.ruled_out(words, at) for at, look in enumerate(looks)]
        chart = Chart(tokens, [*looks, 0], [*masks, 0], partial(read_value_of, words), BUDGET)
        return PreparedText(normal, words, chart)


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
