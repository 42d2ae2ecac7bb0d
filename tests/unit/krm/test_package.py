from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.krm import package_name, read_package, render_package

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
name = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


def config_map(data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


@given(namespace=name, target=name | st.just("*"))
def test_a_package_name_is_a_dns_label_that_starts_with_what_it_is_about(namespace: str, target: str) -> None:
    made = package_name(namespace, target)
    assert DNS_LABEL.match(made)
    assert made.startswith(namespace[:54].rstrip("-"))


def test_package_names_keep_apart_what_reads_alike() -> None:
    pairs = [
        ("a-b", "c"),
        ("a", "b-c"),
        ("core", "all"),
        ("core", "*"),
        ("core", "x" * 60),
        ("core", "x" * 61),
    ]
    assert len({package_name(*pair) for pair in pairs}) == len(pairs)


def test_a_package_has_a_kptfile_and_a_file_for_each_object() -> None:
    files = render_package("core-amf", [config_map({"a": "b"})], "About amf.")
    assert list(files) == ["Kptfile", "configmap-a.yaml"]
    assert yaml.safe_load(files["Kptfile"]) == {
        "apiVersion": "kpt.dev/v1",
        "kind": "Kptfile",
        "metadata": {"name": "core-amf", "annotations": {"config.kubernetes.io/local-config": "true"}},
        "info": {"description": "About amf."},
    }


def test_keys_stand_where_people_look_for_them() -> None:
    item = {
        "spec": {"b": 1, "a": 2},
        "metadata": {"namespace": "n", "name": "a"},
        "kind": "X",
        "apiVersion": "v1",
    }
    text = render_package("p", [item])["x-a.yaml"].decode()
    assert re.findall(r"^ *(\w+):", text, re.MULTILINE) == [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "spec",
        "a",
        "b",
    ]


NUMBERS = ["0x1F4", "1e3", "0o17", "1_000", "12:30:45", "2024-01-01", ".inf", "-.5", "+1", "1.0"]
WORDS = ["on", "no", "Yes", "y", "null", "~", "", "true", "=", "<<"]
SIGNS = ["a: b", "a #b", "- a", "[a", "*a", "&a", "!a", " a ", "é☃", "a\nb\n"]


@pytest.mark.parametrize("value", [*NUMBERS, *WORDS, *SIGNS])
def test_a_text_stays_a_text_for_every_reader(value: str) -> None:
    files = render_package("p", [config_map({"KEY": value})])
    text = files["configmap-a.yaml"].decode()
    assert read_package(files) == [config_map({"KEY": value})]
    assert yaml.safe_load(text)["data"] == {"KEY": value}
    if value in NUMBERS:
        assert f'KEY: "{value}"' in text


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(data=st.dictionaries(text, text, max_size=4))
def test_reading_gives_back_what_was_rendered(data: dict[str, str]) -> None:
    assert read_package(render_package("p", [config_map(data)])) == [config_map(data)]


def test_a_name_too_long_for_a_file_is_cut_and_told_apart() -> None:
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x" * 250 + end}} for end in "ab"]
    files = render_package("p", items)
    assert len(files) == 3
    assert all(len(file) <= 255 for file in files)
