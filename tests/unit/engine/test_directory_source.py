from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from engine.sources.directory import SETTLE_SECONDS, DirectorySource
from store.inbox import Event

INTENT = """\
apiVersion: nephoran.com/v1
kind: NetworkIntent
metadata: {{name: {name}, namespace: core}}
spec: {{intent: {text}}}
"""


class Inbox:
    """Keeps what it is handed; fails as often as it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.failures = 0

    def __call__(self, events: list[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the store is away")
        self.batches.append(events)

    def take(self) -> list[tuple[str, str, str]]:
        events = [event for batch in self.batches for event in batch]
        self.batches.clear()
        return [(event.kind.value, event.name, detail(event)) for event in events]


def detail(event: Event) -> str:
    body = json.loads(event.body)
    return body.get("problem") or body.get("spec", {}).get("intent", "")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "intents"
    root.mkdir()
    return root


def write(path: Path, text: str, age: float = 10.0) -> None:
    """Writes a file that was left alone for `age` seconds."""
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)


def intent(name: str, text: str = "scale amf to 5") -> str:
    return INTENT.format(name=name, text=text)


def test_every_manifest_is_handed_over_once(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a") + "---\n" + intent("b"))
    source = DirectorySource(root, sink=inbox)
    assert source.look()
    assert inbox.take() == [("upsert", "a", "scale amf to 5"), ("upsert", "b", "scale amf to 5")]
    assert source.look()
    assert inbox.take() == []


def test_an_edit_an_addition_and_a_removal_are_handed_over(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a"))
    write(root / "b.yaml", intent("b"))
    source = DirectorySource(root, sink=inbox)
    source.look()
    inbox.take()
    write(root / "a.yaml", intent("a", "scale amf to 7"), age=9)
    write(root / "c.yaml", intent("c"), age=8)
    (root / "b.yaml").unlink()
    source.look()
    assert sorted(inbox.take()) == [
        ("delete", "b", ""),
        ("upsert", "a", "scale amf to 7"),
        ("upsert", "c", "scale amf to 5"),
    ]


def test_a_file_that_was_touched_but_says_the_same_is_no_event(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a"))
    source = DirectorySource(root, sink=inbox)
    source.look()
    inbox.take()
    write(root / "a.yaml", "# a comment\n" + intent("a"), age=5)
    source.look()
    assert inbox.take() == []


def test_a_file_is_read_only_once_it_has_settled(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a", "scale amf to 1"), age=0)
    source = DirectorySource(root, sink=inbox)
    assert not source.look()
    assert inbox.take() == []
    write(root / "a.yaml", intent("a", "scale amf to 10"), age=2 * SETTLE_SECONDS)
    assert source.look()
    assert inbox.take() == [("upsert", "a", "scale amf to 10")]


def test_manifests_come_in_the_order_in_which_they_were_written(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("newer"), age=10)
    write(root / "b.yaml", intent("older"), age=20)
    DirectorySource(root, sink=inbox).look()
    assert [name for _, name, _ in inbox.take()] == ["older", "newer"]


def test_one_intent_in_two_files_is_refused_in_both_naming_both(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("same"))
    write(root / "b.yaml", intent("same", "scale amf to 9"))
    source = DirectorySource(root, sink=inbox)
    source.look()
    problem = "the intent core/same stands in a.yaml and b.yaml; keep one of them"
    assert inbox.take() == [("malformed", "same", problem)]
    (root / "a.yaml").unlink()
    source.look()
    assert inbox.take() == [("upsert", "same", "scale amf to 9")]


def test_a_broken_file_is_an_error_of_its_own_and_loses_nothing(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a"))
    write(root / "b.yaml", intent("b"))
    source = DirectorySource(root, sink=inbox)
    source.look()
    inbox.take()
    write(root / "a.yaml", "spec: {intent: [", age=5)
    source.look()
    ((kind, name, problem),) = inbox.take()
    assert (kind, name) == ("malformed", "a.yaml")
    assert problem.startswith("a.yaml:2:1: no YAML")
    write(root / "a.yaml", intent("a", "scale amf to 6"), age=4)
    source.look()
    assert sorted(inbox.take()) == [("delete", "a.yaml", ""), ("upsert", "a", "scale amf to 6")]


def test_a_faulty_field_is_an_error_of_the_intent_that_has_it(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a").replace("spec: {", "spec: {priority: 11, "))
    DirectorySource(root, sink=inbox).look()
    ((kind, name, problem),) = inbox.take()
    assert (kind, name) == ("malformed", "a")
    assert "spec.priority" in problem


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
        (lambda path: path.write_bytes(b"a" * 10_000_000), "larger than"),
        (lambda path: path.symlink_to("/etc/hostname"), "leads out of the folder"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.write_text("kind: Pod\n"), "not a NetworkIntent"),
        (lambda path: path.write_text("- just\n- a list\n"), "not a Kubernetes object"),
    ],
    ids=["not UTF-8", "10 MB", "link out", "FIFO", "other kind", "list"],
)
def test_a_file_that_is_no_manifest_is_told_and_others_go_on(
    root: Path, inbox: Inbox, make: object, expected: str
) -> None:
    write(root / "good.yaml", intent("good"))
    make(root / "bad.yaml")  # type: ignore[operator]
    source = DirectorySource(root, sink=inbox)
    time.sleep(2 * SETTLE_SECONDS)
    assert source.look()
    events = {name: (kind, text) for kind, name, text in inbox.take()}
    assert events["good"] == ("upsert", "scale amf to 5")
    assert events["bad.yaml"][0] == "malformed"
    assert expected in events["bad.yaml"][1]


def test_a_byte_order_mark_is_read_over(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", "\ufeff" + intent("a"))
    DirectorySource(root, sink=inbox).look()
    assert inbox.take() == [("upsert", "a", "scale amf to 5")]


def test_what_could_not_be_kept_is_handed_over_again(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a"))
    source = DirectorySource(root, sink=inbox)
    inbox.failures = 1
    with pytest.raises(OSError, match="the store is away"):
        source.look()
    source.look()
    assert inbox.take() == [("upsert", "a", "scale amf to 5")]


def test_what_went_away_while_nobody_looked_is_found_by_comparing(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a"))
    DirectorySource(root, sink=inbox, known=[("core", "a"), ("core", "gone")]).look()
    assert sorted(inbox.take()) == [("delete", "gone", ""), ("upsert", "a", "scale amf to 5")]


def test_secrets_are_taken_out_before_anything_is_kept(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a", "set DB_PASSWORD to hunter2 on amf"))
    DirectorySource(root, sink=inbox, redact=lambda text: text.replace("hunter2", "[redacted]")).look()
    assert "hunter2" not in inbox.batches[0][0].body


def test_the_watching_thread_outlives_a_failing_sink(root: Path, inbox: Inbox) -> None:
    write(root / "a.yaml", intent("a"))
    inbox.failures = 1
    source = DirectorySource(root, sink=inbox, poll_seconds=0.01)
    source.start()
    assert source.synced.wait(60)
    source.stop(10)
    assert inbox.take() == [("upsert", "a", "scale amf to 5")]
