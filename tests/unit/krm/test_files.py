from __future__ import annotations

from typing import Any

import pytest
import yaml

from documents import DocumentError
from engine.krm import PackageChange, Removal, annotate_package, lay_change, merge, render_package

OURS = b"""\
# why it is so
apiVersion: apps/v1
kind: Deployment
metadata: {name: amf, namespace: core}
spec: {replicas: 2}
"""


def deployment(replicas: int, name: str = "amf", namespace: str = "core") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas},
    }


def change(*items: dict[str, Any], removals: tuple[Removal, ...] = ()) -> PackageChange:
    return PackageChange("main", "core", "amf", "core-amf", items, ("x",), removals)


def test_a_package_that_is_not_there_is_rendered_whole() -> None:
    wanted = change(deployment(5))
    assert lay_change({}, wanted) == render_package("core-amf", merge([], wanted))


def test_a_file_that_says_it_already_keeps_its_bytes() -> None:
    files = {"amf.yaml": OURS, "Kptfile": b"kind: Kptfile # by hand\n", "notes.md": b"by hand"}
    assert lay_change(files, change(deployment(2))) == files


def test_only_the_file_of_a_changed_object_is_written_anew() -> None:
    other = b"# kept\nkind: ConfigMap\nmetadata: {name: other}\n"
    laid = lay_change({"amf.yaml": OURS, "other.yaml": other}, change(deployment(5)))
    assert laid["other.yaml"] == other
    assert yaml.safe_load(laid["amf.yaml"]) == deployment(5)


def test_an_object_stays_in_the_file_that_it_shares() -> None:
    both = OURS + b"---\nkind: ConfigMap\nmetadata: {name: other}\n"
    laid = lay_change({"all.yaml": both}, change(deployment(5)))
    assert list(yaml.safe_load_all(laid["all.yaml"])) == [
        deployment(5),
        {"kind": "ConfigMap", "metadata": {"name": "other"}},
    ]


def test_a_new_object_gets_a_file_of_its_own() -> None:
    laid = lay_change({"amf.yaml": OURS}, change(deployment(3, "smf")))
    assert laid["amf.yaml"] == OURS
    assert yaml.safe_load(laid["deployment-smf.yaml"]) == deployment(3, "smf")


def test_the_file_of_an_object_that_says_nothing_any_more_goes() -> None:
    removal = Removal("Deployment", "amf", ("spec", "replicas"))
    assert lay_change({"amf.yaml": OURS, "notes.md": b"x"}, change(removals=(removal,))) == {"notes.md": b"x"}


def test_an_object_of_that_name_in_another_namespace_is_another_one() -> None:
    theirs = OURS.replace(b"core", b"lab")
    laid = lay_change({"lab.yaml": theirs}, change(deployment(5)))
    assert laid["lab.yaml"] == theirs
    assert yaml.safe_load(laid["deployment-amf.yaml"]) == deployment(5)


def test_what_is_no_object_is_left_alone() -> None:
    files = {"values.yaml": b"[1, 2] # a list\n", "empty.yaml": b"", "amf.yaml": OURS}
    laid = lay_change(files, change(deployment(5)))
    assert {name: laid[name] for name in ("values.yaml", "empty.yaml")} == {
        name: files[name] for name in ("values.yaml", "empty.yaml")
    }


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DocumentError, match=r"broken\.yaml"):
        lay_change({"broken.yaml": b"a: [1"}, change(deployment(5)))


def test_annotations_of_a_kptfile_are_set_beside_others() -> None:
    kptfile = b"apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: a\n  annotations: {x: y}\n"
    marked = annotate_package({"Kptfile": kptfile, "amf.yaml": OURS}, {"z": "1"})
    assert yaml.safe_load(marked["Kptfile"])["metadata"] == {"name": "a", "annotations": {"x": "y", "z": "1"}}
    assert marked["amf.yaml"] == OURS
