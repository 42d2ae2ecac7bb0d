-- Who let through what a rule holds until somebody approves: one exact spec of one intent.
CREATE TABLE approvals (
    uid TEXT NOT NULL,
    spec_hash TEXT NOT NULL,
    who TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (uid, spec_hash)
) STRICT, WITHOUT ROWID;

-- The token buckets of rate limits: how many tokens each held when it was last looked at.
CREATE TABLE buckets (
    key TEXT PRIMARY KEY,
    tokens REAL NOT NULL CHECK (tokens >= 0),
    updated_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
