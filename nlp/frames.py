"""Frames against tokens: the parts of one clause, in any order, with ignored words between them.

Finds every way to match a frame from a token on; how clauses make a text is for `clauses`.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import NamedTuple

from nlp.compiled import CompiledFrame, Grammar
from nlp.matching import Assigns, Chart

PREPOSITIONS = frozenset({"to", "with", "from", "of", "by", "for", "on", "in", "at", "into", "between", "as"})
"""What a part may begin with; a clause that leaves out its verb begins its parts like the one before it."""

POSSESSIVES = frozenset({"its", "their"})
"""What a clause begins with that says something else of the workload of the one before it, with its verb."""

IGNORED = "ignored"
"""The field of words that mean nothing for an action."""
Layout = tuple[tuple[int, str], ...]
"""The needed parts of a clause in the order of the text, each with the preposition that it begins with."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One frame matched.

    Attributes:
        head: what the frame's verb said, for a following clause that leaves it out.
        headed: whether it has a verb, of its own or carried over.
        head_at: the first token of the verb, and the one after its last.
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
    head_at: tuple[int, int]
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
    head_at: tuple[int, int] = (0, 0)


class _Way(NamedTuple):
    """How a state was come to: the words ignored, and whether glue came last: more must follow."""

    ignored: Assigns
    glued: bool


_States = dict[int, dict[_State, _Way]]
"""The states at each token, each with the best way to it."""
_Idle = tuple[bool, bool, Sequence[tuple[int, Assigns, Assigns]]]
"""What means nothing at a token: glue, a closing word, ignored words as (end, what is said, what is not)."""
_BEGIN = _State(0, (), (), ())
_AT_ONCE = _Way((), False)


@dataclass(slots=True)
class FrameMatcher:
    """Matches frames in one text."""

    grammar: Grammar
    chart: Chart
    _farthest: int = 0
    _tried: dict[int, list[CompiledFrame]] = field(default_factory=dict)
    _idle_at: dict[int, _Idle] = field(default_factory=dict)

    def from_token(self, start: int) -> list[Clause]:
        """Returns the clauses that begin at a token, of each frame whose needs the text meets."""
        opened = self._opened(start)
        masks = self.chart.masks
        rest = reduce(or_, masks[start:])
        first = reduce(or_, [masks[at] for at in opened])
        frames = [
            frame
            for frame in self.grammar.frames
            if first & frame.first
            and _all_meet(frame.needs.words, rest)
            and _all_meet(frame.needs.values, rest)
        ]
        self._tried[start] = frames
        return [clause for frame in frames for clause in self._match_opened(frame, start, opened)]

    def farthest(self) -> int:
        """Returns the first token that no frame gets past; tries those too that the text only seems to mean.

        Raises:
            TooComplex: there are too many ways.
        """
        looks = self.chart.looks
        for start, tried in self._tried.items():
            opened = self._opened(start)
            rest = reduce(or_, looks[start:])
            first = reduce(or_, [looks[at] for at in opened])
            for frame in self.grammar.frames:
                if first & frame.first and _all_meet(frame.needs.values, rest) and frame not in tried:
                    all(self._match_opened(frame, start, opened))
        return self._farthest

    def _match_opened(self, frame: CompiledFrame, start: int, opened: _States) -> Iterator[Clause]:
        return self._match(frame, start, {at: dict(states) for at, states in opened.items()})

    def going_on(self, before: Clause, start: int) -> list[Clause]:
        """Returns the clauses that begin at a token with the verb and the layout of the one before them."""
        carried = _State(1, before.head, before.head, (), before.head_at)
        frame = before.frame.following or before.frame
        return [
            replace(clause, carried=True)
            for clause in self._match(frame, start, {start: {carried: _AT_ONCE}})
            if clause.layout == before.layout
        ]

    def of_its_own(self, before: Clause, start: int) -> Iterator[Clause]:
        """Yields the clauses that say something else by the same verb: "... and its CPU limit to 3"."""
        if self.chart.tokens[start].low not in POSSESSIVES:
            return
        verb, verb_end = before.head_at
        for frame in self.grammar.frames:
            if frame is before.frame or not frame.has_head:
                continue
            for end, found in frame.parts[0].match(self.chart, verb):
                if end == verb_end:
                    carried = _State(1, found, found, (), before.head_at)
                    for clause in self._match(frame, start, {start: {carried: _AT_ONCE}}):
                        yield replace(clause, carried=True)

    def _opened(self, start: int) -> _States:
        """Returns what a clause may begin with, whatever its frame: nothing, or ignored words."""
        opened: _States = {start: {_BEGIN: _AT_ONCE}}
        if self.chart.masks[start] & self.grammar.opening.first:
            for end, ignored in self.grammar.opening.match(self.chart, start):
                opened[end] = {_BEGIN: _Way(ignored, False)}
        ahead = sorted(opened)
        for at in ahead:  # grows while it is walked
            for state, way in opened[at].items():
                for end, following, onward in self._idle(start, at, state, way):
                    if end not in opened:
                        bisect.insort(ahead, end)
                    _come(opened, end, following, onward)
        return opened

    def _match(self, frame: CompiledFrame, start: int, states: _States) -> Iterator[Clause]:
        """Yields every match of a frame that ends where a clause may end; uses up `states`."""
        chart, masks = self.chart, self.chart.masks
        while states:
            at = min(states)
            self._farthest = max(self._farthest, at)
            for state, way in states.pop(at).items():
                chart.spend(1)
                if state.used:
                    ends = not way.glued and state.used & frame.needed == frame.needed
                    if ends and at > start and self._may_end(at):
                        headed = frame.has_head and bool(state.used & 1)
                        found = state.found + way.ignored
                        yield Clause(frame, start, at, found, state.head, headed, state.layout, state.head_at)
                    for end, following, onward in self._idle(start, at, state, way):
                        _come(states, end, following, onward)
                if masks[at] & frame.first:
                    onward = _Way(way.ignored, False)
                    for end, following in self._steps(frame, state, at):
                        _come(states, end, following, onward)

    def _idle(self, start: int, at: int, state: _State, way: _Way) -> Iterator[tuple[int, _State, _Way]]:
        """Yields the states after what says nothing for an action: ignored words, and what glues parts."""
        glue, closing, ignored = self._idle_at.get(at) or self._find_idle(at)
        if at > start:
            if glue and not way.glued:
                yield at + 1, state, _Way(way.ignored, True)
            if closing:
                yield at + 1, state, _Way(way.ignored, False)
        if ignored:
            self.chart.spend(len(ignored))
            for end, said, unsaid in ignored:
                following = state._replace(found=state.found + said) if said else state
                yield end, following, _Way(way.ignored + unsaid, False)

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
                head, head_at = (more, (at, end)) if is_head else (state.head, state.head_at)
                yield end, _State(used, state.found + more, head, layout, head_at)

    def _find_idle(self, at: int) -> _Idle:
        grammar, mask = self.grammar, self.chart.masks[at]
        ignored = [
            (
                end,
                tuple(one for one in found if one.field != IGNORED),
                tuple(one for one in found if one.field == IGNORED),
            )
            for part in grammar.free
            if mask & part.first
            for end, found in part.match(self.chart, at)
        ]
        idle = self._idle_at[at] = (bool(mask & grammar.glue), bool(mask & grammar.closing), ignored)
        return idle

    def _may_end(self, at: int) -> bool:
        tokens = self.chart.tokens
        if at == len(tokens):
            return True
        return bool(self.chart.masks[at] & self.grammar.separator.first) or tokens[at].new_line


def _all_meet(needs: Sequence[int], mask: int) -> bool:
    """Whether each of these masks has something in common with one."""
    return not [need for need in needs if not mask & need]


def _come(states: _States, at: int, state: _State, way: _Way) -> None:
    """Notes a way to a state; better is one that is not glued, and then one that ignores fewer words."""
    there = states.setdefault(at, {})
    known = there.get(state)
    if known is None or _badness(way) < _badness(known):
        there[state] = way


def _badness(way: _Way) -> tuple[bool, int]:
    return way.glued, sum(one.end - one.start for one in way.ignored)
