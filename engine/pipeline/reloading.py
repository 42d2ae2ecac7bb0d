"""Rules, lexicon and the switches of the settings, taken up while the daemon runs; the last good ones stay.

Files are looked at, read, checked and tried (the rules' own tests must pass) before anything is swapped, and
then swapped whole: every decision is made by exactly one set.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, TypeVar

import rules
from documents import DocumentError, Watched
from engine.intent_types import IntentTypes
from engine.planning import bounds_of, load_reader, load_rules, types_of
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
        """Takes up what changed, or all if `always`; returns whether something else is in force.

        What is being written is left for the next look, so that no half of a file comes into force.
        """
        if not always and not self.watched.at_rest(time.time()):
            return False
        if not self.watched.changed() and not always:
            return False
        try:
            loaded = self.load()
        except (DocumentError, RulesFailedTheirTests, OSError) as error:
            self.watched.confirm()
            self.problem, self.failures = str(error), self.failures + 1
            log.error("%s not taken up, the last good ones stay: %s", self.name, error)  # noqa: TRY400
            return False
        if not self.watched.confirm():
            return False
        self.problem, self.loads = "", self.loads + 1
        self.swap(loaded)
        log.info("%s taken up", self.name)
        return True


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What texts are read and judged by: taken up together, as rules and texts speak of the same types.

    Attributes:
        reader: None where the types are those in force, and the reader that knows them stays.
    """

    types: IntentTypes
    book: rules.RuleBook
    reader: Reader | None


def load_knowledge(settings: Settings, in_force: IntentTypes) -> Knowledge:
    """Loads the types that users teach, the rules with their tests passed, and where needed the grammar.

    Raises:
        DocumentError: a file cannot be used.
        RulesFailedTheirTests: a case does not pass.
    """
    types = types_of(settings)
    book = tested_rules(settings, types)
    same = types.taught == in_force.taught
    return Knowledge(types, book, None if same else load_reader(settings, types))


def tested_rules(settings: Settings, types: IntentTypes) -> rules.RuleBook:
    """Loads the rules of the settings and runs the tests that come with them.

    Raises:
        DocumentError: a file cannot be used.
        RulesFailedTheirTests: a case does not pass.
    """
    book = load_rules(settings, types)
    results = rules.run_tests(book, book.tests, types.contract.said_problems, bounds_of(settings))
    failed = [case for case in results if not case.passed]
    if failed:
        raise RulesFailedTheirTests(failed)
    return book


def watch_rules(
    settings: Settings, types: Callable[[], IntentTypes], swap: Callable[[Knowledge], None]
) -> Reloaded[Knowledge]:
    """Returns the rules, with the types among them, as something that is reloaded.

    What is there now counts as taken up.

    Args:
        settings: where they are.
        types: tells the types in force.
        swap: takes up what was loaded.
    """
    return _watch("rules", settings.rules.paths, lambda: load_knowledge(settings, types()), swap)


def watch_lexicon(
    settings: Settings, types: Callable[[], IntentTypes], swap: Callable[[Reader], None]
) -> Reloaded[Reader]:
    """Returns the lexicon as something that is reloaded; what is there now counts as taken up.

    Args:
        settings: where it is.
        types: tells the types in force, which the grammar keeps.
        swap: takes up a reader.
    """
    return _watch("lexicon", settings.rules.lexicon, lambda: load_reader(settings, types()), swap)


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
