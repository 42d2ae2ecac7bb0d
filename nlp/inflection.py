"""English word forms: enough to write a verb once in the grammar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_VOWELS = "aeiou"


def forms_of(verb: str, irregular: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Returns a verb with its third person, past and -ing forms.

    The `irregular` forms of a verb take the place of its past; an irregular -ing form is among them.
    """
    stem = verb + verb[-1] if _doubles(verb) else verb
    own = irregular.get(verb)
    if verb.endswith("e"):
        past, gerund = verb + "d", verb[:-1] + "ing"
    elif verb.endswith("y") and verb[-2] not in _VOWELS:
        past, gerund = verb[:-1] + "ied", verb + "ing"
    else:
        past, gerund = stem + "ed", stem + "ing"
    return tuple(dict.fromkeys((verb, _third_person(verb), *(own or (past,)), gerund)))


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ies"
    return verb + "s"


def _doubles(verb: str) -> bool:
    """Whether the last consonant doubles: a single vowel before it, in a word of one syllable."""
    return (
        len(verb) > 2  # noqa: PLR2004
        and verb[-1] not in _VOWELS + "wxy"
        and verb[-2] in _VOWELS
        and verb[-3] not in _VOWELS
        and sum(letter in _VOWELS for letter in verb) == 1
    )
