"""Types of intent that a document teaches: how they are read, and what a broken document is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from documents import DocumentError, load, parse
from nlp import Reader, RefusalReason, TaughtType, refuse_doubles
from nlp.evaluation import score

EXAMPLES = Path(__file__).parents[3] / "examples" / "intent-types"
TYPE = """\
apiVersion: conductor-watch/v1
kind: IntentType
metadata: {name: tunnel}
spec:
  type: tunnel
  slots:
    mode: {value: word, words: {fast: [fast, quick], safe: [safe]}}
    share: {value: percent}
    hops: {value: number}
    under: {value: name}
  phrases:
    - head: "dig~"
      parts: ["[a] {mode} tunnel {target}"]
      may: ["sharing {share}", "over {hops} hops", "under {under}"]
  contract:
    mode: {type: string, required: true}
    share: {type: integer}
    hops: {type: integer, maximum: 9, default: 2}
    under: {type: string, maxLength: 8}
  resources:
    - {apiVersion: v1, kind: ConfigMap, metadata: {name: "${action.target}"}}
"""


def taught(text: str) -> TaughtType:
    (document,) = parse(text, "tunnel.yaml")
    return TaughtType.read(document)


def example() -> TaughtType:
    return TaughtType.read(load(EXAMPLES / "network-slice.yaml")[0])


@pytest.fixture(scope="module")
def tunnels() -> Reader:
    return Reader.load((), (taught(TYPE), example()))


def test_the_labelled_sentences_of_the_example_are_read_exactly(tunnels: Reader) -> None:
    lines = (EXAMPLES / "network-slice.jsonl").read_text(encoding="utf-8").splitlines()
    result = score([json.loads(line) for line in lines], tunnels)
    assert result.differences == []
    assert result.overall.total >= 25


def test_every_field_names_the_words_that_it_came_from(tunnels: Reader) -> None:
    (action,) = (
        tunnels.read("dig a quick tunnel t1 sharing half over 3 hops").actions
        or tunnels.read("dig a quick tunnel t1 sharing 50% over 3 hops").actions
    )
    assert action.fields["tunnel"] == {"mode": "fast", "share": 50, "hops": 3}
    assert [span.text for span in action.words["tunnel.mode"]] == ["quick"]
    assert [span.text for span in action.words["tunnel.hops"]] == ["3"]


def test_a_default_is_told_as_assumed(tunnels: Reader) -> None:
    reading = tunnels.read("dig a safe tunnel t1")
    assert reading.actions[0].fields["tunnel"] == {"mode": "safe", "hops": 2}
    assert [(item.field, item.value) for item in reading.assumed] == [("tunnel.hops", 2)]


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("dig a fast tunnel t1 over 10 hops", RefusalReason.INVALID, "10 is more than 9"),
        ("dig a fast tunnel t1 under the_alps", RefusalReason.INVALID, "'the_alps' is no valid name"),
        ("dig a fast tunnel t1 under kilimanjaro", RefusalReason.INVALID, "longer than 8"),
        ("dig a fast tunnel t1 sharing 101%", RefusalReason.INVALID, "101 percent"),
        ("dig a fast tunnel t1 over 3 hops over 4 hops", RefusalReason.AMBIGUOUS, "was not understood"),
        ("dig a fast tunnel t1 through the alps", RefusalReason.AMBIGUOUS, "through"),
        ("dig a network slice", RefusalReason.AMBIGUOUS, "was not understood"),
    ],
)
def test_what_cannot_be_is_refused(tunnels: Reader, text: str, reason: RefusalReason, said: str) -> None:
    refusal = tunnels.read(text).refusal
    assert refusal is not None
    assert refusal.reason is reason
    assert said in refusal.message


def test_without_the_type_its_sentences_are_unsupported(reader: Reader) -> None:
    refusal = reader.read("Create a URLLC network slice factory-a with 100 Mbps bandwidth").refusal
    assert refusal is not None
    assert refusal.reason is RefusalReason.UNSUPPORTED


def test_other_words_of_the_same_refusal_stay_unsupported(tunnels: Reader) -> None:
    refusal = tunnels.read("improve the qos of amf").refusal
    assert refusal is not None
    assert refusal.reason is RefusalReason.UNSUPPORTED


def test_the_types_that_are_built_in_are_read_as_before(reader: Reader, tunnels: Reader) -> None:
    text = "scale amf to 5 and set LOG_LEVEL to debug on smf"
    assert tunnels.read(text).actions == reader.read(text).actions != ()
    assert tunnels.digest != reader.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: tunnel", "type: scaling", "tunnel.yaml:5:9: spec.type: 'scaling' is taken"),
        ("{mode} tunnel", "{depth} tunnel", "tunnel.yaml:13:16: spec.phrases[0].parts[0]: there is no slot"),
        ("{mode} tunnel", "<nothing> tunnel", "spec.phrases[0].parts[0]: there is no rule <nothing>"),
        ("[a] {mode}", "[a {mode}", "spec.phrases[0].parts[0]: a ']' is missing"),
        ("[safe]", '["( safe"]', "spec.slots.mode"),
        ("share: {type: integer}", "share: {type: string}", "spec.slots.share.value: a percent is read as"),
        ("    share: {type: integer}\n", "", "spec.slots.share: the contract has no field 'share'"),
        ("default: 2", "default: 20", "spec.contract.hops.default: 20 is more than 9"),
        ("maximum: 9", "maxLength: 9", "spec.contract.hops.maxLength"),
        ("maximum: 9", "maximun: 9", "unknown field 'maximun'; did you mean 'maximum'?"),
        ("{value: number}", "{value: text}", "spec.slots.hops.value"),
        ("words: {fast: [fast, quick], safe: [safe]}", "words: {}", "spec.slots.mode: `words` lists"),
        ("  resources:\n", "  rules: {tunnel-x: [x]}\n  resources:\n", "spec.rules.tunnel-x"),
        ('head: "dig~"\n      parts', "may", "spec.phrases[0]"),
    ],
)
def test_a_broken_type_is_told_with_its_place(old: str, new: str, said: str) -> None:
    text = TYPE.replace(old, new)
    assert text != TYPE
    with pytest.raises(DocumentError) as caught:
        Reader.load((), (taught(text),))
    assert said in str(caught.value)
    assert str(caught.value).startswith("tunnel.yaml:")


def test_a_type_that_is_taught_twice_is_told_with_both_places() -> None:
    with pytest.raises(DocumentError, match=r"is taught at tunnel\.yaml:5:9 already"):
        refuse_doubles([taught(TYPE), taught(TYPE)])


@pytest.mark.parametrize(
    ("said", "kbits"),
    [
        ("5Mbps", 5000),
        ("2 Gbit/s", 2_000_000),
        ("1.5Gbit/s", 1_500_000),
        ("64 kbps", 64),
        ("10 MBPS", 10_000),
    ],
)
def test_a_bandwidth_is_read_in_kbits(tunnels: Reader, said: str, kbits: int) -> None:
    (action,) = tunnels.read(f"create an embb slice s1 with {said}").actions
    assert action.fields["network_slice"] == {"service": "eMBB", "latency": 100, "bandwidth": kbits}


@pytest.mark.parametrize("said", ["5 MBps", "5 MB/s", "5 mb", "5 megabytes"])
def test_bytes_are_no_bandwidth(tunnels: Reader, said: str) -> None:
    assert tunnels.read(f"create an embb slice s1 with {said}").actions == ()
