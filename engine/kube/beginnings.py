"""When intents were first followed, kept where a lost store does not take it along: on the Lease of our name.

Without it a store that is lost before anything was reported looks like one that never was, and what people
have wished for meanwhile would count as there before.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime

from engine.kube.client import FIELD_MANAGER, Client, Object
from engine.kube.errors import AlreadyExistsError, ConflictError, ForbiddenError, NotFoundError
from engine.kube.resources import LEASES
from engine.pipeline.journal import Beginning

log = logging.getLogger(__name__)

ANNOTATION = "conductor-watch/followed-since"
"""By resource and namespace, when they were first followed, as JSON."""
_TRIES = 10
"""How often a change is tried over those of our own, one for each namespace."""


class Beginnings:
    """Keeps when something was first followed; outside of a pod, by POD_NAMESPACE, it keeps nothing."""

    def __init__(self, client: Client, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        self._client = client
        self._namespace = found.get("POD_NAMESPACE", "")

    def of(self, name: str) -> Beginning:
        """Returns when something was first followed, which is now, and kept, where nobody knows of it.

        Raises:
            ApiError: it could not be asked for now.
        """
        now = self._client.server_time()
        if not self._namespace:
            return Beginning(now, found=False)
        try:
            return self._kept(name, now)
        except (ForbiddenError, NotFoundError) as error:
            log.warning("since when intents are followed is known to the store alone: %s", error)
            return Beginning(now, found=False)

    def _kept(self, name: str, now: float) -> Beginning:
        words = LEASES.words(self._namespace, FIELD_MANAGER)
        for _ in range(_TRIES):
            try:
                lease = self._lease(words)
                known = _known(lease)
                if name in known:
                    return Beginning(datetime.fromisoformat(known[name]).timestamp(), found=True)
                self._keep(lease, {**known, name: datetime.fromtimestamp(now, UTC).isoformat()})
            except (AlreadyExistsError, ConflictError):
                continue
            return Beginning(now, found=False)
        raise ConflictError(f"{words} is changed by others all the time", retry_after=1.0)

    def _lease(self, words: str) -> Object | None:
        try:
            return self._client.get(LEASES.path(self._namespace, FIELD_MANAGER), f"read {words}")
        except NotFoundError:
            return None

    def _keep(self, lease: Object | None, known: Mapping[str, str]) -> None:
        annotations = {ANNOTATION: json.dumps(known, sort_keys=True)}
        if lease is None:
            body = {"metadata": {"name": FIELD_MANAGER, "annotations": annotations}}
            self._client.create(LEASES, self._namespace, body)
        else:
            version = lease["metadata"]["resourceVersion"]
            body = {"metadata": {"resourceVersion": version, "annotations": annotations}}
            self._client.merge(LEASES, self._namespace, FIELD_MANAGER, body)


def _known(lease: Object | None) -> dict[str, str]:
    annotations = (lease or {}).get("metadata", {}).get("annotations") or {}
    known: dict[str, str] = json.loads(annotations.get(ANNOTATION, "{}"))
    return known
