from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]
MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: core}
data: {LOG_LEVEL: info, max-sessions: "100"}
---
"""


def using(write: Write, how: str, name: str = "amf", pod: str = "") -> str:
    """Writes a workload whose container has one more field, as YAML."""
    image = '", ' + how + ', terminationMessagePath: "/dev/null'
    return write(name, image="registry.example.com/amf:1.0" + image, pod=pod)


def from_environment(write: Write, name: str = "amf") -> str:
    return using(write, "envFrom: [{configMapRef: {name: settings}}]", name)


def test_settings_go_to_the_config_map_that_the_workload_uses(world: Any, act: Act, workload: Write) -> None:
    item = world(from_environment(workload) + MAP).object(
        act("configuration", "amf", settings={"LOG_LEVEL": "on"})
    )
    assert item["metadata"]["name"] == "settings"
    assert item["data"] == {"LOG_LEVEL": "on"}


def test_environment_waits_for_a_restart(world: Any, act: Act, workload: Write) -> None:
    plan = world(from_environment(workload) + MAP).plan(
        act("configuration", "amf", settings={"LOG_LEVEL": "x"})
    )
    assert plan.warnings == ("amf: the change of LOG_LEVEL takes effect at the next restart of its pods",)
    assert plan.restarts == ()


def test_a_mounted_file_changes_by_itself(examples: Any, act: Act) -> None:
    plan = examples.plan(act("configuration", "udr", settings={"CACHE_SIZE": "512MB"}))
    assert any("within about a minute" in warning for warning in plan.warnings)


def test_a_new_key_of_a_mounted_map_is_a_file_of_its_own(examples: Any, act: Act) -> None:
    plan = examples.plan(act("configuration", "udr", settings={"SHARDS": "4"}))
    assert any("SHARDS is new" in warning for warning in plan.warnings)


def test_a_workload_without_a_config_map_is_refused(world: Any, act: Act, workload: Write) -> None:
    refusal = world(workload() + MAP).refusal(act("configuration", "amf", settings={"A": "b"}))
    assert refusal.reason is Reason.MISSING_FACT
    assert "uses no ConfigMap" in refusal.message


def test_two_config_maps_are_refused_with_the_list(world: Any, act: Act, workload: Write) -> None:
    both = using(workload, "envFrom: [{configMapRef: {name: one}}, {configMapRef: {name: two}}]")
    refusal = world(both).refusal(act("configuration", "amf", settings={"A": "b"}))
    assert refusal.reason is Reason.AMBIGUOUS
    assert "one, two" in refusal.message


def test_a_config_map_that_is_not_there_is_a_missing_fact(world: Any, act: Act, workload: Write) -> None:
    refusal = world(from_environment(workload)).refusal(act("configuration", "amf", settings={"A": "b"}))
    assert refusal.reason is Reason.MISSING_FACT


def test_a_config_map_of_others_too_is_refused_naming_them(world: Any, act: Act, workload: Write) -> None:
    shared = from_environment(workload) + from_environment(workload, "smf") + MAP
    refusal = world(shared).refusal(act("configuration", "amf", settings={"LOG_LEVEL": "x"}))
    assert refusal.reason is Reason.CONFLICT
    assert "also used by smf" in refusal.message


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        ("immutable: true", "LOG_LEVEL", "immutable"),
        ("binaryData: {blob: AAAA}", "blob", "binary data"),
        ("immutable: false", "a/b", "no key"),
    ],
)
def test_what_cannot_change_is_refused(
    world: Any, act: Act, workload: Write, change: str, key: str, said: str
) -> None:
    manifests = from_environment(workload) + MAP.replace("\ndata:", f"\n{change}\ndata:", 1)
    refusal = world(manifests).refusal(act("configuration", "amf", settings={key: "x"}))
    assert refusal.reason is Reason.INVALID
    assert said in refusal.message


def test_a_key_in_another_spelling_is_asked_about(world: Any, act: Act, workload: Write) -> None:
    refusal = world(from_environment(workload) + MAP).refusal(
        act("configuration", "amf", settings={"MAX_SESSIONS": "200"})
    )
    assert refusal.reason is Reason.AMBIGUOUS
    assert "'set max-sessions to … on amf'" in refusal.message


def test_a_key_that_no_container_reads_is_refused(world: Any, act: Act, workload: Write) -> None:
    reads = using(
        workload, "env: [{name: L, valueFrom: {configMapKeyRef: {name: settings, key: LOG_LEVEL}}}]"
    )
    refusal = world(reads + MAP).refusal(act("configuration", "amf", settings={"OTHER": "x"}))
    assert refusal.reason is Reason.INVALID
    assert "reads only LOG_LEVEL" in refusal.message


def test_a_key_that_is_no_variable_name_is_told(world: Any, act: Act, workload: Write) -> None:
    plan = world(from_environment(workload) + MAP).plan(
        act("configuration", "amf", settings={"max-sessions": "200"})
    )
    assert any("max-sessions is no name" in warning for warning in plan.warnings)
