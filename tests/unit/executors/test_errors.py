"""Every kind of failure by the words that porch and porchctl were heard to say, names apart."""

from __future__ import annotations

import pytest

from engine.executors.base import Retry, Terminal, Unknown
from engine.executors.errors import ErrorClass, classify
from engine.reasons import Reason
from tests.unit.executors.messages import ALREADY_DONE, OUTAGES, PERMANENT, RETRYABLE, UNKNOWN


def cases(table: dict[str, tuple[int, str]]) -> list[object]:
    return [pytest.param(code, said, id=case) for case, (code, said) in table.items()]


@pytest.mark.parametrize(("code", "said"), cases(RETRYABLE))
def test_what_may_come_right_is_looked_at_and_tried_again(code: int, said: str) -> None:
    failure = classify(said, code)
    assert (failure.error_class, failure.outage) == (ErrorClass.RETRYABLE, False)
    outcome = failure.outcome()
    assert isinstance(outcome, Retry)
    assert outcome.counts


@pytest.mark.parametrize(("code", "said"), cases(OUTAGES))
def test_an_outage_uses_up_no_retry(code: int, said: str) -> None:
    failure = classify(said, code)
    assert (failure.error_class, failure.outage) == (ErrorClass.RETRYABLE, True)
    outcome = failure.outcome()
    assert isinstance(outcome, Retry)
    assert (outcome.counts, outcome.reason) == (False, Reason.BACKEND_DOWN)


@pytest.mark.parametrize(("code", "said"), cases(PERMANENT))
def test_what_cannot_come_right_is_not_tried_again(code: int, said: str) -> None:
    failure = classify(said, code)
    assert failure.error_class is ErrorClass.PERMANENT
    assert isinstance(failure.outcome(), Terminal)


@pytest.mark.parametrize(("code", "said"), cases(ALREADY_DONE))
def test_what_an_earlier_try_did_is_known_as_done(code: int, said: str) -> None:
    assert classify(said, code).error_class is ErrorClass.ALREADY_DONE


@pytest.mark.parametrize(("code", "said"), cases(UNKNOWN))
def test_what_may_have_happened_is_read_back(code: int, said: str) -> None:
    failure = classify(said, code)
    assert failure.error_class is ErrorClass.UNKNOWN
    assert isinstance(failure.outcome(), Unknown)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, ErrorClass.PERMANENT),
        (404, ErrorClass.RETRYABLE),
        (409, ErrorClass.RETRYABLE),
        (413, ErrorClass.PERMANENT),
        (422, ErrorClass.PERMANENT),
        (500, ErrorClass.RETRYABLE),
        (502, ErrorClass.RETRYABLE),
        (504, ErrorClass.UNKNOWN),
    ],
)
def test_the_code_decides_where_the_words_say_nothing(code: int, expected: ErrorClass) -> None:
    assert classify("", code).error_class is expected


def test_the_message_says_what_porch_said_and_what_to_do() -> None:
    said = 'repositories.config.porch.kpt.dev "nope" not found'
    assert classify(said, 404).message == (
        f"porch says: {said}; register it with porch, or have the rules or bounds.repository name one that is"
    )


def test_an_endless_message_with_escapes_is_cut_and_made_readable() -> None:
    message = classify("\x1b[31m" + 'package "' * 500_000 + "\nconnection refused", 500).message
    assert len(message) < 1000
    assert message.isprintable()
    assert "goes on by itself" in message
