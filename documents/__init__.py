"""Strict YAML documents whose every value knows its place in the file.

The one way by which rules, grammar, settings and manifests are read. Knows nothing of their meaning.
"""

from documents.errors import DocumentError, Place, Problem, pointed_at
from documents.folder import Stamp, read_bytes, read_file, scan
from documents.model import FilePath, StrictModel, said, validate
from documents.reading import MAX_BYTES, Document, load, parse
from documents.watching import Watched

__all__ = [
    "MAX_BYTES",
    "Document",
    "DocumentError",
    "FilePath",
    "Place",
    "Problem",
    "Stamp",
    "StrictModel",
    "Watched",
    "load",
    "parse",
    "pointed_at",
    "read_bytes",
    "read_file",
    "said",
    "scan",
    "validate",
]
