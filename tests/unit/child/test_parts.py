from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.child.binaries import UntrustedProgramError, trusted
from engine.child.folders import WorkingFolders
from engine.child.text import readable


def program(folder: Path, text: str = "#!/bin/sh\n") -> Path:
    path = folder / "tool"
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07text", "red text"),
        (b"caf\xc3\xa9 \xff\xfe", "café \ufffd\ufffd"),
        (b"one\r\ntwo\x00\x08\n\n\nthree  \n", "one\ntwo\nthree"),
        ("safe \u202egnp.exe\u202c \u200b.".encode(), "safe  gnp.exe   ."),
        (b"", ""),
        (b"\x1b[", " ["),
    ],
)
def test_outputs_become_plain_text(output: bytes, shown: str) -> None:
    assert readable(output) == shown


def test_a_long_output_loses_its_middle() -> None:
    text = readable(b"begin" + b"x" * 50_000_000 + b"end")
    assert len(text) <= 2010
    assert text.startswith("begin")
    assert text.endswith("end")


def test_a_program_of_ours_is_trusted(tmp_path: Path) -> None:
    path = program(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert trusted(path) == trusted(path, digest.upper()) == path.resolve()


def test_a_link_is_followed_before_it_is_judged(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(program(tmp_path))
    assert trusted(tmp_path / "link") == (tmp_path / "tool").resolve()
    (tmp_path / "tool").chmod(0o757)
    with pytest.raises(UntrustedProgramError, match="chmod go-w"):
        trusted(tmp_path / "link")


def test_a_program_that_others_may_change_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path)
    path.chmod(0o775)
    with pytest.raises(UntrustedProgramError, match="others than root and this user may change"):
        trusted(path)
    path.chmod(0o1757)  # the sticky bit means something for folders only
    with pytest.raises(UntrustedProgramError, match="others than root"):
        trusted(path)


def test_a_program_that_others_may_replace_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(UntrustedProgramError, match=f"may change {tmp_path}"):
        trusted(path)
    tmp_path.chmod(0o1777)
    assert trusted(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_program_of_another_user_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path)
    os.chown(path, 12345, 12345)
    with pytest.raises(UntrustedProgramError, match="others than root"):
        trusted(path)


def test_what_is_not_there_or_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UntrustedProgramError, match="no absolute path"):
        trusted(Path("kpt"))
    with pytest.raises(UntrustedProgramError, match="No such file or directory; install it there"):
        trusted(tmp_path / "kpt")
    path = program(tmp_path)
    path.chmod(0o644)
    with pytest.raises(UntrustedProgramError, match="make it executable"):
        trusted(path)
    with pytest.raises(UntrustedProgramError, match="no program that can be run"):
        trusted(tmp_path)


def test_a_program_with_other_bytes_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text("#!/bin/sh\necho other\n")
    with pytest.raises(UntrustedProgramError, match="is not the program of the settings"):
        trusted(path, digest)


def test_a_folder_is_ours_alone_and_goes_whatever_was_done_to_it(tmp_path: Path) -> None:
    folders = WorkingFolders(tmp_path)
    with folders.new() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "file").write_text("x")
        (folder / "link").symlink_to(tmp_path)
        (folder / "deep" / "er").chmod(0)
        (folder / "deep").chmod(0)
    assert not folder.exists()
    folders.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_taken_away_and_what_is_used_is_not(tmp_path: Path) -> None:
    used = WorkingFolders(tmp_path)
    code = f"""
import os, signal
from pathlib import Path
from engine.child.folders import WorkingFolders
folders = WorkingFolders(Path({str(tmp_path)!r}))
with folders.new() as folder:
    (folder / "file").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    later = WorkingFolders(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    with used.new() as folder:
        assert folder.is_dir()
    for folders in (used, later):
        folders.close()
