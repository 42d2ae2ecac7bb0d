"""Live objects: looked up once for each action, frozen as a view, and told as facts.

`gather` is the only input; `resolve` and `facts` are pure.
"""

from engine.live.directory import DirectoryInventory
from engine.live.facts import facts
from engine.live.inventory import Inventory, Object, UnknownFact
from engine.live.relative import FromLive, Resolved, Unresolved, resolve
from engine.live.view import EVERY_POD, LiveView, gather

__all__ = [
    "EVERY_POD",
    "DirectoryInventory",
    "FromLive",
    "Inventory",
    "LiveView",
    "Object",
    "Resolved",
    "UnknownFact",
    "Unresolved",
    "facts",
    "gather",
    "resolve",
]
