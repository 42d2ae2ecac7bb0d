from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.live import DirectoryInventory, UnknownFact

Write = Callable[..., str]
Live = Callable[[str], DirectoryInventory]
SERVICE = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: amf, namespace: core}\nspec: {selector: {app: amf}}\n"
)


def test_every_object_of_several_documents_and_of_a_list_is_found(live: Live, workload: Write) -> None:
    inventory = live(
        workload()
        + "apiVersion: v1\nkind: List\nitems:\n"
        + "  - {apiVersion: v1, kind: Namespace, metadata: {name: core}}\n"
        + "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: amf-config, namespace: core}}\n"
    )
    found = inventory.get("Deployment", "core", "amf")
    assert found is not None
    assert found["spec"]["replicas"] == 3
    assert inventory.get("Namespace", "", "core") is not None
    assert [item["metadata"]["name"] for item in inventory.list("ConfigMap", "core")] == ["amf-config"]


def test_what_no_file_holds_is_known_to_be_absent(live: Live, workload: Write) -> None:
    inventory = live(workload())
    assert inventory.get("Deployment", "core", "smf") is None
    assert inventory.list("Service", "core") == ()


def test_json_and_sub_folders_are_read_and_hidden_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ns.json").write_text(
        '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"ran"}}'
    )
    (tmp_path / ".hidden.yaml").write_text("kind: [")
    (tmp_path / "notes.txt").write_text("kind: [")
    inventory = DirectoryInventory(tmp_path)
    assert inventory.get("Namespace", "", "ran") is not None
    assert inventory.errors == {}


def test_an_object_without_a_namespace_stands_in_default(live: Live) -> None:
    inventory = live("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    found = inventory.get("ConfigMap", "default", "a")
    assert found is not None
    assert found["metadata"]["namespace"] == "default"


def test_a_kind_of_another_group_is_left_alone(live: Live) -> None:
    inventory = live(
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a, namespace: core}\n"
    )
    assert inventory.list("Service", "core") == ()


def test_an_old_version_of_a_kind_is_refused_with_the_version_to_write(tmp_path: Path) -> None:
    manifest = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {}\n"
    (tmp_path / "hpa.yaml").write_text(manifest)
    (error,) = DirectoryInventory(tmp_path).errors.values()
    assert "read as autoscaling/v2" in str(error)
    assert "hpa.yaml:1:13" in str(error)


def test_a_change_is_seen_and_changes_the_digest(tmp_path: Path, workload: Write) -> None:
    file = tmp_path / "amf.yaml"
    file.write_text(workload())
    inventory = DirectoryInventory(tmp_path)
    before = inventory.digest
    assert not inventory.refresh()
    file.write_text(workload(spec="replicas: 10"))
    assert inventory.refresh()
    assert inventory.digest != before
    found = inventory.get("Deployment", "core", "amf")
    assert found is not None
    assert found["spec"]["replicas"] == 10


def test_a_removed_file_takes_its_objects_with_it(tmp_path: Path, workload: Write) -> None:
    (tmp_path / "amf.yaml").write_text(workload())
    inventory = DirectoryInventory(tmp_path)
    (tmp_path / "amf.yaml").unlink()
    assert inventory.refresh()
    assert inventory.get("Deployment", "core", "amf") is None


def test_a_broken_file_keeps_what_it_said_and_says_so(tmp_path: Path, workload: Write) -> None:
    file = tmp_path / "amf.yaml"
    file.write_text(workload())
    inventory = DirectoryInventory(tmp_path)
    file.write_text("kind: [Deployment")
    inventory.refresh()
    assert inventory.get("Deployment", "core", "amf") is not None
    assert "stay in force" in str(inventory.errors[file])
    file.write_text("kind: {Deployment")
    inventory.refresh()
    assert inventory.get("Deployment", "core", "amf") is not None
    file.write_text(workload(spec="replicas: 4"))
    assert inventory.refresh()
    assert inventory.errors == {}


def test_what_a_file_that_never_was_readable_may_hold_is_unknown(tmp_path: Path, workload: Write) -> None:
    (tmp_path / "amf.yaml").write_text(workload())
    (tmp_path / "bad.yaml").write_text('"kind": NetworkPolicy\nmetadata: [')
    inventory = DirectoryInventory(tmp_path)
    with pytest.raises(UnknownFact, match=r"bad\.yaml cannot be read"):
        inventory.list("NetworkPolicy", "core")
    assert inventory.list("Service", "core") == ()
    assert inventory.get("Deployment", "core", "amf") is not None


def test_a_file_of_which_nothing_can_be_told_may_hold_anything(tmp_path: Path) -> None:
    (tmp_path / "utf16.yaml").write_bytes("kind: Deployment".encode("utf-16"))
    with pytest.raises(UnknownFact):
        DirectoryInventory(tmp_path).get("Service", "core", "amf")


def test_a_file_without_any_object_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text("just: [a, note")
    inventory = DirectoryInventory(tmp_path)
    assert len(inventory.errors) == 1
    assert inventory.list("Deployment", "core") == ()


def test_a_wrong_shape_is_an_error_at_its_place(tmp_path: Path, workload: Write) -> None:
    (tmp_path / "amf.yaml").write_text(workload(spec="replicas: three"))
    (error,) = DirectoryInventory(tmp_path).errors.values()
    assert "spec.replicas" in str(error)
    assert "amf.yaml:6:13" in str(error)


def test_an_object_in_two_files_is_unknown_and_both_files_name_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SERVICE)
    (tmp_path / "b.yaml").write_text(SERVICE)
    inventory = DirectoryInventory(tmp_path)
    with pytest.raises(UnknownFact, match=r"a\.yaml and in b\.yaml"):
        inventory.get("Service", "core", "amf")
    with pytest.raises(UnknownFact):
        inventory.list("Service", "core")
    assert inventory.list("Service", "edge") == ()
    assert {path.name for path in inventory.errors} == {"a.yaml", "b.yaml"}


def test_an_object_twice_in_one_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{SERVICE}---\n{SERVICE}")
    (error,) = DirectoryInventory(tmp_path).errors.values()
    assert "stands twice in this file" in str(error)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, workload: Write) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(workload())
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(outside)
    inventory = DirectoryInventory(folder)
    assert "leads out of the folder" in str(inventory.errors[folder / "link.yaml"])


def test_a_fifo_is_passed_by(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert DirectoryInventory(tmp_path).list("Service", "core") == ()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="is no folder"):
        DirectoryInventory(tmp_path / "nope")


def test_the_example_objects_are_all_read() -> None:
    examples = Path(__file__).parents[3] / "examples" / "live"
    inventory = DirectoryInventory(examples)
    assert inventory.errors == {}
    assert {"amf", "smf", "nrf"} <= {
        item["metadata"]["name"] for item in inventory.list("Deployment", "core")
    }


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {generateName: a}\n",
    ],
)
def test_kinds_that_are_not_read_may_be_anything(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.yaml").write_text(text)
    assert DirectoryInventory(tmp_path).errors == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: DeploymentList\nitems: []\n", "save it with kubectl get -o yaml"),
        ("kind: List\nitems: {}\n", "a List of whole objects"),
        ("- kind: Deployment\n", "no Kubernetes object"),
        ("metadata: {name: a}\n", "'apiVersion' is missing"),
        ("kind: 5\n", "kind"),
    ],
)
def test_what_is_no_object_is_an_error_of_its_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    (error,) = DirectoryInventory(tmp_path).errors.values()
    assert said in str(error)


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_bytes(b"a: " + b"x" * (17 * 1024 * 1024))
    inventory = DirectoryInventory(tmp_path)
    assert "larger than" in str(inventory.errors[tmp_path / "big.yaml"])
    with pytest.raises(UnknownFact):
        inventory.list("Service", "core")
