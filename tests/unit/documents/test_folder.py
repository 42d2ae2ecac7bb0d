from __future__ import annotations

import os
from pathlib import Path

import pytest

from documents import DocumentError, read_file, scan


def test_documents_of_all_levels_are_found_and_hidden_ones_left_out(tmp_path: Path) -> None:
    (tmp_path / "b" / ".git").mkdir(parents=True)
    for name in ("a.yaml", "b/c.yml", "b/d.json", ".hidden.yaml", "b/.git/e.yaml", "readme.md"):
        (tmp_path / name).write_text("a: 1\n")
    assert list(scan(tmp_path)) == ["a.yaml", "b/c.yml", "b/d.json"]


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert scan(tmp_path / "missing") == {}


def test_an_edit_changes_the_stamp(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    before = scan(tmp_path)
    (tmp_path / "a.yaml").write_text("a: 12\n")
    assert scan(tmp_path) != before


def test_a_swapped_link_changes_the_stamp(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f".{name}").write_text(f"a: {name}\n")
    (tmp_path / "a.yaml").symlink_to(".one")
    before = scan(tmp_path)
    (tmp_path / "swap").symlink_to(".two")
    (tmp_path / "swap").replace(tmp_path / "a.yaml")
    assert scan(tmp_path) != before
    assert read_file(tmp_path, "a.yaml")[0].value == {"a": "two"}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("a: 1\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.yaml").symlink_to("../secret.yaml")
    assert list(scan(root)) == ["a.yaml"]
    with pytest.raises(DocumentError, match="leads out of the folder"):
        read_file(root, "a.yaml")


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(DocumentError, match="not a regular file"):
        read_file(tmp_path, "a.yaml")


def test_a_link_to_nothing_is_a_file_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("gone")
    assert list(scan(tmp_path)) == ["a.yaml"]
    with pytest.raises(DocumentError, match="cannot be read"):
        read_file(tmp_path, "a.yaml")


def test_a_file_of_ten_megabytes_is_refused_by_size(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a" * 10_000_000)
    with pytest.raises(DocumentError, match="larger than"):
        read_file(tmp_path, "a.yaml")
