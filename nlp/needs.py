"""What a text must hold for a phrase to be matched in it: most frames are passed over for what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

TYPE_BITS = 64
"""The lowest bits of a mask are those of the types of values; those of words come after them."""
_TYPES = (1 << TYPE_BITS) - 1
_WORDS_FOR_A_TYPE = 300
"""So many words are in as few texts as what may begin a value of a type."""


class Needs(NamedTuple):
    """Masks of which each must meet some token of a text.

    Of several that would do for a choice, the rarest is taken.

    Attributes:
        words: with words taken to be rarer than values, as they are: for reading.
        values: with values taken to be rarer: what is not read is told by the frames that have its values.
    """

    words: tuple[int, ...] = ()
    values: tuple[int, ...] = ()

    @classmethod
    def of(cls, mask: int) -> Needs:
        """Returns the need of one mask."""
        return cls((mask,), (mask,))

    @classmethod
    def of_all(cls, parts: Iterable[Needs]) -> Needs:
        """Returns the needs of parts that must all be there."""
        known = tuple(parts)
        return cls(
            tuple(dict.fromkeys(mask for part in known for mask in part.words)),
            tuple(dict.fromkeys(mask for part in known for mask in part.values)),
        )

    @classmethod
    def of_any(cls, options: Iterable[Needs]) -> Needs:
        """Returns the needs of options of which one must be there."""
        known = tuple(options)
        return cls(
            _least([option.words for option in known], _frequency),
            _least([option.values for option in known], int.bit_count),
        )

    def rarest_first(self) -> Needs:
        """Returns the same needs in the order in which a text is most likely to lack them."""
        return Needs(tuple(sorted(self.words, key=_frequency)), tuple(sorted(self.values, key=int.bit_count)))


def _frequency(mask: int) -> int:
    return (mask >> TYPE_BITS).bit_count() + _WORDS_FOR_A_TYPE * (mask & _TYPES).bit_count()


def _least(options: Sequence[tuple[int, ...]], frequency: Callable[[int], int]) -> tuple[int, ...]:
    least = 0
    for masks in options:
        if not masks:
            return ()
        least |= min(masks, key=frequency)
    return (least,)
