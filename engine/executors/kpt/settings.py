"""The settings of the kpt executor: its programs, the functions that may run, the repositories."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from documents import StrictModel
from engine.child.settings import WholePath

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*\Z")
_SHA256 = r"\A[0-9A-Fa-f]{64}$"


def _reference(name: str) -> str:
    if name and (not _REFERENCE.match(name) or ".." in name or name.endswith(".lock")):
        raise ValueError(f"{name!r} is no name that a branch or folder can have here")
    return name


Reference = Annotated[str, AfterValidator(_reference)]


class FunctionSettings(StrictModel):
    """A function that packages may be rendered with: a program, never an image."""

    path: WholePath = Field(description="The program; a Kptfile names it by this path.")
    sha256: str = Field(pattern=_SHA256, description="What its bytes hash to; it never runs with others.")
    always: bool = Field(default=False, description="Whether every package goes through it.")
    config: dict[str, str] = Field(default={}, description="What it is told where it always runs.")


class RepositorySettings(StrictModel):
    """A git repository that packages are pushed to."""

    url: str = Field(description="Where it is, over https, without a user or password.")
    branch: Reference = Field(default="main", min_length=1, description="What is published there.")
    directory: Reference = Field(default="", description="The folder of the packages; empty: the top.")
    user: str = Field(default="", description="Who pushes.")
    password_file: WholePath | None = Field(default=None, description="File with the password or token.")
    ca_file: WholePath | None = Field(
        default=None, description="Certificates to trust in place of the system's."
    )
    plain_http: bool = Field(
        default=False, description="Allow http: whoever is on the way reads and changes all, passwords too."
    )

    @model_validator(mode="after")
    def _allow_no_other_way(self) -> RepositorySettings:
        """Refuses every way into a repository but the web: ssh, `ext::` and `file::` run commands or read."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError(f"{self.url!r} is no https URL")
        if "@" in parts.netloc or parts.query or parts.fragment or not self.url.isprintable():
            raise ValueError("the URL has a user, a password or a query; set user and passwordFile")
        if parts.scheme == "http" and not (self.plain_http or _is_loopback(parts.hostname)):
            raise ValueError(f"{self.url} is not encrypted; use https, or set plainHttp")
        if self.password_file is not None and not self.user:
            raise ValueError("passwordFile is set and user is not; many servers take any name for a token")
        return self


class KptSettings(StrictModel):
    """How packages are rendered by kpt and pushed to git."""

    kpt: WholePath = Field(default=Path("/usr/local/bin/kpt"), description="The program kpt.")
    git: WholePath = Field(default=Path("/usr/bin/git"), description="The program git.")
    repositories: dict[str, RepositorySettings] = Field(
        default={}, description="Where packages are pushed, by the names that rules use."
    )
    functions: list[FunctionSettings] = Field(
        default=[], description="What may run when packages are rendered."
    )
    keep_drafts_hours: float = Field(
        default=24,
        gt=0,
        le=8760,
        description="How long what is open and nobody wishes any more is kept, in hours; see `gc`.",
    )
    author: str = Field(
        default="conductor-watch <conductor-watch@localhost>",
        pattern=r"\A[^<>\x00-\x1f]+ <[^<>\s\x00-\x1f]+>$",
        description="Author of the commits.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
