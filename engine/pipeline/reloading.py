"""Rules, lexicon and the switches of the settings, taken up while the daemon runs; the last good ones stay.

Files are looked at, read, checked and tried (the rules' own tests must pass) before anything is swapped, and
then swapped whole: every decision is made by exactly one set.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, TypeVar

import rules
from documents import DocumentError, Watched
from engine import contract
from engine.planning import load_rules
from engine.settings import Settings, Switches, load_settings
from nlp import Reader

log = logging.getLogger(__name__)

T = TypeVar("T")


class RulesFailedTheirTests(Exception):  # noqa: N818 - named by what it tells
    """The RuleTest cases that come with the rules do not pass; the message lists the first of them."""

    def __init__(self, failed: list[rules.CaseResult]) -> None:
        lines = [f"{case.place}: {case.test}/{case.case}: {'; '.join(case.failures)}" for case in failed[:5]]
        more = f"\nand {len(failed) - 5} more" if len(failed) > 5 else ""  # noqa: PLR2004 - as shown above
        super().__init__("\n".join(lines) + more)


@dataclass(slots=True)
class Reloaded(Generic[T]):
    """One thing that is reloaded: how it is loaded, what is done with it, and how it stands.

    Attributes:
        name: what people call it: rules, lexicon, settings.
        problem: why what the files say now is not in force; empty where it is.
    """

    name: str
    watched: Watched
    load: Callable[[], T]
    swap: Callable[[T], None]
    problem: str = ""
    loads: int = 0
    failures: int = 0

    def look(self, *, always: bool = False) -> bool:
        """Takes up what changed, or all if `always`; returns whether something else is in force."""
        if not self.watched.changed() and not always:
            return False
        try:
            loaded = self.load()
        except (DocumentError, RulesFailedTheirTests, OSError) as error:
            self.problem, self.failures = str(error), self.failures + 1
            log.error("%s not taken up, the last good ones stay: %s", self.name, error)  # noqa: TRY400
            return False
        self.problem, self.loads = "", self.loads + 1
        self.swap(loaded)
        log.info("%s taken up", self.name)
        return True


def tested_rules(settings: Settings) -> rules.RuleBook:
    """Loads the rules of the settings and runs the tests that come with them.

    Raises:
        DocumentError: a file cannot be used.
        RulesFailedTheirTests: a case does not pass.
    """
    book = load_rules(settings)
    results = rules.run_tests(book, book.tests, contract.said_problems)
    failed = [case for case in results if not case.passed]
    if failed:
        raise RulesFailedTheirTests(failed)
    return book


def watch_rules(settings: Settings, swap: Callable[[rules.RuleBook], None]) -> Reloaded[rules.RuleBook]:
    """Returns the rules as something that is reloaded; what is there now counts as taken up."""
    return _watch("rules", settings.rules.paths, lambda: tested_rules(settings), swap)


def watch_lexicon(settings: Settings, swap: Callable[[Reader], None]) -> Reloaded[Reader]:
    """Returns the lexicon as something that is reloaded; what is there now counts as taken up."""
    return _watch("lexicon", settings.rules.lexicon, lambda: Reader.load(settings.rules.lexicon), swap)


def watch_settings(
    file: Path | None, running: Settings, swap: Callable[[Switches], None]
) -> Reloaded[Switches]:
    """Returns the switches of the settings file as something that is reloaded."""
    names = [field.name for field in fields(Switches)]

    def load() -> Switches:
        found = load_settings(file)
        if running.model_copy(update={name: getattr(found, name) for name in names}) != found:
            log.warning("settings besides %s changed; they take a restart", ", ".join(names))
        return Switches.of(found)

    return _watch("settings", [file] if file is not None else [], load, swap)


def _watch(name: str, paths: list[Path], load: Callable[[], T], swap: Callable[[T], None]) -> Reloaded[T]:
    watched = Watched(paths)
    watched.changed()
    return Reloaded(name, watched, load, swap)
