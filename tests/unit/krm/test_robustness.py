"""Live objects that are odd in one place: an error of their file or an answer, never a failure."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from documents import load
from engine.krm import CannotRender, ClusterSettings, plan
from engine.live import DirectoryInventory, Resolved, facts, gather, resolve
from rules import Route

EXAMPLES = Path(__file__).parents[3] / "examples" / "live"
ACTIONS = json.loads((Path(__file__).parent / "golden" / "actions.json").read_text())
OBJECTS = [document.value for path in sorted(EXAMPLES.rglob("*.yaml")) for document in load(path)]
ODD = [None, "", "x", 0, -1, 1.5, True, [], {}, [None], {"x": None}]
Way = tuple[Any, ...]


def ways(value: Any, way: Way = ()) -> Iterator[Way]:
    """Yields the way to every value within an object."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from ways(inner, (*way, key))


PLACES = [(index, way) for index, item in enumerate(OBJECTS) for way in ways(item)]


def changed(item: Any, way: Way, value: Any, *, drop: bool) -> Any:
    result = copy.deepcopy(item)
    inner = result
    for step in way[:-1]:
        inner = inner[step]
    if drop:
        del inner[way[-1]]
    else:
        inner[way[-1]] = value
    return result


@settings(max_examples=60)
@given(place=st.sampled_from(PLACES), value=st.sampled_from(ODD), drop=st.booleans())
def test_an_odd_object_is_refused_at_the_door_or_answered(
    place: tuple[int, Way], value: Any, drop: bool
) -> None:
    index, way = place
    with tempfile.TemporaryDirectory() as folder:
        for number, item in enumerate(OBJECTS):
            odd = changed(item, way, value, drop=drop) if number == index else item
            Path(folder, f"{number}.json").write_text(json.dumps(odd))
        inventory = DirectoryInventory(Path(folder))
    for actions in ACTIONS.values():
        views = [gather(action, inventory) for action in actions]
        resolved = [resolve(action, view) for action, view in zip(actions, views, strict=True)]
        known = [result.action for result in resolved if isinstance(result, Resolved)]
        if len(known) < len(actions):
            continue
        for action, view in zip(known, views, strict=True):
            assert facts(action, view).origin == "directory"
        routes = [Route("directory", "main", "Published")] * len(known)
        result = plan(known, views, routes, ClusterSettings(ranges=("10.244.0.0/16",)))
        assert not isinstance(result, CannotRender) or result.message
