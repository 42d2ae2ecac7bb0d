"""A real Kubernetes API for tests. How to use it:

- `admin`: a client (tests.cluster.api.Api) with every right, on the API server that all tests share; the CRD
  and the ClusterRoles of deploy/ are installed. `admin.create(NETWORK_INTENTS, namespace, body)`, `.get(…)`,
  `.list(…)`, `.patch(…, subresource="status")`, `.watch(…)`, `.call("GET", "/any/path")`.
- `namespace`: the name of a new namespace of the test's own. There is no controller manager: workloads get no
  pods, a deleted namespace stays Terminating. Other tests have intents in other namespaces at the same time,
  so let what is tested watch `namespace` alone, or expect to see more.
- `product`: the path of a kubeconfig of a ServiceAccount in `namespace` with just the rights of deploy/: what
  the product runs under in tests, never admin.
- `start()`: the whole product on `namespace`, under `product`; again over the same store, once the one before
  was stopped. `start(paused=PausedSettings(…))` with other settings. See tests.kubernetes.running.
- `account(rules)`: the kubeconfig of a ServiceAccount with other rights, as for a missing one:
  `account(without("networkintents/status"))`.
- `kubectl("get", "ni", "-A")`: what kubectl prints, as admin.
- `proxy`: a FaultProxy in front of `admin`'s API server, for what a network does; `journal`: a Journal of the
  watch in memory (tests.kubernetes.watching).
- `own_server`: an API server of the test's own (ApiServer: stop_api, start_api, stop_etcd, start_etcd,
  compact), prepared as the shared one is; four seconds, so only for tests that break it.
  `Surroundings(own_server.admin, folder)` makes namespaces and accounts there: `.namespace()`,
  `.account(namespace, rules)`.
- `deployed`: admin and kubectl of an API server of the module's own to which all of deploy/base was applied.

The API server is the one of KUBECONFIG where that is set, else it runs from the programs in
KUBEBUILDER_ASSETS, else from those that `make kubernetes` has built.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.pipeline.daemon import Daemon
from tests.cluster import build
from tests.cluster.api import Api
from tests.cluster.server import ApiServer
from tests.cluster.sharing import shared_server
from tests.cluster.surroundings import BASE, Rules, Surroundings, install
from tests.kubernetes.proxy import FaultProxy, between
from tests.kubernetes.running import Kubectl, Start, kubectl_of, settings_of
from tests.kubernetes.watching import Journal


def _programs() -> Path:
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(assets)
    folder = build.programs()
    if folder is None:
        pytest.fail(
            "no kube-apiserver to test against: run `make kubernetes` (minutes, once), or set "
            "KUBEBUILDER_ASSETS or KUBECONFIG",
            pytrace=False,
        )
    return folder


@pytest.fixture(scope="session")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    if given := os.environ.get("KUBECONFIG"):
        api = Api(Path(given))
        install(api)
        yield api
        return
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "api-server"
    with shared_server(folder, _programs()) as kubeconfig:
        api = Api(kubeconfig)
        install(api)
        yield api


@pytest.fixture
def surroundings(admin: Api, tmp_path: Path) -> Iterator[Surroundings]:
    made = Surroundings(admin, tmp_path / "accounts")
    yield made
    made.remove()


@pytest.fixture
def namespace(surroundings: Surroundings) -> str:
    return surroundings.namespace()


@pytest.fixture
def account(surroundings: Surroundings, namespace: str) -> Callable[[Rules | None], Path]:
    return lambda rules=None: surroundings.account(namespace, rules)


@pytest.fixture
def product(account: Callable[[Rules | None], Path]) -> Path:
    return account(None)


@pytest.fixture
def start(tmp_path: Path, namespace: str, product: Path) -> Iterator[Start]:
    settings = settings_of(namespace, product, tmp_path)
    started: list[Daemon] = []

    def make(**changes: object) -> Daemon:
        daemon = Daemon(settings.model_copy(update=changes))
        started.append(daemon)
        daemon.start()
        return daemon

    yield make
    for daemon in started:
        daemon.stop()  # again, where a test has stopped it: that does nothing


@pytest.fixture
def kubectl(admin: Api, tmp_path: Path) -> Kubectl:
    given = os.environ.get("KUBECONFIG")
    program = shutil.which("kubectl") if given else _programs() / "kubectl"
    assert program is not None, "a kubectl is needed for the cluster of KUBECONFIG"
    return kubectl_of(program, f"--kubeconfig={admin.kubeconfig}", f"--cache-dir={tmp_path}")


@pytest.fixture(scope="session")
def programs() -> Path:
    if "KUBECONFIG" in os.environ and build.programs() is None and "KUBEBUILDER_ASSETS" not in os.environ:
        pytest.skip("needs an API server that it may break, not the one of KUBECONFIG: run `make kubernetes`")
    return _programs()


@pytest.fixture(scope="module")
def own_servers(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], ApiServer]]:
    with ExitStack() as servers:

        def start() -> ApiServer:
            server = ApiServer(tmp_path_factory.mktemp("api-server"), programs)
            servers.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture(scope="module")
def deployed(
    own_servers: Callable[[], ApiServer], programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Api, Kubectl]:
    server = own_servers()
    cache = tmp_path_factory.mktemp("kubectl")
    kubectl = kubectl_of(_programs() / "kubectl", f"--kubeconfig={server.kubeconfig}", f"--cache-dir={cache}")
    kubectl("apply", "--server-side", "--validate=strict", "-k", str(BASE))
    return server.admin, kubectl


@pytest.fixture
def own_server(own_servers: Callable[[], ApiServer]) -> Iterator[ApiServer]:
    server = own_servers()
    install(server.admin)
    yield server
    server.stop()


@pytest.fixture
def proxy(admin: Api) -> Iterator[FaultProxy]:
    with between(admin) as proxy:
        yield proxy


@pytest.fixture
def journal() -> Journal:
    return Journal()
