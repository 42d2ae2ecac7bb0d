"""What a reading carries: words, assumptions, ignored words, and its way to JSON and back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nlp import Reader, Reading, RefusalReason, in_namespace

CORPUS = Path(__file__).parents[2] / "corpus"


def test_every_field_names_the_words_it_came_from(reader: Reader) -> None:
    text = "Please scale the AMF\u00a0deployment to twenty-four replicas in namespace core5g"
    (action,) = reader.read(text).actions
    said = {field: " ".join(span.text for span in spans) for field, spans in action.words.items()}
    assert said["replicas"] == "twenty-four"
    assert said["target"] == "the AMF\u00a0deployment"
    assert said["namespace"] == "core5g"
    for spans in action.words.values():
        assert all(text[span.start : span.end] == span.text for span in spans)


@pytest.mark.parametrize("space", ["", " ", "\n", " \r\n\t", "\u1680"])
def test_white_space_around_words_moves_no_name(reader: Reader, space: str) -> None:
    text = f"{space}scale session management function{space} to 3 replicas{space}"
    (action,) = reader.read(text).actions
    assert action.fields["target"] == "smf"
    (span,) = action.words["target"]
    assert span.text == text[span.start : span.end] == "session management function"


def test_ignored_words_say_why_and_reasons_are_kept(reader: Reader) -> None:
    reading = reader.read("please scale amf to 5 because of signalling storms")
    assert [(span.text, why) for span, why in reading.ignored] == [
        ("please", "politeness or urgency"),
        ("signalling storms", "reason"),
    ]
    assert reading.reason_text == "signalling storms"


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("allow smf to reach amf on port 8080", "network_policy.ports[0].protocol", "TCP"),
        ("place amf next to smf", "affinity.topology_key", "kubernetes.io/hostname"),
        ("give amf 2 cores", "resources.limits.cpu", "2"),
    ],
)
def test_what_was_not_said_is_told(reader: Reader, text: str, field: str, value: str) -> None:
    (assumption,) = reader.read(text).assumed
    assert (assumption.action, assumption.field, assumption.value) == (0, field, value)
    assert assumption.why


def test_readings_come_back_from_json_unchanged(reader: Reader) -> None:
    for line in (CORPUS / "dev.jsonl").read_text(encoding="utf-8").splitlines():
        reading = reader.read(json.loads(line)["text"])
        assert Reading.from_json(json.loads(json.dumps(reading.to_json()))) == reading


def test_a_namespace_that_is_not_said_is_absent(reader: Reader) -> None:
    (action,) = reader.read("scale amf to 5").actions
    assert "namespace" not in action.fields


def test_the_texts_namespace_goes_before_the_target_namespace_and_the_own_one(reader: Reader) -> None:
    silent = reader.read("scale amf to 5")
    said = reader.read("scale amf to 5 -n core")
    assert in_namespace(silent, "own").actions[0]["namespace"] == "own"
    assert in_namespace(silent, "own", "target").actions[0]["namespace"] == "target"
    assert in_namespace(said, "own").actions[0]["namespace"] == "core"
    assert in_namespace(silent, "own").assumed[0].field == "namespace"


def test_a_text_and_a_target_namespace_that_disagree_are_invalid(reader: Reader) -> None:
    resolution = in_namespace(reader.read("scale amf to 5 -n core"), "own", "edge")
    assert resolution.refusal is not None
    assert resolution.refusal.reason is RefusalReason.INVALID
    assert resolution.actions == ()
    assert "core" in resolution.refusal.message
    assert "edge" in resolution.refusal.message


def test_a_refusal_says_what_was_understood_what_was_not_and_what_to_write(reader: Reader) -> None:
    reading = reader.read("scale amf to 5, tomorrow")
    assert reading.actions == ()
    assert reading.refusal is not None
    assert [span.text for span in reading.refusal.unread] == ["tomorrow"]
    assert reading.refusal.suggestions[0] == "scale amf to 5"
    assert [action.fields["replicas"] for action in reading.understood] == [5]


def test_every_suggestion_is_accepted(reader: Reader) -> None:
    for name in ("dev.jsonl", "regression.jsonl"):
        for line in (CORPUS / name).read_text(encoding="utf-8").splitlines():
            refusal = reader.read(json.loads(line)["text"]).refusal
            for suggestion in refusal.suggestions if refusal else ():
                assert reader.read(suggestion).refusal is None, suggestion
            assert refusal is None or len(refusal.suggestions) <= 3


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("sclae teh amf to 5", "scale the amf to 5"),
        ("scale nwadf to 5", "scale nwdaf to 5"),
        ("sesion management function to 4 replicas", "session management function to 4 replicas"),
        ("set the log levle of amf to debug", "set the log level of amf to debug"),
    ],
)
def test_a_slip_is_refused_with_the_corrected_sentence(reader: Reader, text: str, corrected: str) -> None:
    refusal = reader.read(text).refusal
    assert refusal is not None
    assert refusal.suggestions[0] == corrected


@pytest.mark.parametrize("name", ["smff", "web2", "checkout-api", "proxy-7b"])
def test_an_unknown_name_is_a_name(reader: Reader, name: str) -> None:
    assert reader.read(f"scale {name} to 5").actions[0].fields["target"] == name


def test_threads_share_a_reader(reader: Reader) -> None:
    texts = [f"scale amf to {count} -n core-{count}" for count in range(200)]
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(reader.read, texts))
    assert [reading.actions[0].fields["replicas"] for reading in readings] == list(range(200))


def test_a_clause_about_its_own_takes_the_verb_of_the_one_before_it(reader: Reader) -> None:
    raised, limited = reader.read("raise amf to 6 replicas and its CPU limit to 3 cores").actions
    assert raised.fields["replicas"] == 6
    assert limited.fields["target"] == "amf"
    assert limited.fields["resources"] == {"limits": {"cpu": "3"}}


def test_a_clause_about_the_own_of_several_workloads_is_refused(reader: Reader) -> None:
    refusal = reader.read("scale amf and smf to 3 and its memory limit to 2Gi").refusal
    assert refusal is not None
    assert refusal.reason is RefusalReason.AMBIGUOUS
