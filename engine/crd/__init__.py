"""The CustomResourceDefinition of NetworkIntent, made from the models of its spec and status."""

from __future__ import annotations

from engine.crd.definition import PLURAL, definition
from engine.crd.status import Status

__all__ = ["PLURAL", "Status", "definition"]
