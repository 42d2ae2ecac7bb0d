"""What came of one of the checks of `check`."""

from __future__ import annotations

from dataclasses import dataclass

from engine.cli.output import Exit


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check; `code` is 0 where all is well.

    Attributes:
        remedy: what to hand to `kubectl apply -f -`; empty where there is no such thing.
    """

    name: str
    detail: str
    code: Exit = Exit.OK
    remedy: str = ""
