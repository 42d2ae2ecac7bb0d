"""What may not be in a text at all: hidden characters, look-alike letters, injections, orders to the reader.

Runs before anything is read and needs no grammar; the patterns are data (`grammar/unsafe.yaml`). Says only
whether and why a text is unsafe.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_WORD = re.compile(r"[^\W\d_]+(?:[-_.]?\w+)*")
# Letters of other scripts that look like Latin ones: enough to recognise a disguised name.
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u043a\u043c\u0442\u043d\u0432\u0433\u043f"
    "\u03bf\u03b1\u03bd\u03c1\u03c5\u03ba\u03b9\u03c4\u03b7",
    "aeopcyxijshdqwkmthbrnoavpukitn",
)


@dataclass(frozen=True, slots=True)
class Danger:
    """Something unsafe at `start` to `end` of the normal text, and what it is in a person's words."""

    start: int
    end: int
    what: str


class SafetyCheck:
    """Finds what makes a text unsafe.

    Args:
        patterns: regular expressions by what they find, as a person would say it.
        names: names that look-alike letters might imitate, in lower case.
    """

    def __init__(self, patterns: Mapping[str, Iterable[str]], names: Iterable[str]) -> None:
        self._whats = list(patterns)
        groups = ("|".join(f"(?:{one})" for one in patterns[what]) for what in self._whats)
        self._patterns = re.compile("|".join(f"({group})" for group in groups), re.IGNORECASE)
        self._names = frozenset(names)

    def find(self, text: str) -> Danger | None:
        """Returns the first danger in a normal text, or None."""
        return self._hidden(text) or self._look_alike(text) or self._injection(text)

    def _hidden(self, text: str) -> Danger | None:
        if text.isascii() and text.isprintable():
            return None
        for index, character in enumerate(text):
            if character != "\n" and unicodedata.category(character) in _HIDDEN:
                name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
                return Danger(index, index + 1, f"the hidden character {name}")
        return None

    def _look_alike(self, text: str) -> Danger | None:
        if text.isascii():
            return None
        for match in _WORD.finditer(text):
            word = match.group()
            if word.isascii():
                continue
            scripts = {_script(letter) for letter in word if letter.isalpha()}
            disguised = word.lower().translate(_LOOK_ALIKES)
            if ("LATIN" in scripts and len(scripts) > 1) or disguised in self._names:
                return Danger(match.start(), match.end(), "letters that look like others")
        return None

    def _injection(self, text: str) -> Danger | None:
        match = self._patterns.search(text)
        if match is None:
            return None
        what = self._whats[(match.lastindex or 1) - 1]
        return Danger(match.start(), match.end(), what)


@lru_cache(maxsize=1024)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0]
