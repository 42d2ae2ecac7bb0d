"""Every type of value that a slot of the grammar may have."""

from __future__ import annotations

from collections.abc import Callable

from nlp import values
from nlp.open_names import (
    read_apart_namespace,
    read_certain_name,
    read_clock,
    read_closing_namespace,
    read_closing_namespace_word,
    read_kinded,
    read_known_name,
    read_label,
    read_label_key,
    read_name,
    read_namespace,
    read_namespace_name,
    read_place,
    read_subset,
    read_urgency,
)
from nlp.open_settings import (
    read_assigned_key,
    read_bare_value,
    read_key,
    read_level,
    read_number_value,
    read_plain_key,
    read_state,
    read_technical_key,
    read_value,
)
from nlp.reasons import read_aim, read_circumstance, read_purpose, read_reason
from nlp.values import Found
from nlp.words import Words

_OPEN: dict[str, Callable[[Words, int], Found]] = {
    "name": read_name,
    "certain-name": read_certain_name,
    "known-name": read_known_name,
    "kinded": read_kinded,
    "namespace": read_namespace,
    "namespace-name": read_namespace_name,
    "closing-namespace": read_closing_namespace,
    "apart-namespace": read_apart_namespace,
    "closing-namespace-word": read_closing_namespace_word,
    "subset": read_subset,
    "urgency": read_urgency,
    "key": read_key,
    "assigned-key": read_assigned_key,
    "plain-key": read_plain_key,
    "value": read_value,
    "bare-value": read_bare_value,
    "number-value": read_number_value,
    "level": read_level,
    "state": read_state,
    "technical-key": read_technical_key,
    "clock": read_clock,
    "label": read_label,
    "label-key": read_label_key,
    "place": read_place,
    "aim": read_aim,
    "circumstance": read_circumstance,
    "purpose": read_purpose,
    "reason": read_reason,
}
TYPES = {name: 1 << index for index, name in enumerate(sorted({*values.NUMERIC, *values.WORDY, *_OPEN}))}
"""Every value type that a slot of the grammar may have, and its bit in the masks of tokens."""
ASSIGNED = frozenset({"assigned-key", "label"})
"""Types whose values begin right before `=`."""
MARKS = {
    **dict.fromkeys(("signed", "range", "shares"), "+-./:~"),
    **dict.fromkeys(("plus-count",), "+"),
    **dict.fromkeys(("factor",), "x"),
    **dict.fromkeys(("port-numbers",), ","),
    **dict.fromkeys(("address",), ".:"),
    **dict.fromkeys(("kinded", "full-image"), "/"),
    **dict.fromkeys(("clock", "number-value"), "0123456789"),
}
"""Types whose values begin with a word that has one of these characters, and is not of letters alone."""
TELLING = frozenset({*values.NUMERIC, *ASSIGNED, *MARKS})
"""Types of which few words may begin a value."""


def read_value_of(words: Words, type_name: str, at: int) -> Found:
    """Returns every value of a type that begins at a token."""
    reader = values.NUMERIC.get(type_name) or values.WORDY.get(type_name)
    return reader(words.tokens, at) if reader else _OPEN[type_name](words, at)
