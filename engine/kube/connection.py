"""Where the API server is and who we are: a pod's own account, or a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from engine.kube.errors import ApiError
from engine.kube.light_kubernetes import Configuration

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_POOL = 128
"""How many connections may lie idle; one for each watch, since urllib3 warns of each that it drops."""


class NotConfiguredError(ApiError):
    """Nothing says where the API server is, or what says it cannot be read."""


def configure(
    kubeconfig: Path | None = None,
    *,
    account: Path = SERVICE_ACCOUNT,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Returns the connection of a kubeconfig, else of KUBECONFIG, else of the pod's account.

    Raises:
        NotConfiguredError: none of them is there, or the one that counts cannot be read.
    """
    environment = os.environ if environment is None else environment
    named = kubeconfig or (Path(environment["KUBECONFIG"]) if environment.get("KUBECONFIG") else None)
    if named is not None:
        return _of_kubeconfig(named)
    if "KUBERNETES_SERVICE_HOST" in environment and account.is_dir():
        return _of_account(account, environment)
    message = (
        "no API server is known: not in a pod with a service account; set kubernetes.kubeconfig or KUBECONFIG"
    )
    raise NotConfiguredError(message)


def _of_kubeconfig(path: Path) -> Configuration:
    from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415 - a pod needs no 5 MB of it
    from kubernetes.config.kube_config import load_kube_config  # noqa: PLC0415 - as above

    configuration = _plain()
    try:
        load_kube_config(str(path), client_configuration=configuration, persist_config=False)
    except (ConfigException, OSError, ValueError, TypeError, yaml.YAMLError) as error:
        # The client looks into a file of another shape as if it were a kubeconfig.
        raise NotConfiguredError(f"kubeconfig {path} cannot be used: {error}") from error
    # The loader sets the host anew with each look at the token, which would ask the environment for a proxy
    # again and again, had nobody set one.
    configuration.proxy = configuration.proxy
    return configuration


def _of_account(account: Path, environment: Mapping[str, str]) -> Configuration:
    """Reads the pod's account; its token anew at each call.

    The client's own loader keeps a token for a minute of the wall clock. The file is a kilobyte in memory,
    so reading it costs nothing, and a rotated token is in force at once whatever the clock does.
    """
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    configuration = _plain()
    configuration.host = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    configuration.ssl_ca_cert = str(account / "ca.crt")
    token = account / "token"

    def read_token(current: Configuration) -> None:
        try:
            current.api_key["BearerToken"] = f"Bearer {token.read_text().strip()}"
        except OSError as error:
            raise NotConfiguredError(
                f"the account's token {token} cannot be read: {error.strerror}"
            ) from error

    read_token(configuration)  # without a first token the client would send none at all
    configuration.refresh_api_key_hook = read_token  # type: ignore[assignment] # declared as None
    return configuration


def _plain() -> Configuration:
    configuration = Configuration()
    # urllib3 would try again by itself, up to four times and without a word; see Backoff instead.
    configuration.retries = False
    configuration.connection_pool_maxsize = _POOL
    return configuration
