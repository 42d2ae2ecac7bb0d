"""Phases and reasons: the one list that status, metrics, rules and docs share (DESIGN: what users see)."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """`status.phase` of a NetworkIntent."""

    PENDING = "Pending"  #: Waits: for its turn, a hold, a retry, a backend.
    PROCESSING = "Processing"  #: Its packages are being written.
    COMPLETED = "Completed"  #: Done, or nothing to do.
    FAILED = "Failed"  #: Refused, or given up; a change of the spec starts afresh.


class Reason(StrEnum):
    """Why an intent is in its phase: `reason` of its conditions."""

    AMBIGUOUS = "Ambiguous"  #: The text leaves open what exactly to do.
    UNSUPPORTED = "Unsupported"  #: The text asks for what is not supported, or cannot be done safely yet.
    INVALID = "Invalid"  #: The manifest, or a value in the text, cannot be.
    UNSAFE = "Unsafe"  #: The text holds an injection, a hidden character or a secret.
    RULE_REFUSED = "RuleRefused"  #: A business rule says no.
    RULE_ERROR = "RuleError"  #: A business rule failed, or chose what the settings do not allow.
    MISSING_FACT = "MissingFact"  #: A fact of the live objects that is needed is not known.
    CONFLICT = "Conflict"  #: Something else owns a field that would be written.
    SUPERSEDED = "Superseded"  #: A newer intent, or a newer generation, decides the same field now.
    HELD = "Held"  #: A rule holds it back: a change window, or an approval.
    RATE_LIMITED = "RateLimited"  #: Too many at once; it takes its turn.
    PACKAGE_BUSY = "PackageBusy"  #: Its package has an open revision of somebody else.
    SUSPENDED = "Suspended"  #: `spec.suspend` is true.
    PAUSED = "Paused"  #: The settings pause everything, its namespace or its executor.
    DRY_RUN = "DryRun"  #: `spec.dryRun` is true: decided and reported, nothing written.
    ADOPTED = "Adopted"  #: It was there before execution was enabled; nothing is done for it.
    PROCESSING = "Processing"  #: Its packages are being written.
    BACKING_OFF = "BackingOff"  #: A try failed; the next one has its time.
    BACKEND_DOWN = "BackendDown"  #: What writes packages is out of reach; no retry is used up.
    RETRIES_EXHAUSTED = "RetriesExhausted"  #: Every try failed.
    READ_BACK = "ReadBack"  #: Whether it took effect is not known; it is looked up before anything is sent.
    AWAITING_APPROVAL = "AwaitingApproval"  #: Proposed; somebody approves it where the package lives.
    PROPOSAL_REJECTED = "ProposalRejected"  #: Somebody rejected the proposal.
    COMPLETED = "Completed"  #: Done.
