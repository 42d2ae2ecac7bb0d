"""Image references: name, tag and digest of `registry.example.com:5000/core/amf:2.7@sha256:…`; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference by its parts; `tag` and `digest` are empty where it has none."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{'@' + self.digest if self.digest else ''}"


def parse_image(text: str) -> Image:
    """Returns the parts of a reference; a colon before the last slash is a registry's port."""
    rest, _, digest = text.partition("@")
    folder, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(f"{folder}{slash}{name}", tag, digest)
