"""Reasons in a text: free words, up to where they may end.

A condition, a time or an instruction ends a reason, as it would be dropped with it.
"""

from __future__ import annotations

import re

from nlp import numerals
from nlp.open_names import CLOCK
from nlp.values import ADDRESS, Found
from nlp.words import Words

MAX_REASON_WORDS = 60
"""The longest reason, in tokens."""
_JOINTS = frozenset({"and", ",", "then", "or", "also"})
_MODALS = frozenset({"shall", "should", "must"})
_ABSTRACT = ("ing", "tion", "ance", "ence", "ity", "ness", "ment", "sis", "ability")
_PURPOSE_ENDS = (*_ABSTRACT, "s")
_NAME_LIKE = re.compile(r"\w-\w|\d")
_NO_REASONS = frozenset({"not", "no", "never", "only"})
_NEVER_LAST = frozenset({"next", "only"})
_CLOSING = frozenset({"reasons", "purposes"})
_CLAUSES = frozenset({"and", "on", "for", "of", ","})
_NEVER_LOAD = frozenset({"next", "last", "coming", "following", "past"})
_ARTICLES = frozenset({"the", "a", "an", "this", "our", "why", "what", "how"})
_IN_LOAD = frozenset({"the", "a", "an", "of"})
_NO_PURPOSES = _NO_REASONS | {"it", "them", "each", "every", "all", "both"}
_SENTENCE_END = frozenset({".", ";", "!", "?"})


def read_reason(words: Words, at: int) -> Found:
    """The words of a reason, up to each place where it may end; a condition or a time ends none.

    A reason ends at a comma, or before "with", "to" and the like, unless it has swallowed an instruction by
    then. One that closes its sentence may go on after a comma with words that could be nothing else.
    """
    tokens, vocabulary = words.tokens, words.vocabulary
    if numerals.digits(tokens[at].low) is not None or tokens[at].low in _NO_REASONS:
        return []
    found: Found = []
    named = at + (tokens[at].low in ("the", "a", "an"))
    only_name = words.names[named][0][0] if named in words.names else -1
    instructed = False
    leads = _leads(words, at)
    for position in range(at, min(at + MAX_REASON_WORDS, len(tokens))):
        low = tokens[position].low
        if low in _SENTENCE_END or low in vocabulary.forbidden_in_reason or CLOCK.match(low):
            break
        if low in ("namespace", "ns") and words.low(position + 1) not in vocabulary.function:
            break
        if position > at and tokens[position - 1].low in _JOINTS and low in vocabulary.instructions:
            break
        if low == "," and (at == 0 or not _goes_on(words, position)):
            break
        instructed = instructed or low in vocabulary.instructions or low in _MODALS
        end = position + 1
        times = low in vocabulary.times and not _is_load(words, at, position)
        if times or low in _NEVER_LAST or end == only_name:
            continue
        following = words.low(end)
        closes = following in _SENTENCE_END or following in (",", ")") or (low in _CLOSING and not instructed)
        # Without a comma after it, what leads a sentence may go on with what is to be done.
        if closes or (
            not instructed
            and not leads
            and (following in vocabulary.reason_ends or _namespace_follows(words, end))
        ):
            found.append((end, ""))
    return found


def _leads(words: Words, at: int) -> bool:
    """Whether a reason stands at the start of its sentence: nothing but what opens it stands before."""
    before = at - 1
    while before >= 0 and words.tokens[before].low in words.vocabulary.reason_openers:
        before -= 1
    return before < 0 or words.tokens[before].low in _SENTENCE_END


def _is_load(words: Words, at: int, last: int) -> bool:
    """Whether a time that ends a reason says what the load is ("the busy hour"), not how long or when."""
    vocabulary = words.vocabulary
    before = words.low(last - 1)
    counted = numerals.digits(before) is not None or before in numerals.NUMBER_WORDS
    if words.low(last) not in vocabulary.periods or last == at or counted or before in _NEVER_LOAD:
        return False
    plain = vocabulary.function | vocabulary.vague
    return before not in plain and all(
        words.low(inside) in _IN_LOAD or words.low(inside) not in plain for inside in range(at, last)
    )


def read_aim(words: Words, at: int) -> Found:
    """The words of a reason after "to": what is aimed at. One word is a value: "to debug"."""
    vocabulary = words.vocabulary
    if words.low(at) not in vocabulary.aims:
        return []
    instructs = words.low(at) in vocabulary.instructions
    following = words.low(at + 1)
    closes = following in vocabulary.reason_ends or following in vocabulary.function - _ARTICLES
    if words.low(at) in vocabulary.values and closes:
        return []
    return [
        found
        for found in read_reason(words, at)
        if found[0] > at + 1 and not _says_what(words, at, found[0], instructs=instructs)
    ]


def _says_what(words: Words, at: int, end: int, *, instructs: bool) -> bool:
    """Whether an aim would swallow what is to be done: an address, a key, a number, a clause."""
    inside = [words.low(position) for position in range(at, end)]
    if any(ADDRESS.match(low) or "_" in low or (instructs and re.search(r"\d", low)) for low in inside):
        return True
    return inside[0] in words.vocabulary.levels and bool(_CLAUSES & {*inside} or re.search(r"\d", inside[1]))


def read_circumstance(words: Words, at: int) -> Found:
    """The words of a reason after "as": a clause, not a role."""
    return read_reason(words, at) if words.low(at) in words.vocabulary.circumstances else []


def read_purpose(words: Words, at: int) -> Found:
    """The words of a reason after "for", where a workload may stand too: one word must name a purpose."""
    low = words.tokens[at].low
    return [
        found
        for found in read_reason(words, at)
        if (found[0] > at + 1 or low in words.vocabulary.purposes or low.endswith(_ABSTRACT))
        and low not in _NO_PURPOSES
        and words.low(found[0] - 1) not in words.vocabulary.times
        and not _may_name(words, at, found[0])
        and not _says_how(words, at, found[0])
    ]


def _may_name(words: Words, at: int, end: int) -> bool:
    """Whether words after "for" may name a workload or a place, or deny something."""
    vocabulary = words.vocabulary
    if any(position in words.names or words.low(position) in _NO_REASONS for position in range(at, end)):
        return True
    last = words.low(end - 1)
    if last in vocabulary.purposes:
        return False
    if last in vocabulary.scopes or (
        _NAME_LIKE.search(last) and last.rpartition("-")[2] not in vocabulary.purposes
    ):
        return True
    if last.endswith(_PURPOSE_ENDS):
        return False
    inside = [words.low(position) for position in range(at, end)]
    return any(low in vocabulary.scopes or _is_named(low, vocabulary.purposes) for low in inside)


def _is_named(low: str, purposes: frozenset[str]) -> bool:
    return bool(_NAME_LIKE.search(low)) and low not in purposes


def _says_how(words: Words, at: int, end: int) -> bool:
    """Whether words after "for" go on with how it is to be done: "for testing with basic configuration"."""
    return any(
        words.low(position) == "with" and words.low(position - 1) not in words.vocabulary.paired
        for position in range(at + 1, end)
    )


def _goes_on(words: Words, comma: int) -> bool:
    """Whether what follows a comma, up to the end of the sentence, can be nothing but more of a reason."""
    for token in words.tokens[comma + 1 :]:
        if token.low in _SENTENCE_END:
            break
        if token.low in words.vocabulary.instructions or re.search(r"\d|=", token.low) or token.low == ",":
            return False
    return not any(at > comma for at in words.names)


def _namespace_follows(words: Words, at: int) -> bool:
    return at + 1 < len(words.tokens) and words.tokens[at + 1].low in ("namespace", "ns")
