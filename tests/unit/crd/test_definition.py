"""The CustomResourceDefinition says what the models say, and the committed one is what the code says now."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, Field

from documents import StrictModel
from engine.cli.main import cli
from engine.crd import Status, definition
from engine.crd.structural import structural_schema
from engine.reasons import Reason
from engine.status import Report, build_status

ROOT = Path(__file__).parents[3]
FULL: dict[str, Any] = {
    "spec_hash": "ab" * 32,
    "trace_id": "cd" * 16,
    "attempts": 2,
    "next_retry": 1_700_000_030.0,
    "interpretation": {
        "actions": [{"intent_type": "scaling", "target": "amf", "replicas": 3}],
        "words": [{"target": ["amf"], "replicas": ["3"]}],
        "assumed": [{"action": 0, "field": "namespace", "value": "core", "why": "its own"}],
        "reason": "for the evening",
        "unread": ["perhaps"],
        "suggestions": ["scale amf to 3 replicas"],
    },
    "decision": {
        "rule": "default/execute",
        "rules": [["default/replicas-cap"]],
        "executor": "directory",
        "rulesDigest": "ef" * 32,
        "warnings": ["it restarts 3 pods"],
    },
    "packages": [
        {
            "repository": "main",
            "name": "core-amf",
            "workspace": "cw-1",
            "lifecycle": "Proposed",
            "revision": 0,
            "resourceName": "main.core-amf.cw-1",
            "namespace": "core",
            "target": "amf",
            "fields": ["Deployment/amf:spec.replicas"],
        }
    ],
}


def spec_of(made: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return properties


def test_the_committed_definition_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(cli, ["crd"], catch_exceptions=False).output
    assert (ROOT / "deploy" / "base" / "crd.yaml").read_text() == printed, "run make crd"


def test_the_command_prints_the_definition_of_the_settings(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "apiVersion: conductor-watch/v1\nkind: Settings\n"
        "group: intents.example.org\nversion: v1beta1\nkubernetes: {plural: wishes}\n"
    )
    printed = CliRunner().invoke(cli, ["crd", "--settings", str(settings)], catch_exceptions=False).output
    made = yaml.safe_load(printed)
    assert made == definition("intents.example.org", "v1beta1", "wishes")
    assert made["metadata"]["name"] == "wishes.intents.example.org"


def test_both_forms_say_the_same() -> None:
    as_json = CliRunner().invoke(cli, ["crd", "-o", "json"], catch_exceptions=False).output
    assert yaml.safe_load(as_json) == definition()


def test_unknown_fields_of_the_spec_and_of_constraints_are_kept() -> None:
    spec = spec_of(definition())["spec"]
    kept = "x-kubernetes-preserve-unknown-fields"
    assert spec[kept]
    assert spec["properties"]["constraints"][kept]
    assert spec["properties"]["parameters"][kept]
    assert kept not in spec_of(definition())["status"]


@pytest.mark.parametrize("reason", Reason)
def test_every_status_that_is_built_is_described(reason: Reason) -> None:
    first = build_status(Report(generation=1, reason=Reason.COMPLETED, message="done", now=1_700_000_000.0))
    report = Report(generation=2, reason=reason, message="so it is", now=1_700_000_001.0, **FULL)
    Status.model_validate(build_status(report, first))


def test_a_field_that_is_not_described_is_noticed() -> None:
    with pytest.raises(ValueError, match="surprise"):
        Status.model_validate({"phase": "Pending", "surprise": 1})


class _Inner(StrictModel):
    """Within."""

    names: list[str] = Field(description="Names.")


class _Outer(StrictModel):
    inner: _Inner | None = Field(default=None, description="Said of the field.")
    kind: Literal["One"] = "One"
    counts: dict[str, int] = Field(default={})
    anything: Any = None


def test_references_nulls_constants_and_maps_become_structural() -> None:
    assert structural_schema(_Outer) == {
        "type": "object",
        "properties": {
            "inner": {
                "type": "object",
                "description": "Said of the field.",
                "required": ["names"],
                "properties": {
                    "names": {"type": "array", "description": "Names.", "items": {"type": "string"}}
                },
            },
            "kind": {"type": "string", "enum": ["One"]},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "anything": {"x-kubernetes-preserve-unknown-fields": True},
        },
    }


def test_a_choice_between_types_is_refused() -> None:
    class Either(BaseModel):
        value: int | str

    with pytest.raises(ValueError, match="no choice between types"):
        structural_schema(Either)
