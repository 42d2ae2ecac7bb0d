"""The settings of the executors, one section for each; the directory executor's are those of `output`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from documents import FilePath, StrictModel
from engine.child.settings import ChildSettings
from engine.executors.kpt.settings import KptSettings
from engine.executors.porchctl.settings import PorchctlSettings

ExecutorName = Literal["directory", "porch", "porchctl", "kpt"]


class PorchSettings(StrictModel):
    """How packages are written through the porch API."""

    kubeconfig: FilePath | None = Field(
        default=None,
        description="How to reach the API server that serves porch; unset: that of `kubernetes`.",
    )
    namespace: str = Field(
        default="default", min_length=1, description="Where the repositories and package revisions are."
    )
    cache: Literal["detect", "cr", "db"] = Field(
        default="detect",
        description="The cache of porch: with `cr` one revision is written at a time in each repository.",
    )
    connect_seconds: float = Field(default=5.0, gt=0, le=60, description="How long connecting may take.")
    answer_seconds: float = Field(
        default=40.0, gt=0, le=300, description="How long one answer may take to come, to its last byte."
    )
    settle_seconds: float = Field(
        default=10.0,
        ge=0,
        le=60,
        description="For how long what porch says is not there is looked for again: at times it is.",
    )
    keep_revisions: int = Field(
        default=50,
        ge=2,
        le=10_000,
        description="How many published revisions of each package are kept; older ones of ours are deleted.",
    )
    keep_drafts_hours: float = Field(
        default=24,
        gt=0,
        le=8760,
        description="How long what is open and nobody wishes any more is kept, in hours; see `gc`.",
    )


class ExecutorsSettings(StrictModel):
    """What the executors need that `bounds.executors` lets rules name."""

    porch: PorchSettings = PorchSettings()
    porchctl: PorchctlSettings = PorchctlSettings()
    kpt: KptSettings = KptSettings()
    children: ChildSettings = ChildSettings()
