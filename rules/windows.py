"""Change windows: times by cron in a time zone, each open for a while. Pure; the time is handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_FARTHEST = timedelta(days=366 * 8)
"""How far ahead a time is looked for: 29 February comes at least every eight years."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Times by the five fields of cron; as cron has it, two restricted day fields are an "or"."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Reads `minute hour day month weekday`.

        Raises:
            ValueError: saying which field is wrong.
        """
        parts = text.split()
        if len(parts) != len(_FIELDS):
            raise ValueError(f"{text!r} has {len(parts)} fields; cron has minute, hour, day, month, weekday")
        minutes, hours, days, months, weekdays = (
            _field(part, *limits) for part, limits in zip(parts, _FIELDS, strict=True)
        )
        cron = cls(text, minutes, hours, days, months, frozenset(day % 7 for day in weekdays))
        if cron.next_after(datetime(2000, 1, 1)) is None:  # noqa: DTZ001 - any wall-clock time will do
            raise ValueError(f"{text!r} never comes")
        return cron

    def next_after(self, wall: datetime) -> datetime | None:
        """Returns the first time after a naive wall-clock time; None where there is none."""
        moment = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _FARTHEST
        while moment < end:
            if not self._day_fits(moment):
                moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
            elif moment.hour not in self.hours:
                moment = moment.replace(minute=0) + timedelta(hours=1)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment
        return None

    def _day_fits(self, moment: datetime) -> bool:
        if moment.month not in self.months:
            return False
        by_day = moment.day in self.days
        by_weekday = moment.isoweekday() % 7 in self.weekdays
        fields = self.text.split()
        if fields[2] != "*" and fields[4] != "*":
            return by_day or by_weekday
        return by_day and by_weekday


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at each time of `cron`, counted in `zone`, and stays open for `duration`."""

    cron: Cron
    duration: timedelta
    zone: ZoneInfo

    def is_open(self, now: datetime) -> bool:
        """Tells whether it is open at a time with a zone."""
        return self._opening_after(now - self.duration) <= now

    def next_opening(self, now: datetime) -> datetime:
        """Returns when it opens next; UTC."""
        return self._opening_after(now)

    def _opening_after(self, moment: datetime) -> datetime:
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        while (found := self.cron.next_after(wall)) is not None:
            # A wall-clock time that a clock change repeats may lie before the moment: take the next.
            opening = found.replace(tzinfo=self.zone).astimezone(UTC)
            if opening > moment:
                return opening
            wall = found
        raise AssertionError("a parsed cron always comes again")

    def __str__(self) -> str:
        return f"{self.cron.text} ({self.zone.key}) for {self.duration}"


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, name, 1, high) if slash else 1
        if span == "*":
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, name, low, high)
            last = _number(end, name, low, high) if dash else (high if slash else first)
        if first > last:
            raise ValueError(f"{name}: {part!r} runs backwards")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, name: str, low: int, high: int) -> int:
    names = _NAMES.get(name, ())
    if text.lower() in names:
        return names.index(text.lower()) + low
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ValueError(f"{name}: {text!r} is no number from {low} to {high}")
    return int(text)
