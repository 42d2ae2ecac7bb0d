"""What an API server serves, by its own word."""

from __future__ import annotations

from engine.kube.client import Client
from engine.kube.errors import ApiError
from engine.kube.resources import Resource


def not_served(client: Client, resource: Resource) -> bool:
    """Tells whether an API server says that it serves a kind in no version, so that there is no such object.

    Where it cannot be asked, or serves the kind in a version that is not read, that is not known: False.
    """
    what = f"find the versions of {resource.group}"
    try:
        groups = client.get("/apis", what).get("groups") or ()
        versions = [
            str(version["groupVersion"])
            for group in groups
            if group["name"] == resource.group
            for version in group.get("versions") or ()
        ]
        listed = [client.get(f"/apis/{version}", what).get("resources") or () for version in versions]
    except ApiError:
        return False
    return not any(item["name"] == resource.plural for kinds in listed for item in kinds)
