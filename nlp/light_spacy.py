"""spaCy without its command line: the only module that imports spaCy at run time.

`import spacy` pulls in `spacy.cli`, and with it typer, weasel, requests, jinja2 and more: 11 to 14 MB that
a daemon never uses. spaCy needs just the name `spacy.cli.info.info`, so a placeholder takes the place of
both modules during the import, and goes away again after it. A test in a fresh process fails when spaCy
changes what it needs, or when the command line is back.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_KEPT_OUT = ("spacy.cli", "spacy.cli.info")


def _not_available(*_: object, **__: object) -> None:
    raise ImportError("spacy.cli is kept out of this process; run `python -m spacy` in one of its own")


def _import_spacy() -> ModuleType:
    if "spacy" in sys.modules:
        return sys.modules["spacy"]
    for name in _KEPT_OUT:
        placeholder = ModuleType(name)
        placeholder.__path__ = []
        placeholder.info = _not_available  # type: ignore[attr-defined]
        sys.modules[name] = placeholder
    try:
        import spacy  # noqa: PLC0415 - after the placeholders
    finally:
        for name in _KEPT_OUT:
            sys.modules.pop(name, None)
    return spacy


spacy = _import_spacy()

Doc = Any
"""spaCy's document, which is typed as anything: its own module would be imported before the placeholders."""
