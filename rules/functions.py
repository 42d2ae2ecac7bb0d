"""The functions that expressions have beyond CEL's own: globs, quantities, images and address ranges.

All are pure; a text that is not of the form asked for raises ValueError, which makes the evaluation fail.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

from cel_expr_python import cel

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{prefix: Decimal(1000) ** power for power, prefix in enumerate("kMGTP", start=1)},
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTP", start=1)},
}
_DEFAULT_REGISTRY = "docker.io"


@lru_cache(maxsize=1024)
def like(text: str, glob: str) -> bool:
    """Tells whether a text fits a glob: `*` stands for any characters, `?` for one; case counts."""
    return fnmatch.fnmatchcase(text, glob)


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


_TEXT, _WHOLE = cel.Type.STRING, cel.Type.INT
FUNCTIONS: Mapping[str, tuple[Callable[..., object], tuple[cel.Type, ...], cel.Type]] = {
    "like": (like, (_TEXT, _TEXT), cel.Type.BOOL),
    "cpuMilli": (cpu_milli, (_TEXT,), _WHOLE),
    "memoryBytes": (memory_bytes, (_TEXT,), _WHOLE),
    "imageRegistry": (image_registry, (_TEXT,), _TEXT),
    "imageTag": (image_tag, (_TEXT,), _TEXT),
    "prefixLength": (prefix_length, (_TEXT,), _WHOLE),
}
"""Each function by its name in expressions, with the types of its parameters and of its result."""
_METHODS = ("like",)


def declarations() -> list[cel.FunctionDecl]:
    """Returns the functions as CEL declares them."""
    return [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    f"{name}_text",
                    return_type=result,
                    parameters=list(parameters),
                    is_member=name in _METHODS,
                    impl=implementation,
                )
            ],
        )
        for name, (implementation, parameters, result) in FUNCTIONS.items()
    ]
