"""What programs print, made readable: bounded, without escapes, and text whatever the bytes were; pure."""

from __future__ import annotations

import re

CHARACTERS = 2000
"""How much of an output people are shown."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNPRINTABLE = re.compile(
    r"[^\S\n ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def readable(output: bytes, most: int = CHARACTERS) -> str:
    """Returns an output as a text of lines.

    Bytes that are no UTF-8 become U+FFFD; control characters and those that change how others are shown
    become spaces. Where it is longer than `most` characters the middle is left out.
    """
    if len(output) > 8 * most:  # what is cut away need not be looked through
        output = output[: 4 * most] + output[-4 * most :]
    text = _UNPRINTABLE.sub(" ", _ESCAPES.sub("", output.decode("utf-8", "replace")))
    lines = (line.rstrip() for line in text.split("\n"))
    text = "\n".join(line for line in lines if line)
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {text[-(most // 2) :]}"
