"""`kubectl conductor plan`: decides here, by settings and rules of the cluster, on what kubectl sees there.

Writes nothing but a folder of its own, which is gone at the end. In the pod the same would take as much
memory as the daemon has.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.output import CommandError, Exit
from engine.cli.planning import plan_intents
from engine.network_intent import Intent
from engine.planning import intent_from_text, intents_in
from engine.settings import LiveSettings, Settings, load_settings
from engine.structured import form_of

if TYPE_CHECKING:
    from engine.cli.kubectl import Kubectl

_KINDS = (
    "deployments,statefulsets,daemonsets,horizontalpodautoscalers,services,configmaps,networkpolicies,"
    "resourcequotas"
)
_MESH_KINDS = "virtualservices,destinationrules,peerauthentications"
_VOLUMES = ("settings", "rules")


def plan(kubectl: Kubectl, what: str, *, files: bool, output: str, is_name: bool) -> int:
    """Plans an intent of the cluster by its name, those of a file, or a text."""
    with tempfile.TemporaryDirectory(prefix="kubectl-conductor-") as folder:
        root = Path(folder)
        settings = _settings(kubectl, root)
        wanted = _wanted(kubectl, what, settings, root, is_name=is_name)
        _save_objects(kubectl, wanted, root / "live")
        return plan_intents(settings, wanted, files=files, output=output)


def _settings(kubectl: Kubectl, root: Path) -> Settings:
    """Returns the settings that the daemon has, on copies of its rules and on a folder of live objects."""
    place = f"--namespace={kubectl.daemon_namespace}"
    pod = kubectl.get(kubectl.daemon, place)["spec"]["template"]["spec"]
    names = {volume["name"]: volume.get("configMap", {}).get("name") for volume in pod.get("volumes", ())}
    for volume in _VOLUMES:
        if not names.get(volume):
            message = f"{kubectl.daemon} in {kubectl.daemon_namespace} has no ConfigMap as volume {volume}"
            raise CommandError(f"{message}; name the daemon with --daemon-namespace and --daemon")
        (root / volume).mkdir()
        for name, text in (kubectl.get("configmap", names[volume], place).get("data") or {}).items():
            (root / volume / name).write_text(text, encoding="utf-8")
    environment = {
        item["name"]: item["value"]
        for container in pod["containers"]
        for item in container.get("env", ())
        if "value" in item
    }
    found = load_settings(root / "settings" / "settings.yaml", environment)
    folders = {path.parent if path.suffix else path for path in found.rules.paths}
    lexicon = [root / "rules" / path.name for path in found.rules.lexicon if path.parent in folders]
    rules = found.rules.model_copy(update={"paths": [root / "rules"], "lexicon": lexicon})
    (root / "live").mkdir()
    live = LiveSettings(kind="directory", directory=root / "live")
    return found.model_copy(update={"rules": rules, "live": live})


def _wanted(kubectl: Kubectl, what: str, settings: Settings, root: Path, *, is_name: bool) -> list[Intent]:
    namespace = kubectl.own_namespace()
    if Path(what).is_file():
        return intents_in(Path(what), settings)
    if not is_name:
        return [intent_from_text(what, namespace)]
    manifest = root / "intent.json"
    resource, name = _resource(what, settings)
    manifest.write_bytes(kubectl.run("get", resource, name, f"--namespace={namespace}", "--output=json"))
    return intents_in(manifest, settings)


def _resource(known_as: str, settings: Settings) -> tuple[str, str]:
    """Returns the resource and the name of an intent; with its group, as others may serve that name too."""
    form = form_of(settings)
    if form is not None and form.owns(known_as):
        stated = settings.structured
        return f"{stated.plural}.{stated.version}.{stated.group}", form.resource_name(known_as)
    return f"{settings.kubernetes.plural}.{settings.version}.{settings.group}", known_as


def _save_objects(kubectl: Kubectl, wanted: Iterable[Intent], folder: Path) -> None:
    """Saves what may be seen of the namespaces that intents are in, aim at or name."""
    there = {item["metadata"]["name"]: item for item in kubectl.get("namespaces")["items"]}
    meant: set[str] = set()
    for intent in wanted:
        words = set(re.findall(r"[a-z0-9][-a-z0-9]*", intent.spec.intent.lower()))
        meant |= {intent.namespace, intent.spec.target_namespace or intent.namespace} | (words & there.keys())
    _save(folder / "namespaces.json", [there[name] for name in sorted(meant & there.keys())])
    for name in sorted(meant & there.keys()):
        place = f"--namespace={name}"
        _save(folder / f"{name}.json", kubectl.get(_KINDS, place)["items"])
        try:
            _save(folder / f"{name}-mesh.json", kubectl.get(_MESH_KINDS, place)["items"])
        except CommandError as error:
            if "doesn't have a resource type" not in str(error):
                raise
    try:
        _save(folder / "nodes.json", kubectl.get("nodes")["items"])
    except CommandError as error:  # who may not see nodes is told what is not known
        if error.code is not Exit.UNREACHABLE or "(Forbidden)" not in str(error):
            raise


def _save(path: Path, items: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
