from __future__ import annotations

import pytest

from documents import DocumentError, parse
from engine.network_intent import intent_of, read_manifest

MANIFEST = """\
apiVersion: nephoran.com/v1
kind: NetworkIntent
metadata: {name: scale-amf, namespace: core, labels: {team: ran}}
spec: {intent: scale amf to 5}
"""


def read(text: str) -> dict:
    return read_manifest(parse(text, "f.yaml")[0])


def test_a_manifest_is_read_with_its_defaults_left_out() -> None:
    body = read(MANIFEST)
    assert body["spec"] == {"intent": "scale amf to 5"}
    intent = intent_of(body, uid="u", generation=2, origin="f.yaml")
    assert (intent.key, intent.generation, intent.spec.priority) == ("core/scale-amf", 2, 5)
    assert intent.labels == {"team": "ran"}


def test_an_intent_without_a_namespace_is_in_default() -> None:
    assert read(MANIFEST.replace(", namespace: core", ""))["metadata"]["namespace"] == "default"


def test_unknown_fields_of_the_spec_are_kept() -> None:
    body = read(MANIFEST.replace("to 5}", "to 5, owner: noc}"))
    assert body["spec"]["owner"] == "noc"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("nephoran.com/v1", "v1", "f.yaml:1:13: apiVersion: not a NetworkIntent"),
        ("NetworkIntent", "Pod", "f.yaml:2:7: kind: not a NetworkIntent: expected nephoran.com/v1"),
        ("{intent: scale amf to 5}", "{}", "f.yaml:4:7: spec.intent: the field 'intent' is missing"),
        ("scale amf to 5", "'  '", "the intent is blank"),
        ("scale amf to 5", "[1]", "spec.intent: Input should be a valid string"),
        ("scale amf to 5", "a" * 1001, "at most 1000 characters"),
        ("to 5}", "to 5, priority: 11}", "spec.priority"),
        ("to 5}", "to 5, suspend: yes}", "spec.suspend: Input should be a valid boolean"),
        ("scale-amf", "Scale_AMF", "metadata.name"),
    ],
)
def test_a_manifest_that_does_not_fit_says_where_and_why(old: str, new: str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(MANIFEST.replace(old, new, 1))
    assert expected in str(caught.value)


def test_a_document_that_is_no_map_is_no_manifest() -> None:
    with pytest.raises(DocumentError, match="not a Kubernetes object"):
        read("- a\n")
