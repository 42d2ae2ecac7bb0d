"""Text to structured intents: read exactly, or refused with help.

Knows nothing of Kubernetes, the store or the rules.
"""

from nlp.intent_types import TaughtType
from nlp.namespaces import Resolution, in_namespace
from nlp.reader import Reader
from nlp.reading import JSON, Assumption, ReadAction, Reading, Refusal, RefusalReason, Span

__all__ = [
    "JSON",
    "Assumption",
    "ReadAction",
    "Reader",
    "Reading",
    "Refusal",
    "RefusalReason",
    "Resolution",
    "Span",
    "TaughtType",
    "in_namespace",
]
