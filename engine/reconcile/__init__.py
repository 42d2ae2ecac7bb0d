"""One look at one intent: read → gather → decide, each step a list of guards in a fixed order.

`read` and `gather` do all input; `decide` is pure. The daemon, `plan` and `explain` call the same three.
"""

from engine.reconcile.admission import Standing, admit
from engine.reconcile.decide import Decided, decide
from engine.reconcile.gather import Place, Snapshot, gather
from engine.reconcile.look import Look, Looker
from engine.reconcile.read import Understood, understand
from engine.reconcile.ruling import Ruling, Step

__all__ = [
    "Decided",
    "Look",
    "Looker",
    "Place",
    "Ruling",
    "Snapshot",
    "Standing",
    "Step",
    "Understood",
    "admit",
    "decide",
    "gather",
    "understand",
]
