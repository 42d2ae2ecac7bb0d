"""The shape of the grammar files: what a reader of the annotation guide writes.

Only the YAML is modelled here; `grammar` builds what matches from it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel, model_validator

from documents import StrictModel

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Constant = str | int | float | bool


class Metadata(StrictModel):
    """The name of a document."""

    name: Name


class Rule(StrictModel):
    """Phrases that mean the same.

    Attributes:
        sets: fields to which the rule by itself gives values.
        under: put before the fields that the phrases name.
    """

    phrases: list[str] = Field(min_length=1)
    sets: dict[str, Constant] = Field(default_factory=dict)
    under: str = ""


class Frame(StrictModel):
    """A way to state one action: parts that stand in any order.

    Attributes:
        head: the verb, which a following clause may leave out ("scale amf to 3 and smf to 5").
        parts: phrases that must be there, each once.
        following: the parts of a clause that follows without a verb, if it may leave out more than that
            ("add 3 pods to amf and 1 to smf"); one for each of `parts`.
        may: phrases that may be there, each once.
        sets: fields to which the frame by itself gives values.
    """

    name: Name
    head: str = ""
    parts: list[str] = Field(default_factory=list)
    following: list[str] = Field(default_factory=list)
    may: list[str] = Field(default_factory=list)
    sets: dict[str, Constant] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Frame:
        if not self.head and not self.parts:
            raise ValueError("a frame needs a head or parts")
        if self.following and (not self.head or len(self.following) != len(self.parts)):
            raise ValueError("a following clause has the parts of its frame, which needs a head")
        return self


class GrammarFile(StrictModel):
    """One grammar file; the common ones have no intent type."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["Grammar"]
    metadata: Metadata
    intent_type: Name | None = None
    rules: dict[Name, list[str] | Rule] = Field(default_factory=dict)
    frames: list[Frame] = Field(default_factory=list)
    free: list[str] = Field(default_factory=list)
    forms: dict[str, list[str]] = Field(default_factory=dict)
    words: dict[Name, list[str]] = Field(default_factory=dict)


class RefusalVocabulary(StrictModel):
    """Words by which a text that was not read is told to be unsupported.

    Attributes:
        what: what the words are, as a person would say it.
        advice: what to do instead.
        phrases: the words.
        openings: words that count at the start of a text only.
        without: the words do not count in a text that holds one of these.
        together: the words count only in a text that holds one of these.
        never_names: whether single words among them are no names and no values either.
    """

    what: str
    advice: str
    phrases: list[str] = Field(min_length=1)
    openings: list[str] = Field(default_factory=list)
    without: list[str] = Field(default_factory=list)
    together: list[str] = Field(default_factory=list)
    never_names: bool = False


class Example(StrictModel):
    """A sentence to write instead, for texts that hold one of the words."""

    when: list[str] = Field(min_length=1)
    write: str


class RefusalFile(StrictModel):
    """The vocabulary of refusals."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["Refusals"]
    metadata: Metadata
    unsupported: dict[Name, RefusalVocabulary]
    supported: list[str] = Field(min_length=1)
    examples: list[Example] = Field(default_factory=list)


class UnsafeFile(StrictModel):
    """Patterns of unsafe texts, by what they find."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["Unsafe"]
    metadata: Metadata
    patterns: dict[str, list[str]]


class Names(RootModel[dict[Name, list[str]]]):
    """A target and the names that it goes by."""


class LexiconFile(StrictModel):
    """The field's names: the target that each stands for, and where known its kind."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["Lexicon"]
    metadata: Metadata
    targets: dict[Name, list[str]] = Field(default_factory=dict)
    kinds: dict[Name, Literal["Deployment", "StatefulSet", "DaemonSet"]] = Field(default_factory=dict)
