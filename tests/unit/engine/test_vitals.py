from __future__ import annotations

from engine.vitals import Check, Level, as_object, as_text, passed

GOOD = Check("store", Level.OK, "writable")
OLD = Check("rules", Level.WARNING, "the last good one is in force:\nrules.yaml:3: no such field")
BAD = Check("rights", Level.FAILED, "may not patch")


def test_a_warning_is_no_failure() -> None:
    assert passed([GOOD, OLD])
    assert not passed([GOOD, OLD, BAD])


def test_where_all_is_well_the_page_is_short_unless_more_is_asked_for() -> None:
    assert as_text("readyz", [GOOD], verbose=False) == "ok\n"
    assert as_text("readyz", [GOOD], verbose=True) == "[+]store ok: writable\nreadyz check passed\n"


def test_what_is_not_well_is_told_unasked_and_keeps_its_lines_together() -> None:
    assert as_text("readyz", [GOOD, OLD, BAD], verbose=False) == (
        "[!]rules warning: the last good one is in force:\n"
        "    rules.yaml:3: no such field\n"
        "[-]rights failed: may not patch\n"
        "readyz check failed\n"
    )


def test_programs_get_an_object() -> None:
    assert as_object([GOOD, BAD]) == {
        "status": "failed",
        "checks": [
            {"name": "store", "level": "ok", "detail": "writable"},
            {"name": "rights", "level": "failed", "detail": "may not patch"},
        ],
    }
