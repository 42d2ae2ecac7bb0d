"""`check` tries the API server of the settings, and says what is missing there and what to add."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.cli.finding import Finding
from engine.cli.output import Exit
from engine.cli.porch_checks import porch_findings
from engine.settings import Settings, load_settings
from tests.cluster.surroundings import without
from tests.kubernetes.documented import kustomization_of, of_kind, rules_of

INTENTS = "networkintents.nephoran.com"
Check = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def check(tmp_path: Path, namespace: str) -> Check:
    def run(
        kubeconfig: Path, group: str = "nephoran.com", **more: Any
    ) -> tuple[int, dict[str, dict[str, Any]]]:
        settings = {
            "apiVersion": "conductor-watch/v1",
            "kind": "Settings",
            "group": group,
            "source": {"kind": "kubernetes"},
            "live": {"kind": "kubernetes"},
            "kubernetes": {"kubeconfig": str(kubeconfig), "namespaces": [namespace]},
            "output": {"directory": str(tmp_path / "out")},
            "store": {"path": str(tmp_path / "store.db")},
            "bounds": {"executor": "directory"},
            **more,
        }
        file = tmp_path / "settings.yaml"
        file.write_text(yaml.safe_dump(settings))
        program = "import sys; from engine.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "check", "--settings", str(file), "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        assert done.stdout, done.stderr
        return done.returncode, {item["name"]: item for item in json.loads(done.stdout)["checks"]}

    return run


def unreachable(kubeconfig: Path, folder: Path) -> Path:
    """Returns a kubeconfig of an API server that is not there."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away = folder / "away.kubeconfig"
    away.write_text(yaml.safe_dump(config))
    return away


def test_with_the_rights_of_the_deployment_all_is_well(check: Check, product: Path) -> None:
    code, found = check(product)
    assert {name for name, item in found.items() if not item["ok"]} == set()
    assert code == 0
    assert {
        "API server",
        f"definition {INTENTS}",
        "rights",
        "live objects",
        "backend directory",
    } <= found.keys()
    assert "system:serviceaccount:" in found["API server"]["detail"]


def test_missing_rights_come_with_the_role_to_add(
    check: Check, namespace: str, account: Callable[..., Path]
) -> None:
    code, found = check(account(without("networkintents/status")))
    assert code == 1
    assert f"patch networkintents/status.nephoran.com in namespace {namespace}" in found["rights"]["detail"]
    role, binding = yaml.safe_load_all(found["rights"]["remedy"])
    assert role["kind"] == "Role"
    assert role["metadata"]["namespace"] == namespace
    assert role["rules"] == [
        {"apiGroups": ["nephoran.com"], "resources": ["networkintents/status"], "verbs": ["patch"]}
    ]
    assert binding["subjects"][0]["kind"] == "ServiceAccount"


def test_facts_that_cannot_be_read_are_told(
    check: Check, namespace: str, account: Callable[..., Path]
) -> None:
    code, found = check(account(without("services")))
    assert code == 1
    assert f"list services in namespace {namespace}" in found["live objects"]["detail"]
    assert found["live objects"]["remedy"]


def test_an_api_server_that_does_not_answer_is_told(check: Check, product: Path, tmp_path: Path) -> None:
    code, found = check(unreachable(product, tmp_path))
    assert code == 3
    assert "does not answer" in found["API server"]["detail"]


def rights(kubeconfig: Path, namespace: str, executor: str = "porch", **more: Any) -> Finding:
    """Asks as `check` does; nothing has to serve porch for it."""
    more = {"bounds": {"executors": [executor], "executor": executor}} | more
    settings = Settings.model_validate(
        {"kubernetes": {"kubeconfig": kubeconfig}, "executors": {"porch": {"namespace": namespace}}} | more
    )
    (found,) = porch_findings(settings)
    return found


def test_rights_on_packages_that_are_missing_come_with_the_role_to_add(
    check: Check, namespace: str, product: Path
) -> None:
    bounds = {"executors": ["porch"], "executor": "porch", "highestLifecycle": "Published"}
    code, found = check(product, bounds=bounds, executors={"porch": {"namespace": namespace}})
    assert code != 0
    told = found["rights of porch"]
    assert f"create packagerevisions.porch.kpt.dev in namespace {namespace}" in told["detail"]
    role, binding = yaml.safe_load_all(told["remedy"])
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", namespace)
    assert role["rules"] == rules_of("porch.md", "conductor-watch-porch")
    assert binding["subjects"][0]["kind"] == "ServiceAccount"


def test_to_approve_is_needed_only_where_rules_may_publish(
    namespace: str, account: Callable[..., Path]
) -> None:
    rules = rules_of("porch.md", "conductor-watch-porch")
    bare = account([rule for rule in rules if rule["resources"] != ["packagerevisions/approval"]])
    bounds = {"executors": ["porch"], "executor": "porch"}
    assert rights(bare, namespace, bounds={**bounds, "highestLifecycle": "Proposed"}).code is Exit.OK
    found = rights(bare, namespace, bounds={**bounds, "highestLifecycle": "Published"})
    assert found.code is Exit.NEGATIVE
    (rule,) = next(yaml.safe_load_all(found.remedy))["rules"]
    assert (rule["resources"], rule["verbs"]) == (["packagerevisions/approval"], ["patch"])


def test_the_component_porch_proposes_through_porch_and_grants_what_that_needs(
    namespace: str, account: Callable[..., Path], kubectl: Callable[..., str], tmp_path: Path
) -> None:
    site = kustomization_of("deploying.md", "components/porch", tmp_path)
    rendered = kubectl("kustomize", str(site))
    pod = of_kind(rendered, "Deployment", "conductor-watch")["spec"]["template"]["spec"]
    environment = {item["name"]: item["value"] for item in pod["containers"][0]["env"] if "value" in item}
    bounds = load_settings(site.parent / "base" / "settings.yaml", environment).bounds
    assert (bounds.executor, bounds.executors) == ("porch", ["porch"])
    assert (bounds.lifecycle, bounds.highest_lifecycle) == ("Proposed", "Proposed")
    kubeconfig = account(of_kind(rendered, "Role", "conductor-watch-porch")["rules"])
    assert rights(kubeconfig, namespace).code is Exit.OK
    (subject,) = of_kind(rendered, "RoleBinding", "conductor-watch-porch")["subjects"]
    of_pod = of_kind(rendered, "ServiceAccount", pod["serviceAccountName"])["metadata"]
    assert (subject["name"], subject["namespace"]) == (of_pod["name"], of_pod["namespace"])


@pytest.mark.parametrize("enough", [True, False])
def test_the_account_of_porchctl_is_asked_about_and_before_the_right_to_its_token(
    namespace: str, account: Callable[..., Path], enough: bool
) -> None:
    role = rules_of("executors.md", "porch-writer")
    writer = account(role if enough else [rule for rule in role if "repositories" in rule["resources"]]).stem
    executors = {
        "porch": {"namespace": namespace},
        "porchctl": {"serviceAccount": f"{namespace}/{writer}"},
    }
    found = rights(account(without("-")), namespace, "porchctl", executors=executors)
    assert f"create serviceaccounts/token of {writer} in namespace {namespace}" in found.detail
    (rule,) = next(yaml.safe_load_all(found.remedy))["rules"]
    assert (rule["resources"], rule["resourceNames"]) == (["serviceaccounts/token"], [writer])
    found = rights(account([rule]), namespace, "porchctl", executors=executors)
    assert (found.code is Exit.OK) == enough, found.detail
    if not enough:
        assert f"update packagerevisions/approval.porch.kpt.dev in namespace {namespace}" in found.detail
        _, binding = yaml.safe_load_all(found.remedy)
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": writer, "namespace": namespace}]


def test_rights_that_cannot_be_asked_for_are_told(product: Path, tmp_path: Path) -> None:
    found = rights(unreachable(product, tmp_path), "default")
    assert found.code is Exit.UNREACHABLE
    assert "does not answer" in found.detail
