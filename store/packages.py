"""The package revisions that were written, and by what effect."""

from __future__ import annotations

from dataclasses import dataclass

from store.connection import Parameters, Reader, Transaction, columns


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a package, as last seen.

    Attributes:
        repository, package: the package.
        workspace: that of the effect, made from its key; the revision that holds it may have another.
        revision: its number once it is published, as the executor writes it; empty before.
        lifecycle: Draft, Proposed, Published, …; Deleted where nothing holds the effect any more.
        resource_name: its name for the executor.
        work_id, effect_key: what wrote it.
        created_at: when, in seconds since 1970.
    """

    repository: str
    package: str
    workspace: str
    revision: str
    lifecycle: str
    resource_name: str
    work_id: int
    effect_key: str
    created_at: float


_PUT = """
INSERT INTO packages (
    repository, package, workspace, revision, lifecycle, resource_name, work_id, effect_key, created_at
) VALUES (
    :repository, :package, :workspace, :revision, :lifecycle, :resource_name, :work_id, :effect_key,
    :created_at
)
ON CONFLICT (repository, package, workspace) DO UPDATE SET
    revision = excluded.revision, lifecycle = excluded.lifecycle, resource_name = excluded.resource_name,
    work_id = excluded.work_id, effect_key = excluded.effect_key
"""
_OF_PACKAGE = """
SELECT * FROM packages WHERE repository = :repository AND package = :package
ORDER BY created_at DESC, workspace LIMIT :limit
"""


def put(tx: Transaction, revision: Revision) -> None:
    """Stores a revision, or what has become of it; when it was first written is kept."""
    tx.execute(_PUT, columns(revision))


_OPEN = """
SELECT * FROM packages INDEXED BY packages_open
WHERE lifecycle IN ('Draft', 'Proposed') AND resource_name > :after
ORDER BY resource_name LIMIT :limit
"""


def open_ones(reader: Reader, *, after: str, limit: int) -> list[Revision]:
    """Lists revisions that are neither published nor gone, by their name for the executor, after one."""
    return _read(reader, _OPEN, {"after": after, "limit": limit})


def get(reader: Reader, repository: str, package: str, workspace: str) -> Revision | None:
    """Returns the revision of a workspace; None if none was stored."""
    sql = (
        "SELECT * FROM packages WHERE repository = :repository AND package = :package "
        "AND workspace = :workspace"
    )
    found = _read(reader, sql, {"repository": repository, "package": package, "workspace": workspace})
    return found[0] if found else None


def of_package(reader: Reader, repository: str, package: str, *, limit: int) -> list[Revision]:
    """Lists the revisions of a package, newest first."""
    return _read(reader, _OF_PACKAGE, {"repository": repository, "package": package, "limit": limit})


def repositories(reader: Reader) -> list[str]:
    """Lists the repositories in which packages were written."""
    rows = reader.rows("SELECT DISTINCT repository FROM packages ORDER BY repository", {})
    return [row["repository"] for row in rows]


def of_work(reader: Reader, work_id: int) -> list[Revision]:
    """Lists the revisions that a generation wrote."""
    sql = "SELECT * FROM packages WHERE work_id = :work_id ORDER BY repository, package"
    return _read(reader, sql, {"work_id": work_id})


def of_effect(reader: Reader, effect_key: str) -> list[Revision]:
    """Lists the revisions of an effect: those found here were written before and are not written again."""
    sql = "SELECT * FROM packages WHERE effect_key = :effect_key ORDER BY repository, package"
    return _read(reader, sql, {"effect_key": effect_key})


def _read(reader: Reader, sql: str, parameters: Parameters) -> list[Revision]:
    return [Revision(**row) for row in reader.rows(sql, parameters)]
