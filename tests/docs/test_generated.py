"""The generated pages say what the code says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs import generate
from engine.cli.output import Exit
from engine.reasons import Phase, Reason


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_committed_page_is_what_the_code_says_now(name: str) -> None:
    assert (generate.DOCS / name).read_text() == generate.PAGES[name](), "run make docs"


def test_the_check_names_the_pages_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    assert generate.main(["--check"]) == 1
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == [
        f"docs/{name}" for name in generate.PAGES
    ]
    assert not list(tmp_path.iterdir())


def test_the_check_passes_where_nothing_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    for name, page in generate.PAGES.items():
        (tmp_path / name).write_text(page())
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("enum", [Phase, Reason])
def test_every_member_has_a_comment_that_says_what_it_means(enum: type[Phase | Reason]) -> None:
    assert [name for name, _ in generate.comments_of(enum)] == [member.value for member in enum]


def test_every_exit_code_but_success_has_a_comment() -> None:
    assert [name for name, _ in generate.comments_of(Exit)] == [str(code.value) for code in Exit if code]


def test_the_picture_of_a_run_shows_what_became_of_the_examples() -> None:
    text = " ".join(ET.fromstring(generate.run_picture()).itertext()).replace("\xa0", " ")
    assert "make run" in text
    assert {phase for phase in ("Completed", "Failed", "Pending") if phase in text} == {
        "Completed",
        "Failed",
        "Pending",
    }


@pytest.mark.parametrize("name", ["run.svg", "pipeline.svg"])
def test_a_committed_picture_is_sound_and_fetches_nothing(name: str) -> None:
    text = (generate.DOCS / name).read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert "url(http" not in text
    assert "href" not in text
