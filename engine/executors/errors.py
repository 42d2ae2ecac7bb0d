"""What porch says when it does not do what it is asked to: one table, for the API and for porchctl alike.

porch answers most failures with the code 500 and the cause in the message alone, so the message decides, and
the HTTP code only where no row fits. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engine.executors.base import Retry, Terminal, Unknown
from engine.reasons import Reason

OUTAGE_SECONDS = 15.0
"""The delay after an outage, which uses up no retry."""
_SAID_CHARACTERS = 400
_READ_CHARACTERS = 8000
"""So much of the beginning and of the end of what was said is looked at."""


class ErrorClass(StrEnum):
    """What is to be done about a failure."""

    RETRYABLE = "retryable"  #: Look at how things are, and try again.
    PERMANENT = "permanent"  #: Every try would fail in the same way.
    ALREADY_DONE = "already done"  #: An earlier try did it: look, and go on from there.
    UNKNOWN = "unknown"  #: It may have happened: read back before anything is sent again.


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure, understood.

    Attributes:
        message: for people: what was said and what to do.
        reason: of the status, where it ends there.
        outage: whether the backend is at fault, and not what was asked of it.
    """

    error_class: ErrorClass
    message: str
    reason: Reason
    outage: bool = False

    def outcome(self) -> Retry | Terminal | Unknown:
        """Returns what an executor answers where it can do no better itself."""
        if self.error_class is ErrorClass.PERMANENT:
            return Terminal(self.reason, self.message)
        if self.error_class is ErrorClass.UNKNOWN:
            return Unknown(self.message)
        if self.outage:
            return Retry(Reason.BACKEND_DOWN, self.message, after=OUTAGE_SECONDS, counts=False)
        return Retry(Reason.BACKING_OFF, self.message)


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of failure.

    Attributes:
        pattern: found in what was said.
        advice: what a person is told to do; goes behind what was said.
    """

    pattern: re.Pattern[str]
    error_class: ErrorClass
    advice: str
    reason: Reason = Reason.BACKING_OFF
    outage: bool = False


def classify(said: str, code: int = 0) -> Failure:
    """Returns what a failure stands for.

    Args:
        said: the message of the API, or the standard error of porchctl.
        code: the HTTP code; 0 where there is none.
    """
    if len(said) > 2 * _READ_CHARACTERS:
        said = f"{said[:_READ_CHARACTERS]} … {said[-_READ_CHARACTERS:]}"
    row = next((row for row in _TABLE if row.pattern.search(said)), None) or _by_code(code)
    told = _short(said)
    message = f"porch says: {told}; {row.advice}" if told else f"porch failed (HTTP {code}); {row.advice}"
    return Failure(row.error_class, message, row.reason, row.outage)


def _short(said: str) -> str:
    """Returns what was said in one line without what says nothing, or could drive a terminal."""
    words = "".join(char if char.isprintable() else " " for char in said)
    told = " ".join(words.split()).removeprefix("Error: ").removeprefix("Internal error occurred: ")
    if len(told) <= _SAID_CHARACTERS:
        return told
    return f"{told[: _SAID_CHARACTERS // 2]} … {told[-_SAID_CHARACTERS // 2 :]}"  # the cause stands last


def _retryable(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern), ErrorClass.RETRYABLE, advice)


def _outage(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern), ErrorClass.RETRYABLE, advice, Reason.BACKEND_DOWN, outage=True)


def _permanent(pattern: str, advice: str, reason: Reason = Reason.INVALID) -> _Row:
    return _Row(re.compile(pattern), ErrorClass.PERMANENT, advice, reason)


def _already(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern), ErrorClass.ALREADY_DONE, advice)


def _unknown(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern), ErrorClass.UNKNOWN, advice, Reason.READ_BACK)


_LOOKED_AT = "it is looked at as it is now, and tried again"
_FIX_PIPELINE = "correct the pipeline in the package's Kptfile, then retry the intent"
_FAULT = "this is a fault of conductor-watch or a porch of another version; please report it"
_TABLE: tuple[_Row, ...] = (
    # Who comes second, and what is done already.
    _retryable(r"the object has been modified", "somebody changed it meanwhile; " + _LOOKED_AT),
    _retryable(r"another request is already in progress", "somebody works on it; " + _LOOKED_AT),
    _already(r"workspaceNames must be unique", "an earlier try made it; it is gone on with"),
    _already(r"package with Published lifecycle value can only be updated", "it is published already"),
    _already(r"cannot propose Published package|is already proposed", "an earlier try did it"),
    # A state that somebody else has changed: what is there is looked at before anything else is done.
    _retryable(r"package \".*\" already exists in repository", "its revisions are looked up; " + _LOOKED_AT),
    _retryable(r"cannot approve package with Draft lifecycle", "it is not proposed any more; " + _LOOKED_AT),
    _retryable(r"cannot change approval from Draft", "it is not proposed any more; " + _LOOKED_AT),
    _retryable(r"cannot update a package revision with lifecycle value", "it is no draft; " + _LOOKED_AT),
    _retryable(r"can only update package with lifecycle value one of", "it is published; " + _LOOKED_AT),
    _retryable(r"source revision must be published", "its source is no longer published; " + _LOOKED_AT),
    _retryable(
        r"cannot find package revision", "porch has not taken it up yet, or it is gone; " + _LOOKED_AT
    ),
    _retryable(r"cannot reject .* with lifecycle", "it is not proposed; " + _LOOKED_AT),
    # Rendering.
    _outage(r"code = Unavailable", "see to porch's function runner; it goes on by itself"),
    _retryable(
        r"code = NotFound desc = function",
        "porch takes some seconds to know its functions; else " + _FIX_PIPELINE,
    ),
    _permanent(r"must run with `--allow-exec`", "porch runs no exec functions; " + _FIX_PIPELINE),
    _permanent(r"despite render failure", _FIX_PIPELINE),
    _permanent(r"error rendering package in kpt function pipeline", _FIX_PIPELINE),
    _permanent(r"failed to heal resources", "correct the file in the package, then retry the intent"),
    _permanent(r"must contain Kptfile", "put a Kptfile into the package, then retry the intent"),
    _permanent(r"cannot add a directory above", _FAULT),
    _permanent(r"limit is \d+|entity too large", "the package is too large for porch; split it"),
    # What was asked for cannot be.
    _permanent(r"`clone` cannot create a new revision", "later revisions are made by copy; " + _FAULT),
    _permanent(r"resourceVersion must be specified", _FAULT),
    _permanent(r"task list must not|task of type \".*\" not supported", _FAULT),
    _permanent(r"cannot find git reference", "correct the blueprint's reference"),
    _permanent(r"referenced as upstream by", "delete the packages first that were cloned from it"),
    _permanent(r"must be proposed for deletion|can only propose published packages", _FAULT),
    _permanent(r"spec\.(packageName|workspaceName): Invalid value", _FAULT),
    _permanent(r"value can be only (created as|updated to)", _FAULT),
    _permanent(r"repositoryName is required|--(repository|workspace) is required", _FAULT),
    _permanent(r"object provided is unrecognized|strict decoding error", _FAULT),
    _permanent(r"is not a known field selector|kubernetes resource name invalid", _FAULT),
    _permanent(
        r"repositories\.config\.porch\.kpt\.dev \".*\" not found",
        "register it with porch, or have the rules or bounds.repository name one that is",
        Reason.RULE_ERROR,
    ),
    _permanent(r"namespaces \".*\" not found", "set executors.porch.namespace", Reason.RULE_ERROR),
    _permanent(r"admission webhook \".*\" denied", "do what that webhook asks for", Reason.RULE_ERROR),
    # Who we are.
    _outage(
        r"(?i)authentication required|failed to obtain credential",
        "correct the credentials of the repository in porch; it goes on by itself",
    ),
    _outage(
        r"cannot \w+ resource \".*\" in API group|Error: unknown \(",
        "give conductor-watch that right; it goes on by itself",
    ),
    _outage(r"\AUnauthorized\Z|provide credentials", "see to the account of conductor-watch"),
    # What lies behind porch.
    _retryable(r"hook declined", "the git server refused the push; see what its hook says"),
    _outage(r"branch \".*\" doesn't exist", "make the branch, or correct the Repository in porch"),
    _outage(
        r"with retry failed|could not close package revision draft|remote repository",
        "see to the git server of the repository; it goes on by itself",
    ),
    _outage(r"failed to connect to `user=", "see to the database of porch; it goes on by itself"),
    _outage(r"failed calling webhook", "see to that webhook; it goes on by itself"),
    _unknown(r"request did not complete within|Client\.Timeout|request canceled", "it is read back"),
    _outage(
        r"trying to reach service|unable to handle the request|specify the right host or port",
        "see to porch-server; it goes on by itself",
    ),
    _outage(
        r"connection refused|i/o timeout|context deadline exceeded|failed to connect to|no such host",
        "see to porch and what it needs; it goes on by itself",
    ),
    _retryable(r"packagerevision\w*\.porch\.kpt\.dev \S+", _LOOKED_AT),
    _outage(
        r"could not find the requested resource|no matches for kind|404 page not found",
        "porch is not installed, or starting; it goes on by itself",
    ),
)
"""The first row that fits holds."""

_CLOSE_LOOK = "it is tried again; where it stays so, porch's log says more"
_CODES: dict[int, _Row] = {
    0: _unknown("", "it is read back"),
    400: _permanent("", _FAULT),
    401: _outage("", "see to the account of conductor-watch"),
    403: _outage("", "give conductor-watch that right; it goes on by itself"),
    404: _retryable("", _LOOKED_AT),
    408: _unknown("", "it is read back"),
    409: _retryable("", _LOOKED_AT),
    413: _permanent("", "the package is too large for porch; split it"),
    422: _permanent("", _FAULT),
    429: _outage("", "porch has too much to do; it goes on by itself"),
    502: _outage("", "see to porch-server; it goes on by itself"),
    503: _outage("", "see to porch-server; it goes on by itself"),
    504: _unknown("", "it is read back"),
}


def _by_code(code: int) -> _Row:
    return _CODES.get(code) or _retryable("", _CLOSE_LOOK)
