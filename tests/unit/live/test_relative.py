from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.live import DirectoryInventory, LiveView, Resolved, Unresolved, gather, resolve
from engine.reasons import Reason

Live = Callable[[str], DirectoryInventory]
Write = Callable[..., str]


def scaling(**fields: object) -> dict[str, object]:
    return {"intent_type": "scaling", "target": "amf", "namespace": "core", **fields}


def view(replicas: int) -> LiveView:
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "amf", "namespace": "core"},
        "spec": {"replicas": replicas},
    }
    return LiveView("directory", "", "core", "amf", workload=workload)


@pytest.mark.parametrize(
    ("live", "change", "expected"),
    [
        (3, {"by": 2}, 5),
        (3, {"by": -2}, 1),
        (3, {"factor": 2}, 6),
        (3, {"factor": 0.5}, 2),
        (1, {"factor": 0.5}, 1),
        (10, {"factor": 1.1}, 11),
        (3, {"percent": 50}, 5),
        (4, {"percent": -25}, 3),
        (1, {"percent": -99}, 1),
        (0, {"by": 2}, 2),
    ],
)
def test_a_relative_change_counts_from_the_live_replicas_and_rounds_up(
    live: int, change: dict[str, float], expected: int
) -> None:
    result = resolve(scaling(replicas_change=change), view(live))
    assert isinstance(result, Resolved)
    assert result.action["replicas"] == expected
    assert "replicas_change" not in result.action
    recorded = {item.field: item for item in result.assumed}["replicas"]
    assert recorded.value == expected
    assert f"from the {live} of Deployment amf (directory)" in recorded.why


@pytest.mark.parametrize(
    ("live", "change"),
    [(2, {"by": -2}), (2, {"by": -5}), (3, {"percent": -100}), (0, {"factor": 2}), (3, {"factor": 0})],
)
def test_a_relative_change_never_reaches_0(live: int, change: dict[str, float]) -> None:
    result = resolve(scaling(replicas_change=change), view(live))
    assert isinstance(result, Unresolved)
    assert result.reason is Reason.INVALID
    assert "never reaches 0" in result.message


def test_more_replicas_than_the_contract_can_say_are_refused() -> None:
    result = resolve(scaling(replicas_change={"factor": 2}), view(5001))
    assert isinstance(result, Unresolved)
    assert "above 10000" in result.message


@given(live=st.integers(1, 10_000), percent=st.integers(-99, 0))
def test_less_of_something_is_something(live: int, percent: int) -> None:
    result = resolve(scaling(replicas_change={"percent": percent}), view(live))
    assert isinstance(result, Resolved)
    assert 1 <= result.action["replicas"] <= live


def test_without_a_live_object_a_change_is_a_missing_fact(live: Live, workload: Write) -> None:
    inventory = live(workload(name="smf"))
    action = scaling(replicas_change={"by": 1})
    result = resolve(action, gather(action, inventory))
    assert isinstance(result, Unresolved)
    assert result.reason is Reason.MISSING_FACT
    assert "amf" in result.message


def test_replicas_that_a_manifest_leaves_out_are_1(live: Live, workload: Write) -> None:
    action = scaling(replicas_change={"factor": 3})
    result = resolve(action, gather(action, live(workload(spec="paused: false"))))
    assert isinstance(result, Resolved)
    assert result.action["replicas"] == 3


def test_a_daemonset_has_no_number_to_count_from(live: Live, workload: Write) -> None:
    action = scaling(replicas_change={"by": 1})
    result = resolve(action, gather(action, live(workload(kind="DaemonSet", spec="minReadySeconds: 0"))))
    assert isinstance(result, Unresolved)
    assert result.reason is Reason.INVALID


def test_the_kind_comes_from_the_live_object(live: Live, workload: Write) -> None:
    action = scaling(replicas=2)
    result = resolve(action, gather(action, live(workload(kind="StatefulSet"))))
    assert isinstance(result, Resolved)
    assert result.action["target_kind"] == "StatefulSet"


def test_a_stated_kind_that_differs_is_refused_naming_both(live: Live, workload: Write) -> None:
    action = scaling(replicas=2, target_kind="DaemonSet")
    result = resolve(action, gather(action, live(workload(kind="StatefulSet"))))
    assert isinstance(result, Unresolved)
    assert "DaemonSet" in result.message
    assert "StatefulSet" in result.message


def test_of_two_workloads_of_one_name_the_stated_kind_is_meant(live: Live, workload: Write) -> None:
    inventory = live(workload() + workload(kind="StatefulSet"))
    stated = gather(scaling(target_kind="StatefulSet"), inventory)
    assert stated.workload is not None
    assert stated.workload["kind"] == "StatefulSet"
    unstated = gather(scaling(), inventory)
    assert unstated.workload is None
    assert "Deployment and a StatefulSet named amf" in unstated.unknown["workload"]
