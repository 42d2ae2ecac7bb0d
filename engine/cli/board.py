"""The live table of `run`: one line an intent, as its last status says."""

from __future__ import annotations

import threading
from collections import Counter

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.describe import describe_all
from engine.reasons import Phase
from engine.status import Notice, ready_reason

_STYLES = {
    Phase.COMPLETED: "green",
    Phase.FAILED: "red",
    Phase.PENDING: "yellow",
    Phase.PROCESSING: "cyan",
}
MAX_LINES = 60
"""More would scroll the table out of the terminal."""


class Board:
    """Keeps the last notice of each intent; safe to feed from any thread."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._notices: dict[tuple[str, str], Notice] = {}
        self._lock = threading.Lock()

    def take(self, notice: Notice) -> None:
        """Takes a notice; the newest of an intent counts."""
        key = (notice.namespace, notice.name)
        with self._lock:
            if notice.status is None:
                self._notices.pop(key, None)
            else:
                self._notices[key] = notice

    def notices(self) -> list[Notice]:
        """Returns the last notice of each intent, in the order in which they were first seen."""
        with self._lock:
            return list(self._notices.values())

    def counts(self) -> Counter[str]:
        """Counts the intents by phase."""
        return Counter(str(notice.status["phase"]) for notice in self.notices() if notice.status)

    def __rich__(self) -> RenderableType:
        notices = self.notices()
        table = Table(title=self._title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("intent", no_wrap=True, max_width=34)
        table.add_column("phase", no_wrap=True)
        table.add_column("reason", no_wrap=True)
        table.add_column("understood", ratio=3, overflow="fold")
        table.add_column("deciding rule", max_width=30, overflow="fold")
        table.add_column("package", ratio=1, overflow="fold")
        table.add_column("time", justify="right", no_wrap=True)
        for notice in notices[:MAX_LINES]:
            table.add_row(*_cells(notice))
        more = len(notices) - MAX_LINES
        return Group(table, Text(f"… and {more} more", style="dim")) if more > 0 else table


def _cells(notice: Notice) -> tuple[Text, ...]:
    status = notice.status or {}
    phase = Phase(status["phase"])
    decision = status.get("decision", {})
    packages = [
        f"{item['repository']}/{item['name']}" + (f" v{item['revision']}" if item.get("revision") else "")
        for item in status.get("packages", ())
    ]
    actions = status.get("interpretation", {}).get("actions", ())
    understood = describe_all(actions, notice.namespace) if actions else ""
    name = f"{notice.namespace}/{notice.name}" if notice.namespace else notice.name
    took = "" if notice.seconds is None else f"{1000 * notice.seconds:,.0f} ms"
    return (
        Text(name, overflow="ellipsis"),
        Text(phase.value, style=_STYLES[phase]),
        Text(ready_reason(status)),
        Text(understood or str(status["lastMessage"]).splitlines()[0], style="" if understood else "dim"),
        Text(str(decision.get("rule", "")), style="dim"),
        Text("\n".join(packages)),
        Text(took, style="dim"),
    )
