"""The plugin `kubectl conductor`, found by the real kubectl, on a real API server.

There is no kubelet: a stand-in for kubectl runs what `exec` is given here, on the socket of a daemon here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.api.wire import SOCKET_NAME
from engine.cli.kubectl import conductor as plugin
from engine.cli.output import CommandError
from engine.pipeline.daemon import Daemon
from tests.cluster.api import CRDS, NAMESPACES, NETWORK_INTENTS, Api
from tests.cluster.surroundings import wait_until_served
from tests.kubernetes.documented import kustomization_of
from tests.kubernetes.running import DEPLOYMENTS, deployment, intent, reason, settings_of, status_of, until
from tests.kubernetes.test_structured import DEFINITION, GROUP, STRUCTURED, state

ROOT = Path(__file__).parents[2]
KUBECTL = """\
#!{python}
import os, sys
if "exec" in sys.argv:
    command = sys.argv[sys.argv.index("--") + 1 :]
    os.execvp(sys.executable, [sys.executable, *command[1:-1], "{socket}"])
os.execv("{kubectl}", ["{kubectl}", *sys.argv[1:]])
"""
PLUGIN = """\
#!{python}
import sys
sys.path.insert(0, "{root}")
from engine.cli.kubectl import main
main()
"""
Conductor = Callable[..., subprocess.CompletedProcess[str]]


def conductor_of(folder: Path, programs: Path, kubeconfig: Path, socket: Path) -> Conductor:
    """Returns a call of `kubectl conductor` with a PATH of its own."""
    folder.mkdir()
    values = {"python": sys.executable, "root": ROOT, "socket": socket, "kubectl": programs / "kubectl"}
    for name, text in {"kubectl": KUBECTL, "kubectl-conductor": PLUGIN}.items():
        (folder / name).write_text(text.format(**values))
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": str(kubeconfig)}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "kubectl"), "conductor", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return call


@pytest.fixture
def conductor(tmp_path: Path, programs: Path, admin: Api) -> Conductor:
    return conductor_of(tmp_path / "bin", programs, admin.kubeconfig, tmp_path / "out" / SOCKET_NAME)


@pytest.fixture
def daemon(tmp_path: Path, namespace: str, product: Path) -> Iterator[Daemon]:
    running = Daemon(settings_of(namespace, product, tmp_path))
    running.start()
    yield running
    running.stop()


def test_an_intent_is_suspended_resumed_explained_and_looked_at_again(
    admin: Api, namespace: str, daemon: Daemon, conductor: Conductor
) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    until(lambda: reason(admin, namespace, "scale") == "RuleRefused")

    done = conductor("-n", namespace, "suspend", "scale")
    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: reason(admin, namespace, "scale") == "Suspended")
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    assert conductor("-n", namespace, "resume", "scale").returncode == 0
    until(lambda: reason(admin, namespace, "scale") == "Completed")

    explained = conductor("-n", namespace, "explain", "scale", "-o", "json")
    assert explained.returncode == 0, explained.stderr
    body = json.loads(explained.stdout)
    assert (body["kind"], body["text"], body["step"]) == ("Explanation", "scale amf to 5", "execute")
    shown = conductor("-n", namespace, "history", "scale")
    assert shown.returncode == 0, shown.stderr
    assert f"Generations of {namespace}/scale" in shown.stdout

    assert conductor("-n", namespace, "retry", "scale").returncode == 0
    until(lambda: "lastHandledReconcileAt" in status_of(admin, namespace, "scale"))
    listed = conductor("-n", namespace, "retry", "--reason", "completed", "--since", "1h", "--dry-run")
    assert listed.stdout == f"{namespace}/scale\n"
    assert "1 would be looked at again" in listed.stderr


def test_what_cannot_be_done_is_said_with_its_exit_code(
    admin: Api, namespace: str, conductor: Conductor
) -> None:
    missing = conductor("-n", namespace, "suspend", "nowhere")
    assert (missing.returncode, "not found" in missing.stderr) == (4, True)
    nobody = conductor("-n", namespace, "explain", "scale")
    assert (nobody.returncode, "cannot be asked" in nobody.stderr) == (3, True)
    both = conductor("-n", namespace, "retry")
    assert (both.returncode, "--reason" in both.stderr) == (2, True)


def test_of_several_resources_that_are_served_one_has_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "kubectl"
    served.write_text("#!/bin/sh\necho wishes.example.org\necho networkintents.nephoran.com\n")
    served.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = CliRunner().invoke(plugin, ["-n", "core", "suspend", "scale"], standalone_mode=False)
    assert isinstance(done.exception, CommandError)
    assert "serves wishes.example.org, networkintents.nephoran.com; name one with --resource" in str(
        done.exception
    )


def test_a_plan_is_made_here_by_the_rules_of_the_cluster_on_its_objects(
    deployed: tuple[Api, Callable[..., str]], programs: Path, tmp_path: Path
) -> None:
    admin, _ = deployed
    admin.create(NAMESPACES, "", {"metadata": {"name": "core"}})
    admin.create(DEPLOYMENTS, "core", deployment("amf", 3))
    admin.create(NETWORK_INTENTS, "core", intent("double", "double the amf"))
    conductor = conductor_of(tmp_path / "bin", programs, admin.kubeconfig, tmp_path / SOCKET_NAME)
    planned = conductor("-n", "core", "plan", "double", "-o", "json")
    assert planned.returncode == 0, planned.stderr
    (plan,) = json.loads(planned.stdout)["plans"]
    assert (plan["intent"], plan["step"], plan["actions"][0]["replicas"]) == ("core/double", "execute", 6)
    refused = conductor("-n", "core", "plan", "scale amf to 5000 replicas")
    assert refused.returncode == 1
    assert "5000" in refused.stdout


def test_an_action_stated_in_fields_is_planned_as_the_variables_of_the_pod_have_it(
    deployed: tuple[Api, Callable[..., str]], programs: Path, tmp_path: Path
) -> None:
    admin, kubectl = deployed
    kubectl("apply", "--server-side", "-k", str(kustomization_of("deploying.md", "structured", tmp_path)))
    admin.apply(CRDS, DEFINITION)
    wait_until_served(admin, STRUCTURED)
    admin.create(NAMESPACES, "", {"metadata": {"name": "ran"}})
    admin.create(DEPLOYMENTS, "ran", deployment("amf", 3))
    state(admin, "ran", 5)
    conductor = conductor_of(tmp_path / "bin", programs, admin.kubeconfig, tmp_path / SOCKET_NAME)
    planned = conductor("-n", "ran", "plan", f"scale.{GROUP}", "-o", "json")
    assert planned.returncode == 0, planned.stderr
    (plan,) = json.loads(planned.stdout)["plans"]
    assert (plan["step"], plan["actions"][0]["replicas"]) == ("execute", 5)
