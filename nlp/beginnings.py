"""What each token of a text may begin: words of the grammar and types of values, as masks.

Looks at single tokens and their neighbours only. A mask may allow what turns out to begin nothing; it never
rules out what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nlp import values
from nlp.numerals import FRACTION_WORDS, NUMBER_WORDS, SCALE_WORDS
from nlp.open_names import BEFORE_PRIORITY, PART_ENDS
from nlp.open_values import ASSIGNED, MARKS, TYPES
from nlp.words import Vocabulary, Words

_NUMERIC_WORDS = NUMBER_WORDS | FRACTION_WORDS | {"a", "an", "one"}
_NAMES = ("name", "known-name", "certain-name", "closing-namespace", "subset", "place")
_ANYTHING = ("reason", "purpose", "aim", "circumstance")
_WITH_DIGITS = ("version", "plain-version", "port", "port-with-protocol")
"""Types whose values may begin with a letter, but hold a digit."""
_NOT_FUNCTION = (
    *("name", "certain-name", "namespace", "namespace-name", "closing-namespace", "apart-namespace"),
    *("closing-namespace-word", "place", "subset", "label-key"),
    *("key", "technical-key", "plain-key", "bare-value"),
)
"""Types of which no word of function begins a value."""
_NOT_PLAIN = ("name", "certain-name", "namespace-name", "closing-namespace", "subset", "place", "bare-value")
"""Types of which no word begins a value that is of the grammar and nothing else; after "the" it may name."""
_SPELT = ("key", "technical-key")
"""Types whose values are not of small letters alone."""
_NOT_DIGITS = (
    *("name", "certain-name", "subset", "key", "technical-key", "plain-key"),
    *("plain-version", "clock", "port-with-protocol"),
)
"""Types of which no value is digits alone."""
_AMOUNTS = ("cpu", "memory", "duration", "bandwidth", "percent", "part")
"""Types of which a number alone is no value."""
_AMOUNT_GOES_ON = values.UNITS | SCALE_WORDS | {"and", "%", "percent", "pct", "percents", "per"}


class Beginnings:
    """What tokens may begin, by one grammar."""

    def __init__(self, word_bits: Mapping[str, int], vocabulary: Vocabulary) -> None:
        self._words = word_bits
        self._vocabulary = vocabulary
        self._numeric = _joined(set(values.NUMERIC) - set(MARKS))
        self._names = _joined(_NAMES)
        self._anything = _joined(_ANYTHING)
        self._assigned = _joined(ASSIGNED)
        self._marked = [(frozenset(marks), TYPES[name]) for name, marks in MARKS.items()]
        rest = set(TYPES) - set(values.NUMERIC) - set(_NAMES) - set(_ANYTHING) - set(MARKS) - ASSIGNED
        self._wordy = _joined((*rest, *_WITH_DIGITS))
        self._with_digits = _joined(_WITH_DIGITS)
        self._not_function = _joined(_NOT_FUNCTION)
        self._not_plain = _joined(_NOT_PLAIN)
        self._spelt = _joined(_SPELT)
        self._not_digits = _joined(_NOT_DIGITS)
        self._with_sign = _joined(("signed", "plus-count"))
        self._amounts = _joined(_AMOUNTS)
        self._plain = vocabulary.reserved - vocabulary.values - vocabulary.names
        self._hard = {word for word in vocabulary.reserved - vocabulary.soft if not word.endswith("ing")}
        listed = {
            "urgency": vocabulary.urgencies | BEFORE_PRIORITY,
            "level": vocabulary.levels,
            "protocol": values.PROTOCOLS,
            "aim": vocabulary.aims,
            "circumstance": vocabulary.circumstances,
        }
        self._listed = _joined(listed)
        self._begun: dict[str, int] = {}
        for name, words in listed.items():
            for word in words:
                self._begun[word] = self._begun.get(word, 0) | TYPES[name]

    def looks(self, words: Words) -> list[int]:
        """Returns for each token what it may begin by its own looks, whatever its neighbours and meaning."""
        looks = [self._look(words, at) for at in range(len(words.tokens))]
        for start, found in words.names.items():
            # What stands within a longer name is part of it and begins nothing.
            for inside in range(start + 1, min(found[0][0], len(looks))):
                looks[inside] = self._anything
        return looks

    def _look(self, words: Words, at: int) -> int:
        low = words.tokens[at].low
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
            known = self._vocabulary
            may_name = low not in known.reserved or low in known.values or low in known.names
            if may_name or at in words.names or at in words.quoted:
                mask |= self._names
        return mask

    def ruled_out(self, words: Words, at: int) -> int:
        """Returns types that a token begins no value of, for all its looks: their readers would find none.

        Most of what is tried else comes to nothing.
        """
        low = words.tokens[at].low
        mask = self._listed & ~self._begun.get(low, 0)
        if low.isalpha():
            mask |= self._with_digits
        if low[0] not in "+-":
            mask |= self._with_sign
        if at in words.names:
            return mask
        mask |= TYPES["known-name"]
        return mask if at in words.quoted else mask | self._ruled_out_by_word(words, at)

    def _ruled_out_by_word(self, words: Words, at: int) -> int:
        """Returns more such types, for a word that is neither quoted nor a name of the lexicon."""
        token, known = words.tokens[at], self._vocabulary
        low = token.low
        mask = self._not_function if low in known.function else 0
        if low.isalpha():
            if not token.text.isupper():
                mask |= self._spelt
            if low not in known.software:
                mask |= TYPES["certain-name"]
            if low in self._hard:
                mask |= TYPES["plain-key"]
        elif low.isdecimal():
            mask |= self._not_digits
            if words.low(at + 1) not in _AMOUNT_GOES_ON:
                mask |= self._amounts
        if low in self._plain and words.low(at - 1) != "the":
            mask |= self._not_plain
        following = words.low(at + 2)
        if following not in PART_ENDS and following != ":":
            mask |= TYPES["closing-namespace-word"]
        return mask


def _joined(names: Iterable[str]) -> int:
    return sum(TYPES[name] for name in set(names))
