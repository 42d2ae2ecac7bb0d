from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine import files


def test_a_file_is_written_in_parts_where_the_system_takes_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    files.write(f"{tmp_path}/made/file", b"whole content")
    assert (tmp_path / "made/file").read_bytes() == b"whole content"


def test_a_file_that_cannot_be_replaced_stays_and_no_draft_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.replace(f"{tmp_path}/file", b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace(f"{tmp_path}/file", b"after")
    assert files.read_all(str(tmp_path)) == {"file": b"before"}


def test_a_folder_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    files.make_folder(f"{tmp_path}/a/b")
    with pytest.raises(FileExistsError):
        files.make_folder(f"{tmp_path}/a/b")
    assert files.names(f"{tmp_path}/a") == ["b"]
    assert files.names(f"{tmp_path}/none") == []


def test_of_a_folder_its_files_are_read_by_name(tmp_path: Path) -> None:
    for name in ("b", "a", "below/c"):
        files.write(f"{tmp_path}/{name}", name.encode())
    assert list(files.read_all(str(tmp_path)).items()) == [("a", b"a"), ("b", b"b")]
