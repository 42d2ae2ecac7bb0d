"""State that outlives the process, in SQLite: one writer, many readers, nothing promised before it is safe.

A store is opened with `Store.open`; what it holds is one noun a module, whose functions take the Transaction
or Reader that `Store.write` and `Store.read` give, so that several make one transaction. Times are given,
never taken here. Knows nothing of what the texts, rules and bodies mean.
"""

from __future__ import annotations

from store import (
    approvals,
    audit,
    buckets,
    decisions,
    history,
    inbox,
    intents,
    meta,
    outbox,
    overview,
    owners,
    packages,
    readings,
    retention,
    work,
)
from store.approvals import Approval
from store.buckets import Bucket
from store.connection import Reader, Transaction
from store.errors import SchemaTooNew, StoreClosed, StoreError, StoreLocked, StoreUnavailable
from store.inbox import Event, EventKind
from store.intents import Intent
from store.read_only import open_read_only
from store.store import Store
from store.work import Claim, Package, StaleTransition, State, Work

__all__ = [
    "Approval",
    "Bucket",
    "Claim",
    "Event",
    "EventKind",
    "Intent",
    "Package",
    "Reader",
    "SchemaTooNew",
    "StaleTransition",
    "State",
    "Store",
    "StoreClosed",
    "StoreError",
    "StoreLocked",
    "StoreUnavailable",
    "Transaction",
    "Work",
    "approvals",
    "audit",
    "buckets",
    "decisions",
    "history",
    "inbox",
    "intents",
    "meta",
    "open_read_only",
    "outbox",
    "overview",
    "owners",
    "packages",
    "readings",
    "retention",
    "work",
]
