"""The functions that expressions have beyond CEL's own: globs, quantities, images and address ranges.

All are pure functions of one text. The binding of CEL (cel-expr-python 0.1.3) loses the memory of a Python
function's arguments at each call, 110 bytes for a text, so none is called within an evaluation: there are
`Tables` of results, and a result that is not there yet is put in before the evaluation is tried again.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_CEILING, Decimal

from cel_expr_python import cel

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{prefix: Decimal(1000) ** power for power, prefix in enumerate("kMGTP", start=1)},
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTP", start=1)},
}
_DEFAULT_REGISTRY = "docker.io"
_MOST_RESULTS = 1000
"""How many results of a function are kept; an evaluation gets them all as a map."""


def glob_pattern(glob: str) -> str:
    """Returns a glob as a regular expression for a whole text: `*` is any characters, `?` is one.

    Both RE2 and Python read it.
    """
    return "^(?s:" + "".join(_GLOB.get(character) or _quoted(character) for character in glob) + ")$"


_GLOB = {"*": ".*", "?": "."}


def _quoted(character: str) -> str:
    return f"\\{character}" if character in r"\.+^$()[]{}|" else character


def cpu_milli(quantity: str) -> int:
    """Returns a CPU quantity in thousandths of a core, rounded up: "0.5" and "500m" are 500."""
    return _rounded_up(_amount(quantity) * 1000)


def memory_bytes(quantity: str) -> int:
    """Returns a quantity in bytes, rounded up: "4Gi" is 4294967296."""
    return _rounded_up(_amount(quantity))


def image_registry(image: str) -> str:
    """Returns the host, with its port, that an image comes from; docker.io where none is named."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else _DEFAULT_REGISTRY


def image_tag(image: str) -> str:
    """Returns the tag of an image: "latest" with neither tag nor digest, empty with a digest alone."""
    name, _, digest = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return tag or ("" if digest else "latest")


def prefix_length(cidr: str) -> int:
    """Returns how many leading bits an address range fixes: 10.0.0.0/8 gives 8, 0.0.0.0/0 gives 0."""
    return ipaddress.ip_network(cidr, strict=False).prefixlen


def _amount(quantity: str) -> Decimal:
    parts = _QUANTITY.fullmatch(quantity)
    if parts is None:
        raise ValueError(f"{quantity!r} is no quantity such as 500m, 2 or 4Gi")
    return Decimal(parts[1]) * _FACTORS[parts[2] or ""]


def _rounded_up(amount: Decimal) -> int:
    return int(amount.to_integral_value(rounding=ROUND_CEILING))


FUNCTIONS: Mapping[str, Callable[[str], str | int]] = {
    "like": glob_pattern,  # text.like(glob) is evaluated as text.matches(pattern of the glob)
    "cpuMilli": cpu_milli,
    "memoryBytes": memory_bytes,
    "imageRegistry": image_registry,
    "imageTag": image_tag,
    "prefixLength": prefix_length,
}
"""What is computed for each function, by its name in expressions."""


def declarations() -> list[cel.FunctionDecl]:
    """Returns the functions as expressions are checked with them."""
    text, whole, truth = cel.Type.STRING, cel.Type.INT, cel.Type.BOOL
    method = cel.Overload(
        "like_text", return_type=truth, parameters=[text, text], is_member=True, impl=_never_called
    )
    found = [cel.FunctionDecl("like", [method])]
    for name, result in (
        ("cpuMilli", whole),
        ("memoryBytes", whole),
        ("imageRegistry", text),
        ("imageTag", text),
        ("prefixLength", whole),
    ):
        overload = cel.Overload(f"{name}_text", return_type=result, parameters=[text], impl=_never_called)
        found.append(cel.FunctionDecl(name, [overload]))
    return found


def _never_called(*_: object) -> object:
    raise NotImplementedError("expressions are only checked with this function")


class Tables:
    """The results of each function by its argument, as far as they were asked for.

    Attributes:
        version: counts what was put in, so that copies know whether they are old.
    """

    def __init__(self) -> None:
        self.version = 0
        self.maps: dict[str, dict[str, str | int]] = {name: {} for name in FUNCTIONS}

    def learn(self, names: Iterable[str], argument: str) -> None:
        """Puts in the results of functions for an argument.

        Raises:
            ValueError: the argument is not of the form that is asked for.
        """
        wanted = [name for name in names if argument not in self.maps[name]]
        known = self.version
        failure: ValueError | None = None
        for name in wanted:
            try:
                result = FUNCTIONS[name](argument)
            except ValueError as error:
                failure = error
                continue
            if len(self.maps[name]) >= _MOST_RESULTS:
                self.maps[name].clear()
            self.maps[name][argument] = result
            self.version += 1
        # Which of the functions was meant is not known: one that fails counts once no other is left.
        if failure is not None and self.version == known:
            raise failure
