"""Clauses to whole texts.

A reading covers every token: by a part of a frame, by a word that the grammar ignores, or by what joins
clauses. All readings are found; which one is meant is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nlp.compiled import Grammar
from nlp.frames import IGNORED, Clause, FrameMatcher
from nlp.matching import Chart, Match, TooComplex
from nlp.values import Assign

MAX_READINGS = 256
"""The most readings of a text that are looked at."""
NAMESPACES_APART = 16
"""More namespaces than one clause has: one that is a peer's costs less than one that stands apart."""
REASON = "reason"


@dataclass(frozen=True, slots=True)
class Cover:
    """Clauses that together cover a text; `cost` grows with the tokens that have no meaning for an action."""

    clauses: tuple[Clause, ...]
    cost: int


class ClauseFinder:
    """Finds the covers of one text."""

    def __init__(self, grammar: Grammar, chart: Chart) -> None:
        self._separator = grammar.separator
        self._chart = chart
        self._matcher = FrameMatcher(grammar, chart)
        self._clauses: dict[int, list[Clause]] = {}

    def farthest(self) -> int:
        """Returns the first token that no clause got past.

        Raises:
            TooComplex: there are too many ways.
        """
        return self._matcher.farthest()

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
        at, last = 0, len(self._chart.tokens)
        while at < last and (clause := max(self._at(at), key=lambda one: one.end, default=None)):
            clauses.append(clause)
            at = max((end for end, _ in self._joints(clause.end)), default=last)
        return clauses

    def _from(self, start: int, before: Clause | None, sentence: int) -> Iterator[list[Clause]]:
        last = len(self._chart.tokens)
        for clause in self._next(start, before, sentence) if start < last else ():
            placed = replace(clause, sentence=sentence)
            if clause.end == last:
                yield [placed]
                continue
            self._chart.spend(1)
            for end, said in self._joints(clause.end):
                fields = {one.field for one in said}
                if end == last:
                    if "farewell" in fields:
                        yield [placed]
                    continue
                carried = replace(placed, joined="last" in fields, closed="then" in fields)
                for others in self._from(end, carried, sentence + ("sentence" in fields)):
                    yield [placed, *others]

    def _next(self, start: int, before: Clause | None, sentence: int) -> list[Clause]:
        """Returns the clauses that may stand at a token after the one before them."""
        if before is None:
            return self._at(start)
        # Within a sentence a clause without a verb only goes on with what the one before it did; after a mere
        # comma it must say more than a target.
        begins = before.closed or before.sentence != sentence
        clauses = [
            one for one in self._at(start) if begins or one.headed or one.frame.name == before.frame.name
        ]
        if before.headed and before.sentence == sentence and not before.closed:
            going_on = self._matcher.going_on(before, start)
            clauses += [one for one in going_on if before.joined or _says_like(one, before)]
            clauses += self._matcher.of_its_own(before, start)
        return clauses

    def _joints(self, at: int) -> Sequence[Match]:
        """What may join the next clause at a token: a separator, or a line break."""
        if at == len(self._chart.tokens):
            return ()
        separates = self._chart.masks[at] & self._separator.first
        joints = self._separator.match(self._chart, at) if separates else ()
        if self._chart.tokens[at].new_line:
            return [*joints, (at, (Assign("sentence", True, at, at),))]
        return joints

    def _at(self, start: int) -> list[Clause]:
        known = self._clauses.get(start)
        if known is None:
            known = self._clauses[start] = self._matcher.from_token(start)
        return known


def _says_like(clause: Clause, before: Clause) -> bool:
    """Whether a clause without a verb says more than a target: two parts, or what the one before it says."""
    if len(clause.layout) > 1:
        return True
    mine, others = (
        {one.field for one in each.found} - {"target", "namespace", IGNORED, REASON}
        for each in (clause, before)
    )
    verb = {one.field for one in clause.head}
    return mine - verb == others - verb != set()


def _cost(found: Sequence[Assign]) -> int:
    ignored = sum(one.end - one.start for one in found if one.field in (IGNORED, REASON))
    apart = sum(one.field == "namespace" for one in found)
    return ignored * NAMESPACES_APART + apart
