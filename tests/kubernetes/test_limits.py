"""A flood of edits on a real API server: the last one holds, and what came in between costs little."""

from __future__ import annotations

import time

from engine.settings import LimitSettings
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, status_of, until

EDITS = 1000
BURST, PER_SECOND = 5, 2


def test_a_thousand_edits_of_one_intent_end_in_the_last(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    limits = LimitSettings(namespace_burst=BURST, namespace_per_minute=60 * PER_SECOND)
    daemon = start(limits=limits)
    began = time.monotonic()
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 3"))
    for edit in range(1, EDITS):
        text = f"scale amf to {3 + edit % 50}"
        admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"intent": text}})
    until(
        lambda: (
            status_of(admin, namespace, "scale").get("observedGeneration") == EDITS
            and reason(admin, namespace, "scale") == "Completed"
        )
    )
    took = time.monotonic() - began
    (package,) = (daemon.settings.output.directory / "packages/main").iterdir()
    assert f"replicas: {3 + (EDITS - 1) % 50}" in (package / "deployment-amf.yaml").read_text()
    revisions = list((daemon.settings.output.directory / "revisions/main").glob("*/v*"))
    assert len(revisions) <= BURST + PER_SECOND * took + 1
    until(daemon.settled)
    assert status_of(admin, namespace, "scale")["observedGeneration"] == EDITS
