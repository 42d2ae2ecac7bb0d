"""What git and kpt say when they fail, and what it stands for: one table for each; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.child.running import Ended, Result
from engine.executors.errors import ErrorClass, Failure
from engine.reasons import Reason

_LIMITS = "where it is rightly so, raise its limit in executors.children"
_ITSELF = "it goes on by itself"


class GitError(Exception):
    """git or kpt failed, or what they found is not to be used.

    Attributes:
        failure: what it stands for.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @classmethod
    def permanent(cls, message: str, reason: Reason = Reason.INVALID) -> GitError:
        """Returns what every try would end with."""
        return cls(Failure(ErrorClass.PERMANENT, message, reason))

    @classmethod
    def retryable(cls, message: str) -> GitError:
        """Returns what another try may not end with."""
        return cls(Failure(ErrorClass.RETRYABLE, message, Reason.BACKING_OFF))

    @classmethod
    def outage(cls, message: str) -> GitError:
        """Returns what is no fault of the intent, and ends without it."""
        return cls(Failure(ErrorClass.RETRYABLE, message, Reason.BACKEND_DOWN, outage=True))


@dataclass(frozen=True, slots=True)
class _Row:
    pattern: re.Pattern[str]
    error_class: ErrorClass
    advice: str
    outage: bool = False


def _outage(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern, re.IGNORECASE), ErrorClass.RETRYABLE, advice, outage=True)


def _retryable(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern, re.IGNORECASE), ErrorClass.RETRYABLE, advice)


def _permanent(pattern: str, advice: str) -> _Row:
    return _Row(re.compile(pattern, re.IGNORECASE), ErrorClass.PERMANENT, advice)


_SPACE = _outage(
    r"no space left on device|disk quota exceeded", f"make room in the working folder; {_ITSELF}"
)
_MEMORY = _retryable(
    r"out of memory|cannot allocate memory|died of signal|resource temporarily unavailable", _LIMITS
)
_GIT = (
    _SPACE,
    _MEMORY,
    _permanent(r"fsck error|fsck failed|hasDot|transport '.*' not allowed", "correct the repository"),
    _outage(
        r"authentication failed|could not read (username|password)|returned error: 40[13]|access denied",
        f"correct user and passwordFile of the repository; {_ITSELF}",
    ),
    _outage(r"certificate|SSL", f"see to the server's certificate or the repository's caFile; {_ITSELF}"),
    _outage(
        r"from redirection|returned error: 3\d\d", f"set the address that the server redirects to; {_ITSELF}"
    ),
    _outage(
        r"repository '.*' not found|returned error: 404|not a git repository",
        f"correct the repository's url in executors.kpt.repositories; {_ITSELF}",
    ),
    _outage(r"couldn't find remote ref", f"make that branch, or correct the repository's branch; {_ITSELF}"),
    _retryable(r"hook declined", "the git server refused the push; see what its hook says"),
    _outage(
        r"could not resolve|failed to connect|couldn't connect|connection (refused|reset|timed out|was)"
        r"|timed out|too slow|rpc failed|early eof|hung up|disconnect|returned error: (5\d\d|429)"
        r"|empty reply|unable to access",
        f"see to the git server; {_ITSELF}",
    ),
    _retryable("", "it is tried again"),
)
_FIX_PIPELINE = "correct the pipeline in the package's Kptfile or the function, then retry the intent"
_KPT = (
    _SPACE,
    _MEMORY,
    _permanent(r"docker|podman|nerdctl", f"functions run as programs only, never as images; {_FIX_PIPELINE}"),
    _permanent("", _FIX_PIPELINE),
)
"""The first row that fits holds."""


def understand(result: Result, what: str) -> GitError:
    """Returns what a failed command stands for.

    Args:
        what: the command, for people: "git fetch", "kpt fn render".
    """
    if result.ended is Ended.TIME:
        return GitError.outage(f"{what} {result.words()}; {_LIMITS}")
    if result.ended is Ended.OUTPUT:
        return GitError.permanent(f"{what} {result.words()}; {_LIMITS}")
    if result.ended is Ended.SIGNALLED:
        return GitError.retryable(f"{what} {result.words()}; {_LIMITS}")
    table = _KPT if what.startswith("kpt") else _GIT
    row = next(row for row in table if row.pattern.search(result.stderr))
    told = _short(result.stderr) or result.words()
    message = f"{what} says: {told}; {row.advice}"
    reason = Reason.INVALID if row.error_class is ErrorClass.PERMANENT else Reason.BACKING_OFF
    return GitError(Failure(row.error_class, message, reason, row.outage))


def _short(said: str) -> str:
    """Returns the lines that say what went wrong, else the last ones, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(?i)(error|fatal|remote|stderr)\b|.*\[error\]", line)]
    return " ".join(" ".join(telling or lines[-3:]).split())[:400]
