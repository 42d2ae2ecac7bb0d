"""Tokens to clauses: frames whose parts stand in any order, and clauses joined to a whole text.

A reading covers every token: by a part of a frame, by a word that the grammar ignores, or by what joins clauses.
All readings are found; which one is meant is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nlp.grammar import CompiledFrame, Grammar
from nlp.matching import Assigns, Chart, Match, TooComplex
from nlp.values import Assign

MAX_READINGS = 256
"""The most readings of a text that are looked at."""
NAMESPACES_APART = 16
"""More than a text can name apart: a namespace beside a peer is the peer's, so a reading with it apart costs more."""
PREPOSITIONS = frozenset({"to", "with", "from", "of", "by", "for", "on", "in", "at", "into", "between", "as"})
"""What a part may begin with; a clause that leaves out its verb begins its parts like the one before it."""
IGNORED = "ignored"
REASON = "reason"


Layout = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """One frame matched.

    Attributes:
        head: what the frame's verb said, for a following clause that leaves it out.
        headed: whether it has a verb, of its own or carried over.
        layout: its needed parts in the order of the text, each with the preposition that it begins with.
        sentence: index of the sentence that the clause stands in.
        joined: whether a word, not a mere comma, joins the next clause to it.
        closed: whether the next clause cannot leave out its verb.
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


@dataclass(frozen=True, slots=True)
class Cover:
    """Clauses that together cover a text; `cost` grows with the tokens that have no meaning for an action."""

    clauses: tuple[Clause, ...]
    cost: int


class ClauseFinder:
    """Finds the covers of one text.

    Attributes:
        farthest: the first token that no clause got past.
    """

    def __init__(self, grammar: Grammar, chart: Chart) -> None:
        self._grammar = grammar
        self._chart = chart
        self._glue = grammar.glue
        self._closing = grammar.closing
        self._rest = _unions(chart.masks)
        self.farthest = 0
        self._clauses: dict[int, list[Clause]] = {}
        self._continued: dict[tuple[str, Layout, int], list[Clause]] = {}

    def covers(self) -> list[Cover]:
        """Returns every cover of the text, the one with the fewest ignored tokens first.

        Raises:
            TooComplex: there are too many.
        """
        found: list[Cover] = []
        for clauses in self._from(0, None, 0):
            found.append(Cover(tuple(clauses), sum(_cost(clause.found) for clause in clauses)))
            if len(found) > MAX_READINGS:
                raise TooComplex
        return sorted(found, key=lambda cover: cover.cost)

    def beginning(self) -> list[Clause]:
        """Returns the longest clauses that follow one another from the start, to tell what was understood."""
        clauses: list[Clause] = []
        at = 0
        while clause := max(self._at(at), key=lambda one: one.end, default=None):
            clauses.append(clause)
            joints = self._joints(clause.end) if clause.end < len(self._chart.tokens) else ()
            at = max((end for end, _ in joints), default=len(self._chart.tokens))
            if at >= len(self._chart.tokens):
                break
        return clauses

    def _from(self, start: int, before: Clause | None, sentence: int) -> Iterator[list[Clause]]:
        masks = self._chart.masks
        last = len(masks) - 1
        if start >= last:
            return
        clauses = list(self._at(start))
        if before is not None:
            # Without a verb a clause only goes on with what the one before it did.
            clauses = [one for one in clauses if one.headed or one.frame.name == before.frame.name]
            if before.headed and before.sentence == sentence and not before.closed:
                clauses += [one for one in self._after(start, before) if before.joined or _says_more(one)]
        for clause in clauses:
            placed = replace(clause, sentence=sentence)
            if clause.end == last:
                yield [placed]
                continue
            self._chart.spend(1)
            for end, said in self._joints(clause.end):
                fields = {one.field for one in said}
                following = sentence + ("sentence" in fields)
                carried = replace(placed, joined="last" in fields, closed="then" in fields)
                if end == last:
                    if "farewell" in fields:
                        yield [placed]
                    continue
                for others in self._from(end, carried, following):
                    yield [placed, *others]

    def _joints(self, at: int) -> Sequence[Match]:
        """What may join the next clause at a token: a separator, or a line break."""
        joints = self._grammar.separator.match(self._chart, at) if self._separates(at) else ()
        if self._chart.tokens[at].new_line:
            return [*joints, (at, (Assign("sentence", True, at, at),))]
        return joints

    def _separates(self, at: int) -> bool:
        return bool(self._chart.masks[at] & self._grammar.separator.first)

    def _at(self, start: int) -> list[Clause]:
        known = self._clauses.get(start)
        if known is None:
            rest = self._rest[start]
            known = self._clauses[start] = [
                clause
                for frame in self._grammar.frames
                if all(rest & mask for mask in frame.needs)
                for clause in self._match(frame, start, None)
            ]
        return known

    def _after(self, start: int, before: Clause) -> list[Clause]:
        key = (before.frame.name, before.layout, start)
        known = self._continued.get(key)
        if known is None:
            known = self._continued[key] = [
                clause
                for clause in self._match(before.frame, start, before.head)
                if clause.layout == before.layout
            ]
        return known

    def _match(self, frame: CompiledFrame, start: int, head: Assigns | None) -> Iterator[Clause]:
        """Matches the parts of a frame in any order; `head` is the verb carried over, if one is."""
        chart, masks, parts = self._chart, self._chart.masks, frame.parts
        needed = frame.needed
        separators = self._grammar.separator.first
        last = len(masks) - 1
        begin: _State = (0, (), (), ()) if head is None else (1, head, head, ())
        states: dict[int, dict[_State, bool]] = {start: {begin: False}}
        while states:
            at = min(states)
            self.farthest = max(self.farthest, at)
            for (used, found, verb, layout), glued in states.pop(at).items():
                chart.spend(1)
                if (
                    not glued
                    and used & needed == needed
                    and at > start
                    and (at == last or masks[at] & separators or chart.tokens[at].new_line)
                ):
                    headed = frame.has_head and bool(used & 1)
                    yield Clause(frame, start, at, found, verb, headed, layout)
                mask = masks[at]
                if not mask:
                    continue
                if mask & self._glue and not glued and at > start:
                    states.setdefault(at + 1, {}).setdefault((used, found, verb, layout), True)
                if mask & self._closing and at > start:
                    states.setdefault(at + 1, {})[(used, found, verb, layout)] = False
                for index, part in enumerate(parts):
                    if used >> index & 1 or not mask & part.first:
                        continue
                    is_head = index == 0 and frame.has_head
                    placed = layout
                    if not is_head and needed >> index & 1:
                        low = chart.tokens[at].low
                        placed = (*layout, (index, low if low in PREPOSITIONS else ""))
                    for end, more in part.match(chart, at):
                        state = (used | 1 << index, found + more, more if is_head else verb, placed)
                        states.setdefault(end, {})[state] = False
                for part in frame.free:
                    if mask & part.first:
                        found_free = part.match(chart, at)
                        chart.spend(len(found_free))
                        for end, more in found_free:
                            states.setdefault(end, {})[(used, found + more, verb, layout)] = False


_State = tuple[int, Assigns, Assigns, Layout]
"""Bits of the parts used, what was found, what the verb said, and the layout."""


def _says_more(clause: Clause) -> bool:
    """Whether a clause without its verb says more than a target, which a comma alone does not join."""
    return any(one.field not in ("target", IGNORED, REASON) for one in clause.found[len(clause.head) :])


def _unions(masks: Sequence[int]) -> list[int]:
    """For each position, everything that a token from there on may begin."""
    unions = [0] * (len(masks) + 1)
    for at in range(len(masks) - 1, -1, -1):
        unions[at] = unions[at + 1] | masks[at]
    return unions


def _cost(found: Sequence[Assign]) -> int:
    ignored = sum(one.end - one.start for one in found if one.field in (IGNORED, REASON))
    apart = sum(one.field == "namespace" for one in found)
    return ignored * NAMESPACES_APART + apart
