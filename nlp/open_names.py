"""Names in a text that any word may be: workloads, namespaces, versions of a service, places, node labels."""

from __future__ import annotations

import re

from nlp import numerals, values
from nlp.tokens import Token
from nlp.values import Assign, Found
from nlp.words import Words

MIN_ADVERB = 5
"""Words in -ly of more letters than this are adverbs."""
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9_][\w.-]*\Z", re.IGNORECASE)
_KINDED = re.compile(r"([a-z]+)/([a-z0-9_][\w.-]*)\Z", re.IGNORECASE)
_KINDS = {
    **dict.fromkeys(
        ("deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"), "Deployment"
    ),
    **dict.fromkeys(("statefulset", "statefulsets", "sts", "statefulset.apps"), "StatefulSet"),
    **dict.fromkeys(("daemonset", "daemonsets", "ds", "daemonset.apps"), "DaemonSet"),
    **dict.fromkeys(("svc", "service"), ""),
}
# What no workload is called: a limit or a measure ("max-sessions", "retry-interval").
_KEY_LIKE = re.compile(
    r"(?:max|min|num|log-level|enable|disable)[-_.].*\Z|.*[-_.](?:level|size|count|timeout|interval|limit|rate|ttl|mode|period|"
    r"sessions|retries|threshold|percent|ratio|seconds|ms|bytes|enabled|url|uri|host|port|address|key|format|depth)\Z"
)
_VERSION = re.compile(r"v\d+(?:\.\d+)*\Z")
_LABEL_KEY = re.compile(r"[a-z0-9](?:[\w./-]*[a-z0-9])?\Z", re.IGNORECASE)
_LABEL_VALUE = re.compile(r"[a-z0-9](?:[\w.-]*[a-z0-9])?\Z", re.IGNORECASE)
CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:am|pm|z)?\Z|\d{1,2}(?:am|pm)\Z", re.IGNORECASE)
_SUBSET = re.compile(r"[a-z0-9][\w.-]*\Z", re.IGNORECASE)
_PART_BEGINS = frozenset({",", "(", ".", ";", ":", "and", "then"})
BEFORE_PRIORITY = frozenset({"high", "top", "highest"})
PART_ENDS = frozenset(
    {
        ".",
        ",",
        ";",
        "!",
        "?",
        ")",
        "and",
        "then",
        "because",
        "since",
        "due",
        "so",
        "please",
        "asap",
        "as",
        "for",
        "ahead",
    }
)


def read_name(words: Words, at: int) -> Found:
    """A workload: a name of the lexicon, or any other word that the grammar does not know."""
    if at in words.names:
        return [_known_name(words, at)]
    end, word = words.quoted.get(at, (at + 1, words.tokens[at].text))
    low = word.lower()
    if at in words.quoted and low in words.spellings:
        return [(end, words.spellings[low])]
    if not _NAME.match(low) or low in words.vocabulary.never_names:
        return []
    if at not in words.quoted and (words.is_known(low) or words.assigns(end)):
        return []
    in_that_way = low in words.vocabulary.manners and at > 0 and words.tokens[at - 1].low == "in"
    if in_that_way or _VERSION.match(low) or is_number_like(low) or is_key_like(low) or is_adverb(low):
        return []
    return [(end, low)]


def read_known_name(words: Words, at: int) -> Found:
    """A workload by a name of the lexicon only."""
    return [_known_name(words, at)] if at in words.names else []


def read_certain_name(words: Words, at: int) -> Found:
    """A workload by a name that can hardly be another word: known, quoted, or with a dash or a digit."""
    low = words.tokens[at].low
    certain = at in words.names or at in words.quoted or low in words.vocabulary.software
    return read_name(words, at) if certain or re.search(r"\w-\w|\d", low) else []


def read_kinded(words: Words, at: int) -> Found:
    """Kubectl's `deployment/amf`: an object with `name` and `kind`."""
    match = _KINDED.match(words.tokens[at].low)
    if match is None or match[1] not in _KINDS:
        return []
    assigns: tuple[Assign, ...] = (Assign("name", match[2], at, at + 1),)
    if _KINDS[match[1]]:
        assigns += (Assign("kind", _KINDS[match[1]], at, at + 1),)
    return [(at + 1, assigns)]


def read_namespace(words: Words, at: int) -> Found:
    """A namespace after a word that says so: nearly any word."""
    end, word = words.quoted.get(at, (at + 1, words.tokens[at].text))
    low = word.lower()
    if not re.match(r"[a-z0-9_][\w.-]*\Z", low) or low in words.vocabulary.function or words.assigns(end):
        return []
    return [(end, low)]


def read_namespace_name(words: Words, at: int) -> Found:
    """A namespace before the word that says so: no word of the grammar, unless after "the"."""
    if at > 0 and words.tokens[at - 1].low == "the":
        return read_namespace(words, at)
    low = words.tokens[at].low
    if low in words.vocabulary.function:
        return []
    if low in words.vocabulary.values or (low in words.vocabulary.purposes and not words.is_reserved(low)):
        return [(at + 1, low)]
    return read_name(words, at)


def read_closing_namespace(words: Words, at: int) -> Found:
    """A namespace after a mere "in": no word of the grammar, no name of the lexicon, not "in stages"."""
    if at in words.names or words.tokens[at].low in words.vocabulary.manners:
        return []
    return [found for found in read_namespace_name(words, at) if not _may_be_named(words, found[0])]


def _may_be_named(words: Words, at: int) -> bool:
    """Whether a token is a name, or may be one."""
    if at in words.names:
        return True
    return at < len(words.tokens) and bool(read_name(words, at))


def read_closing_namespace_word(words: Words, at: int) -> Found:
    """A namespace before the word "namespace" that ends a part ("…, ran namespace") or leads one."""
    begins = at == 0 or words.tokens[at - 1].low in ("the", ",", "(", ".", ";")
    return [
        found
        for found in read_namespace(words, at)
        if words.low(found[0] + 1) in PART_ENDS or (begins and words.low(found[0] + 1) == ":")
    ]


def read_apart_namespace(words: Words, at: int) -> Found:
    """A namespace after the word "namespace" alone, where that begins a clause or a part, or ends one."""
    word = at - 2 if words.low(at - 1) in (":", "=") else at - 1
    begins = word == 0 or words.low(word - 1) in _PART_BEGINS
    low = words.tokens[at].low
    if low in words.vocabulary.vague or is_adverb(low) or (word > 1 and words.low(word - 2) == "the"):
        return []
    return [found for found in read_namespace(words, at) if begins or words.low(found[0]) in PART_ENDS]


def read_subset(words: Words, at: int) -> Found:
    """A version of a service: `v2`, `canary`, `blue`."""
    low = words.tokens[at].low
    if not _SUBSET.match(low) or numerals.digits(low) is not None:
        return []
    if (words.is_reserved(low) and low not in words.vocabulary.values) or low in words.vocabulary.never_names:
        return []
    return [(at + 1, low if re.match(r"v\d", low) else words.tokens[at].text)]


def read_place(words: Words, at: int) -> Found:
    """A zone or a region by its name, or the name of a node."""
    end, word = words.quoted.get(at, (at + 1, words.tokens[at].text))
    low = word.lower()
    if not _LABEL_VALUE.match(word) or low in words.vocabulary.reserved or low in words.vocabulary.function:
        return []
    if at in words.names or low in words.vocabulary.vague:
        return []
    return [(end, word)]


def read_label(words: Words, at: int) -> Found:
    """A node label: an object with `key` and `value`."""
    if not words.assigns(at + 1) or at + 2 >= len(words.tokens):
        return []
    key, value = words.tokens[at].text, words.tokens[at + 2].text
    end = at + 3
    if at + 2 in words.quoted:
        end, value = words.quoted[at + 2]
    if not _LABEL_KEY.match(key) or not _LABEL_VALUE.match(value):
        return []
    return [(end, (Assign("key", key, at, at + 1), Assign("value", value, at + 2, end)))]


def read_label_key(words: Words, at: int) -> Found:
    """The key of a node label alone."""
    token = words.tokens[at]
    if not _LABEL_KEY.match(token.text) or words.assigns(at + 1):
        return []
    named = at > 0 and words.tokens[at - 1].low in ("label", "labels", "key")
    if (token.low in words.vocabulary.reserved and not named) or token.low in words.vocabulary.never_names:
        return []
    return [(at + 1, token.text)]


def read_clock(words: Words, at: int) -> Found:
    """A time of the day: `02:00`, `8pm`."""
    return [(at + 1, words.tokens[at].low)] if CLOCK.match(words.tokens[at].low) else []


def read_urgency(words: Words, at: int) -> Found:
    """A word of urgency that says nothing more of a noun: "urgent:", "high priority", not "urgent calls"."""
    end = at + 1
    if words.tokens[at].low in BEFORE_PRIORITY and words.low(end) == "priority":
        end = at + 2
    elif words.tokens[at].low not in words.vocabulary.urgencies:
        return []
    return [] if words.low(end) in words.vocabulary.qualified else [(end, words.tokens[at].low)]


def _known_name(words: Words, at: int) -> tuple[int, str]:
    """Reads a name of the lexicon; named twice in a row, "AMF (access and mobility function)", it is one."""
    end, target = words.names[at][0]
    opened = end < len(words.tokens) and words.tokens[end].text == "("
    again = words.names.get(end + opened)
    if again and again[0][1] == target:
        stop = again[0][0]
        if not opened:
            return stop, target
        if stop < len(words.tokens) and words.tokens[stop].text == ")":
            return stop + 1, target
    return end, target


def is_adverb(word: str) -> bool:
    """Whether a word says how: none such is a name or part of a key."""
    return len(word) > MIN_ADVERB and word.isalpha() and word.endswith("ly")


def is_key_like(word: str) -> bool:
    """Whether a word is a limit or a measure, and so no workload's name."""
    return bool(_KEY_LIKE.match(word))


def is_number_like(word: str) -> bool:
    """Whether a word is a number, a time of the day or an amount, and so no name."""
    first, _, second = word.partition("-")
    if first in numerals.NUMBER_WORDS and second in numerals.NUMBER_WORDS:
        return True
    if re.match(r"[-+.]?\d", word):
        token = [Token(word, word, 0, 0, True, False)]
        if any(
            read(token, 0)
            for read in (values.read_cpu, values.read_memory, values.read_duration, values.read_factor)
        ):
            return True
    return word in numerals.NUMBER_WORDS or word in numerals.FRACTION_WORDS or bool(CLOCK.match(word))
