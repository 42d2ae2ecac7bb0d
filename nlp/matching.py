"""Matching phrases against tokens: every way, each with the values it found.

A top-down chart parser. Each token has a mask with one bit for each word and value type that it may begin;
each node has the mask of what it may begin with, so that nearly all attempts end with one `&`. Rules are
memoised by position. A budget of steps bounds the work that a hostile text can cause.

Knows nothing of intents: it matches what the grammar says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nlp.tokens import Token
from nlp.values import Assign, Value

Assigns = tuple[Assign, ...]
Match = tuple[int, Assigns]
Matches = Sequence[Match]
NOTHING: Matches = ()
POSITION_BITS = 16
"""Enough for the tokens of the longest text."""


class TooComplex(Exception):  # noqa: N818 - a state of a text, not a fault
    """A text has more readings than the budget of steps allows to look at."""


@dataclass(slots=True)
class Chart:
    """The tokens of one text and what was matched so far.

    Attributes:
        masks: what each token may begin; one more, 0, for the end.
        budget: steps left.
    """

    tokens: Sequence[Token]
    masks: list[int]
    read: Callable[[str, int], Sequence[tuple[int, Value]]]
    budget: int
    memo: dict[int, Matches] = field(default_factory=dict)
    values: dict[tuple[str, int], Sequence[tuple[int, Value]]] = field(default_factory=dict)

    def spend(self, steps: int) -> None:
        """Counts steps.

        Raises:
            TooComplex: the budget is used up.
        """
        self.budget -= steps
        if self.budget < 0:
            raise TooComplex


class Node:
    """Something to match.

    Attributes:
        first: what it may begin with.
        nullable: whether it may match nothing.
        needs: each of these masks must meet some token of the text for a match to be possible.
    """

    __slots__ = ("first", "needs", "nullable")

    def __init__(self) -> None:
        self.first = 0
        self.nullable = False
        self.needs: tuple[int, ...] = ()

    def match(self, chart: Chart, at: int) -> Matches:
        """Returns every match that begins at a position where `first` or `nullable` allows one."""
        raise NotImplementedError

    def settle(self) -> bool:
        """Derives `first`, `nullable` and `needs` from the parts; returns whether anything changed."""
        return False


class WordNode(Node):
    """One of a set of words: the mask is the set."""

    __slots__ = ()

    def __init__(self, mask: int) -> None:
        super().__init__()
        self.first = mask
        self.needs = (mask,)

    def match(self, chart: Chart, at: int) -> Matches:  # noqa: ARG002 - `first` has said it all
        """Matches the token."""
        return ((at + 1, ()),)


class ValueNode(Node):
    """A value type in a slot; `telling` if so few words may begin one that most texts lack it."""

    __slots__ = ("field", "type")

    def __init__(self, field_name: str, type_name: str, mask: int, *, telling: bool) -> None:
        super().__init__()
        self.field = field_name
        self.type = type_name
        self.first = mask
        self.needs = (mask,) if telling else ()

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches each value of the type that begins here."""
        key = (self.type, at)
        found = chart.values.get(key)
        if found is None:
            chart.spend(1)
            found = chart.values[key] = chart.read(self.type, at)
        return [(end, (Assign(self.field, value, at, end),)) for end, value in found]


class SequenceNode(Node):
    """Parts one after the other.

    Attributes:
        steps: each part, what it may begin with, whether it may match nothing, and whether that says nothing.
    """

    __slots__ = ("parts", "steps")

    def __init__(self, parts: Sequence[Node]) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.steps: tuple[tuple[Node, int, bool, bool], ...] = ()

    def settle(self) -> bool:
        """Takes `first` from the parts up to the first that must be there."""
        first = 0
        for part in self.parts:
            first |= part.first
            if not part.nullable:
                break
        nullable = all(part.nullable for part in self.parts)
        needs = tuple(dict.fromkeys(mask for part in self.parts if not part.nullable for mask in part.needs))
        self.steps = tuple(
            (part, part.first, part.nullable, isinstance(part, MaybeNode)) for part in self.parts
        )
        return _update(self, first, nullable, needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches the parts in order."""
        masks = chart.masks
        states: list[Match] = [(at, ())]
        for part, first, nullable, optional in self.steps:
            following: list[Match] = []
            for position, found in states:
                if masks[position] & first or (nullable and not optional):
                    for end, more in part.match(chart, position):
                        following.append((end, found + more if more else found))
                elif optional:
                    # By far the most of what is tried: what may be left out, and is.
                    following.append((position, found))
            if not following:
                return NOTHING
            states = following
            if len(states) > 1:
                chart.spend(len(states))
        return states


class ChoiceNode(Node):
    """One of several."""

    __slots__ = ("options",)

    def __init__(self, options: Sequence[Node]) -> None:
        super().__init__()
        self.options = tuple(options)

    def settle(self) -> bool:
        """Joins the options; what the choice needs is the least that each option needs."""
        first = 0
        for option in self.options:
            first |= option.first
        nullable = any(option.nullable for option in self.options)
        needs: tuple[int, ...] = ()
        if all(option.needs for option in self.options):
            least = 0
            for option in self.options:
                least |= min(option.needs, key=int.bit_count)
            needs = (least,)
        return _update(self, first, nullable, needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches every option."""
        mask = chart.masks[at]
        matches: list[Match] = []
        for option in self.options:
            if option.nullable or mask & option.first:
                matches.extend(option.match(chart, at))
        if len(matches) > 1:
            chart.spend(len(matches))
        return matches


class MaybeNode(Node):
    """May be left out."""

    __slots__ = ("part",)

    def __init__(self, part: Node) -> None:
        super().__init__()
        self.part = part
        self.nullable = True

    def settle(self) -> bool:
        """Begins as its part does."""
        return _update(self, self.part.first, True, ())

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches the part, and nothing."""
        if chart.masks[at] & self.part.first:
            return [*self.part.match(chart, at), (at, ())]
        return ((at, ()),)


class SeveralNode(Node):
    """One or more, joined by a separator; in a closed list the last separator is a word, not a comma."""

    __slots__ = ("closed", "part", "separator")

    def __init__(self, part: Node, separator: Node, *, closed: bool) -> None:
        super().__init__()
        self.part = part
        self.separator = separator
        self.closed = closed

    def settle(self) -> bool:
        """Begins as its part does."""
        return _update(self, self.part.first, self.part.nullable, self.part.needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches one, and each longer list."""
        masks = chart.masks
        lists = [(end, found, True) for end, found in self.part.match(chart, at)]
        for end, found, _ in lists:  # grows while it is walked: each list may go on
            chart.spend(1)
            if not masks[end] & self.separator.first:
                continue
            for start, said in self.separator.match(chart, end):
                if masks[start] & self.part.first:
                    whole = bool(said) or not self.closed
                    lists.extend((stop, found + more, whole) for stop, more in self.part.match(chart, start))
        return [(end, found) for end, found, whole in lists if whole]


class RuleNode(Node):
    """A rule of the grammar, memoised by position.

    Attributes:
        sets: fields that the rule gives values to by itself.
        under: put before the fields found within.
        slot: the field that the rule's own assignments become one object for; empty if they stay apart.
    """

    __slots__ = ("body", "index", "name", "sets", "under")

    def __init__(self, name: str, index: int) -> None:
        super().__init__()
        self.name = name
        self.index = index
        self.body: Node = self
        self.sets: tuple[tuple[str, Value], ...] = ()
        self.under = ""

    def settle(self) -> bool:
        """Is what its body is."""
        return _update(self, self.body.first, self.body.nullable, self.body.needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches the body once a position."""
        key = self.index << POSITION_BITS | at
        known = chart.memo.get(key)
        if known is not None:
            return known
        chart.memo[key] = NOTHING  # a rule that begins with itself finds nothing there
        chart.spend(1)
        matches = self.body.match(chart, at)
        if not matches:
            return NOTHING
        if self.sets or self.under:
            matches = [(end, self._own(found, at, end)) for end, found in matches]
        if len(matches) > 1:
            matches = tuple(dict.fromkeys(matches))
        chart.memo[key] = matches
        return matches

    def _own(self, found: Assigns, at: int, end: int) -> Assigns:
        if self.under:
            found = tuple(one._replace(field=f"{self.under}.{one.field}") for one in found)
        return found + tuple(Assign(name, value, at, end) for name, value in self.sets)


class ObjectNode(Node):
    """A rule in a slot: what the rule finds becomes one object, the value of the field."""

    __slots__ = ("field", "rule")

    def __init__(self, field_name: str, rule: RuleNode) -> None:
        super().__init__()
        self.field = field_name
        self.rule = rule

    def settle(self) -> bool:
        """Begins as the rule does."""
        return _update(self, self.rule.first, self.rule.nullable, self.rule.needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches the rule."""
        return [(end, (Assign(self.field, found, at, end),)) for end, found in self.rule.match(chart, at)]


def _update(node: Node, first: int, nullable: bool, needs: tuple[int, ...]) -> bool:
    changed = node.first != first or node.nullable != nullable or node.needs != needs
    node.first, node.nullable, node.needs = first, nullable, needs
    return changed
