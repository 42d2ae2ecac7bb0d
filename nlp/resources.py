"""The lexicon and the patterns of unsafe texts, read from their files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from documents import Document, DocumentError, load, validate
from nlp.compiler import FOLDER
from nlp.grammar_model import LexiconFile, UnsafeFile


@dataclass(frozen=True, slots=True)
class Names:
    """What the lexicons in force say.

    Attributes:
        phrases: for each target, what stands for it.
        kinds: for some targets, their kind where a text does not state it.
        digest: names grammar and lexicons.
    """

    phrases: Mapping[str, Sequence[str]]
    kinds: Mapping[str, str]
    digest: str


def load_lexicons(files: Sequence[Path]) -> Names:
    """Returns the shipped names extended by those of `files`.

    Raises:
        DocumentError: a file is broken, or a name stands for two targets.
    """
    names: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    owners: dict[str, str] = {}
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.yaml")):
        digest.update(path.read_bytes())
    for path in (FOLDER / "lexicon.yaml", *files):
        digest.update(path.read_bytes())
        for document in load(path):
            if isinstance(document.value, dict) and document.value.get("kind") == "Lexicon":
                lexicon = validate(document, LexiconFile)
                kinds.update(lexicon.kinds)
                _add(document, lexicon, names, owners)
    return Names(names, kinds, digest.hexdigest())


def _add(
    document: Document, lexicon: LexiconFile, names: dict[str, list[str]], owners: dict[str, str]
) -> None:
    for target, phrases in lexicon.targets.items():
        for index, phrase in enumerate(phrases):
            spelling = re.sub(r"[\s-]", "", phrase.lower())
            owner = owners.setdefault(spelling, target)
            if owner != target:
                message = f"{phrase!r} stands for {owner!r} already; a name stands for one target"
                raise DocumentError((document.problem(("targets", target, index), message),))
        names.setdefault(target, []).extend(phrases)


def load_unsafe() -> dict[str, list[str]]:
    """Returns the patterns of unsafe texts by what they find.

    Raises:
        DocumentError: the file is broken.
    """
    path = FOLDER / "unsafe.yaml"
    return {
        what: patterns
        for document in load(path, path.name)
        for what, patterns in validate(document, UnsafeFile).patterns.items()
    }
