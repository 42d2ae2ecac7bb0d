"""The settings of child processes: what each command may use, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from documents import FilePath, StrictModel


def _whole(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{path} is no absolute path")
    return path


WholePath = Annotated[FilePath, AfterValidator(_whole)]
"""The path of a program or of a secret, which counts from no folder."""


class ChildSettings(StrictModel):
    """What each command of another program may use."""

    directory: FilePath | None = Field(
        default=None, description="Where each command gets a folder of its own; unset: the temporary folder."
    )
    seconds: float = Field(default=60.0, gt=0, le=600, description="How long a command may take.")
    cpu_seconds: int = Field(default=60, ge=1, le=600, description="Processor time of each of its processes.")
    memory_mib: int = Field(
        default=512, ge=64, le=16_384, description="Memory that each of its processes may take, in MiB."
    )
    processes: int = Field(
        default=1024,
        ge=16,
        description="How many processes and threads our user may have in all; not as root.",
    )
    open_files: int = Field(default=256, ge=32, description="How many files a process may have open.")
    file_mib: int = Field(default=64, ge=1, le=4096, description="How large a file may grow, in MiB.")
    output_kib: int = Field(
        default=1024, ge=16, le=65_536, description="How much a command may print, in KiB."
    )
    readable: list[FilePath] = Field(
        default=[],
        description="What commands may read beside the system's programs, libraries and certificates.",
    )
    environment: dict[str, str] = Field(
        default={}, description="Variables that commands get, such as HTTPS_PROXY; they get none of ours."
    )
    unconfined: bool = Field(
        default=False,
        description="Run commands on kernels that cannot keep them away from the store and our credentials.",
    )
