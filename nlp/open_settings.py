"""Settings in a text: keys, technical or in plain words, and their values."""

from __future__ import annotations

import re

from nlp import numerals, values
from nlp.open_names import CLOCK, is_number_like
from nlp.values import Found
from nlp.words import Words

MAX_KEY_WORDS = 4
"""The longest key in plain words."""
_TECHNICAL_KEY = re.compile(r"[a-z][a-z0-9]*(?:[._-]+[a-z0-9]+)+\Z", re.IGNORECASE)
_CAPITALS = re.compile(r"[A-Z][A-Z0-9]+\Z")
_PLAIN_WORD = re.compile(r"[a-z][a-z0-9]*\Z", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^\w]+\Z")


def read_key(words: Words, at: int) -> Found:
    """A key that keeps its spelling: it has an underscore, a dot or a dash, or only capitals."""
    token = words.tokens[at]
    if at in words.names or token.low.startswith("--"):
        return []
    if at in words.quoted:
        end, word = words.quoted[at]
        return [(end, word)] if _TECHNICAL_KEY.match(word) or _CAPITALS.match(word) else []
    capitals = _CAPITALS.match(token.text)
    if not capitals and not _TECHNICAL_KEY.match(token.text):
        return []
    # In a text all in capitals, capitals make no key of a word.
    if words.is_reserved(token.low) and (
        token.low in words.vocabulary.acronyms
        or not capitals
        or not any(other.text.islower() for other in words.tokens)
    ):
        return []
    if token.low in words.vocabulary.function or values.read_plain_version(words.tokens, at):
        return []
    if is_number_like(token.low) or values.read_cpu(words.tokens, at) or values.read_memory(words.tokens, at):
        return []
    return [(at + 1, token.text)]


def read_assigned_key(words: Words, at: int) -> Found:
    """A key right before `=`: also one in small letters, which then becomes capitals."""
    found = read_key(words, at)
    if found or not words.assigns(at + 1):
        return found
    word = words.tokens[at].text
    if not _PLAIN_WORD.match(word) or words.tokens[at].low in words.vocabulary.reserved:
        return []
    return [(at + 1, word.upper())]


def read_plain_key(words: Words, at: int) -> Found:
    """A key in plain words: "log level" is `LOG_LEVEL`."""
    found: Found = []
    parts: list[str] = []
    own = False
    for position in range(at, min(at + MAX_KEY_WORDS, len(words.tokens))):
        token = words.tokens[position]
        known = token.low in words.vocabulary.reserved
        soft = token.low in words.vocabulary.soft or token.low.endswith("ing")
        if position in words.names or not _PLAIN_WORD.match(token.text) or (known and not soft):
            break
        if token.low in words.vocabulary.never_key_words:
            break
        parts.append(token.text.upper())
        own = own or token.low not in words.vocabulary.hard
        if own and (position > at or len(token.text) > 1):
            found.append((position + 1, "_".join(parts)))
    return found


def read_value(words: Words, at: int) -> Found:
    """The value of a setting, in its own spelling; "10 seconds" is `10s`."""
    if at in words.quoted:
        end, content = words.quoted[at]
        return [(end, content)]
    for read in (values.read_duration, values.read_memory):
        for end, found in read(words.tokens, at):
            if end == at + 2 and words.tokens[at].low in numerals.NUMBER_WORDS:
                return [(end, found)]
            if end == at + 2 and numerals.digits(words.tokens[at].low) is not None:
                unit = (
                    found
                    if read is values.read_duration
                    else words.tokens[at].text + words.tokens[at + 1].text
                )
                return [(end, unit)]
    token = words.tokens[at]
    low = token.low
    if _PUNCTUATION.match(low) or CLOCK.match(low) or low in numerals.NUMBER_WORDS:
        return []
    if low in words.vocabulary.function and low not in words.vocabulary.values:
        return []
    if low in words.vocabulary.vague or low in words.vocabulary.units:
        return []
    following = words.tokens[at + 1] if at + 1 < len(words.tokens) else None
    if following and following.text == "%" and not following.spaced:
        return [(at + 2, token.text + "%")]
    return [(at + 1, token.text)]


def read_bare_value(words: Words, at: int) -> Found:
    """A value right after its key: no preposition, which would begin something else."""
    return [] if words.tokens[at].low in words.vocabulary.function else read_value(words, at)
