"""Decided actions to KRM packages: pure rendering, merging and naming; no input or output."""

from engine.krm.change import CannotRender, ClusterSettings, PackageChange, Plan, Removal, Restart
from engine.krm.files import annotate_package, lay_change
from engine.krm.merge import MergeConflict, merge
from engine.krm.package import package_name, read_package, render_package
from engine.krm.plan import plan

__all__ = [
    "CannotRender",
    "ClusterSettings",
    "MergeConflict",
    "PackageChange",
    "Plan",
    "Removal",
    "Restart",
    "annotate_package",
    "lay_change",
    "merge",
    "package_name",
    "plan",
    "read_package",
    "render_package",
]
