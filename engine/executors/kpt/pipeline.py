"""What a package's Kptfiles would have kpt run, looked at before it does; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from documents import DocumentError, parse
from engine.executors.kpt.problems import GitError
from engine.krm.package import KPTFILE

_LISTS = ("mutators", "validators")


def programs_of(files: Mapping[str, bytes], allowed: Collection[str]) -> frozenset[str]:
    """Returns the programs that the pipelines of a package and its sub-packages run.

    Args:
        files: of the package, by path.
        allowed: the paths of the programs that may run.

    Raises:
        GitError: a pipeline runs an image, or a program that may not run, or a Kptfile cannot be read.
    """
    found: set[str] = set()
    for name, data in files.items():
        if PurePosixPath(name).name != KPTFILE:
            continue
        for function in _functions(name, data):
            program = function.get("exec")
            if not isinstance(program, str) or "image" in function:
                raise GitError.permanent(
                    f"{name} runs the image {function.get('image')}: images are not run here; name a program "
                    "by exec, and list it in executors.kpt.functions"
                )
            if program not in allowed:
                raise GitError.permanent(
                    f"{name} runs {program!r}, which is not among executors.kpt.functions; list it there by "
                    "its absolute path and sha256, or take it out of the pipeline"
                )
            found.add(program)
    return frozenset(found)


def _functions(name: str, data: bytes) -> list[Mapping[str, Any]]:
    try:
        documents = parse(data, name)
    except DocumentError as error:
        raise GitError.permanent(f"the {KPTFILE} cannot be read: {error}") from error
    if len(documents) != 1 or not isinstance(documents[0].value, Mapping):
        raise GitError.permanent(f"{name} is no {KPTFILE}: it has to be one object")
    pipeline = documents[0].value.get("pipeline")
    if pipeline is None:
        return []
    lists = [pipeline.get(key) or [] for key in _LISTS] if isinstance(pipeline, Mapping) else [None]
    functions: list[Mapping[str, Any]] = []
    for items in lists:
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise GitError.permanent(f"the pipeline of {name} is none that kpt knows")
        functions += items
    return functions
