from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from engine import contract
from engine.contract import Origin, handoff_documents, write_atomically

ORIGIN = Origin("core", "more-amf", generation=3, uid_hash="0a1b2c3d", reason="for the evening peak")
SCALING = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5}
VERSIONS = Path(__file__).parent / "versions"


@pytest.fixture(scope="module")
def first_version() -> Draft7Validator:
    return Draft7Validator(json.loads((VERSIONS / "intent-1.0.0.schema.json").read_text(encoding="utf-8")))


def documents(*actions: dict, origin: Origin = ORIGIN) -> list[tuple[str, str, dict]]:
    return [
        (document.folder, document.filename, json.loads(document.content))
        for document in handoff_documents(origin, actions)
    ]


def test_a_scaling_is_said_as_the_first_version_says_it() -> None:
    said = SCALING | {"source": "user", "priority": 5, "reason": "for the evening peak"}
    assert documents(SCALING) == [("v1", "intent-core-more-amf-0a1b2c3d-3-1.json", said)]


def test_a_default_that_the_first_version_has_no_word_for_is_left_out_there() -> None:
    ((folder, _, said),) = documents(SCALING | {"target_kind": "Deployment"})
    assert (folder, "target_kind" in said) == ("v1", False)


def test_a_deployment_with_nothing_but_replicas_can_be_said_by_the_first_version() -> None:
    assert documents(SCALING | {"intent_type": "deployment"})[0][0] == "v1"


@pytest.mark.parametrize(
    "action",
    [
        SCALING | {"replicas": 0},
        SCALING | {"replicas": 101},
        SCALING | {"target_kind": "StatefulSet"},
        SCALING | {"autoscale": {"min_replicas": 5, "max_replicas": 9}},
        SCALING | {"intent_type": "deployment", "deployment": {"version": "1.2"}},
        {"intent_type": "deployment", "target": "amf", "namespace": "core"},
        {"intent_type": "configuration", "target": "amf", "namespace": "core", "settings": {"A": "b"}},
        {"intent_type": "service_mesh", "target": "*", "namespace": "a", "service_mesh": {"mtls": "STRICT"}},
    ],
)  # fmt: skip
def test_what_the_first_version_cannot_say_goes_where_its_readers_never_look(action: dict) -> None:
    ((folder, _, said),) = documents(action)
    assert folder == "v1.1"
    assert said.items() >= action.items()


def test_each_document_is_valid_by_the_version_of_its_folder(
    corpus: list[dict], first_version: Draft7Validator
) -> None:
    folders = set()
    for action in corpus:
        ((folder, _, said),) = documents(action)
        assert contract.validate(said) == ()
        assert first_version.is_valid(said) == (folder == "v1")
        folders.add(folder)
    assert folders == {"v1", "v1.1"}


def test_the_same_actions_give_the_same_bytes_whatever_the_order_of_their_fields() -> None:
    backwards = dict(reversed(SCALING.items()))
    assert handoff_documents(ORIGIN, [SCALING]) == handoff_documents(ORIGIN, [backwards])


def test_documents_of_one_intent_are_numbered_and_intents_are_told_apart() -> None:
    names = [name for _, name, _ in documents(SCALING, SCALING)]
    assert names == ["intent-core-more-amf-0a1b2c3d-3-1.json", "intent-core-more-amf-0a1b2c3d-3-2.json"]
    other = Origin("core-more", "amf", generation=3, uid_hash="ffffffff")
    assert documents(SCALING, origin=other)[0][1] not in names


def test_the_longest_names_fit_a_file_name() -> None:
    origin = Origin("n" * 63, "i" * 253, generation=2**63, uid_hash="0a1b2c3d")
    assert len(documents(SCALING, origin=origin)[0][1]) <= 240


def test_a_reason_is_cut_to_what_the_contract_takes(first_version: Draft7Validator) -> None:
    origin = Origin("core", "amf", 1, "0a1b2c3d", reason="å" * 600, correlation_id="c" * 200)
    ((_, _, said),) = documents(SCALING, origin=origin)
    assert contract.validate(said) == ()
    assert first_version.is_valid(said)


def test_a_file_is_written_whole_into_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "v1"
    for content in (b"first", b"second"):
        write_atomically(folder, "intent.json", content)
        assert (folder / "intent.json").read_bytes() == content
    assert [file.name for file in folder.iterdir()] == ["intent.json"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "intent.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path, "intent.json", b"content")
    assert [file.name for file in tmp_path.iterdir()] == ["intent.json"]
