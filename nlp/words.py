"""The words of one text, and what the grammar's vocabulary says of them.

What keeps open values from swallowing meaning is this vocabulary: a word that the grammar knows is no name,
no key in plain words and no value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nlp.tokens import Token


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the words of the grammar mean to open values.

    Attributes:
        reserved: every word of the grammar: none of them is a name.
        function: words that are not even a namespace or a setting's value.
        vague: words in place of a value.
        purposes: words that name a purpose, never a workload.
        paired: words that "with" belongs to within a purpose.
        scopes: words that make a place of what stands beside them, and no purpose.
        aims: verbs that begin a reason after "to".
        circumstances: words that begin a reason after "as".
        manners: words that say with "in" how, when or where, and so name no namespace after a mere "in".
        times: words that make a time of a reason that they end.
        periods: of those, the ones that a word before them makes a load: "the busy hour".
        units: words that are what a number is of, and so no value of a setting.
        urgencies: words of urgency.
        qualified: nouns that a word of urgency says more of, where one follows it.
        acronyms: words in capitals that are no keys.
        values: words of the grammar that may be a value, a namespace or a version all the same.
        software: names of well-known software.
        names: words of the grammar that may be a workload's name too.
        hard: words of which alone no key is made.
        levels: words that are a value right after a key in plain words.
        soft: words of the grammar that may stand in a key of plain words beside others.
        forbidden_in_reason: conditions and times.
        instructions: verbs that begin an instruction where they follow "and".
        reason_ends: words before which a reason may end.
        reason_openers: words that stand before a reason.
        never_names: words that are no workload's name, even quoted.
        never_key_words: words that are in no key of plain words.
    """

    reserved: frozenset[str]
    function: frozenset[str]
    vague: frozenset[str]
    purposes: frozenset[str]
    paired: frozenset[str]
    scopes: frozenset[str]
    aims: frozenset[str]
    circumstances: frozenset[str]
    times: frozenset[str]
    periods: frozenset[str]
    manners: frozenset[str]
    units: frozenset[str]
    urgencies: frozenset[str]
    qualified: frozenset[str]
    acronyms: frozenset[str]
    values: frozenset[str]
    software: frozenset[str]
    names: frozenset[str]
    hard: frozenset[str]
    levels: frozenset[str]
    soft: frozenset[str]
    forbidden_in_reason: frozenset[str]
    instructions: frozenset[str]
    reason_ends: frozenset[str]
    reason_openers: frozenset[str]
    never_names: frozenset[str]
    never_key_words: frozenset[str]


@dataclass(slots=True)
class Words:
    """The tokens of one text.

    Attributes:
        names: for each token, the lexicon's names that begin there, the longest first.
        spellings: each spelling of the lexicon, and the target it stands for.
        quoted: for each opening quote, (token after the closing one, what stands between).
    """

    tokens: Sequence[Token]
    vocabulary: Vocabulary
    names: Mapping[int, Sequence[tuple[int, str]]]
    spellings: Mapping[str, str]
    quoted: dict[int, tuple[int, str]] = field(default_factory=dict)

    def low(self, at: int) -> str:
        """Returns a token in lower case, and a full stop after the last one."""
        return self.tokens[at].low if at < len(self.tokens) else "."

    def assigns(self, at: int) -> bool:
        """Whether a token is `=`."""
        return at < len(self.tokens) and self.tokens[at].text == "="

    def is_reserved(self, low: str) -> bool:
        """Whether the frames of the grammar know a word."""
        return low in self.vocabulary.reserved

    def is_known(self, low: str) -> bool:
        """Whether the grammar knows a word as anything but a name."""
        known = low in self.vocabulary.reserved or low in self.vocabulary.values
        return known and low not in self.vocabulary.names


def find_quoted(tokens: Sequence[Token], text: str) -> dict[int, tuple[int, str]]:
    """Returns for each opening quote the token after its closing one, and the text between."""
    found: dict[int, tuple[int, str]] = {}
    at = 0
    while at < len(tokens):
        if tokens[at].text in ('"', "'"):
            close = next(
                (other for other in range(at + 1, len(tokens)) if tokens[other].text == tokens[at].text), None
            )
            if close is not None and close > at + 1:
                found[at] = (close + 1, text[tokens[at].end : tokens[close].start])
                at = close
        at += 1
    return found
