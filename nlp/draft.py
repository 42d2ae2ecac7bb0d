"""A clause on its way to an action: what was found for each field, and what must be said of it.

Holds no meaning of its own: `meanings` asks a draft for values and writes the action's fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from nlp.reading import JSON, RefusalReason
from nlp.values import Assign, Value

Scalar = str | int | float | bool
Places = tuple[tuple[int, int], ...]
"""Token ranges that a value came from."""


class Rejected(Exception):  # noqa: N818 - a verdict about a text, not a fault
    """A clause that was matched but means nothing that can be done."""

    def __init__(self, reason: RefusalReason, message: str, places: Places = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.places = places


def unclear(message: str, places: Places = ()) -> Rejected:
    """A target or a value is missing or contradicts another."""
    return Rejected(RefusalReason.AMBIGUOUS, message, places)


def unsupported(message: str, places: Places = ()) -> Rejected:
    """Nothing that an intent can do."""
    return Rejected(RefusalReason.UNSUPPORTED, message, places)


def impossible(message: str, places: Places = ()) -> Rejected:
    """A value cannot be."""
    return Rejected(RefusalReason.INVALID, message, places)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload as the text names it; `everything` is every pod of the namespace."""

    name: str = ""
    kind: str = ""
    namespace: str = ""
    cidr: str = ""
    everything: bool = False
    pronoun: Literal["", "one", "many"] = ""
    places: Places = ()
    namespace_places: Places = ()


def workload(one: Assign) -> Workload:
    """Reads the object that the grammar built for a workload or a peer.

    Raises:
        Rejected: it names two things at once.
    """
    parts: dict[str, Assign] = {}
    if isinstance(one.value, tuple):
        for part in spliced(one.value):
            known = parts.get(part.field)
            if known and known.value != part.value:
                raise unclear(
                    f"{known.value!r} and {part.value!r} are named as one; name one", ((one.start, one.end),)
                )
            parts[part.field] = part
    text = {name: part.value for name, part in parts.items() if isinstance(part.value, str)}
    at = parts.get("namespace")
    return Workload(
        name=text.get("name", ""),
        kind=text.get("kind", ""),
        namespace=text.get("namespace", ""),
        cidr=text.get("cidr", ""),
        everything="everything" in parts,
        pronoun="many" if text.get("pronoun") == "many" else "one" if "pronoun" in parts else "",
        places=((one.start, one.end),),
        namespace_places=((at.start, at.end),) if at else (),
    )


def spliced(found: Iterable[Assign | int]) -> Iterable[Assign]:
    """Yields the parts of an object, those of the field "." in its place."""
    for one in found:
        if not isinstance(one, Assign):
            continue
        if one.field == "." and isinstance(one.value, tuple):
            yield from spliced(one.value)
        else:
            yield one


@dataclass(slots=True)
class Draft:
    """What a clause said for one action.

    Attributes:
        found: each field's values in the order of the text.
        fields: the action's fields so far.
        places: the token ranges of each dotted field.
        assumed: (field, value, why) of what was not said.
    """

    intent_type: str
    found: dict[str, list[Assign]]
    target: Workload = field(default_factory=Workload)
    fields: dict[str, JSON] = field(default_factory=dict)
    places: dict[str, Places] = field(default_factory=dict)
    assumed: list[tuple[str, JSON, str]] = field(default_factory=list)

    def all(self, name: str) -> list[Assign]:
        """Returns the values of a field, in the order of the text."""
        return self.found.get(name, [])

    def one(self, name: str) -> Assign | None:
        """Returns the only value of a field, or None.

        Raises:
            Rejected: two different values were said.
        """
        values = self.found.get(name)
        if not values:
            return None
        if any(other.value != values[0].value for other in values):
            said = " and ".join(str(other.value) for other in values)
            raise unclear(f"{_spoken(name)} is said twice: {said}; say it once", places_of(values))
        return values[0]

    def scalar(self, name: str) -> Scalar | None:
        """Returns the only value of a field that is no object, or None."""
        one = self.one(name)
        return None if one is None or isinstance(one.value, tuple) else one.value

    def put(self, name: str, value: JSON, *sources: Assign) -> None:
        """Writes a dotted field of the action and notes the words that it came from."""
        *way, last = name.split(".")
        inside = self.fields
        for step in way:
            following = inside.setdefault(step, {})
            inside = following if isinstance(following, dict) else {}
        inside[last] = value
        if sources:
            self.places[name] = places_of(sources)

    def assume(self, name: str, value: JSON, why: str) -> None:
        """Notes a value that was not said."""
        self.assumed.append((name, value, why))


def places_of(sources: Iterable[Assign]) -> Places:
    """Returns the token ranges of values, each once."""
    return tuple(dict.fromkeys((one.start, one.end) for one in sources if one.end > one.start))


def inner(value: Value) -> dict[str, Assign]:
    """Returns the parts of an object by field."""
    if not isinstance(value, tuple):
        return {}
    return {part.field: part for part in spliced(value)}


def _spoken(name: str) -> str:
    return "the " + name.rpartition(".")[2].removesuffix("[]").replace("_", " ")
