"""The running daemon with the directory executor: latency at a steady rate, rate in a flood, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from rich.console import Console

from store import intents, open_read_only
from tests.benchmarks.figures import Figure, histogram, quantile

ROOT = Path(__file__).parents[2]
STEADY_PER_MINUTE = 100
STEADY_SECONDS = int(os.environ.get("BENCH_STEADY_SECONDS", "60"))
FLOOD = 1000
NAMESPACES = 20
PER_NAMESPACE = 60
SETTINGS = """\
source: {directory: intents}
live: {directory: live}
output: {directory: out}
store: {path: out/store.db}
bounds: {highestLifecycle: Published, lifecycle: Published}
"""
LIVE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: {name}, image: "registry.example.com/{name}:1.0"}}]}}
"""
Target = tuple[str, str]


def run(console: Console) -> list[Figure]:
    """Measures the daemon in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="conductor-bench-") as folder:
        root = Path(folder)
        targets = _prepare(root)
        with _daemon(root) as process:
            _wake_up(root, targets[-1])
            steady = _steady(console, root, targets)
            flood = _flood(console, root, targets)
            memory = _memory(process.pid)
    return [*steady, *flood, *memory]


def _prepare(root: Path) -> list[Target]:
    """Makes the folders and a live object for each target."""
    targets = [
        (f"ns-{space:02}", f"nf-{number:03}")
        for number in range(PER_NAMESPACE)
        for space in range(NAMESPACES)
    ]
    (root / "intents").mkdir()
    (root / "live").mkdir()
    (root / "settings.yaml").write_text(SETTINGS)
    for space in range(NAMESPACES):
        namespace = f"ns-{space:02}"
        objects = [LIVE.format(namespace=namespace, name=name) for ns, name in targets if ns == namespace]
        objects.append(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n")
        (root / "live" / f"{namespace}.yaml").write_text("---\n".join(objects))
    return targets


@contextmanager
def _daemon(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = "from engine.cli import main; main()"
    arguments = ["run", "--settings", str(root / "settings.yaml"), "--log-level", "error"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", command, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _manifest(name: str, target: Target, replicas: int) -> str:
    namespace, workload = target
    return yaml.safe_dump(
        {
            "apiVersion": "nephoran.com/v1",
            "kind": "NetworkIntent",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"intent": f"scale {workload} to {replicas} replicas"},
        }
    )


def _wait_for(paths: list[Path], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for path in paths:
        while not path.exists():
            if time.monotonic() > deadline:
                raise SystemExit(f"{path.name} was not reported within {seconds:g} s")
            time.sleep(0.005)


def _wake_up(root: Path, target: Target) -> None:
    """Waits until the daemon has done something, so that its start is not measured."""
    (root / "intents" / "first.yaml").write_text(_manifest("first", target, 3))
    _wait_for([root / "out/status" / target[0] / "first.yaml"], 60)


def _steady(console: Console, root: Path, targets: list[Target]) -> list[Figure]:
    """One intent after the other, evenly spaced, each in a file renamed into place."""
    count = STEADY_PER_MINUTE * STEADY_SECONDS // 60
    console.print(f"steady: {count} intents at {STEADY_PER_MINUTE} a minute, {STEADY_SECONDS} s …")
    pause, began, written = 60 / STEADY_PER_MINUTE, time.monotonic(), {}
    for number in range(count):
        name, target = f"steady-{number}", targets[number]
        draft = root / "intents" / f".{name}.yaml"
        draft.write_text(_manifest(name, target, 3 + number % 7))
        draft.rename(root / "intents" / f"{name}.yaml")
        written[(target[0], name)] = time.time()
        time.sleep(max(0.0, began + (number + 1) * pause - time.monotonic()))
    statuses = {key: root / "out/status" / key[0] / f"{key[1]}.yaml" for key in written}
    _wait_for(list(statuses.values()), 60)
    time.sleep(0.5)
    with open_read_only(root / "out/store.db") as reader:
        seen = {key: intents.get(reader, *key) for key in written}
    from_event = [
        1000 * (statuses[key].stat().st_mtime - found.updated_at) for key, found in seen.items() if found
    ]
    from_file = [1000 * (statuses[key].stat().st_mtime - at) for key, at in written.items()]
    console.print(histogram(from_event, "ms"))
    return [
        Figure("event to Completed at 100 a minute, P50", quantile(from_event, 0.5), "ms", 50),
        Figure("event to Completed at 100 a minute, P99", quantile(from_event, 0.99), "ms", 250, 50),
        Figure("file to Completed (with settling and polling), P50", quantile(from_file, 0.5), "ms", 1000),
        Figure("file to Completed (with settling and polling), P99", quantile(from_file, 0.99), "ms", 1000),
    ]


def _flood(console: Console, root: Path, targets: list[Target]) -> list[Figure]:
    """A folder of manifests that appears at once."""
    console.print(f"flood: {FLOOD} intents at once …")
    aside = root / "aside"
    aside.mkdir()
    keys = []
    for number in range(FLOOD):
        target = targets[number]
        name = f"flood-{number}"
        (aside / f"{name}.yaml").write_text(_manifest(name, target, 4 + number % 7))
        keys.append((target[0], name))
    time.sleep(0.5)
    began = time.time()
    aside.rename(root / "intents" / "flood")
    statuses = [root / "out/status" / namespace / f"{name}.yaml" for namespace, name in keys]
    _wait_for(statuses, 300)
    took = max(path.stat().st_mtime for path in statuses) - began
    console.print(f"  {took:.1f} s from the folder's appearance to the last status")
    rate = 60 * FLOOD / took
    return [Figure("intents a minute when 1,000 arrive at once", rate, "a minute", 3000, 6000, at_least=True)]


def _memory(pid: int) -> list[Figure]:
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "RssAnon", "VmHWM"):
            fields[name] = int(rest.split()[0]) / 1024
    return [
        Figure("resident memory at the end", fields["VmRSS"], "MiB"),
        Figure("of it anonymous", fields["RssAnon"], "MiB"),
        Figure("highest resident memory", fields["VmHWM"], "MiB"),
    ]
