"""Settings in a text: keys, technical or in plain words, and their values."""

from __future__ import annotations

import re

from nlp import numerals, values
from nlp.open_names import CLOCK, is_adverb, is_key_like, is_number_like
from nlp.values import Found
from nlp.words import Words

MAX_KEY_WORDS = 4
"""The longest key in plain words."""
_AMOUNTS = frozenset({"LIMIT", "LIMITS", "REQUEST", "REQUESTS", "QUOTA"})
"""With "memory" they are a resource, whatever word stands before them."""
_RESOURCES = frozenset({"MEMORY", "STORAGE"})
"""What ends with one of them is a resource of the workload, whatever word stands before it."""
_TECHNICAL_KEY = re.compile(r"[a-z][a-z0-9]*(?:[._-]+[a-z0-9]+)+\Z", re.IGNORECASE)
_CAPITALS = re.compile(r"[A-Z][A-Z0-9]+\Z")
_PLAIN_WORD = re.compile(r"[a-z][a-z0-9]*\Z", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^\w]+\Z")


def read_key(words: Words, at: int) -> Found:
    """A key that keeps its spelling: it has an underscore, a dot or a dash, or only capitals."""
    token = words.tokens[at]
    end, word = words.quoted.get(at, (at + 1, token.text))
    capitals = _CAPITALS.match(word)
    if not capitals and not _TECHNICAL_KEY.match(word):
        return []
    if at not in words.quoted and (at in words.names or _means_else(words, at, capital=bool(capitals))):
        return []
    return [(end, word)]


def read_technical_key(words: Words, at: int) -> Found:
    """A key that can be no workload's name: capitals, an underscore, a dot, or a measure ("max-sessions")."""
    return [
        (end, key)
        for end, key in read_key(words, at)
        if re.search(r"[A-Z_.]", str(key)) or is_key_like(str(key)) or at in words.quoted
    ]


def _means_else(words: Words, at: int, *, capital: bool) -> bool:
    """Whether a word in the form of a key is an option, a word of the grammar, a version or an amount."""
    low = words.tokens[at].low
    vocabulary = words.vocabulary
    if low.startswith("--") or low in vocabulary.function or is_number_like(low):
        return True
    if words.is_reserved(low):
        # In a text all in capitals, capitals make no key of a word.
        mixed = any(other.text.islower() for other in words.tokens)
        if low in vocabulary.acronyms or not capital or not mixed:
            return True
    readers = (values.read_plain_version, values.read_cpu, values.read_memory)
    return any(read(words.tokens, at) for read in readers)


def read_assigned_key(words: Words, at: int) -> Found:
    """A key right before `=`: also one in small letters, which then becomes capitals."""
    found = read_key(words, at)
    if found or not words.assigns(at + 1):
        return found
    word = words.tokens[at].text
    low = words.tokens[at].low
    if not _PLAIN_WORD.match(word) or low in words.vocabulary.reserved or is_adverb(low):
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
        if token.low in words.vocabulary.never_key_words or is_adverb(token.low):
            break
        parts.append(token.text.upper())
        own = own or token.low not in words.vocabulary.hard
        if "MEMORY" in parts and not _AMOUNTS.isdisjoint(parts):
            break
        if own and parts[-1] not in _RESOURCES and (position > at or len(token.text) > 1):
            found.append((position + 1, "_".join(parts)))
    return found


def read_value(words: Words, at: int) -> Found:
    """The value of a setting, in its own spelling; "10 seconds" is `10s`."""
    if at in words.quoted:
        end, content = words.quoted[at]
        return [(end, content)]
    amount = _read_amount(words, at)
    if amount:
        return amount
    token = words.tokens[at]
    low, vocabulary = token.low, words.vocabulary
    no_value = low in vocabulary.function and low not in vocabulary.values
    if no_value or low in vocabulary.vague or low in vocabulary.units or low in numerals.NUMBER_WORDS:
        return []
    says_how = is_adverb(low) and low not in vocabulary.forbidden_in_reason
    if says_how or _PUNCTUATION.match(low) or CLOCK.match(low):
        return []
    if words.low(at + 1) == "%" and not words.tokens[at + 1].spaced:
        return [(at + 2, token.text + "%")]
    return [(at + 1, token.text), *_read_list(words, at)]


def _read_list(words: Words, at: int) -> Found:
    """Values with nothing but commas between them are one: `NEA2,NEA1,NEA0`."""
    tokens, end, text = words.tokens, at + 1, words.tokens[at].text
    while end + 1 < len(tokens) and tokens[end].text == "," and not words.assigns(end + 2):
        if tokens[end].spaced or tokens[end + 1].spaced:
            break
        end, text = end + 2, f"{text},{tokens[end + 1].text}"
    return [(end, text)] if end > at + 1 else []


def _read_amount(words: Words, at: int) -> Found:
    """A number and its unit in two words: "10 seconds" is `10s`, "512 MB" is `512MB`."""
    tokens = words.tokens
    for read in (values.read_duration, values.read_memory):
        for end, found in read(tokens, at):
            if end != at + 2:
                continue
            if read is values.read_memory and numerals.digits(tokens[at].low) is not None:
                return [(end, tokens[at].text + tokens[at + 1].text)]
            return [(end, found)]
    return []


def read_state(words: Words, at: int) -> Found:
    """A value after "must be": no participle, which would say what is to be done ("must be migrated")."""
    low = words.tokens[at].low
    done = low.endswith(("ed", "en")) and low not in words.vocabulary.values
    return [] if done and at not in words.quoted else read_value(words, at)


def read_number_value(words: Words, at: int) -> Found:
    """A value right after a key in plain words: it must begin with a digit."""
    return read_value(words, at) if words.tokens[at].text[0].isdigit() else []


def read_level(words: Words, at: int) -> Found:
    """A value right after a key in plain words that is a word of its own: `debug`, `off`."""
    return [(at + 1, words.tokens[at].text)] if words.tokens[at].low in words.vocabulary.levels else []


def read_bare_value(words: Words, at: int) -> Found:
    """A value right after its key: no word of the grammar, nor a plain word after what may be a name."""
    low, key = words.tokens[at].low, words.tokens[at - 1].text
    if low in words.vocabulary.function or (words.is_reserved(low) and low not in words.vocabulary.values):
        return []
    if at in words.quoted or low[0].isdigit() or low in words.vocabulary.values:
        return read_value(words, at)
    named = _CAPITALS.match(key) or ("-" in key and key.islower())
    return [] if named else read_value(words, at)
