"""The field's names in a text: which tokens stand for which target.

Matching ignores case, spaces and hyphens, as the guide says: every phrase goes into spaCy's PhraseMatcher in
each of its spellings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from nlp.light_spacy import Doc, spacy
from nlp.tokens import Tokenizer

MAX_GAPS = 4
"""In names with more gaps than this between words, all gaps are spelt alike."""


class Lexicon:
    """Finds names; one instance is for one thread at a time.

    Args:
        names: each target and the phrases that stand for it; the target stands for itself.
        tokenizer: the one that makes the documents to search.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], tokenizer: Tokenizer) -> None:
        self._matcher = spacy.matcher.PhraseMatcher(tokenizer.nlp.vocab, attr="LOWER")
        self._targets: dict[int, str] = {}
        self.phrases: dict[str, str] = {}
        for target, phrases in names.items():
            spellings = {spelling for phrase in (target, *phrases) for spelling in _spellings(phrase)}
            for spelling in spellings:
                self.phrases.setdefault(spelling, target)
            docs = [tokenizer.nlp.make_doc(spelling) for spelling in sorted(spellings)]
            self._matcher.add(target, docs)
            self._targets[tokenizer.nlp.vocab.strings[target]] = target

    def find(self, doc: Doc) -> dict[int, list[tuple[int, str]]]:
        """Returns for each token the (token after, target) of the names that begin there, longest first."""
        found: dict[int, list[tuple[int, str]]] = {}
        for key, start, end in self._matcher(doc):
            found.setdefault(start, []).append((end, self._targets[key]))
        for names in found.values():
            names.sort(reverse=True)
        return found


def _spellings(phrase: str) -> set[str]:
    words = phrase.lower().replace("-", " ").split()
    gaps = len(words) - 1
    joints = product((" ", "-", ""), repeat=gaps) if gaps <= MAX_GAPS else ([joint] * gaps for joint in " -")
    spellings = {
        "".join(word + joint for word, joint in zip(words, (*joint_row, ""), strict=True))
        for joint_row in joints
    }
    return spellings | {spelling + "s" for spelling in spellings if spelling[-1] not in "sy"}
