"""What must hold in the end, whatever broke: the store's account of effects and porch's revisions agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import yaml

from engine.identity import workspace_name
from engine.krm.package import package_name
from store import audit, history, open_read_only
from store.work import State
from tests.e2e.porch.conftest import Stage
from tests.e2e.porch.revisions import Seen


def assert_one_revision_each(stage: Stage, wanted: Mapping[str, int]) -> dict[str, Seen]:
    """Checks that the intent of each workload made one revision, which is published and says what was asked.

    Args:
        wanted: the replicas that the intent of each workload asked for.

    Returns:
        The revisions by their packages.
    """
    seen = stage.revisions()
    found = Counter((item.package, item.workspace) for item in seen)
    assert max(found.values()) == 1, [key for key, count in found.items() if count > 1]
    assert {item.lifecycle for item in seen} == {"Published"}, seen
    made = {item.package: item for item in seen}
    assert len(made) == len(seen) == len(wanted), f"{len(seen)} revisions of {len(made)} packages"
    for name, replicas in wanted.items():
        files = stage.files(made[package_name(stage.namespace, name)])
        said = yaml.safe_load(files[f"deployment-{name}.yaml"])
        assert said["spec"]["replicas"] == replicas, f"{name}: {said}"
    return made


def assert_each_effect_happened_once(stage: Stage, wanted: Mapping[str, int]) -> None:
    """Checks besides that each intent has one effect by the store, and that the revision is of that one."""
    made = assert_one_revision_each(stage, wanted)
    with open_read_only(stage.product.store) as reader:
        assert audit.verify(reader, None).first_broken is None
        for name in wanted:
            (item,) = history.of_intent(reader, stage.namespace, name, limit=100).generations
            revision = made[package_name(stage.namespace, name)]
            assert item.state is State.CONFIRMED, f"{name}: {item.state}"
            assert revision.workspace == workspace_name(item.effect_key or ""), f"{name}: {revision}"
