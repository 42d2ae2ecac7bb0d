"""The commands against a server on a real socket, without a daemon behind it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.api.client import Client
from engine.cli import main
from tests.unit.api.conftest import ME, Place

HEAVY = ("cel_expr_python", "documents", "numpy", "pydantic", "spacy", "sqlite3", "sqlite_utils", "ssl")
LIGHT = f"""
import resource, sys
from engine.cli import main
import engine.cli.intents, engine.api.client
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {HEAVY} if name in sys.modules]
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print(loaded, peak, file=sys.stderr)
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(client: Client, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the server, and returns its exit code and what it wrote."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--socket", str(client.path)])
        written = capsys.readouterr()
        return int(end.value.code or 0), written.out, written.err

    return call


def test_a_list_is_a_table_for_people_and_an_object_for_programs(run: Run, place: Place) -> None:
    place.hold(place.see("amf"))
    place.end(place.see("vague", text="more of it"))
    code, shown, _ = run("intents", "list")
    assert code == 0
    assert re.search(r"core/amf +Pending +Held", shown)
    assert re.search(r"core/vague +Failed +Ambiguous +more of it +how many\?", shown)
    code, printed, _ = run("intents", "list", "--phase", "failed", "-o", "json")
    listed = json.loads(printed)
    assert (listed["apiVersion"], listed["kind"]) == ("conductor-watch/v1", "IntentList")
    assert [item["name"] for item in listed["items"]] == ["vague"]


def test_a_list_says_that_there_are_more(run: Run, place: Place) -> None:
    for name in ("a", "b", "c"):
        place.see(name)
    assert "there are more" in run("intents", "list", "--limit", "2")[1]
    assert "there are more" not in run("intents", "list", "--limit", "3")[1]


def test_an_approval_says_by_whom_and_what_is_not_checked(run: Run, place: Place) -> None:
    place.hold(place.see("amf"))
    code, shown, _ = run("intents", "approve", "core/amf")
    assert code == 0
    assert f"approved core/amf, generation 1, by {ME}" in shown
    assert "who asked for it is not known" in shown
    code, _, said = run("intents", "approve", "core/amf")
    assert code == 1
    assert f"core/amf was approved by {ME}" in said


def test_an_approval_of_a_spec_that_has_changed_is_refused(run: Run, place: Place) -> None:
    place.hold(place.see("amf"))
    looked_at = place.current("amf").spec_hash
    place.hold(place.see("amf", generation=2))
    code, _, said = run("intents", "approve", "core/amf", "--spec-hash", looked_at)
    assert code == 1
    assert "its spec is another" in said
    assert "conductor-watch explain" in said


@pytest.mark.parametrize(("typed", "code", "reason"), [("y", 0, ""), ("n", 130, "Held"), ("", 130, "Held")])
def test_in_a_terminal_an_approval_is_asked_for(
    client: Client, place: Place, typed: str, code: int, reason: str
) -> None:
    place.hold(place.see("amf"))
    terminal, inside = pty.openpty()
    command = [sys.executable, "-c", "from engine.cli import main; main()", "intents", "approve", "core/amf"]
    os.write(terminal, f"{typed}\n".encode())
    ended = subprocess.run(
        [*command, "--socket", str(client.path)], stdin=inside, capture_output=True, text=True, check=False
    )
    os.close(inside)
    os.close(terminal)
    assert "scale amf to 50 (core)\nsite/big: somebody has to approve it" in ended.stderr
    assert (ended.returncode, place.current("amf").reason) == (code, reason)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["intents", "approve", "core/nobody"], 4, "there is no intent core/nobody"),
        (["intents", "approve", "amf"], 2, "write NAMESPACE/NAME"),
        (["intents", "retry"], 2, "name one intent"),
        (["intents", "retry", "core/amf", "--reason", "Held"], 2, "name one intent"),
        (["intents", "retry", "core/amf", "--dry-run"], 2, "go with --reason"),
        (["intents", "retry", "--reason", "Held", "--since", "lately"], 2, "is no time"),
        (["intents", "retry", "--reason", "Bored"], 2, "Bored"),
        (["explain", "core/nobody"], 4, "there is no intent"),
        (["explain"], 2, "name an intent"),
    ],
)
def test_wrong_usage_and_what_is_not_there_have_their_exit_codes(
    run: Run, arguments: list[str], code: int, said: str
) -> None:
    found, _, error = run(*arguments)
    assert found == code
    assert said in error


def test_one_intent_is_tried_again(run: Run, place: Place) -> None:
    place.end(place.see("amf"))
    assert run("intents", "retry", "core/amf")[:2] == (0, "core/amf is tried again; it was Ambiguous\n")
    code, _, said = run("intents", "retry", "core/amf")
    assert (code, "it is being worked on" in said) == (1, True)


def test_many_are_tried_again_by_reason(run: Run, place: Place) -> None:
    for name in ("amf", "smf", "upf"):
        place.end(place.see(name))
    place.end(place.see("other", namespace="edge"))
    arguments = ["intents", "retry", "--reason", "ambiguous", "-n", "core", "--since", "2001-01-01T00:00:00Z"]
    assert "3 of 3 would be tried again" in run(*arguments, "--dry-run")[1]
    assert "2 of 3 are tried again" in run(*arguments, "--limit", "2")[1]
    assert json.loads(run(*arguments, "-o", "json")[1])["matched"] == 1


def test_an_explanation_shows_words_rules_and_facts(run: Run, place: Place) -> None:
    place.hold(place.see("amf"))
    code, shown, _ = run("explain", "core/amf")
    assert code == 0
    assert "wait (Held) by site/big" in shown
    assert re.search(r"replicas +'50'", shown)
    assert re.search(r"► site/big +hold +somebody has to approve it +action.replicas > 40", shown)
    assert re.search(r"site/other +when false +action.replicas > 90 \(action.replicas = 50\)", shown)
    assert re.search(r"Facts, from: directory", shown)
    code, printed, _ = run("explain", "core/amf", "--generation", "1", "-o", "yaml")
    assert "kind: Explanation" in printed


def test_where_no_daemon_answers_it_is_said_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["intents", "list"], ["explain", "core/amf"]):
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--socket", str(tmp_path / "none.sock")])
        assert end.value.code == 3
        assert "start it with `conductor-watch run`" in capsys.readouterr().err


def test_a_client_is_light(client: Client, place: Place) -> None:
    place.see("amf")
    command = [sys.executable, "-c", LIGHT, "intents", "list", "--socket", str(client.path)]
    for output in ("json", "table"):
        ended = subprocess.run([*command, "-o", output], capture_output=True, text=True, check=True)
        assert "core" in ended.stdout
        loaded, peak = ended.stderr.strip().rsplit(" ", 1)
        assert loaded == "[]"
        assert int(peak) < 25_000, f"{peak} kB of memory at its peak"
