from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.identity import canonical_json, effect_key, spec_hash, uid_of, workspace_name

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(list(value.items()))))


def test_the_same_name_has_the_same_uid() -> None:
    assert uid_of("core", "amf") == uid_of("core", "amf")
    assert uid_of("core", "amf") != uid_of("cor", "eamf")


def test_only_what_is_wished_changes_the_spec_hash() -> None:
    spec = {"intent": "scale amf to 5"}
    assert spec_hash(spec) == spec_hash(
        {**spec, "suspend": True, "dryRun": True, "priority": 9, "constraints": {}}
    )
    for more in ({"targetNamespace": "core"}, {"constraints": {"maxReplicas": 3}}, {"parameters": {"a": 1}}):
        assert spec_hash(spec) != spec_hash({**spec, **more})


def test_a_spec_changed_back_has_an_effect_of_its_own() -> None:
    five = spec_hash({"intent": "scale amf to 5"})
    assert effect_key("core", "a", "uid", 1, five) != effect_key("core", "a", "uid", 3, five)


@given(st.text(max_size=20), st.text(max_size=20), st.integers(min_value=1))
def test_a_workspace_name_is_a_dns_label(namespace: str, name: str, generation: int) -> None:
    workspace = workspace_name(effect_key(namespace, name, "uid", generation, "hash"))
    assert workspace.startswith("cw-")
    assert len(workspace) <= 63
    assert workspace.replace("-", "").isalnum()
