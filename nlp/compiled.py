"""What grammar files become, ready to match: frames, words, refusals. The compiler makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nlp.draft import Draft
from nlp.matching import Node
from nlp.needs import Needs
from nlp.values import Value


@dataclass(frozen=True, slots=True, eq=False)
class CompiledFrame:
    """A frame ready to match.

    Attributes:
        parts: the head, if there is one, before all others.
        needed: the bits of the parts that must be there.
        needs: what a text must hold.
        first: what the parts may begin with.
        meaning: what the values of a taught type mean; None for the types that are built in.
        following: the frame as a clause that follows without a verb has it; None if it leaves out no more.
    """

    name: str
    intent_type: str
    has_head: bool
    needed: int
    parts: tuple[Node, ...]
    needs: Needs
    first: int
    sets: tuple[tuple[str, Value], ...]
    meaning: Callable[[Draft], None] | None = None
    following: CompiledFrame | None = None


@dataclass(frozen=True, slots=True)
class Grammar:
    """Everything that texts are matched against.

    Attributes:
        free: parts that may stand anywhere in a clause, any number of times.
        separator: what joins clauses.
        opening: what may open a clause, and be ignored there only.
        glue: the mask of what may stand between the parts of a clause.
        closing: the mask of what may close a part.
        reserved: the words of the frames, which are no names.
    """

    frames: tuple[CompiledFrame, ...]
    free: tuple[Node, ...]
    separator: Node
    opening: Node
    glue: int
    closing: int
    refusals: Refusals
    reserved: frozenset[str]
    word_bits: Mapping[str, int]
    words: Mapping[str, frozenset[str]]
    digest: str


@dataclass(frozen=True, slots=True)
class UnsupportedKind:
    """Words of one kind that make a text unsupported; as `RefusalVocabulary` says."""

    what: str
    advice: str
    phrases: Node
    openings: Node | None
    without: Node | None
    together: Node | None


@dataclass(frozen=True, slots=True)
class Refusals:
    """How a text that was not read is refused."""

    unsupported: tuple[UnsupportedKind, ...]
    supported: Node
    examples: tuple[tuple[Node, str], ...]
