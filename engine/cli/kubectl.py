"""`kubectl conductor`: what people ask of intents from where their KUBECONFIG is.

Everything goes through kubectl, so with the rights, contexts and identities that people have there. `explain`
and `history` ask the daemon by `kubectl exec`, which hands one request to its socket; `suspend`, `resume` and
`retry` change the NetworkIntent; `plan` decides here, by the rules that the cluster has.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.api.client import Client
from engine.api.wire import SOCKET_NAME, Body, SocketError
from engine.cli.asking import asking
from engine.cli.explaining import show_explanations
from engine.cli.main import guarded
from engine.cli.output import CommandError, Exit, emit, output_option, table
from engine.cli.times import time_of
from engine.network_intent import GROUP

_USUAL = f"networkintents.{GROUP}"
_CATEGORY = "conductor-watch"
"""The category of NetworkIntents in their definition, whatever its group and plural are."""
REQUESTED_AT = "conductor-watch/requested-at"
_SOCKET = f"/var/lib/conductor-watch/store/{SOCKET_NAME}"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
# Reads to the end what is asked, then hands it over: one small process in the pod, without any of our code.
_RELAY = """
import socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect(sys.argv[1])
    there.sendall(sys.stdin.buffer.read())
    while data := there.recv(65536):
        sys.stdout.buffer.write(data)
"""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The kubectl of the one who asks, and where the daemon runs.

    Attributes:
        options: those that are handed on to each call, as `--context=…`.
        namespace: of the intents; that of the context where empty.
        resource: that of the intents, with its group; found by `own_resource` where empty.
    """

    options: tuple[str, ...]
    namespace: str
    daemon_namespace: str
    daemon: str
    resource: str = ""

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        """Returns what a call prints.

        Raises:
            CommandError: kubectl is not there, or says no.
        """
        done = self._call(*arguments, data=data)
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode != 0:
            code = Exit.NOT_FOUND if "(NotFound)" in said else Exit.UNREACHABLE
            raise CommandError(said or f"kubectl ended with {done.returncode}", code)
        if said:  # a warning, as of a field that the definition does not have
            click.echo(said, err=True)
        return done.stdout

    def _call(self, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["kubectl", *self.options, *arguments]
        try:
            return subprocess.run(command, input=data, capture_output=True, check=False)  # noqa: S603 - argv only
        except OSError as error:
            raise CommandError(f"kubectl cannot be run: {error.strerror}", Exit.UNREACHABLE) from error

    def get(self, *arguments: str) -> dict[str, Any]:
        """Returns what `kubectl get` finds, as one object; raises as `run` does."""
        found: dict[str, Any] = json.loads(self.run("get", *arguments, "--output=json"))
        return found

    def own_namespace(self) -> str:
        """Returns the namespace of the intents."""
        if self.namespace:
            return self.namespace
        found = self.run("config", "view", "--minify", "--output=jsonpath={..namespace}").decode().strip()
        return found or "default"

    def own_resource(self) -> str:
        """Returns the resource of the intents, with its group: others may serve one of that name too.

        Raises:
            CommandError: the cluster serves several, and none was named.
        """
        if self.resource:
            return self.resource
        # Without regard to its exit code: of an API server a part of which is away it lists the rest.
        listed = self._call("api-resources", f"--categories={_CATEGORY}", "--output=name").stdout
        found = listed.decode().split()
        if len(found) > 1:
            raise CommandError(f"the cluster serves {', '.join(found)}; name one with --resource")
        return found[0] if found else _USUAL


class ExecClient(Client):
    """Asks the daemon through `kubectl exec`."""

    def __init__(self, kubectl: Kubectl) -> None:
        super().__init__(Path(_SOCKET))
        self._kubectl = kubectl

    def _exchange(self, request: bytes) -> bytes:
        place = (f"--namespace={self._kubectl.daemon_namespace}", self._kubectl.daemon)
        relay = ("python3", "-I", "-S", "-c", _RELAY, str(self.path))
        try:
            return self._kubectl.run("exec", "--stdin", *place, "--", *relay, data=request)
        except CommandError as error:
            raise SocketError(f"the daemon of {self._kubectl.daemon} cannot be asked: {error}") from error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="conductor-watch")
@click.option("--context", default="", help="The context of the kubeconfig.")
@click.option("--kubeconfig", default="", help="The kubeconfig.")
@click.option("-n", "--namespace", default="", help="Of the intents; by default that of the context.")
@click.option(
    "--daemon-namespace", default="conductor-watch", show_default=True, help="Where the daemon runs."
)
@click.option("--daemon", default="deployment/conductor-watch", show_default=True, help="Its workload.")
@click.option(
    "--resource",
    default="",
    envvar="CONDUCTOR_RESOURCE",
    help="Of the intents, as networkintents.nephoran.com; by default that which the cluster serves.",
)
@click.pass_context
def conductor(
    ctx: click.Context,
    context: str,
    kubeconfig: str,
    namespace: str,
    daemon_namespace: str,
    daemon: str,
    resource: str,
) -> None:
    """Asks about the NetworkIntents of a cluster, and treats them, with the rights of your kubeconfig."""
    given = {"context": context, "kubeconfig": kubeconfig}
    options = tuple(f"--{name}={value}" for name, value in given.items() if value)
    ctx.obj = Kubectl(options, namespace, daemon_namespace, daemon, resource)


@conductor.command("explain")
@click.argument("name")
@click.option("--generation", type=click.IntRange(min=1), help="An older one; the newest by default.")
@output_option
@click.pass_obj
def explain_command(kubectl: Kubectl, name: str, generation: int | None, output: str) -> int:
    """Explains how an intent was decided: what was read, each rule's part, the facts, the files."""
    with asking():
        found = ExecClient(kubectl).explain(kubectl.own_namespace(), name, generation)
    emit(output, "Explanation", found, lambda out: show_explanations(out, [found]))
    return Exit.OK


@conductor.command("history")
@click.argument("name")
@output_option
@click.pass_obj
def history_command(kubectl: Kubectl, name: str, output: str) -> int:
    """Shows what became of each generation of an intent, newest first."""
    with asking():
        found = ExecClient(kubectl).intent(kubectl.own_namespace(), name)
    columns = ["generation", "state", "reason", "tries", "time", "message"]
    fields = ("generation", "state", "reason", "attempts", "updatedAt", "message")
    rows = [[item[field] for field in fields] for item in found["generations"]]
    title = f"Generations of {found['namespace']}/{found['name']}"
    emit(output, "Intent", found, lambda out: out.print(table(title, columns, rows)))
    return Exit.OK


@conductor.command("plan")
@click.argument("what", metavar="NAME|TEXT|FILE")
@click.option("--files/--no-files", default=True, help="Show the files that would be written.")
@output_option
@click.pass_obj
def plan_command(kubectl: Kubectl, what: str, files: bool, output: str) -> int:
    """Shows what an intent, a text or the intents of a file would do now, by the rules of the cluster."""
    from engine.cli.kubectl_plan import plan  # noqa: PLC0415 - loads spaCy

    return plan(kubectl, what, files=files, output=output, is_name=_NAME.fullmatch(what) is not None)


@conductor.command("suspend")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def suspend_command(kubectl: Kubectl, names: Sequence[str]) -> int:
    """Takes no new action for intents, until they are resumed."""
    return _set_suspend(kubectl, names, suspend=True)


@conductor.command("resume")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def resume_command(kubectl: Kubectl, names: Sequence[str]) -> int:
    """Goes on with intents that were suspended."""
    return _set_suspend(kubectl, names, suspend=False)


def _set_suspend(kubectl: Kubectl, names: Sequence[str], *, suspend: bool) -> int:
    patch = json.dumps({"spec": {"suspend": suspend}})
    place = f"--namespace={kubectl.own_namespace()}"
    done = kubectl.run("patch", kubectl.own_resource(), *names, place, "--type=merge", f"--patch={patch}")
    click.echo(done, nl=False)
    return Exit.OK


@conductor.command("retry")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--reason", default="", help="All of the namespace that have this reason, as BackendDown.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of --reason: of every namespace.")
@click.option("--since", default="", help="Of --reason: only since a time, as 2h, or 2027-01-31T12:00:00Z.")
@click.option("--dry-run", is_flag=True, help="Of --reason: list them only.")
@click.pass_obj
def retry_command(
    kubectl: Kubectl, names: Sequence[str], reason: str, all_namespaces: bool, since: str, dry_run: bool
) -> int:
    """Asks for a new look at intents, by an annotation: the daemon takes them as fast as it is set to."""
    if bool(names) == bool(reason):
        raise CommandError("name the intents, or all that have a reason with --reason")
    namespace, resource = kubectl.own_namespace(), kubectl.own_resource()
    wanted = [(namespace, name) for name in names]
    if reason:
        place = "--all-namespaces" if all_namespaces else f"--namespace={namespace}"
        start = (
            datetime.fromisoformat(time_of(since, "--since")) if since else datetime.min.replace(tzinfo=UTC)
        )
        found = kubectl.get(resource, place)["items"]
        wanted = [_key(item) for item in found if _has(item, reason, start)]
    for namespace, name in wanted:
        if not dry_run:
            asked = f"{REQUESTED_AT}={datetime.now(UTC).isoformat(timespec='microseconds')}"
            place = f"--namespace={namespace}"
            kubectl.run("annotate", "--overwrite", resource, name, asked, place)
        click.echo(f"{namespace}/{name}")
    click.echo(f"{len(wanted)} {'would be' if dry_run else 'are'} looked at again", err=True)
    return Exit.OK


def _key(item: Body) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _has(item: Body, reason: str, since: datetime) -> bool:
    """Tells whether an intent has a reason, since a time at the earliest."""
    conditions = item.get("status", {}).get("conditions", ())
    ready = next((condition for condition in conditions if condition["type"] == "Ready"), None)
    if ready is None or ready["reason"].lower() != reason.lower():
        return False
    return datetime.fromisoformat(item["status"]["lastUpdateTime"]) >= since


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the plugin and exits with its code."""
    guarded(lambda: conductor.main(args=arguments, prog_name="kubectl conductor", standalone_mode=False))


if __name__ == "__main__":
    main(sys.argv[1:])
