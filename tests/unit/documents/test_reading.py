from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import DocumentError, Place, StrictModel, parse, validate


class Sample(StrictModel):
    max_replicas: int
    name: str = ""


def only_problem(text: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        parse(text, "f.yaml")
    assert len(caught.value.problems) == 1
    return str(caught.value.problems[0])


def test_values_are_plain_and_know_their_place() -> None:
    (document,) = parse("a:\n  b: [1, two]\n", "f.yaml")
    assert document.value == {"a": {"b": [1, "two"]}}
    assert document.place(("a", "b", 1)) == Place("f.yaml", 2, 10)
    assert document.place(("a", "b", 7, "x")) == Place("f.yaml", 2, 6)


def test_a_quoted_text_is_placed_behind_its_quote() -> None:
    (document,) = parse('a: "text"\n', "f.yaml")
    assert document.place(("a",)).column == 5


def test_empty_documents_are_left_out() -> None:
    assert [document.value for document in parse("---\n---\na: 1\n---\n", "f.yaml")] == [{"a": 1}]


def test_a_byte_order_mark_is_no_content() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\n", "f.yaml")[0].value == {"a": 1}


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "y", "2024-01-01", "012", "1_000", "12:30"])
def test_what_only_old_yaml_converts_stays_a_text(word: str) -> None:
    assert parse(f"a: {word}\n", "f.yaml")[0].value == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("null", None), ("~", None), ("-3", -3), ("0x1F", 31), ("1.5", 1.5), ("'3'", "3")],
)
def test_plain_scalars_follow_yaml_1_2(word: str, value: object) -> None:
    assert parse(f"a: {word}\n", "f.yaml")[0].value == {"a": value}


def test_a_number_too_long_to_mean_anything_stays_a_text() -> None:
    digits = "9" * 5000
    assert parse(f"a: {digits}\n", "f.yaml")[0].value == {"a": digits}


def test_a_key_that_stands_twice_names_its_first_line() -> None:
    problem = only_problem("a: 1\nb: 2\na: 3\n")
    assert problem.startswith("f.yaml:3:1: a: the key 'a' stands twice (first in line 1)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x\n", "f.yaml:2:4: aliases are not read"),
        ("a: !!python/object:os.system x\n", "tags such as"),
        ("\ta: 1\n", "indent with spaces, not tabs"),
        ("a: {b: 1]\n", "no YAML"),
        ("1: a\n", "a key must be a text"),
        (b"a: \xff\n", "not UTF-8 at byte 3"),
        ("a: " + "[" * 50 + "]" * 50, "nested deeper than 40 levels"),
    ],
)
def test_what_is_no_acceptable_yaml_is_refused_with_its_place(text: str | bytes, expected: str) -> None:
    assert expected in only_problem(text)


def test_a_document_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert "larger than 1,048,576 bytes" in only_problem("a" * 1_048_577)


def test_a_field_that_does_not_fit_shows_its_line_and_a_caret() -> None:
    (document,) = parse("maxReplicas: many\n", "f.yaml")
    with pytest.raises(DocumentError) as caught:
        validate(document, Sample)
    assert str(caught.value).splitlines() == [
        "f.yaml:1:14: maxReplicas: Input should be a valid integer",
        "    maxReplicas: many",
        "                 ^",
    ]


def test_an_unknown_field_suggests_the_known_one() -> None:
    (document,) = parse("maxReplica: 3\n", "f.yaml")
    with pytest.raises(DocumentError, match="unknown field 'maxReplica'; did you mean 'maxReplicas'"):
        validate(document, Sample)


def test_every_problem_is_told_in_the_order_of_the_file() -> None:
    (document,) = parse("nam: x\nmaxReplicas: y\n", "f.yaml")
    with pytest.raises(DocumentError) as caught:
        validate(document, Sample)
    assert [problem.place.line for problem in caught.value.problems] == [1, 2]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data, "f.yaml")
    except DocumentError as error:
        assert error.problems
