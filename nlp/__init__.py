"""Text to structured intents: read exactly, or refused with help.

Knows nothing of Kubernetes, the store or the rules.
"""

from nlp.intent_type_model import FieldSpec
from nlp.intent_types import TaughtType, refuse_doubles
from nlp.namespaces import Resolution, in_namespace
from nlp.reader import Reader
from nlp.reading import JSON, Assumption, ReadAction, Reading, Refusal, RefusalReason, Span

__all__ = [
    "JSON",
    "Assumption",
    "FieldSpec",
    "ReadAction",
    "Reader",
    "Reading",
    "Refusal",
    "RefusalReason",
    "Resolution",
    "Span",
    "TaughtType",
    "in_namespace",
    "refuse_doubles",
]
