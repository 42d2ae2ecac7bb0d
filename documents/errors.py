"""What is wrong with a document, where, and what to do: the errors that people read."""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN = 120
"""How much of a long line is shown around the caret, in characters."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document.

    Attributes:
        place: where the offending value stands.
        field: its path, as `spec.rules[2].when`; empty for the document as a whole.
        message: what is wrong, and what to do where that is known.
        excerpt: the line of the file, to show with a caret under `place.column`; empty if unknown.
    """

    place: Place
    field: str
    message: str
    excerpt: str = ""

    def __str__(self) -> str:
        head = (
            f"{self.place}: {self.field}: {self.message}" if self.field else f"{self.place}: {self.message}"
        )
        if not self.excerpt.strip():
            return head
        return f"{head}\n{pointed_at(self.excerpt, self.place.column - 1)}"


def pointed_at(line: str, offset: int) -> str:
    """Returns what is around a character of a line, indented, with a caret under it."""
    first = max(0, offset - _SHOWN // 2)
    return f"    {line[first : first + _SHOWN]}\n    {' ' * (offset - first)}^"


class DocumentError(Exception):
    """A document that cannot be used; `problems` lists everything found, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.place))
        super().__init__("\n".join(str(problem) for problem in self.problems))
