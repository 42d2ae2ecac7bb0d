"""Another group, version and plural: deployed as the documentation says, and used like ours."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.pipeline.daemon import Daemon
from engine.settings import KubernetesSettings, load_settings
from engine.telling import FINALIZER
from tests.cluster.api import CRDS, NAMESPACES, Api, ApiError, Resource, kubeconfig
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import BASE, Surroundings, wait_until_served
from tests.kubernetes.documented import kustomization_of
from tests.kubernetes.running import DEPLOYMENTS, deployment, intent, kubectl_of, settings_of, until
from tests.kubernetes.test_kubectl import Conductor, conductor_of

WISHES = Resource("intents.example.org/v1beta1", "wishes")
NAMED = "group: intents.example.org\nversion: v1beta1\nkubernetes: {plural: wishes}\n"


@pytest.fixture(scope="module")
def admin(
    own_servers: Callable[[], ApiServer], programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Api:
    """Deploys on an API server where nothing is installed yet."""
    server, folder = own_servers(), tmp_path_factory.mktemp("site")
    settings = folder / "settings.yaml"
    settings.write_text((BASE / "settings.yaml").read_text() + NAMED)
    printed = CliRunner().invoke(cli, ["crd", "--settings", str(settings)], catch_exceptions=False).output
    texts = {"settings_yaml": settings.read_text(), "crd_yaml": printed}
    site = kustomization_of("deploying.md", "intents.example.org", folder, **texts)
    kubectl = kubectl_of(
        programs / "kubectl", f"--kubeconfig={server.kubeconfig}", f"--cache-dir={folder / 'cache'}"
    )
    kubectl("apply", "--server-side", "--validate=strict", "-k", str(site))
    wait_until_served(server.admin, WISHES)
    return server.admin


@pytest.fixture(scope="module")
def account(admin: Api, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of the account that the pod has."""
    folder = tmp_path_factory.mktemp("account")
    token = Surroundings(admin, folder).token("conductor-watch", "conductor-watch")
    return kubeconfig(folder / "kubeconfig", admin.server, admin.authority, token)


@pytest.fixture
def place(admin: Api) -> str:
    name = f"core-{uuid.uuid4().hex[:8]}"
    admin.create(NAMESPACES, "", {"metadata": {"name": name}})
    admin.create(DEPLOYMENTS, name, deployment("amf", 3))
    return name


@pytest.fixture
def daemon(account: Path, place: str, tmp_path: Path) -> Iterator[Daemon]:
    usual = settings_of(place, account, tmp_path)
    kubernetes = KubernetesSettings(kubeconfig=account, namespaces=[place], plural="wishes")
    names = {"group": "intents.example.org", "version": "v1beta1", "kubernetes": kubernetes}
    running = Daemon(usual.model_copy(update=names))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def conductor(tmp_path: Path, programs: Path, admin: Api, place: str) -> Conductor:
    return conductor_of(tmp_path / "bin", programs, admin.kubeconfig, tmp_path / "none.sock")


def wish(admin: Api, place: str, text: str, **spec: object) -> None:
    admin.create(WISHES, place, {**intent("wish", text, **spec), "apiVersion": WISHES.api_version})


def reason(admin: Api, place: str) -> str:
    conditions = admin.get(WISHES, place, "wish").get("status", {}).get("conditions", ())
    return next((item["reason"] for item in conditions if item["type"] == "Ready"), "")


def test_ours_is_not_installed_beside_it(admin: Api) -> None:
    assert [item["metadata"]["name"] for item in admin.list(CRDS)] == ["wishes.intents.example.org"]


def test_an_intent_is_reported_on_and_withdrawn(admin: Api, place: str, daemon: Daemon) -> None:
    wish(admin, place, "double the amf", deletionPolicy="Withdraw")
    until(lambda: reason(admin, place) == "Completed")

    def told() -> bool:
        metadata = admin.get(WISHES, place, "wish")["metadata"]
        return "conductor-watch/last-hash" in metadata.get("annotations", {})

    until(told)
    assert admin.get(WISHES, place, "wish")["metadata"]["finalizers"] == [FINALIZER]
    admin.delete(WISHES, place, "wish")

    def gone() -> bool:
        try:
            admin.get(WISHES, place, "wish")
        except ApiError as error:
            return error.code == 404
        return False

    until(gone)


def test_check_finds_nothing_missing(admin: Api, account: Path, place: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    settings = (BASE / "settings.yaml").read_text().replace("/var/lib/conductor-watch", str(tmp_path))
    rules = settings.replace("/etc/conductor-watch/rules", str(BASE / "rules"))
    file.write_text(rules + NAMED.replace("plural: wishes", f"plural: wishes, kubeconfig: {account}"))
    assert load_settings(file).group == "intents.example.org"
    done = CliRunner().invoke(cli, ["check", "--settings", str(file), "-o", "json"], standalone_mode=False)
    failed = [item for item in json.loads(done.output)["checks"] if not item["ok"]]
    assert failed == []
    assert "definition wishes.intents.example.org" in done.output


def test_the_plugin_finds_the_resource_by_itself(
    admin: Api, place: str, daemon: Daemon, conductor: Conductor
) -> None:
    wish(admin, place, "double the amf", suspend=True)
    until(lambda: reason(admin, place) == "Suspended")
    planned = conductor("-n", place, "plan", "wish", "-o", "json")
    assert json.loads(planned.stdout)["plans"][0]["intent"] == f"{place}/wish", planned.stderr
    resumed = conductor("-n", place, "resume", "wish")
    assert (resumed.returncode, resumed.stderr) == (0, "")
    until(lambda: reason(admin, place) == "Completed")
    assert conductor("-n", place, "retry", "--reason", "Completed").stdout == f"{place}/wish\n"
    until(lambda: "lastHandledReconcileAt" in admin.get(WISHES, place, "wish")["status"])


def test_the_plugin_takes_the_resource_that_is_named(place: str, conductor: Conductor) -> None:
    done = conductor("-n", place, "--resource", "networkintents.nephoran.com", "retry", "wish")
    assert (done.returncode, 'resource type "networkintents"' in done.stderr) == (3, True)
