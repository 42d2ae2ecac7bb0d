"""Change windows: cron in a time zone, across months, years and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.windows import Cron, Window

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(cron: str, hours: float, zone: ZoneInfo = BERLIN) -> Window:
    return Window(Cron.parse(cron), timedelta(hours=hours), zone)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 2 * * *", "2026-03-01T02:00", "2026-03-02T02:00"),
        ("*/15 * * * *", "2026-03-01T02:07", "2026-03-01T02:15"),
        ("0 2 29 2 *", "2026-03-01T00:00", "2028-02-29T02:00"),
        ("30 1 1 jan *", "2026-01-01T01:30", "2027-01-01T01:30"),
        ("0 2 * * sat,sun", "2026-03-02T00:00", "2026-03-07T02:00"),
        ("0 2 * * 7", "2026-03-02T00:00", "2026-03-08T02:00"),
        ("0 2 13 * fri", "2026-03-01T00:00", "2026-03-06T02:00"),
        ("0 22-23/1 * * *", "2026-03-01T22:30", "2026-03-01T23:00"),
        ("5/20 * * * *", "2026-03-01T00:26", "2026-03-01T00:45"),
    ],
)
def test_the_next_time_is_the_first_that_every_field_allows(cron: str, after: str, expected: str) -> None:
    assert Cron.parse(cron).next_after(datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 2 * *", "has 4 fields"),
        ("60 2 * * *", "minute: '60' is no number from 0 to 59"),
        ("0 2 31 2 *", "never comes"),
        ("0 5-2 * * *", "runs backwards"),
        ("0 2 * foo *", "month: 'foo' is no number"),
        ("*/0 * * * *", "minute: '0' is no number from 1 to 59"),
        ("0 2 ² * *", "day of month"),
    ],
)
def test_what_is_no_cron_is_refused_with_its_field(cron: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cron.parse(cron)


def test_a_window_is_open_from_its_time_until_its_duration_is_over() -> None:
    night = window("0 2 * * *", 2, ZoneInfo("UTC"))
    opens = [night.is_open(at(f"2026-03-01T{time}")) for time in ("01:59", "02:00", "03:59", "04:00")]
    assert opens == [False, True, True, False]


def test_a_window_opens_by_the_clock_of_its_zone() -> None:
    night = window("0 2 * * *", 2)
    assert night.next_opening(at("2026-01-10T12:00")) == at("2026-01-11T01:00")
    assert night.next_opening(at("2026-07-10T12:00")) == at("2026-07-11T00:00")


def test_a_time_that_a_clock_change_skips_or_repeats_still_opens_once_after_now() -> None:
    night = window("30 2 * * *", 1)
    assert night.next_opening(at("2026-03-28T12:00")) > at("2026-03-28T12:00")
    first = night.next_opening(at("2026-10-24T12:00"))
    assert first == at("2026-10-25T00:30")
    assert night.next_opening(first) == at("2026-10-26T01:30")


def test_a_window_over_midnight_is_open_on_both_sides_of_it() -> None:
    late = window("0 23 * * *", 3, ZoneInfo("UTC"))
    assert late.is_open(at("2026-01-01T23:30"))
    assert late.is_open(at("2026-01-02T01:30"))
    assert not late.is_open(at("2026-01-02T02:00"))
