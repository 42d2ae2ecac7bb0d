"""Names that Kubernetes takes: DNS-1123 labels."""

from __future__ import annotations

import re

from nlp.draft import Places, Workload, impossible, unclear

MAX_LABEL = 63
"""The longest label, in characters."""
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")


def namespace_name(name: str, places: Places) -> str:
    """Checks the name of a namespace.

    Raises:
        Rejected: it is no DNS-1123 name.
    """
    return dns_label(name, "namespace", places)


def workload_name(one: Workload) -> str:
    """Checks the name of a workload.

    Raises:
        Rejected: it is no DNS-1123 name.
    """
    return dns_label(one.name, "workload", one.places)


def dns_label(name: str, what: str, places: Places) -> str:
    """Checks a name; `what` says of what it is.

    Raises:
        Rejected: it is no DNS-1123 label.
    """
    if len(name) > MAX_LABEL or not _LABEL.match(name):
        raise impossible(
            f"{name!r} is no {what} name: small letters, digits and dashes, at most {MAX_LABEL}", places
        )
    return name


def target_name(one: Workload) -> str:
    """Checks the name of a target; `*` is every pod.

    Raises:
        Rejected: none is said, or it is no DNS-1123 name.
    """
    if one.everything:
        return "*"
    if not one.name:
        raise unclear("the workload is missing; say which one", one.places)
    return workload_name(one)
