from __future__ import annotations

from pathlib import Path

import pytest

from documents import DocumentError
from engine.settings import load_settings


def test_settings_have_defaults_without_a_file() -> None:
    settings = load_settings(None, {})
    assert settings.bounds.lifecycle == "Proposed"
    assert settings.execution.retry_seconds == [30, 60, 120, 300, 600]


def test_paths_in_the_file_count_from_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("source: {directory: intents}\nrules: {paths: [rules/a.yaml]}\n")
    settings = load_settings(file, {})
    assert settings.source.directory == tmp_path / "intents"
    assert settings.rules.paths == [tmp_path / "rules/a.yaml"]


def test_an_error_in_the_file_names_file_line_and_field(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("execution:\n  workers: 0\n  grace: 3\n")
    with pytest.raises(DocumentError) as caught:
        load_settings(file, {})
    assert f"{file}:2:12: execution.workers: Input should be greater than or equal to 1" in str(caught.value)
    assert f"{file}:3:10: execution.grace: unknown field 'grace'" in str(caught.value)


def test_a_file_of_two_documents_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("group: a.b\n---\ngroup: c.d\n")
    with pytest.raises(DocumentError, match="holds 2 documents; settings are exactly one"):
        load_settings(file, {})


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("# nothing\n")
    with pytest.raises(DocumentError, match="holds 0 documents"):
        load_settings(file, {})


def test_the_environment_lies_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("execution: {workers: 2, graceSeconds: 5}\n")
    settings = load_settings(file, {"CONDUCTOR_EXECUTION__WORKERS": "8", "HOME": "/"})
    assert (settings.execution.workers, settings.execution.grace_seconds) == (8, 5)


def test_the_environment_can_hold_lists(tmp_path: Path) -> None:
    settings = load_settings(None, {"CONDUCTOR_PAUSED__NAMESPACES": "[core, ran]"})
    assert settings.paused.namespaces == ["core", "ran"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CONDUCTOR_EXECUTION__WORKERS", "many", "execution.workers: Input should be a valid integer"),
        ("CONDUCTOR_EXECUTION__WORKER", "3", "unknown field 'worker'; did you mean 'workers'"),
        ("CONDUCTOR_NOTHING", "3", "unknown field 'nothing'"),
    ],
)
def test_an_error_in_the_environment_names_the_variable(name: str, value: str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_settings(None, {name: value})
    assert f"environment variable {name}" in str(caught.value)
    assert expected in str(caught.value)


def test_a_path_of_an_executor_counts_from_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("executors: {porch: {kubeconfig: config, namespace: packages}}\n")
    porch = load_settings(file, {}).executors.porch
    assert (porch.kubeconfig, porch.namespace) == (tmp_path / "config", "packages")


def test_the_environment_reaches_the_settings_of_an_executor() -> None:
    assert load_settings(None, {"CONDUCTOR_EXECUTORS__PORCH__CACHE": "db"}).executors.porch.cache == "db"


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ("{lifecycle: Published}", "bounds.lifecycle: Published is beyond highestLifecycle, Proposed"),
        (
            "{executors: [directory], executor: porch}",
            "bounds.executor: porch is not among executors, directory",
        ),
        ("{repositories: [edge]}", "bounds.repository: main is not among repositories, edge"),
    ],
)
def test_what_is_chosen_without_a_rule_is_within_the_bounds(
    bounds: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"group: a.b\nbounds: {bounds}\n")
    with pytest.raises(DocumentError, match=f"settings.yaml:2:.*{message}"):
        load_settings(file, {})
    assert load_settings(None, {"CONDUCTOR_BOUNDS__REPOSITORY": "edge"}).bounds.repository == "edge"


@pytest.mark.parametrize(
    ("source", "bounds", "executor", "executors"),
    [
        ("directory", "{}", "directory", ["directory"]),
        ("kubernetes", "{}", "porch", ["porch"]),
        ("kubernetes", "{repository: edge}", "porch", ["porch"]),
        ("kubernetes", "{executor: kpt}", "kpt", ["kpt"]),
        ("directory", "{executors: [porchctl, kpt]}", "porchctl", ["porchctl", "kpt"]),
    ],
)
def test_what_follows_a_cluster_writes_through_porch_unless_told_otherwise(
    source: str, bounds: str, executor: str, executors: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"source: {{kind: {source}}}\nbounds: {bounds}\n")
    chosen = load_settings(file, {}).bounds
    assert (chosen.executor, chosen.executors) == (executor, executors)


def test_an_executor_that_there_is_not_is_said_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("source: {kind: kubernetes}\nbounds: {executor: nope}\n")
    with pytest.raises(DocumentError) as caught:
        load_settings(file, {})
    assert [problem.field for problem in caught.value.problems] == ["bounds.executor"]


def test_an_executor_of_the_environment_takes_the_place_of_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("source: {kind: kubernetes}\nbounds: {executor: directory}\n")
    assert load_settings(file, {}).bounds.executors == ["directory"]
    assert load_settings(file, {"CONDUCTOR_BOUNDS__EXECUTOR": "porch"}).bounds.executors == ["porch"]


def test_bounds_of_file_and_environment_count_together(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("bounds: {highestLifecycle: Published}\n")
    published = {"CONDUCTOR_BOUNDS__LIFECYCLE": "Published"}
    assert load_settings(file, published).bounds.lifecycle == "Published"
    with pytest.raises(DocumentError, match="beyond highestLifecycle"):
        load_settings(None, published)
