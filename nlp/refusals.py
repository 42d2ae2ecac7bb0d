"""Why a text that was not read is refused: unsupported words, or because it is unclear.

The words are data (`grammar/refusals.yaml`). They are looked at only after reading has failed, so that none
of them can refuse what was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nlp.compiled import Refusals, UnsupportedKind
from nlp.matching import Chart, Node
from nlp.reading import RefusalReason

Places = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a text is refused, and the tokens that say so."""

    reason: RefusalReason
    message: str
    places: Places


class Judge:
    """Tells why texts are refused."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    def unsupported(
        self, chart: Chart, quoted: Mapping[int, tuple[int, str]], opening: int
    ) -> Verdict | None:
        """Returns the verdict of the first kind of unsupported words that a text holds, if any.

        Args:
            chart: the text.
            quoted: quoted parts, whose words do not count.
            opening: the first token after a greeting.
        """
        positions = _unquoted(chart, quoted)
        for kind in self._refusals.unsupported:
            place = _place(kind, chart, positions, opening)
            if place is not None:
                words = " ".join(token.text for token in chart.tokens[place[0] : place[1]])
                message = f"{words!r} makes it {kind.what}; {kind.advice}"
                return Verdict(RefusalReason.UNSUPPORTED, message, (place,))
        return None

    def unread(self, chart: Chart, quoted: Mapping[int, tuple[int, str]], farthest: int) -> Verdict:
        """Returns the verdict of a text without unsupported words, that was read up to `farthest`."""
        positions = _unquoted(chart, quoted)
        if _find(self._refusals.supported, chart, positions) is None:
            message = "this is nothing that an intent does; write what is to be done to which workload"
            return Verdict(RefusalReason.UNSUPPORTED, message, ((0, len(chart.tokens)),))
        if farthest >= len(chart.tokens):
            return Verdict(
                RefusalReason.AMBIGUOUS, "something is missing: say the workload and the value", ()
            )
        word = chart.tokens[farthest].text
        message = f"{word!r} was not understood here; leave it out or say it in other words"
        return Verdict(RefusalReason.AMBIGUOUS, message, ((farthest, farthest + 1),))

    def examples(self, chart: Chart, quoted: Mapping[int, tuple[int, str]]) -> list[str]:
        """Returns sentences of the types whose words a text holds, with {target} to fill in."""
        positions = _unquoted(chart, quoted)
        return [text for node, text in self._refusals.examples if _find(node, chart, positions) is not None]


def _place(
    kind: UnsupportedKind, chart: Chart, positions: Sequence[int], opening: int
) -> tuple[int, int] | None:
    if kind.without is not None and _find(kind.without, chart, positions):
        return None
    if kind.together is not None and not _find(kind.together, chart, positions):
        return None
    if kind.openings is not None and (found := _find(kind.openings, chart, [opening])):
        return found
    return _find(kind.phrases, chart, positions)


def _find(node: Node, chart: Chart, positions: Sequence[int]) -> tuple[int, int] | None:
    for at in positions:
        if chart.masks[at] & node.first:
            ends = [end for end, _ in node.match(chart, at)]
            if ends:
                return at, max(ends)
    return None


def _unquoted(chart: Chart, quoted: Mapping[int, tuple[int, str]]) -> list[int]:
    inside = {at for start, (end, _) in quoted.items() for at in range(start, end)}
    return [at for at in range(len(chart.tokens)) if at not in inside]
