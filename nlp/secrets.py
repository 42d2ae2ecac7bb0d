"""Secrets in a text: the value beside a word such as password, and values that only a secret looks like.

Finds where a secret stands, so that it is redacted before anything is kept. A number, a duration or a switch
beside such a word is a setting about secrets, not one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from nlp.tokens import Token

REDACTED = "[redacted]"
MIN_RANDOM = 20
"""The shortest value, in characters, that may look random."""
MIN_ENTROPY = 3.6
"""Bits a character from which a long value looks random."""
MAX_DISTANCE = 12
"""Tokens between the word and its value."""

_WORD = re.compile(
    r"(?:^|[._-]|db|user|admin|root)(?:password|passwd|pwd|passphrase|secret|token|api[._-]?key|apikey|private[._-]?key"
    r"|credentials?|access[._-]?key|auth[._-]?key|signing[._-]?key|encryption[._-]?key|ssh[._-]?key)s?\Z",
    re.IGNORECASE,
)
_HINT = re.compile(
    r"passw|pwd|passphrase|secret|token|api[\s._-]?key|apikey|private[\s._-]?key|credential|access[\s._-]?key"
    r"|(?:auth|signing|encryption|ssh)[\s._-]?key|\S{20}",
    re.IGNORECASE,
)
_MEASURES = frozenset(
    [
        "ttl",
        "length",
        "policy",
        "count",
        "timeout",
        "expiry",
        "lifetime",
        "interval",
        "url",
        "path",
        "file",
        "name",
        "size",
        "limit",
        "rate",
        "bucket",
        "rotation",
        "age",
        "endpoint",
        "refresh",
        "validity",
        "type",
        "cache",
    ]
)
_KEY_PAIRS = frozenset({"api", "private", "access", "auth", "signing", "encryption", "ssh"})
_JOINTS = frozenset({"=", ":", "to", "is", "as", "be"})
_HARMLESS = re.compile(
    r"[-+]?\d[\d.,]*(?:ms|s|m|h|d|k|kb|mb|gb|ki|mi|gi|%)?\Z|true\Z|false\Z|on\Z|off\Z|yes\Z|no\Z|none\Z|enabled\Z|disabled\Z",
    re.IGNORECASE,
)
_TELLTALE = re.compile(
    r"(?:AKIA[0-9A-Z]{12}|gh[pousr]_\w{16}|xox[abprs]-\w{8}|eyJ[\w-]{8}|sk-\w{16}|-{5}BEGIN)"
)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]+\Z")


def find_secret(
    text: str, tokens: Sequence[Token], quoted: Mapping[int, tuple[int, str]]
) -> tuple[int, int] | None:
    """Returns where in a normal text a secret stands, as (start, end), or None."""
    if not _HINT.search(text):
        return None
    for at, token in enumerate(tokens):
        if _TELLTALE.match(token.text) or (_assigned(tokens, at) and _looks_random(token.text)):
            return token.start, token.end
        if _names_secret(tokens, at):
            place = _value_after(tokens, at, quoted)
            if place is not None:
                return place
    return None


def _names_secret(tokens: Sequence[Token], at: int) -> bool:
    low = tokens[at].low
    if _WORD.search(low):
        # "token ttl": the words go on, and it is no secret that they name.
        return at + 1 >= len(tokens) or tokens[at + 1].low not in _MEASURES
    return low == "key" and at > 0 and tokens[at - 1].low in _KEY_PAIRS


def _value_after(
    tokens: Sequence[Token], at: int, quoted: Mapping[int, tuple[int, str]]
) -> tuple[int, int] | None:
    for position in range(at + 1, min(at + MAX_DISTANCE, len(tokens) - 1)):
        low = tokens[position].low
        if low in (".", ";"):
            return None
        if low in _JOINTS and tokens[position + 1].low not in _JOINTS:
            start = position + 1
            end = quoted[start][0] if start in quoted else start + 1
            if end == start + 1 and _HARMLESS.match(tokens[start].low):
                return None
            return tokens[start].start, tokens[end - 1].end
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is not None and (at + 1 in quoted or re.search(r"\d", following.text)):
        if _HARMLESS.match(following.low):
            return None
        end = quoted[at + 1][0] if at + 1 in quoted else at + 2
        return following.start, tokens[end - 1].end
    return None


def _assigned(tokens: Sequence[Token], at: int) -> bool:
    return at > 0 and tokens[at - 1].low in _JOINTS


def _looks_random(text: str) -> bool:
    if len(text) < MIN_RANDOM or not _RANDOM.match(text):
        return False
    if not (re.search(r"\d", text) and re.search(r"[a-z]", text, re.IGNORECASE)):
        return False
    counts = Counter(text)
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    return entropy >= MIN_ENTROPY and text.count("-") + text.count("/") + text.count("_") <= len(text) // 10
