"""The annotations that keep appliers from deleting what a package only touches."""

from __future__ import annotations

from engine.krm.change import JsonObject

GUARDS = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false,ServerSideApply=true",
    "client.lifecycle.config.k8s.io/deletion": "detach",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "kustomize.toolkit.fluxcd.io/ssa": "Merge",
}
"""For Argo CD, for kpt and Config Sync, and for Flux: apply on the server, merge, never delete."""


def guarded(item: JsonObject) -> JsonObject:
    """Returns the object with the guards of the appliers.

    Withdrawing or retargeting an intent takes the object out of its package; without these, an applier would
    then delete the workload itself.
    """
    metadata = item["metadata"]
    annotations = {**(metadata.get("annotations") or {}), **GUARDS}
    return {**item, "metadata": {**metadata, "annotations": annotations}}
