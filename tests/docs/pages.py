"""The pages that people write, cut into what can be checked: blocks, links, tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [page for page in PAGES if page.name != "rules.md"]
"""All but the guide of rules, whose examples the tests of rules load and run."""

_BLOCK = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(language: str) -> list[Block]:
    """Lists the blocks of a language in the guides."""
    found = []
    for page in GUIDES:
        text = page.read_text()
        for match in _BLOCK.finditer(text):
            indent, name, body = match.groups()
            line = text[: match.start()].count("\n") + 1
            lines = (part.removeprefix(indent) for part in body.splitlines())
            found.append(Block(str(page.relative_to(ROOT)), line, name, "\n".join(lines)))
    return [block for block in found if block.language == language]


@dataclass(frozen=True)
class CommandLine:
    """A line that people are to type, and the exit code that its comment names."""

    place: str
    words: tuple[str, ...]
    exit_code: int

    def __str__(self) -> str:
        return f"{self.place} {shlex.join(self.words)}"


def command_lines(program: str) -> list[CommandLine]:
    """Lists the lines of the guides that call a program."""
    found = []
    for block in blocks("sh"):
        for line in block.text.splitlines():
            words = tuple(shlex.split(line, comments=True))
            if words[:1] == (program,):
                code = re.search(r"# exit code (\d)", line)
                found.append(CommandLine(str(block), words, int(code[1]) if code else 0))
    return found


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yields the target and the anchor of each link to a file of the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Returns the anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(page: str, header: str) -> list[tuple[str, ...]]:
    """Lists the rows of every table of a page that has this header, as `| Write | Understood |`."""
    found: list[tuple[str, ...]] = []
    within = False
    for line in (ROOT / page).read_text().splitlines():
        if line == header:
            within = True
        elif not line.startswith("|"):
            within = False
        elif within and not line.startswith("| ---"):
            found.append(tuple(cell.strip() for cell in line.strip("|").split(" | ")))
    return found
