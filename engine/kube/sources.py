"""Several sources as one."""

from __future__ import annotations

from engine.kube.source import KubernetesSource
from engine.kube.synced import All


class Together:
    """Follows what each of some sources follows."""

    def __init__(self, *sources: KubernetesSource) -> None:
        self._sources = sources
        self.synced = All([source.synced for source in sources])
        """Set once everything that was there at the start has been handed over."""

    @property
    def last_look(self) -> float:
        """When the server last said something of what it is longest ago for; monotonic seconds."""
        return min(source.last_look for source in self._sources)

    def start(self) -> None:
        """Starts each."""
        for source in self._sources:
            source.start()

    def stop(self, timeout: float) -> None:
        """Stops each; what was handed over stays handed over."""
        for source in self._sources:
            source.stop(timeout / len(self._sources))
