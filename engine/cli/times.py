"""Times as people write them: in RFC 3339, or how long ago they were."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from engine.cli.output import CommandError

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def time_of(text: str, option: str) -> str:
    """Returns a time in RFC 3339 from one, or from how long ago it was, as 2h.

    Raises:
        CommandError: it is neither; the message names the option.
    """
    if (ago := _AGO.fullmatch(text)) is not None:
        return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option} {text!r} is no time; write 30m, 2h, 1d or a time in RFC 3339"
        raise CommandError(message) from error
    return (found if found.tzinfo is not None else found.astimezone()).isoformat()
