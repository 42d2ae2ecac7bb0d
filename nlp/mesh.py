"""What the values of a service mesh mean: mTLS, traffic split, timeout, retries, circuit breaker, fault."""

from __future__ import annotations

import re

from nlp.draft import Draft, impossible, inner, places_of, unclear
from nlp.percent import percent
from nlp.reading import JSON
from nlp.values import Assign

_DURATION = re.compile(r"\d+(?:ms|s|m|h)\Z")


def service_mesh(draft: Draft) -> None:
    """mTLS, traffic split, timeout, retries, circuit breaker, fault."""
    mode = draft.one("service_mesh.mtls")
    if mode is not None:
        draft.put("service_mesh.mtls", str(mode.value), mode)
    _split(draft)
    for name in ("timeout", "retries.per_try_timeout", "circuit_breaker.ejection_time", "fault.delay"):
        said = draft.one(f"service_mesh.{name}")
        if said is not None:
            if not _DURATION.match(str(said.value)):
                raise impossible(f"a duration of {said.value} cannot be", places_of((said,)))
            draft.put(f"service_mesh.{name}", str(said.value), said)
    for name, least, most in (
        ("retries.attempts", 0, 100),
        ("circuit_breaker.consecutive_errors", 1, None),
        ("circuit_breaker.max_connections", 1, None),
        ("circuit_breaker.max_pending_requests", 1, None),
        ("fault.abort_status", 200, 599),
        ("fault.percent", 0, 100),
    ):
        said = draft.one(f"service_mesh.{name}")
        if said is not None:
            draft.put(f"service_mesh.{name}", _bounded(said, name, least, most), said)
    mesh = draft.fields.get("service_mesh")
    if not isinstance(mesh, dict):
        raise unclear("say what the mesh is to do: mTLS mode, split, timeout, retries, breaker or fault")
    retries, fault = mesh.get("retries"), mesh.get("fault")
    if isinstance(retries, dict) and "attempts" not in retries:
        raise unclear("say how many retries")
    if isinstance(fault, dict) and not {"delay", "abort_status"} & set(fault):
        raise unclear("say the fault: a delay or a status")


def _bounded(said: Assign, name: str, least: int, most: int | None) -> int:
    value = said.value
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        bounds = f"{least} to {most}" if most is not None else f"{least} or more"
        what = name.rpartition(".")[2].replace("_", " ")
        raise impossible(f"{what} {value} cannot be; say {bounds}", places_of((said,)))
    return value


def _split(draft: Draft) -> None:
    shares = draft.all("shares[]")
    versions = [str(one.value) for one in draft.all("versions[]")]
    percents = draft.all("percents")
    split: dict[str, JSON] = {}
    rest = [str(one.value) for one in draft.all("rest")]
    for share in shares:
        parts = inner(share.value)
        version = str(parts["version"].value)
        if version in split:
            raise unclear(f"{version} is said twice", places_of((share,)))
        split[version] = percent(parts["percent"])
    if versions:
        split.update(_zipped(draft, versions, percents))
    if not split and not rest:
        return
    sources = (*shares, *draft.all("versions[]"), *percents, *draft.all("rest"))
    if len(rest) > 1:
        raise unclear("the rest goes to one version; say which", places_of(sources))
    if rest:
        left = 100 - sum(value for value in split.values() if isinstance(value, int))
        if rest[0] in split or not split:
            raise unclear(f"{rest[0]} is said twice", places_of(sources))
        if left < 0:
            raise impossible("the shares are more than 100 percent", places_of(sources))
        split[rest[0]] = left
    if len(split) == 1:
        raise unclear("say where the rest of the traffic goes", places_of(sources))
    total = sum(value for value in split.values() if isinstance(value, int))
    if total != 100:  # noqa: PLR2004
        raise impossible(f"the shares add up to {total} percent, not 100", places_of(sources))
    draft.put("service_mesh.traffic_split", split, *sources)


def _zipped(draft: Draft, versions: list[str], percents: list[Assign]) -> dict[str, JSON]:
    if len(set(versions)) != len(versions):
        raise unclear("a version is said twice")
    numbers: list[int] = []
    for one in percents:
        if isinstance(one.value, tuple):
            numbers.extend(number for number in one.value if isinstance(number, int))
        else:
            numbers.append(percent(one))
    if not numbers and draft.all("even"):
        if 100 % len(versions):
            raise unclear(f"100 percent do not divide equally by {len(versions)}; say the shares")
        numbers = [100 // len(versions)] * len(versions)
    if len(numbers) != len(versions):
        raise unclear("say a share for each version")
    return dict(zip(versions, numbers, strict=True))
