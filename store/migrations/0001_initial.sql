-- Times are wall-clock seconds since 1970 (UTC). Bodies are JSON texts with sorted keys.

-- What there is one of: the instance's id, counters.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Events of the sources that nothing has been done about yet.
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('upsert', 'delete', 'malformed')),
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    origin TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at REAL NOT NULL
) STRICT;

-- The latest event of an intent is the only one kept; a malformed manifest is told apart by where it is.
CREATE UNIQUE INDEX inbox_latest
    ON inbox (namespace, name, CASE kind WHEN 'malformed' THEN origin ELSE '' END);

-- The intents as last seen.
CREATE TABLE intents (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    spec_hash TEXT NOT NULL,
    body TEXT NOT NULL,
    origin TEXT NOT NULL,
    updated_at REAL NOT NULL,
    deleted_at REAL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- One row for each generation of an intent, through its states.
CREATE TABLE work (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    spec_hash TEXT NOT NULL,
    effect_key TEXT,
    state TEXT NOT NULL CHECK (state IN (
        'seen', 'read', 'decided', 'claimed', 'sent', 'confirmed', 'retry', 'terminal', 'unknown'
    )),
    token INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL,
    rank REAL,
    priority INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    trace_id TEXT,
    executor TEXT,
    basis TEXT NOT NULL DEFAULT '',
    superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),
    read_back INTEGER NOT NULL DEFAULT 0 CHECK (read_back IN (0, 1)),
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    status_reported INTEGER NOT NULL DEFAULT 0 CHECK (status_reported IN (0, 1)),
    UNIQUE (uid, generation)
) STRICT;

-- Each queue is a partial index, so that what is finished or waits costs nothing to pass over.
CREATE INDEX work_to_decide ON work (rank, namespace)
    WHERE rank IS NOT NULL AND state IN ('seen', 'read');
CREATE INDEX work_to_execute ON work (rank, executor, namespace)
    WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown');
CREATE INDEX work_timers ON work (next_at)
    WHERE rank IS NULL AND next_at IS NOT NULL;
CREATE INDEX work_running ON work (id)
    WHERE state IN ('claimed', 'sent');
CREATE INDEX work_undecided ON work (reason, basis)
    WHERE rank IS NULL AND superseded = 0 AND effect_key IS NULL AND state IN ('seen', 'read', 'terminal');
CREATE INDEX work_current ON work (namespace, name)
    WHERE superseded = 0;
CREATE INDEX work_history ON work (namespace, name, id);

-- The packages that a decided generation writes. `held` is 1 from its claim until its effect is known.
CREATE TABLE work_packages (
    work_id INTEGER NOT NULL REFERENCES work (id) ON DELETE CASCADE,
    repository TEXT NOT NULL,
    package TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
    PRIMARY KEY (work_id, repository, package)
) STRICT, WITHOUT ROWID;

-- Work on one package is serialised: SQLite itself refuses a second holder.
CREATE UNIQUE INDEX work_packages_held ON work_packages (repository, package) WHERE held = 1;

-- What a text was read as, by a grammar.
CREATE TABLE readings (
    text_digest TEXT NOT NULL,
    grammar_digest TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (text_digest, grammar_digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    work_id INTEGER NOT NULL REFERENCES work (id) ON DELETE CASCADE,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT NOT NULL,
    rules_digest TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
CREATE INDEX decisions_of_work ON decisions (work_id, id);

-- The intent that owns a field of a target.
CREATE TABLE owners (
    namespace TEXT NOT NULL,
    target TEXT NOT NULL,
    field TEXT NOT NULL,
    uid TEXT NOT NULL,
    intent_namespace TEXT NOT NULL,
    intent_name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    work_id INTEGER NOT NULL,
    PRIMARY KEY (namespace, target, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX owners_of_intent ON owners (uid);

-- The revisions that were written.
CREATE TABLE packages (
    repository TEXT NOT NULL,
    package TEXT NOT NULL,
    workspace TEXT NOT NULL,
    revision TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    resource_name TEXT NOT NULL,
    work_id INTEGER NOT NULL,
    effect_key TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (repository, package, workspace)
) STRICT;
CREATE INDEX packages_of_work ON packages (work_id);
CREATE INDEX packages_of_effect ON packages (effect_key);

-- What the API must still be told. A delivered row stays, without `next_at`, so that an older one cannot follow.
CREATE TABLE outbox (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('status', 'annotations', 'event')),
    generation INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL,
    PRIMARY KEY (uid, kind)
) STRICT;
CREATE INDEX outbox_due ON outbox (next_at) WHERE next_at IS NOT NULL;

-- Each record carries the hash of the one before it.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_of_intent ON audit (namespace, name, seq);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit records are never changed');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit records are never deleted');
END;
