from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.child.running import CannotRunError, Ended, Runner
from engine.child.settings import ChildSettings
from tests.unit.child.conftest import HAS_LANDLOCK, Run, Script


def gone(pid: int) -> bool:
    """Waits until a process has ended; one that nobody waited for has, too."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.02)
    return False


def test_arguments_arrive_as_they_are(run: Run, script: Script) -> None:
    odd = ["$(id)", "; rm -rf /", "a b", "`x`", "*", "", "--", "\n"]
    result = run(script('for a in "$@"; do printf "[%s]" "$a"; done'), *odd)
    assert result.succeeded
    assert result.stdout.decode() == "".join(f"[{word}]" for word in ["do", *odd])


def test_no_other_subcommand_runs(script: Script, folder: Path) -> None:
    runner = Runner(ChildSettings(unconfined=not HAS_LANDLOCK))
    with pytest.raises(ValueError, match="tool undo is not among what may be run"):
        runner.run(script("echo ran"), ("undo",), folder=folder)


def test_nothing_of_our_environment_is_passed_on(
    run: Run, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDUCTOR_TEST_SECRET", "hunter2")
    monkeypatch.setenv("LD_PRELOAD_TEST", "x")
    result = run(script("env"), environment={"HTTPS_PROXY": "http://proxy.example"})
    assert b"hunter2" not in result.stdout
    names = {line.partition("=")[0] for line in result.stdout.decode().splitlines()}
    given = {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "NO_COLOR", "GOMAXPROCS", "HTTPS_PROXY"}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == given


def test_no_file_of_ours_stays_open(run: Run, script: Script, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        result = run(script(f"echo x >&{ours.fileno()}"))
    assert not result.succeeded
    assert (tmp_path / "secret").read_text() == ""


def test_what_it_is_given_and_what_it_answers_pass_whole(run: Run, script: Script) -> None:
    data = bytes(range(256)) * 2000
    assert run(script("cat"), stdin=data).stdout == data


def test_a_program_that_reads_nothing_is_given_up_on_quietly(run: Run, script: Script) -> None:
    assert run(script("exec 0<&-; exit 3"), stdin=b"x" * 1_000_000).code == 3


def test_an_exit_code_and_a_signal_are_told_apart(run: Run, script: Script) -> None:
    failed = run(script("echo no >&2; exit 3"))
    assert (failed.ended, failed.code, failed.stderr) == (Ended.EXITED, 3, "no")
    assert failed.words() == "ended with exit code 3"
    killed = run(script("kill -9 $$"))
    assert (killed.ended, killed.code) == (Ended.SIGNALLED, 9)
    assert "signal 9" in killed.words()


def test_a_program_that_hangs_is_ended_with_all_that_it_started(
    run: Run, script: Script, folder: Path
) -> None:
    program = script('trap "" TERM INT HUP; sleep 1000 & echo $! >below; echo $$ >own; sleep 1000')
    result = run(program, seconds=2)
    assert result.ended is Ended.TIME
    assert result.words() == "took too long and was ended"
    assert gone(int((folder / "own").read_text()))
    assert gone(int((folder / "below").read_text()))


def test_what_it_leaves_running_is_ended_and_holds_nothing_up(run: Run, script: Script, folder: Path) -> None:
    result = run(script("sleep 1000 & echo $! >below; echo done"))
    assert result.succeeded
    assert result.stdout == b"done\n"
    assert gone(int((folder / "below").read_text()))


@pytest.mark.usefixtures("needs_landlock")
def test_nothing_gets_out_of_its_group(run: Run, script: Script) -> None:
    text = """
import os
def attempt(leave):
    try: leave()
    except OSError as error: print(error.errno, flush=True)
    else: print("left", flush=True)
if os.fork():
    os.wait()
else:
    attempt(os.setsid)
    attempt(lambda: os.setpgid(0, 0))
"""
    assert run(script(text, python=True)).stdout == b"1\n1\n"


def test_endless_output_without_a_newline_is_cut_off(run: Run, script: Script) -> None:
    result = run(script("head -c 1000000000 /dev/zero; sleep 1000"), output_kib=64)
    assert result.ended is Ended.OUTPUT
    assert 64 * 1024 < len(result.stdout) <= 256 * 1024


def test_endless_errors_are_cut_off(run: Run, script: Script) -> None:
    result = run(script("yes >&2"), output_kib=64)
    assert result.ended is Ended.OUTPUT
    assert len(result.stderr) <= 2100


def test_memory_is_limited(run: Run, script: Script) -> None:
    assert run(script("head -c 200000000 /dev/zero | tail >large"), memory_mib=1024, file_mib=1024).succeeded
    result = run(script("head -c 200000000 /dev/zero | tail >large"), memory_mib=64, file_mib=1024)
    assert not result.succeeded


def test_the_size_of_files_is_limited(run: Run, script: Script, folder: Path) -> None:
    result = run(script("exec head -c 3000000 /dev/zero >large"), file_mib=1)
    assert (result.ended, result.code) == (Ended.SIGNALLED, signal.SIGXFSZ)
    assert (folder / "large").stat().st_size == 1 << 20


def test_processor_time_is_limited(run: Run, script: Script) -> None:
    result = run(script("while :; do :; done"), cpu_seconds=1)
    assert result.ended is Ended.SIGNALLED


def test_limits_are_in_force(run: Run, script: Script) -> None:
    result = run(script("ulimit -Hn; ulimit -Sn; ulimit -Hc; ulimit -Ht"), open_files=64, cpu_seconds=7)
    assert result.stdout.split() == [b"64", b"64", b"0", b"7"]


def test_no_program_gains_privileges(run: Run, script: Script) -> None:
    program = script("import ctypes; print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))", python=True)
    assert run(program).stdout == b"1\n"


@pytest.mark.usefixtures("needs_landlock")
def test_the_store_and_our_token_cannot_be_read(run: Run, script: Script, tmp_path: Path) -> None:
    for name in ("conductor-watch.db", "token"):
        (tmp_path / name).write_text("secret")
    own = f"/proc/{os.getpid()}"
    for path in (
        tmp_path / "conductor-watch.db",
        tmp_path / "token",
        f"{own}/environ",
        f"{own}/cmdline",
    ):
        result = run(script(f"cat {path}"))
        assert (result.code, result.stdout) == (1, b""), path
        assert "Permission denied" in result.stderr
    assert run(script(f"echo x >>{tmp_path}/token")).code != 0
    assert run(script(f"ls {tmp_path}")).code != 0
    assert (tmp_path / "token").read_text() == "secret"


@pytest.mark.usefixtures("needs_landlock")
def test_our_socket_cannot_be_reached(run: Run, script: Script) -> None:
    text = """
import socket
for attempt in (lambda: socket.socket(socket.AF_UNIX), lambda: socket.socket(socket.AF_INET)):
    try: attempt(); print("open")
    except OSError as error: print(error.errno)
"""
    assert run(script(text, python=True)).stdout == b"97\n97\n"
    assert run(script(text, python=True, network=True)).stdout == b"97\nopen\n"


@pytest.mark.usefixtures("needs_landlock")
def test_what_it_wrote_cannot_be_run_and_no_link_be_made(run: Run, script: Script) -> None:
    result = run(script("printf '#!/bin/sh\necho ran' >x; chmod 700 x; ./x; ln -s /etc y; cat y/hosts"))
    assert result.stdout == b""
    assert result.stderr.count("Permission denied") == 2


def test_where_nothing_protects_it_does_not_run_unless_the_settings_say_so(
    script: Script, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the interpreter looks for its code, and finds a kernel without Landlock.
    fake = folder / "engine" / "child"
    fake.mkdir(parents=True)
    real = Path(sys.modules[Runner.__module__].__file__ or "").parent
    for path in real.glob("*.py"):
        (fake / path.name).write_text(
            path.read_text().replace("_ADD_RULE, _RESTRICT_SELF = 444", "_ADD_RULE, _RESTRICT_SELF = 9999")
        )
    (folder / "engine" / "__init__.py").write_text("")
    monkeypatch.setattr("engine.child.running._CODE", str(folder))
    program = script("echo ran")
    with pytest.raises(CannotRunError, match=r"use Linux 5\.13 or newer"):
        Runner(ChildSettings()).run(program, ("do",), folder=folder)
    assert Runner(ChildSettings(unconfined=True)).run(program, ("do",), folder=folder).stdout == b"ran\n"


def test_secrets_may_not_stand_where_commands_read(tmp_path: Path, script: Script, folder: Path) -> None:
    with pytest.raises(CannotRunError, match=r"out of executors\.children\.readable"):
        Runner(ChildSettings(readable=[tmp_path]), [tmp_path / "conductor-watch.db"])
    program = script("echo ran")
    runner = Runner(ChildSettings(unconfined=not HAS_LANDLOCK), [program.path.parent / "conductor-watch.db"])
    with pytest.raises(CannotRunError, match="stands there"):
        runner.run(program, ("do",), folder=folder)


def test_a_program_that_cannot_start_says_why(run: Run, script: Script) -> None:
    program = script("")
    program.path.write_bytes(b"\x7fELF nothing")
    with pytest.raises(CannotRunError, match=r"cannot be run: .*Exec format error"):
        run(program)


def test_it_does_not_outlive_us(script: Script, folder: Path) -> None:
    program = script("echo $$ >own.new; mv own.new own; sleep 1000")
    code = f"""
from pathlib import Path
from engine.child.running import Program, Runner
from engine.child.settings import ChildSettings
path = Path({str(program.path)!r})
program = Program("tool", path, frozenset({{("do",)}}), readable=(path.parent,))
Runner(ChildSettings(unconfined={not HAS_LANDLOCK})).run(program, ("do",), folder=Path({str(folder)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        deadline = time.monotonic() + 60
        while not (folder / "own").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        parent.kill()
    assert gone(int((folder / "own").read_text()))
