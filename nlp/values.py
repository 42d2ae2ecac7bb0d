"""Typed values in a text: each reader finds one kind of value at a position.

A reader returns every (position after, value) that it could be; the grammar decides which one is meant.
Values are in the spelling of the contract. Whether one may be (port 70000) is asked later: only then can a
person be told so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from nlp import numerals
from nlp.tokens import Token

Value = str | int | float | tuple["Assign", ...] | tuple[int, ...]
"""A value in a match: hashable, so that equal matches are seen to be equal."""
Found = list[tuple[int, Value]]
Read = Callable[[Sequence[Token], int], Found]


class Assign(NamedTuple):
    """A value for a field, from the tokens `start` to `end`; a tuple of these is an object."""

    field: str
    value: Value
    start: int
    end: int


_UNIT = re.compile(r"([-+]?(?:\d[\d,]*)?\.?\d+)-?([a-z]+(?:/s)?)\Z", re.IGNORECASE)
_HYPHENED = re.compile(r"([a-z]+)-([a-z]+)\Z", re.IGNORECASE)
_CPU_UNITS = {
    **dict.fromkeys(("cpu", "cpus", "core", "cores", "vcpu", "vcpus", "vcore", "vcores"), ""),
    **dict.fromkeys(
        ("m", "millicore", "millicores", "millicpu", "millicpus", "mcpu", "mcores", "mcore"), "m"
    ),
}
_CPU_PREFIXED = {"cpu", "cpus", "core", "cores", "vcpu", "vcpus"}
_MEMORY_UNITS = {
    **dict.fromkeys(("k", "kb", "kilobyte", "kilobytes"), "k"),
    **dict.fromkeys(("mb", "megabyte", "megabytes", "meg", "megs"), "M"),
    **dict.fromkeys(("g", "gb", "gig", "gigs", "gigabyte", "gigabytes"), "G"),
    **dict.fromkeys(("t", "tb", "terabyte", "terabytes"), "T"),
    **dict.fromkeys(("ki", "kib", "kibibyte", "kibibytes"), "Ki"),
    **dict.fromkeys(("mi", "mib", "mebibyte", "mebibytes"), "Mi"),
    **dict.fromkeys(("gi", "gib", "gibibyte", "gibibytes"), "Gi"),
    **dict.fromkeys(("ti", "tib", "tebibyte", "tebibytes"), "Ti"),
}
_DURATION_UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
}
_BANDWIDTH_UNITS = {
    **dict.fromkeys(("kbps", "kbit/s", "kbits/s"), "1"),
    **dict.fromkeys(("mbps", "mbit/s", "mbits/s"), "1000"),
    **dict.fromkeys(("gbps", "gbit/s", "gbits/s"), "1000000"),
}
"""Each with its size in kbit/s."""
UNITS = frozenset({*_CPU_UNITS, *_MEMORY_UNITS, *_DURATION_UNITS, *_BANDWIDTH_UNITS})
"""The units of amounts, in lower case."""
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_COMPOUND = re.compile(r"(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?\Z")
PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
_PORT = re.compile(r"(?:(tcp|udp|sctp)[/:-])?([-+]?\d+)(?:[/:](tcp|udp|sctp))?\Z")
_PORTS = re.compile(r"\d+(?:,\d+)+\Z")
ADDRESS = re.compile(r"(?:[0-9]{1,4}(?:\.[0-9]{1,4}){3}|(?=[0-9a-f]*:[0-9a-f:]*:)[0-9a-f:.]+)(?:/-?\d+)?\Z")
_IMAGE = re.compile(r"[a-z0-9](?:[\w.:/@-]*[\w])?\Z", re.IGNORECASE)
_VERSION = re.compile(r"v?\d+(?:\.\w+)*(?:[-+][\w.-]+)?\Z", re.IGNORECASE)
_PLAIN_VERSION = re.compile(r"(?:v\d+(?:\.\w+)*|\d+(?:\.\d+)+)(?:[-+][\w.-]+)?\Z", re.IGNORECASE)
_TAG = re.compile(r"(?=.*\d)[a-z0-9][\w.+-]*\Z", re.IGNORECASE)
_FACTOR = re.compile(r"(?:(\d+(?:\.\d+)?)[x]|x(\d+(?:\.\d+)?))\Z", re.IGNORECASE)
_SHARES = re.compile(r"\d{1,3}(?:[/:-]\d{1,3})+\Z")
_RANGE = re.compile(r"(\d+)(?:-|\.\.\.?|~)(\d+)\Z")
_INTEGER = re.compile(r"[-+]?\d+\Z")


def plain(value: Decimal) -> int | float:
    """Returns the number as JSON has it: an integer where it is one."""
    return int(value) if value == value.to_integral_value() else float(value)


def _written(value: Decimal) -> str:
    return format(value.normalize(), "f") if value else "0"


def read_count(tokens: Sequence[Token], at: int) -> Found:
    """`5`, `1k`, `a dozen`; not `+2`, which is a change, nor `2.0`, which is a version."""
    if tokens[at].low.startswith("+"):
        return []
    found = numerals.count(tokens, at)
    is_version = re.search(r"\d\.\d*0\Z", tokens[at].low)
    return [(found[0], plain(found[1]))] if found and not is_version else []


def read_signed(tokens: Sequence[Token], at: int) -> Found:
    """A change by its sign: `+2`, `-1`."""
    low = tokens[at].low
    return [(at + 1, int(low))] if low[0] in "+-" and _INTEGER.match(low) else []


def read_plus_count(tokens: Sequence[Token], at: int) -> Found:
    """A change that adds: `+2`."""
    return read_signed(tokens, at) if tokens[at].low[0] == "+" else []


def read_count_text(tokens: Sequence[Token], at: int) -> Found:
    """A count as a quantity: `50`."""
    found = numerals.count(tokens, at)
    return [(found[0], _written(found[1]))] if found else []


def read_percent(tokens: Sequence[Token], at: int) -> Found:
    """`10%`, `ten percent`, `10-percent`."""
    found = numerals.number(tokens, at)
    if found is None:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)-(?:percent|per-cent)", tokens[at].low)
        return [(at + 1, plain(Decimal(match[1])))] if match else []
    end, value = found
    following = [token.low for token in tokens[end : end + 2]]
    if following[:1] in (["%"], ["percent"], ["pct"], ["percents"]):
        return [(end + 1, plain(value))]
    if following == ["per", "cent"]:
        return [(end + 2, plain(value))]
    return []


def read_part(tokens: Sequence[Token], at: int) -> Found:
    """A part of a whole in percent: `half`, `a quarter`."""
    found = numerals.fraction(tokens, at)
    return [(found[0], plain(found[1] * 100))] if found else []


def read_factor(tokens: Sequence[Token], at: int) -> Found:
    """`4x`, `x4`."""
    match = _FACTOR.match(tokens[at].low)
    return [(at + 1, plain(Decimal(match[1] or match[2])))] if match else []


def _amount(tokens: Sequence[Token], at: int, units: dict[str, str]) -> tuple[int, Decimal, str] | None:
    """Reads a number with one of `units`: `4Gi`, `4 GiB`, `half a core`, `one-minute`, `a second`."""
    low = tokens[at].low
    attached = _UNIT.match(tokens[at].text)
    if attached:
        unit = _unit(attached[2], units)
        value = numerals.digits(attached[1])
        return (at + 1, value, unit) if unit is not None and value is not None else None
    hyphened = _HYPHENED.match(low)
    if hyphened and hyphened[2] in units:
        word = Token(hyphened[1], hyphened[1], 0, 0, True, False)
        found = numerals.number([word], 0)
        if found or hyphened[1] == "half":
            return at + 1, found[1] if found else Decimal("0.5"), units[hyphened[2]]
    return _spaced_amount(tokens, at, units)


def _unit(text: str, units: dict[str, str]) -> str | None:
    """Units ignore case, but for M: `512M` is memory, `512m` is half a core or some minutes."""
    if text == "M":
        return "M" if units is _MEMORY_UNITS else None
    return units.get(text.lower())


def _spaced_amount(
    tokens: Sequence[Token], at: int, units: dict[str, str]
) -> tuple[int, Decimal, str] | None:
    part = numerals.fraction(tokens, at)
    if part:
        end = part[0]
        for filler in (("of", "a"), ("of", "an"), ("of", "one"), ("a",), ("an",), ()):
            stop = end + len(filler)
            if tuple(token.low for token in tokens[end:stop]) == filler and stop < len(tokens):
                unit = _unit(tokens[stop].text, units)
                if unit is not None:
                    return stop + 1, part[1], unit
    whole = numerals.number(tokens, at)
    if whole is None and tokens[at].low in ("a", "an", "one") and at + 1 < len(tokens):
        whole = at + 1, Decimal(1)
    if whole is None:
        return None
    end, value = whole
    if [token.low for token in tokens[end : end + 3]] == ["and", "a", "half"]:
        end, value = end + 3, value + Decimal("0.5")
    if end < len(tokens) and (unit := _unit(tokens[end].text, units)) is not None:
        return end + 1, value, unit
    return None


def _written_cpu(value: Decimal, unit: str) -> str:
    if unit == "" and value != value.to_integral_value() and value < 1:
        return f"{_written(value * 1000)}m"
    return _written(value) + unit


def read_cpu(tokens: Sequence[Token], at: int) -> Found:
    """`2 CPUs`, `500m`, `750 millicores`, `half a core`."""
    found = _amount(tokens, at, _CPU_UNITS)
    if found is None:
        return []
    end, value, unit = found
    results: Found = [(end, _written_cpu(value, unit))]
    # "500m CPU", "2 vCPU cores"
    if end < len(tokens) and tokens[end].low in _CPU_PREFIXED and tokens[end - 1].low != tokens[end].low:
        results.append((end + 1, _written_cpu(value, unit)))
    return results


def read_bare_cpu(tokens: Sequence[Token], at: int) -> Found:
    """A number of cores after the word CPU: `2`, `0.5`, `half`."""
    found = numerals.number(tokens, at)
    return [(found[0], _written(found[1]))] if found else []


def read_memory(tokens: Sequence[Token], at: int) -> Found:
    """`4Gi`, `512 MB`, `2 gigabytes`."""
    found = _amount(tokens, at, _MEMORY_UNITS)
    if found is None:
        return []
    end, value, unit = found
    return [(end, _written(value) + unit)]


def read_duration(tokens: Sequence[Token], at: int) -> Found:
    """`5s`, `800 ms`, `1.5 seconds`, `one-minute`, `1m30s`."""
    low = tokens[at].low
    if _COMPOUND.match(low) and len(re.findall(r"[a-z]+", low)) > 1:
        parts = re.findall(r"(\d+)(ms|h|m|s)", low)
        return [(at + 1, _written_duration(sum(Decimal(n) * _MILLISECONDS[unit] for n, unit in parts), "s"))]
    found = _amount(tokens, at, _DURATION_UNITS)
    if found is None:
        return []
    end, value, unit = found
    return [(end, _written_duration(value * _MILLISECONDS[unit], unit))]


def _written_duration(milliseconds: Decimal | int, unit: str) -> str:
    milliseconds = Decimal(milliseconds)
    for candidate in (unit, "s", "ms"):
        size = _MILLISECONDS[candidate]
        if milliseconds % size == 0:
            return f"{int(milliseconds / size)}{candidate}"
    return f"{milliseconds.normalize():f}ms"


def read_bandwidth(tokens: Sequence[Token], at: int) -> Found:
    """`100Mbps`, `1.5 Gbit/s`, in kbit/s; not `100 MBps`, which is bytes."""
    found = _amount(tokens, at, _BANDWIDTH_UNITS)
    if found is None:
        return []
    end, value, size = found
    unit = tokens[end - 1].text.lstrip("0123456789.,+-")
    of_bytes = "B" in unit and unit != unit.upper()
    return [] if of_bytes else [(end, _written(value * Decimal(size)))]


def read_port(tokens: Sequence[Token], at: int) -> Found:
    """`8080`, `38412/sctp`, `udp/8805`: an object with `port`, and `protocol` where said."""
    match = _PORT.match(tokens[at].low)
    if match is None or len(match[2]) > numerals.MAX_DIGITS:
        return []
    port: tuple[Assign, ...] = (Assign("port", int(match[2]), at, at + 1),)
    protocol = match[1] or match[3]
    if protocol:
        port += (Assign("protocol", protocol.upper(), at, at + 1),)
    return [(at + 1, port)]


def read_port_with_protocol(tokens: Sequence[Token], at: int) -> Found:
    """`38412/sctp`, but no bare number."""
    return read_port(tokens, at) if any(name in tokens[at].low for name in PROTOCOLS) else []


def read_protocol(tokens: Sequence[Token], at: int) -> Found:
    """`TCP`, `UDP` or `SCTP`."""
    low = tokens[at].low
    return [(at + 1, low.upper())] if low in PROTOCOLS else []


def read_port_numbers(tokens: Sequence[Token], at: int) -> Found:
    """Ports in a word that might be a number in thousands: `80,443`."""
    low = tokens[at].low
    return [(at + 1, tuple(int(one) for one in low.split(",")))] if _PORTS.match(low) else []


def read_address(tokens: Sequence[Token], at: int) -> Found:
    """`10.0.0.0/8`, `fd00::/64`, and `203.0.113.7`, which is a /32."""
    low = tokens[at].low
    if not ADDRESS.match(low):
        return []
    if "/" not in low:
        low += "/128" if ":" in low else "/32"
    return [(at + 1, low)]


def read_image(tokens: Sequence[Token], at: int) -> Found:
    """An image reference: `nginx`, `registry.example.com/shop/api:3.2.0`, `core/ausf@sha256:…`."""
    text = tokens[at].text
    return [(at + 1, text)] if _IMAGE.match(text) and re.search(r"[a-zA-Z]", text) else []


def read_full_image(tokens: Sequence[Token], at: int) -> Found:
    """An image reference that can be nothing else: with a path and a tag or a digest."""
    text = tokens[at].text
    certain = re.search(r"[a-zA-Z].*/", text) and re.search(r"[^:/]:[\w.-]+\Z|@sha256:", text)
    return [(at + 1, text)] if certain and _IMAGE.match(text) and "://" not in text else []


def read_version(tokens: Sequence[Token], at: int) -> Found:
    """What follows the word version: `2.4.1`, `v3.0.0-rc1`, `2024.w10`."""
    text = tokens[at].text
    return [(at + 1, text)] if _VERSION.match(text) or _TAG.match(text) else []


def read_plain_version(tokens: Sequence[Token], at: int) -> Found:
    """What is a version by its form alone: `v1.8.0`, `2.4.1`."""
    text = tokens[at].text
    return [(at + 1, text)] if _PLAIN_VERSION.match(text) else []


def read_shares(tokens: Sequence[Token], at: int) -> Found:
    """`80/20`: percentages."""
    low = tokens[at].low
    if not _SHARES.match(low):
        return []
    return [(at + 1, tuple(int(share) for share in re.split(r"[/:-]", low)))]


def read_range(tokens: Sequence[Token], at: int) -> Found:
    """`2-10`: two bounds."""
    match = _RANGE.match(tokens[at].low)
    return [(at + 1, (int(match[1]), int(match[2])))] if match else []


def read_integer(tokens: Sequence[Token], at: int) -> Found:
    """Digits: `503`."""
    low = tokens[at].low
    return [(at + 1, int(low))] if _INTEGER.match(low) and len(low) <= numerals.MAX_DIGITS else []


NUMERIC: dict[str, Read] = {
    "count": read_count,
    "count-text": read_count_text,
    "signed": read_signed,
    "plus-count": read_plus_count,
    "percent": read_percent,
    "part": read_part,
    "factor": read_factor,
    "cpu": read_cpu,
    "bare-cpu": read_bare_cpu,
    "memory": read_memory,
    "duration": read_duration,
    "bandwidth": read_bandwidth,
    "port": read_port,
    "port-with-protocol": read_port_with_protocol,
    "port-numbers": read_port_numbers,
    "address": read_address,
    "shares": read_shares,
    "range": read_range,
    "integer": read_integer,
    "version": read_version,
    "plain-version": read_plain_version,
}
"""Values that begin with a digit, a sign or a number word (an address or a version also with a letter)."""
WORDY: dict[str, Read] = {"image": read_image, "full-image": read_full_image, "protocol": read_protocol}
"""Values that may begin with any letter or digit."""
