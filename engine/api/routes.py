"""The paths of the API: each request is checked here, and becomes one call of an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from engine.api.changing import BulkRetry
from engine.api.operations import Answer, Operations
from engine.api.peer import Peer
from engine.api.reading import Selection
from engine.api.reapplying import Reapplication
from engine.api.wire import API_VERSION, PREFIX, ApiError, Code
from engine.reasons import Phase, Reason
from store.overview import Restartable

Model = TypeVar("Model", bound=BaseModel)

LARGEST_PAGE = 500
LARGEST_BULK = 1000
FASTEST_RATE = 6000
"""How many intents a minute can be tried again, or decided anew, at most."""

_READ_AS = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        path: its parts, decoded, without the version.
        query: by name; one that is given twice counts as given last.
        body: the JSON object that came with it; empty where none did.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    peer: Peer


class _Nothing(BaseModel):
    """A query that takes no parameters."""

    model_config = _READ_AS


class _Page(BaseModel):
    """Query of the list."""

    model_config = _READ_AS

    namespace: str | None = None
    phase: Phase | None = None
    reason: Reason | None = None
    limit: int = Field(default=100, ge=1, le=LARGEST_PAGE)
    after: str = Field(default="", alias="continue")


class _Which(BaseModel):
    """Query of an explanation."""

    model_config = _READ_AS

    generation: int | None = None
    at: AwareDatetime | None = None


class _Body(BaseModel):
    """What every body has besides its `kind`."""

    model_config = _READ_AS

    api_version: Literal["conductor-watch/v1"] = API_VERSION


class _Approval(_Body):
    kind: Literal["ApprovalRequest"] = "ApprovalRequest"
    spec_hash: str | None = None


class _Retry(_Body):
    kind: Literal["RetryRequest"] = "RetryRequest"


class _BulkRetry(_Body):
    kind: Literal["BulkRetryRequest"] = "BulkRetryRequest"
    reason: Reason
    namespace: str | None = None
    since: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_BULK, strict=True)] = 100
    dry_run: Annotated[bool, Field(strict=True)] = False
    rate: Annotated[int, Field(ge=1, le=FASTEST_RATE, strict=True)] | None = None


class _Reapplication(_Body):
    kind: Literal["ReapplicationRequest"] = "ReapplicationRequest"
    namespace: str | None = None
    rate: Annotated[int, Field(ge=1, le=FASTEST_RATE, strict=True)] = 60
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, strict=True)] = 100
    after: str = Field(default="", alias="continue")


class _Reload(_Body):
    kind: Literal["ReloadRequest"] = "ReloadRequest"


@dataclass(frozen=True, slots=True)
class _Route:
    """A path, in which `*` stands for any part, and what answers it; `kind` is that of the answer."""

    method: str
    path: tuple[str, ...]
    kind: str
    call: Callable[[Request, Operations], Answer]


def answer(request: Request, operations: Operations) -> Answer:
    """Answers a request with an object that has apiVersion and kind.

    Raises:
        ApiError: the request cannot be answered; it says why.
    """
    there = [route for route in _ROUTES if _fits(route.path, request.path)]
    if not there:
        paths = ", ".join(sorted({f"/{PREFIX}/{'/'.join(route.path)}" for route in _ROUTES}))
        raise ApiError(
            Code.NOT_FOUND, f"there is no /{PREFIX}/{'/'.join(request.path)}", f"there are {paths}"
        )
    for route in there:
        if route.method == request.method:
            return {"apiVersion": API_VERSION, "kind": route.kind, **route.call(request, operations)}
    methods = ", ".join(sorted({route.method for route in there}))
    raise ApiError(Code.METHOD_NOT_ALLOWED, f"{request.method} is not possible here", f"use {methods}")


def _fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(pattern) == len(path) and all(
        want in ("*", part) for want, part in zip(pattern, path, strict=True)
    )


def _list(request: Request, operations: Operations) -> Answer:
    wanted = _read(_Page, request.query)
    namespace, _, name = wanted.after.partition("/")
    return operations.intents(
        Selection(wanted.namespace, wanted.phase, wanted.reason, wanted.limit, (namespace, name))
    )


def _intent(request: Request, operations: Operations) -> Answer:
    _read(_Nothing, request.query)
    return operations.intent(request.path[1], request.path[2])


def _explain(request: Request, operations: Operations) -> Answer:
    wanted = _read(_Which, request.query)
    at = wanted.at.timestamp() if wanted.at is not None else None
    return operations.explain(request.path[1], request.path[2], wanted.generation, at)


def _approve(request: Request, operations: Operations) -> Answer:
    wanted = _read(_Approval, request.body)
    return operations.approve(request.path[1], request.path[2], wanted.spec_hash, request.peer)


def _retry(request: Request, operations: Operations) -> Answer:
    _read(_Retry, request.body)
    return operations.retry(request.path[1], request.path[2], request.peer)


def _retry_all(request: Request, operations: Operations) -> Answer:
    wanted = _read(_BulkRetry, request.body)
    since = wanted.since.timestamp() if wanted.since is not None else 0.0
    which = Restartable(wanted.reason.value, wanted.namespace, since)
    return operations.retry_all(BulkRetry(which, wanted.limit, wanted.dry_run, wanted.rate), request.peer)


def _reapply(request: Request, operations: Operations) -> Answer:
    wanted = _read(_Reapplication, request.body)
    namespace, _, name = wanted.after.partition("/")
    after = (namespace, name)
    return operations.reapply(Reapplication(wanted.namespace, wanted.rate, wanted.limit, after), request.peer)


def _state(request: Request, operations: Operations) -> Answer:
    _read(_Nothing, request.query)
    return operations.state()


def _reload(request: Request, operations: Operations) -> Answer:
    _read(_Reload, request.body)
    return operations.reload(request.peer)


def _health(request: Request, operations: Operations) -> Answer:
    _read(_Nothing, request.query)
    return operations.health()


_ROUTES = (
    _Route("GET", ("intents",), "IntentList", _list),
    _Route("POST", ("intents", "retry"), "BulkRetry", _retry_all),
    _Route("GET", ("intents", "*", "*"), "Intent", _intent),
    _Route("POST", ("intents", "*", "*", "approve"), "Approval", _approve),
    _Route("POST", ("intents", "*", "*", "retry"), "Retry", _retry),
    _Route("GET", ("explain", "*", "*"), "Explanation", _explain),
    _Route("GET", ("state",), "State", _state),
    _Route("POST", ("rules", "reapply"), "Reapplication", _reapply),
    _Route("POST", ("rules", "reload"), "Reload", _reload),
    _Route("GET", ("healthz",), "Health", _health),
)


def _read(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Checks what came with a request.

    Raises:
        ApiError: it does not fit; every field at fault is named.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
            for detail in error.errors(include_url=False)
        )
        raise ApiError(Code.INVALID, problems) from error
