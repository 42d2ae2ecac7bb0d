"""The settings of the porchctl executor: its program, and whose rights it has."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from documents import FilePath, StrictModel
from engine.child.settings import WholePath

_ACCOUNT = r"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"


class PorchctlSettings(StrictModel):
    """How packages are written by porchctl; namespace and cache are those of `executors.porch`."""

    program: WholePath = Field(default=Path("/usr/local/bin/porchctl"), description="The program porchctl.")
    service_account: str | None = Field(
        default=None,
        pattern=_ACCOUNT,
        description="Account, as namespace/name, whose short-lived token porchctl gets; ours it never gets.",
    )
    token_seconds: int = Field(
        default=900, ge=600, le=86_400, description="How long such a token is good for."
    )
    kubeconfig: FilePath | None = Field(
        default=None,
        description="What porchctl gets in place of a token: a kubeconfig that holds all it needs itself.",
    )

    @model_validator(mode="after")
    def _have_one_way(self) -> PorchctlSettings:
        if self.service_account and self.kubeconfig is not None:
            raise ValueError("serviceAccount and kubeconfig are both set; porchctl needs one of them")
        return self
