"""A type of intent that a document teaches: from its text to its package, and edited while it is in force."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from engine.cli.main import cli
from tests.integration.conftest import Workplace

EXAMPLE = Path(__file__).parents[2] / "examples" / "intent-types" / "network-slice.yaml"
TEXT = "Create a URLLC network slice factory with latency under 5 ms and 100 Mbps bandwidth"


def teach(workplace: Workplace) -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    workplace.write("rules/network-slice.yaml", text)
    return text


def test_a_taught_type_goes_from_its_text_to_its_package(workplace: Workplace) -> None:
    teach(workplace)
    workplace.intent("slice", TEXT)
    workplace.settle()
    assert workplace.reason("slice") == "Completed"
    config = workplace.package("factory")["ConfigMap"]
    assert config["metadata"]["name"] == "slice-factory"
    assert config["metadata"]["namespace"] == "core"
    assert config["data"] == {"sst": "2", "service": "URLLC", "latencyMs": "5", "bandwidthKbps": "100000"}
    (handed,) = (workplace.root / "out/handoff/extended").glob("intent-core-slice-*.json")
    assert json.loads(handed.read_text())["network_slice"]["bandwidth"] == 100000


def test_its_actions_go_with_those_of_other_types_in_one_text(workplace: Workplace) -> None:
    teach(workplace)
    workplace.intent("both", "scale amf to 5 and create an eMBB slice stadium with 1 Gbps")
    workplace.settle()
    assert workplace.reason("both") == "Completed"
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 5
    assert workplace.package("stadium")["ConfigMap"]["data"]["sst"] == "1"


def test_a_rule_reads_the_fields_of_a_taught_type(workplace: Workplace) -> None:
    teach(workplace)
    workplace.intent("slice", "create a urllc slice factory with 100 Mbps")
    workplace.settle()
    assert workplace.reason("slice") == "RuleRefused"
    assert "at most 20 ms, not 100 ms" in workplace.status("slice")["lastMessage"]


def test_an_object_of_somebody_else_is_not_written_over(workplace: Workplace) -> None:
    teach(workplace)
    other = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: slice-factory, namespace: core}\ndata: {a: b}\n"
    )
    workplace.write("live/other.yaml", other)
    workplace.intent("slice", TEXT)
    workplace.settle()
    assert workplace.reason("slice") == "Conflict"


def test_without_the_document_the_text_is_unsupported(workplace: Workplace) -> None:
    workplace.intent("slice", TEXT)
    workplace.settle()
    assert workplace.reason("slice") == "Unsupported"


def test_a_running_daemon_takes_a_type_up_and_keeps_the_last_good_one(workplace: Workplace) -> None:
    daemon = workplace.start()
    text = teach(workplace)
    workplace.until(lambda: daemon.reload() or bool(daemon.decider.looker.types.taught))
    workplace.write("rules/network-slice.yaml", text.replace("{service} (", "{sevrice} (", 1))
    workplace.until(lambda: daemon.reload() or "rules" in daemon.problems())
    assert "there is no slot 'sevrice'" in daemon.problems()["rules"]
    workplace.intent("slice", TEXT)
    workplace.until(lambda: workplace.reason("slice") == "Completed")
    workplace.stop(daemon)


def test_schema_prints_the_contract_with_the_types_in_force(workplace: Workplace) -> None:
    teach(workplace)
    base = CliRunner().invoke(cli, ["schema"])
    extended = CliRunner().invoke(cli, ["schema", "--settings", str(workplace.root / "settings.yaml")])
    assert "network_slice" not in base.stdout
    assert json.loads(extended.stdout)["properties"]["network_slice"]["required"] == [
        "service",
        "latency",
        "bandwidth",
    ]


def test_plan_and_parse_know_a_taught_type(workplace: Workplace) -> None:
    teach(workplace)
    settings = str(workplace.root / "settings.yaml")
    planned = CliRunner().invoke(cli, ["plan", TEXT, "-n", "core", "--settings", settings])
    assert planned.exit_code == 0
    assert "configmap-slice-factory.yaml" in planned.stdout
    read = CliRunner().invoke(cli, ["parse", TEXT, "--intent-types", str(EXAMPLE), "-o", "json"])
    assert json.loads(read.stdout)["actions"][0]["fields"]["target"] == "factory"


def test_the_tests_of_the_example_pass(workplace: Workplace) -> None:
    result = CliRunner().invoke(cli, ["rules", "test", str(EXAMPLE)])
    assert result.exit_code == 0, result.output
    assert "3 passed" in result.output
