"""The kinds that no type of intent may write, whatever the settings say: they give power over others."""

from __future__ import annotations

_GROUPS = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "rbac.authorization.k8s.io",
    }
)
_CORE_KINDS = frozenset({"Secret", "ServiceAccount"})


def whole_kind(api_version: str, kind: str) -> str:
    """Returns a kind as settings name it: `Kind` of the core group, else `group/Kind`."""
    group, _, _ = api_version.rpartition("/")
    return f"{group}/{kind}" if group else kind


def never_written(kind: str) -> bool:
    """Tells whether no type may write a kind, given as `whole_kind` does."""
    group, _, name = kind.rpartition("/")
    return group in _GROUPS or (not group and name in _CORE_KINDS)
