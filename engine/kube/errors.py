"""What a call to the API server can come back with, by what is to be done about it.

Raised by `engine.kube` alone; nothing of the Kubernetes client or of urllib3 gets past it. All of them are
OSErrors: whoever waits and tries again where a disk is full does so here too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WEBHOOK = re.compile(r'(?:failed calling|admission) webhook "([^"]+)"')
_NOT_TYPED = "failed to create typed patch object"
"""How an API server says, with the code 500, that an apply does not fit the schema."""
_CAUSES = 3
"""How many of the API server's causes are told."""


class ApiError(OSError):
    """The API server did not do what it was asked to.

    Attributes:
        retry_after: the seconds for which the API server asked to be left alone; None where it did not say.
        code: of the answer; 0 where there was none.
        told: what the answer said, without what was asked for.
    """

    code: int = 0
    told: str = ""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(ApiError):
    """It cannot be reached, or fails by itself: the same call may succeed later."""


class NotPublishedError(UnavailableError):
    """It serves a kind that its schema does not tell of yet, some seconds after the definition changed."""


class UnansweredError(UnavailableError):
    """It was sent, and no answer came that can be used: whether it was done is not known."""


class ThrottledError(UnavailableError):
    """It has too much to do and asks to be left alone for a while."""


class GoneError(ApiError):
    """The resource version that was asked for is no longer kept: everything has to be listed anew."""


class NotFoundError(ApiError):
    """The object, or the kind of object, is not there."""


class AlreadyExistsError(ApiError):
    """An object of this name is there already."""


class ConflictError(ApiError):
    """The object is not, or no longer, the one that the call was meant for."""


class ForbiddenError(ApiError):
    """Our account lacks the right."""


class UnauthorizedError(ApiError):
    """Who we are was not accepted: the token is missing, expired or of another cluster."""


class InvalidError(ApiError):
    """The API server's schema does not allow what was sent."""


class WebhookError(ApiError):
    """An admission webhook refused the call, or could not be reached.

    Attributes:
        webhook: its name.
        down: whether it could not be reached, so that it was not about this object.
    """

    def __init__(self, message: str, *, webhook: str, down: bool, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.webhook = webhook
        self.down = down


_BY_CODE: Mapping[int, type[ApiError]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: ThrottledError,
}


def from_status(
    what: str, code: int, status: Mapping[str, Any], retry_after: float | None = None
) -> ApiError:
    """Returns the error that a failed call stands for, with its code and its words.

    Args:
        what: the call, for people: "list networkintents in namespace core".
        code: the HTTP code, or that of an ERROR event.
        status: the `Status` object of the answer; empty where there was none.
    """
    error = _typed(what, code, status, retry_after)
    error.code, error.told = code, str(status.get("message") or "")
    return error


def _typed(what: str, code: int, status: Mapping[str, Any], retry_after: float | None) -> ApiError:
    told = " ".join(str(status.get("message") or f"HTTP {code}").split())
    details = status.get("details") or {}
    causes = [str(cause.get("message", "")) for cause in details.get("causes") or ()][:_CAUSES]
    more = [cause for cause in causes if cause and cause not in told]
    message = f"cannot {what}: {told}" + (f" ({'; '.join(more)})" if more else "")
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = float(details["retryAfterSeconds"])
    webhook = _WEBHOOK.search(told)
    if webhook is not None:
        down = webhook[0].startswith("failed")
        return WebhookError(message, webhook=webhook[1], down=down, retry_after=retry_after)
    reason = status.get("reason")
    if reason == "AlreadyExists":
        return AlreadyExistsError(message)
    if reason == "Expired":
        return GoneError(message)
    if _NOT_TYPED in told:
        return InvalidError(message)
    return _BY_CODE.get(code, UnavailableError)(message, retry_after=retry_after)
