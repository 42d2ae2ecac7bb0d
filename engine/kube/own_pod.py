"""Events about the pod that we are, for `kubectl describe pod`: what happens to the daemon itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.kube.client import Client
from engine.kube.errors import ApiError
from engine.kube.happenings import Happening, KubernetesEvents
from engine.kube.resources import PODS
from engine.status import Target


class OwnPod:
    """Tells Events about our pod, by POD_NAME, POD_NAMESPACE and POD_UID; without them it tells nothing."""

    def __init__(self, client: Client, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        name, namespace, uid = (found.get(key, "") for key in ("POD_NAME", "POD_NAMESPACE", "POD_UID"))
        self._target = Target(namespace, name, uid, 0) if name and namespace else None
        self._events = KubernetesEvents(client, PODS, instance=name)

    def tell(self, reason: str, note: str, *, warning: bool) -> None:
        """Tells what happened; one that the API server does not take is noted in the client's health."""
        if self._target is None:
            return
        try:
            self._events.tell(
                self._target, Happening("Warning" if warning else "Normal", reason, "Reload", note)
            )
        except ApiError:  # a lost Event is no loss: log, readiness and metric say it too
            return
