"""Documents to pydantic models, with each validation error at its place in the file."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from documents.errors import DocumentError, Problem
from documents.reading import Document, KeyPath

Model = TypeVar("Model", bound=BaseModel)

FilePath = Annotated[Path, BeforeValidator(lambda value: Path(value) if isinstance(value, str) else value)]
"""A path, of a file or a folder, that YAML has as a text."""


class StrictModel(BaseModel):
    """The base of everything read from YAML: camelCase keys, no unknown ones, no silent conversions."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, populate_by_name=True
    )


def validate(document: Document, model: type[Model], path: KeyPath = ()) -> Model:
    """Reads the value at `path` of a document as a model.

    Raises:
        DocumentError: with one problem for each field that does not fit.
    """
    value = document.value
    for key in path:
        value = value[key]
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = (_problem(document, model, path, detail) for detail in error.errors(include_url=False))
        raise DocumentError(tuple(problems)) from error


def _problem(document: Document, model: type[BaseModel], path: KeyPath, detail: ErrorDetails) -> Problem:
    where = _existing(document, (*path, *detail["loc"]), missing=detail["type"] == "missing")
    return document.problem(where, said(detail, model))


def said(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """Returns what does not fit a model, for people; of an unknown field what may have been meant."""
    if detail["type"] == "extra_forbidden":
        name = str(detail["loc"][-1])
        return f"unknown field {name!r}" + _suggestion(name, model)
    if detail["type"] == "missing":
        return f"the field {detail['loc'][-1]!r} is missing"
    return detail["msg"].removeprefix("Value error, ")


def _existing(document: Document, location: KeyPath, *, missing: bool) -> KeyPath:
    """Drops what pydantic adds to a path (the branch of a union), which the document does not have."""
    value = document.value
    kept: list[str | int] = []
    for step in location:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        elif not (missing and step == location[-1]):
            continue
        kept.append(step)
    return tuple(kept)


def _suggestion(name: str, model: type[BaseModel]) -> str:
    known = {info.alias or key for key, info in _all_fields(model)}
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _all_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Lists the fields of a model and of the models directly within its annotations."""
    found: list[tuple[str, FieldInfo]] = list(model.model_fields.items())
    for info in model.model_fields.values():
        for part in _models_in(info.annotation):
            found.extend(part.model_fields.items())
    return found


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [model for part in inner for model in _models_in(part)]
