"""Whether documents changed: by the stamps of their files, and only then by what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from documents.folder import Stamp, scan

_AT_REST_SECONDS = 0.1
"""For how long nobody has written a file that is whole."""


class Watched:
    """Some files and folders that are looked at again and again.

    A stamp that changed is no change yet: a mounted ConfigMap swaps its links without saying anything else.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._stamps: dict[str, Stamp] | None = None
        self.digest = ""
        """SHA-256 of all that the files say; empty before the first look."""

    def changed(self) -> bool:
        """Looks, and tells whether the files say anything else than before; the first look is a change."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        digest = hashlib.sha256()
        for path in stamps:
            try:
                content = Path(path).read_bytes()
            except OSError:  # gone again, or unreadable: whoever loads it says so
                content = b""
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        before, self.digest = self.digest, digest.hexdigest()
        return before != self.digest

    def at_rest(self, now: float) -> bool:
        """Tells whether nobody writes the files just now: an editor may empty a file before it fills it.

        Args:
            now: in seconds since 1970, by the clock of the files.
        """
        ages = [now - stamp.modified_ns / 1e9 for stamp in self._look().values()]
        return not any(0 <= age < _AT_REST_SECONDS for age in ages)

    def confirm(self) -> bool:
        """Tells whether the files are still those of the last look; else the next one is a change."""
        if self._look() == self._stamps:
            return True
        self._stamps, self.digest = None, ""
        return False

    def _look(self) -> dict[str, Stamp]:
        stamps: dict[str, Stamp] = {}
        for path in self._paths:
            if path.is_dir():
                stamps.update({str(path / name): stamp for name, stamp in scan(path).items()})
            elif path.exists():
                stamps[str(path)] = Stamp.of(path.stat())
        return stamps
