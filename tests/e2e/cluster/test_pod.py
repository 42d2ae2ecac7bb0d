"""The pod of deploy/base on a real cluster: it gets ready, works, takes up rules, survives its deletion.

Needs KUBECONFIG, kubectl, and in CONDUCTOR_IMAGE an image that the nodes have; a volume has to bind. Whatever
it makes is in the namespaces conductor-watch and e2e, which are deleted at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

BASE = Path(__file__).parents[3] / "deploy" / "base"
IMAGE = os.environ.get("CONDUCTOR_IMAGE", "")
DAEMON = ("--namespace=conductor-watch", "deployment/conductor-watch")
INTENTS = 50
FIRST, MANY = "first", "many-{number}"
# Run in the pod: what the cgroup (of either version) and the process take, in MiB.
MEMORY = """
import json, pathlib
lines = pathlib.Path("/proc/1/status").read_text().splitlines()
found = {name: int(line.split()[1]) / 1024 for line in lines
         for name in ("VmRSS", "RssAnon", "VmHWM") if line.startswith(name)}
cgroup = pathlib.Path("/sys/fs/cgroup")
for path in (cgroup / "memory.current", cgroup / "memory.peak", cgroup / "memory/memory.usage_in_bytes",
             cgroup / "memory/memory.max_usage_in_bytes"):
    if path.exists():
        found[path.name] = int(path.read_text()) / 2**20
print(json.dumps(found))
"""
REVISIONS = """
import json, pathlib
revisions = pathlib.Path("/var/lib/conductor-watch/out/revisions")
print(json.dumps([path.name for path in revisions.glob("*/*/v*")]))
"""

pytestmark = pytest.mark.skipif(
    not (IMAGE and os.environ.get("KUBECONFIG") and shutil.which("kubectl")),
    reason="needs a cluster: KUBECONFIG, kubectl, and CONDUCTOR_IMAGE that its nodes have",
)


def kubectl(*arguments: str, data: str = "") -> str:
    done = subprocess.run(["kubectl", *arguments], input=data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.5)


def in_pod(script: str) -> Any:
    """Runs a script in the pod, and returns what it prints as JSON."""
    return json.loads(kubectl("exec", *DAEMON, "--", "python3", "-I", "-S", "-c", script))


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": name, "image": "registry.example.com/nf:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "e2e"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def intent(name: str, text: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "e2e"}
    return {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": metadata,
        "spec": {"intent": text},
    }


def create(*items: dict[str, Any]) -> None:
    kubectl("create", "-f", "-", data=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def reasons() -> dict[str, str]:
    """Returns the reason of each intent's condition Ready."""
    found = json.loads(kubectl("get", "networkintents", "--namespace=e2e", "--output=json"))["items"]
    return {
        item["metadata"]["name"]: condition["reason"]
        for item in found
        for condition in item.get("status", {}).get("conditions", ())
        if condition["type"] == "Ready"
    }


@pytest.fixture(scope="module")
def pod() -> Iterator[None]:
    manifests = kubectl("kustomize", str(BASE)).replace("image: conductor-watch:0.1.0", f"image: {IMAGE}")
    assert IMAGE in manifests
    kubectl("apply", "--server-side", "-f", "-", data=manifests)
    kubectl("create", "namespace", "e2e")
    create(*(deployment(f"nf-{number}") for number in range(INTENTS + 1)))
    kubectl("rollout", "status", *DAEMON, "--timeout=300s")
    yield
    kubectl("delete", "namespace", "e2e", "conductor-watch", "--wait=true", "--timeout=300s")
    kubectl("delete", "-f", "-", "--ignore-not-found", data=manifests)


def print_memory(when: str) -> None:
    said = ", ".join(f"{name} {value:.1f} MiB" for name, value in in_pod(MEMORY).items())
    print(f"memory {when}: {said}")  # noqa: T201 - a figure to read


@pytest.mark.timeout(900)
def test_an_edited_rule_is_in_force_without_a_restart(pod: None) -> None:
    print_memory("when ready")
    create(intent(FIRST, f"scale nf-{INTENTS} to 101 replicas"))
    until(lambda: reasons().get(FIRST) == "RuleRefused")
    rules = yaml.safe_load((BASE / "rules" / "site.yaml").read_text())
    rules["vars"]["maxReplicas"] = 200
    patch = {"data": {"site.yaml": yaml.safe_dump(rules)}}
    kubectl("patch", "configmap", "conductor-watch-rules", DAEMON[0], f"--patch={json.dumps(patch)}")
    until(lambda: reasons()[FIRST] == "Completed")


def conductor(*arguments: str) -> str:
    """Runs the plugin of kubectl, as `kubectl conductor` does."""
    plugin = (sys.executable, "-P", "-c", "from engine.cli.kubectl import main; main()", "--namespace=e2e")
    done = subprocess.run([*plugin, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_the_plugin_of_kubectl_asks_the_pod(pod: None) -> None:
    create(intent("asked", f"scale nf-{INTENTS} to 3 replicas"))
    until(lambda: reasons().get("asked") == "Completed")
    assert f"nf-{INTENTS}" in conductor("explain", "asked")
    assert "Completed" in conductor("history", "asked")
    conductor("suspend", "asked")
    kubectl("patch", "networkintent", "asked", "--namespace=e2e", "--type=merge",
            f'--patch={{"spec":{{"intent":"scale nf-{INTENTS} to 4 replicas"}}}}')  # fmt: skip
    until(lambda: reasons().get("asked") == "Suspended")
    conductor("resume", "asked")
    until(lambda: reasons().get("asked") == "Completed")
    kubectl("delete", "networkintent", "asked", "--namespace=e2e")


@pytest.mark.timeout(900)
def test_a_pod_deleted_amid_50_intents_does_each_once(pod: None) -> None:
    before = set(in_pod(REVISIONS))
    names = [MANY.format(number=number) for number in range(INTENTS)]
    create(*(intent(name, f"scale nf-{number} to 5 replicas") for number, name in enumerate(names)))
    until(lambda: any(reasons().get(name) == "Completed" for name in names))
    kubectl("delete", "pod", DAEMON[0], "--selector=app.kubernetes.io/name=conductor-watch", "--wait=false")
    until(lambda: all(reasons().get(name) == "Completed" for name in names))
    kubectl("rollout", "status", *DAEMON, "--timeout=300s")
    made = set(in_pod(REVISIONS)) - before
    assert len(made) == INTENTS
    assert all(name.startswith("v1-") for name in made)
    print_memory("after the intents")
