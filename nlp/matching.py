"""Matching phrases against tokens: every way, each with the values it found.

A top-down chart parser. Each token has a mask with one bit for each word and value type that it may begin;
each node has the mask of what it may begin with, so that nearly all attempts end with one `&`. Rules are
memoised by position. A budget of steps bounds the work that a hostile text can cause.

Knows nothing of intents: it matches what the grammar says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nlp.needs import Needs
from nlp.tokens import Token
from nlp.values import Assign, Value

Assigns = tuple[Assign, ...]
Match = tuple[int, Assigns]
Matches = Sequence[Match]
NOTHING: Matches = ()


class TooComplex(Exception):  # noqa: N818 - a state of a text, not a fault
    """A text has more readings than the budget of steps allows to look at."""


@dataclass(slots=True)
class Chart:
    """The tokens of one text and what was matched so far.

    Attributes:
        looks: what each token may begin by its looks; one more, 0, for the end.
        masks: what each token may begin: of `looks`, without the types of which it begins no value.
        budget: steps left.
        memo: for each token, and the end, what nodes match there.
        values: for each token the values of each type that begin there.
    """

    tokens: Sequence[Token]
    looks: Sequence[int]
    masks: Sequence[int]
    read: Callable[[str, int], Sequence[tuple[int, Value]]]
    budget: int
    memo: list[dict[Node, Matches]] = field(init=False)
    values: list[dict[str, Sequence[tuple[int, Value]]]] = field(init=False)

    def __post_init__(self) -> None:
        self.memo = [{} for _ in self.masks]
        self.values = [{} for _ in self.masks]

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
        needs: what the text must hold for a match to be possible.
    """

    __slots__ = ("first", "needs", "nullable")

    def __init__(self) -> None:
        self.first = 0
        self.nullable = False
        self.needs = Needs()

    def match(self, chart: Chart, at: int) -> Matches:
        """Returns every match that begins at a position where `first` or `nullable` allows one."""
        raise NotImplementedError

    def settle(self) -> bool:
        """Derives `first`, `nullable` and `needs` from the parts; returns whether anything changed."""
        return False


class WordNode(Node):
    """One of a set of words: the mask is the set."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        super().__init__()
        self.words = 0

    def settle(self) -> bool:
        """Begins with its words."""
        return _update(self, self.words, False, Needs.of(self.words))

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
        self.needs = Needs.of(mask) if telling else Needs()

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches each value of the type that begins here."""
        found = chart.values[at].get(self.type)
        if found is None:
            chart.spend(1)
            found = chart.values[at][self.type] = chart.read(self.type, at)
        return [(end, (Assign(self.field, value, at, end),)) for end, value in found]


class SequenceNode(Node):
    """Parts one after the other.

    Attributes:
        steps: for each part what it may begin with, the part that is matched where a token may begin it (None
            for a word), and whether it may be left out, or may match nothing in another way.
    """

    __slots__ = ("parts", "steps")

    def __init__(self, parts: Sequence[Node]) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.steps: tuple[tuple[int, Node | None, bool, bool], ...] = ()

    def settle(self) -> bool:
        """Takes `first` from the parts up to the first that must be there."""
        first = 0
        for part in self.parts:
            first |= part.first
            if not part.nullable:
                break
        nullable = all(part.nullable for part in self.parts)
        needs = Needs.of_all(part.needs for part in self.parts if not part.nullable)
        self.steps = tuple(_step(part) for part in self.parts)
        return _update(self, first, nullable, needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches the parts in order."""
        masks = chart.masks
        states: list[Match] = [(at, ())]
        for first, part, optional, nullable in self.steps:
            following: list[Match] = []
            for state in states:
                position, found = state
                if masks[position] & first or nullable:
                    if part is None:
                        following.append((position + 1, found))
                    else:
                        for end, more in part.match(chart, position):
                            following.append((end, found + more if more else found))
                if optional:
                    following.append(state)
            if not following:
                return NOTHING
            states = following
            if len(states) > 1:
                chart.spend(len(states))
        return states


def _step(part: Node) -> tuple[int, Node | None, bool, bool]:
    optional = isinstance(part, MaybeNode)
    inner = part.part if isinstance(part, MaybeNode) else part
    return (
        part.first,
        None if isinstance(inner, WordNode) else inner,
        optional,
        part.nullable and not optional,
    )


class ChoiceNode(Node):
    """One of several.

    Attributes:
        words: the words that by themselves are options.
        options: all other options.
    """

    __slots__ = ("options", "words")

    def __init__(self, options: Sequence[Node]) -> None:
        super().__init__()
        self.words = 0
        self.options = tuple(options)

    def settle(self) -> bool:
        """Joins the options; what the choice needs is the least that each option needs."""
        first = self.words
        for option in self.options:
            first |= option.first
        nullable = any(option.nullable for option in self.options)
        needs = [option.needs for option in self.options]
        if self.words:
            needs.append(Needs.of(self.words))
        return _update(self, first, nullable, Needs.of_any(needs))

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches every option."""
        mask = chart.masks[at]
        matches: Matches = ((at + 1, ()),) if mask & self.words else NOTHING
        for option in self.options:
            if mask & option.first or option.nullable:
                more = option.match(chart, at)
                if more:
                    matches = [*matches, *more] if matches else more
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
        return _update(self, self.part.first, True, Needs())

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
        ones = self.part.match(chart, at)
        if not any(masks[end] & self.separator.first for end, _ in ones):
            return ones
        lists = [(end, found, True) for end, found in ones]
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

    __slots__ = ("body", "name", "sets", "under")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.body: Node = self
        self.sets: tuple[tuple[str, Value], ...] = ()
        self.under = ""

    def settle(self) -> bool:
        """Is what its body is."""
        return _update(self, self.body.first, self.body.nullable, self.body.needs)

    def match(self, chart: Chart, at: int) -> Matches:
        """Matches the body once a position."""
        memo = chart.memo[at]
        known = memo.get(self)
        if known is not None:
            return known
        memo[self] = NOTHING  # a rule that begins with itself finds nothing there
        chart.spend(1)
        matches = self.body.match(chart, at)
        if not matches:
            return NOTHING
        if self.sets or self.under:
            matches = [(end, self._own(found, at, end)) for end, found in matches]
        if len(matches) > 1:
            matches = tuple(dict.fromkeys(matches))
        memo[self] = matches
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
        """Matches the rule once a position."""
        memo = chart.memo[at]
        known = memo.get(self)
        if known is not None:
            return known
        matches = self.rule.match(chart, at)
        if not matches:
            return NOTHING
        found = memo[self] = [(end, (Assign(self.field, found, at, end),)) for end, found in matches]
        return found


def _update(node: Node, first: int, nullable: bool, needs: Needs) -> bool:
    changed = node.first != first or node.nullable != nullable or node.needs != needs
    node.first, node.nullable, node.needs = first, nullable, needs
    return changed
