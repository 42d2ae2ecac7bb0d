"""Names and hashes by which an intent, its spec and its effect are known; all deterministic, no I/O."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

_INTENTS = uuid.UUID("9e2f3b0e-6f5b-5b60-9d4e-0f6c0b7d4c11")  # the namespace of uids made from names

HASHED_SPEC_FIELDS = ("intent", "targetNamespace", "constraints", "parameters")
"""What of a spec makes it another wish; suspend, dryRun and priority only say how to treat it."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> str:
    """Returns the one JSON text of a value: keys sorted, no spaces, UTF-8 characters as they are."""
    return _CANONICAL.encode(value)


def sha256(text: str) -> str:
    """Returns the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def uid_of(namespace: str, name: str) -> str:
    """Returns the uid of an intent that no API server has given one: the same for the same name."""
    return str(uuid.uuid5(_INTENTS, f"{namespace}/{name}"))


def spec_hash(spec: Mapping[str, Any]) -> str:
    """Returns the hash that tells whether a spec wishes something else than before."""
    wish = {field: spec[field] for field in HASHED_SPEC_FIELDS if spec.get(field) not in (None, {}, "")}
    return sha256(canonical_json(wish))


def effect_key(
    namespace: str, name: str, uid: str, generation: int, spec: str, reapplication: str = ""
) -> str:
    """Returns the key under which the effect of one generation happens at most once.

    The generation is part of it (docs/adr/0006): a spec changed and changed back is a new wish, whose
    effect must not be taken for the first one's. Rules and facts are not: a rules edit, a restart or a
    lost store in between cannot make a second effect. Only who asks for one gets a second one, by a component
    of its own (docs/adr/0009).
    """
    parts = [namespace, name, uid, generation, spec]
    return sha256(canonical_json([*parts, reapplication] if reapplication else parts))


def workspace_name(key: str) -> str:
    """Returns the name of the package workspace in which an effect happens, a DNS-1123 label."""
    return f"cw-{key[:20]}"


def trace_id(key: str) -> str:
    """Returns the W3C trace id (32 hexadecimal digits) of everything done for an effect key."""
    return key[-32:]
