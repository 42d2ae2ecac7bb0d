from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.circuit import FIRST_DELAY, MOST_FAILURES, Breaker, Circuit

LONGEST = 15.0


def opened() -> Breaker:
    return Breaker(LONGEST).down("it is away", 100.0)


def test_a_failure_has_the_backend_probed_at_once_and_a_good_probe_leaves_it_closed() -> None:
    suspect = Breaker(LONGEST, probe_at=500.0).failed("no answer", 100.0)
    assert (suspect.state, suspect.probe_at) == (Circuit.CLOSED, 100.0)
    assert suspect.up("v1", (), 101.0).state is Circuit.CLOSED


def test_a_probe_that_fails_opens_the_circuit() -> None:
    assert opened().state is Circuit.OPEN
    assert opened().detail == "it is away"


def test_failures_in_a_row_open_the_circuit_even_if_probes_succeed() -> None:
    breaker = Breaker(LONGEST)
    for now in range(MOST_FAILURES):
        assert breaker.state is Circuit.CLOSED
        breaker = breaker.failed("read-only", float(now)).up("v1", (), float(now))
    # The last failure opened it, and the probe after that lets one piece of work through.
    assert breaker.state is Circuit.HALF_OPEN


def test_success_in_between_begins_the_count_anew() -> None:
    breaker = Breaker(LONGEST)
    for _ in range(3 * MOST_FAILURES):
        breaker = breaker.failed("no answer", 1.0).worked()
    assert breaker.state is Circuit.CLOSED


def test_while_it_is_open_probes_come_ever_later_up_to_a_bound() -> None:
    breaker, now, delays = opened(), 100.0, []
    for _ in range(8):
        delays.append(breaker.probe_at - now)
        now = breaker.probe_at
        breaker = breaker.down("still away", now)
    assert delays == [FIRST_DELAY, 2.0, 4.0, 8.0, LONGEST, LONGEST, LONGEST, LONGEST]
    assert breaker.since == 100.0


def test_after_a_good_probe_what_one_piece_of_work_says_decides() -> None:
    trial = opened().up("v1", (), 101.0)
    assert trial.state is Circuit.HALF_OPEN
    assert trial.worked().state is Circuit.CLOSED
    again = trial.failed("read-only", 102.0)
    assert again.state is Circuit.OPEN
    assert again.probe_at - 102.0 > FIRST_DELAY


def test_where_no_work_is_there_to_be_tried_a_second_good_probe_closes_it() -> None:
    assert opened().up("v1", (), 101.0).up("v1", (), 116.0).state is Circuit.CLOSED


def test_what_was_sent_before_it_opened_changes_nothing() -> None:
    assert opened().worked() == opened()
    assert opened().failed("late", 101.0) == opened()


def test_what_does_not_work_beside_the_rest_is_kept_and_forgotten() -> None:
    partly = Breaker(LONGEST).up("v1", ("the repository edge is not ready",), 1.0)
    assert partly.state is Circuit.CLOSED
    assert partly.problems == ("the repository edge is not ready",)
    assert partly.up("v1", (), 2.0).problems == ()


STEPS = st.sampled_from(["failed", "worked", "up", "down"])


@given(st.lists(STEPS, max_size=60))
def test_whatever_happens_only_a_good_probe_ends_an_outage_and_the_next_probe_is_never_far(
    steps: list[str],
) -> None:
    breaker, now = Breaker(LONGEST), 0.0
    for step in steps:
        now += 1.0
        before = breaker
        match step:
            case "failed":
                breaker = before.failed("no answer", now)
            case "worked":
                breaker = before.worked()
            case "up":
                breaker = before.up("v1", (), now)
            case _:
                breaker = before.down("away", now)
        if before.state is Circuit.OPEN and breaker.state is not Circuit.OPEN:
            assert step == "up"
            assert breaker.state is Circuit.HALF_OPEN
        assert breaker.probe_at - now <= LONGEST
        assert 0 < breaker.delay <= LONGEST
