"""Frames against tokens: the parts of one clause, in any order, with ignored words between them.

Finds every way to match a frame from a token on; how clauses make a text is for `clauses`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from nlp.compiler import CompiledFrame, Grammar
from nlp.matching import Assigns, Chart, Node

PREPOSITIONS = frozenset({"to", "with", "from", "of", "by", "for", "on", "in", "at", "into", "between", "as"})
"""What a part may begin with; a clause that leaves out its verb begins its parts like the one before it."""

Layout = tuple[tuple[int, str], ...]
"""The needed parts of a clause in the order of the text, each with the preposition that it begins with."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One frame matched.

    Attributes:
        head: what the frame's verb said, for a following clause that leaves it out.
        headed: whether it has a verb, of its own or carried over.
        sentence: index of the sentence that the clause stands in.
        joined: whether a word, not a mere comma, joins the next clause to it.
        closed: whether the next clause cannot leave out its verb.
        carried: whether its verb is that of the clause before it.
    """

    frame: CompiledFrame
    start: int
    end: int
    found: Assigns
    head: Assigns
    headed: bool
    layout: Layout
    sentence: int = 0
    joined: bool = False
    closed: bool = False
    carried: bool = False


class _State(NamedTuple):
    """A frame matched up to a token; `used` has the bits of the parts matched."""

    used: int
    found: Assigns
    head: Assigns
    layout: Layout


@dataclass(slots=True)
class FrameMatcher:
    """Matches frames in one text.

    Attributes:
        farthest: the first token that no frame got past.
    """

    grammar: Grammar
    chart: Chart
    farthest: int = 0
    _rest: list[int] = field(init=False)

    def __post_init__(self) -> None:
        masks = self.chart.masks
        self._rest = [0] * (len(masks) + 1)
        for at in range(len(masks) - 1, -1, -1):
            self._rest[at] = self._rest[at + 1] | masks[at]

    def from_token(self, start: int) -> list[Clause]:
        """Returns the clauses that begin at a token, of each frame whose needs the text meets."""
        rest, mask = self._rest[start], self.chart.masks[start]
        return [
            clause
            for frame in self.grammar.frames
            if mask & (frame.first | frame.free_first) and all(rest & need for need in frame.needs)
            for clause in self.match(frame, start, _State(0, (), (), ()))
        ]

    def going_on(self, before: Clause, start: int) -> list[Clause]:
        """Returns the clauses that begin at a token with the verb and the layout of the one before them."""
        carried = _State(1, before.head, before.head, ())
        return [
            replace(clause, carried=True)
            for clause in self.match(before.frame, start, carried)
            if clause.layout == before.layout
        ]

    def match(self, frame: CompiledFrame, start: int, begin: _State) -> Iterator[Clause]:
        """Yields every match of a frame that ends where a clause may end."""
        chart, masks = self.chart, self.chart.masks
        states: dict[int, dict[_State, bool]] = {start: {begin: False}}
        while states:
            at = min(states)
            self.farthest = max(self.farthest, at)
            for state, glued in states.pop(at).items():
                chart.spend(1)
                if at > start:
                    if not glued and state.used & frame.needed == frame.needed and self._may_end(at):
                        headed = frame.has_head and bool(state.used & 1)
                        yield Clause(frame, start, at, state.found, state.head, headed, state.layout)
                    if masks[at] & self.grammar.glue and not glued:
                        states.setdefault(at + 1, {}).setdefault(state, True)
                    if masks[at] & self.grammar.closing:
                        states.setdefault(at + 1, {})[state] = False
                if masks[at] & frame.first:
                    for end, following in self._steps(frame, state, at):
                        states.setdefault(end, {})[following] = False
                if masks[at] & frame.free_first:
                    for end, following in self._ignored(frame.free, state, at):
                        states.setdefault(end, {})[following] = False

    def _steps(self, frame: CompiledFrame, state: _State, at: int) -> Iterator[tuple[int, _State]]:
        """Yields the states after one more part."""
        mask = self.chart.masks[at]
        for index, part in enumerate(frame.parts):
            if state.used >> index & 1 or not mask & part.first:
                continue
            is_head = index == 0 and frame.has_head
            layout = state.layout
            if not is_head and frame.needed >> index & 1:
                low = self.chart.tokens[at].low
                layout = (*layout, (index, low if low in PREPOSITIONS else ""))
            used = state.used | 1 << index
            for end, more in part.match(self.chart, at):
                yield end, _State(used, state.found + more, more if is_head else state.head, layout)

    def _ignored(self, free: Sequence[Node], state: _State, at: int) -> Iterator[tuple[int, _State]]:
        """Yields the states after ignored words."""
        mask = self.chart.masks[at]
        for part in free:
            if mask & part.first:
                matches = part.match(self.chart, at)
                self.chart.spend(len(matches))
                for end, more in matches:
                    yield end, state._replace(found=state.found + more)

    def _may_end(self, at: int) -> bool:
        tokens = self.chart.tokens
        if at == len(tokens):
            return True
        return bool(self.chart.masks[at] & self.grammar.separator.first) or tokens[at].new_line
