"""deploy/base as a whole: an API server takes it, and its account has the rights that it uses and no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import yaml

from engine.planning import load_rules
from engine.settings import load_settings
from tests.cluster.api import SUBJECT_ACCESS_REVIEWS, Api, ApiError, Resource
from tests.cluster.surroundings import BASE

NAME = "conductor-watch"
USER = f"system:serviceaccount:{NAME}:{NAME}"
PODS = Resource("v1", "pods")
Deployed = tuple[Api, Callable[..., str]]
Question = tuple[str, str, str, str, str]
"""Verb, group, resource with its subresource, namespace, name."""

ALLOWED: list[Question] = [
    ("watch", "nephoran.com", "networkintents", "any", ""),
    ("patch", "nephoran.com", "networkintents/status", "any", "amf"),
    ("patch", "nephoran.com", "networkintents", "any", "amf"),
    ("create", "events.k8s.io", "events", "any", ""),
    ("list", "apps", "deployments", "any", ""),
    ("list", "autoscaling", "horizontalpodautoscalers", "any", ""),
    ("list", "security.istio.io", "peerauthentications", "any", ""),
    ("watch", "", "configmaps", "any", ""),
    ("get", "", "nodes", "", ""),
    ("get", "", "namespaces", "", "kube-system"),
    ("create", "coordination.k8s.io", "leases", NAME, ""),
    ("update", "coordination.k8s.io", "leases", NAME, NAME),
]
DENIED: list[Question] = [
    ("get", "", "secrets", NAME, ""),
    ("list", "", "secrets", "any", ""),
    ("get", "", "pods", "any", ""),
    ("create", "", "serviceaccounts/token", NAME, NAME),
    ("create", "nephoran.com", "networkintents", "any", ""),
    ("update", "nephoran.com", "networkintents", "any", "amf"),
    ("list", "intent.nephoran.com", "networkintents", "any", ""),
    ("delete", "nephoran.com", "networkintents", "any", "amf"),
    ("patch", "apps", "deployments", "any", "amf"),
    ("update", "", "configmaps", NAME, ""),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions", "", "networkintents.nephoran.com"),
    ("update", "coordination.k8s.io", "leases", NAME, "another"),
    ("create", "coordination.k8s.io", "leases", "any", ""),
    ("create", "rbac.authorization.k8s.io", "clusterroles", "", ""),
]


def may(admin: Api, question: Question) -> bool:
    verb, group, resource, namespace, name = question
    resource, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    body = {"spec": {"user": USER, "resourceAttributes": attributes | {"namespace": namespace, "name": name}}}
    return bool(admin.create(SUBJECT_ACCESS_REVIEWS, "", body)["status"]["allowed"])


def test_the_account_may_do_what_it_does_and_nothing_else(deployed: Deployed) -> None:
    admin, _ = deployed
    deadline = time.monotonic() + 10
    while not all(map(partial(may, admin), ALLOWED)) and time.monotonic() < deadline:
        time.sleep(0.05)  # the roles that were just made are taken up in a moment
    assert [question for question in ALLOWED if not may(admin, question)] == []
    assert [question for question in DENIED if may(admin, question)] == []


def pod_of(rendered: str) -> dict[str, Any]:
    deployment = next(item for item in yaml.safe_load_all(rendered) if item["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    return {"metadata": {**template["metadata"], "name": "try"}, "spec": template["spec"]}


def test_the_restricted_standard_allows_the_pod_and_only_as_it_is(deployed: Deployed) -> None:
    admin, kubectl = deployed
    pod = pod_of(kubectl("kustomize", str(BASE)))
    admin.call("POST", PODS.path(NAME), pod, dryRun="All", fieldValidation="Strict")
    looser = deepcopy(pod)
    looser["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(ApiError, match='violates PodSecurity "restricted'):
        admin.call("POST", PODS.path(NAME), looser, dryRun="All")


def test_the_settings_and_rules_of_the_pod_load() -> None:
    settings = load_settings(BASE / "settings.yaml")
    assert (settings.source.kind, settings.live.kind) == ("kubernetes", "kubernetes")
    paths = settings.rules.model_copy(update={"paths": [BASE / "rules"]})
    assert load_rules(settings.model_copy(update={"rules": paths})).warnings == ()


def test_the_pod_mounts_what_the_settings_name(deployed: Deployed) -> None:
    _, kubectl = deployed
    pod = pod_of(kubectl("kustomize", str(BASE)))
    (container,) = pod["spec"]["containers"]
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    settings = load_settings(BASE / "settings.yaml")
    named = [settings.store.path, settings.output.directory, *settings.rules.paths]
    assert all(any(str(path).startswith(mount) for mount in mounted) for path in named)
    (port,) = container["ports"]
    assert settings.metrics.port == port["containerPort"]
    assert settings.execution.grace_seconds < pod["spec"]["terminationGracePeriodSeconds"]
