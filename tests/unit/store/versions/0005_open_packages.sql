BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'store','0001_initial','2026-11-23 12:40:06.812113+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'store','0002_approvals_and_buckets','2026-11-23 12:58:18.199993+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'store','0003_lost_fields','2026-11-23 15:37:49.626661+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'store','0004_retention','2026-11-23 16:10:02.332414+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'store','0005_open_packages','2026-11-23 16:10:02.332414+00:00');
CREATE TABLE approvals (
    uid TEXT NOT NULL,
    spec_hash TEXT NOT NULL,
    who TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (uid, spec_hash)
) STRICT, WITHOUT ROWID;
INSERT INTO "approvals" VALUES('uid-amf','hash','ada',1.0);
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
INSERT INTO "audit" VALUES(1,1.0,'Decided','core','amf','uid-amf',1,'','{}','0000000000000000000000000000000000000000000000000000000000000000','f32208a562bede624a62b461e6ec77dd55c996fa72100d50b18d5eb3d9c99df1');
CREATE TABLE buckets (
    key TEXT PRIMARY KEY,
    tokens REAL NOT NULL CHECK (tokens >= 0),
    updated_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "buckets" VALUES('set/rule',2.5,1.0);
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
INSERT INTO "decisions" VALUES(1,1,'proceed','Processing','','rules','{}',1.0);
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
INSERT INTO "inbox" VALUES(1,'directory','upsert','core','amf','uid-amf','amf.yaml','{}',1.0);
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
INSERT INTO "intents" VALUES('core','amf','uid-amf',1,'hash','{}','amf.yaml',1.0,NULL);
CREATE TABLE lost_fields (
    namespace TEXT NOT NULL,
    target TEXT NOT NULL,
    field TEXT NOT NULL,
    uid TEXT NOT NULL,
    intent_namespace TEXT NOT NULL,
    intent_name TEXT NOT NULL,
    PRIMARY KEY (namespace, target, field, uid)
) STRICT, WITHOUT ROWID;
INSERT INTO "lost_fields" VALUES('core','amf','Deployment/amf:spec.replicas','uid-2','core','amf-before');
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('fence','1');
INSERT INTO "meta" VALUES('instance_id','e03df8e1-640d-4b08-99c9-55c2f4f3cb71');
INSERT INTO "meta" VALUES('outbox_version','1');
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
INSERT INTO "outbox" VALUES('core','amf','uid-amf','status',1,1,'{}',1.0,0,1.0);
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
INSERT INTO "owners" VALUES('core','amf','Deployment/amf:spec.replicas','uid-amf','core','amf',1,1);
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
INSERT INTO "packages" VALUES('edge','core-amf','cw-1','','Draft','edge.core-amf.cw-1',1,'key',1.0);
CREATE TABLE readings (
    text_digest TEXT NOT NULL,
    grammar_digest TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (text_digest, grammar_digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "readings" VALUES('text','grammar','{}',1.0);
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
INSERT INTO "work" VALUES(1,'core','amf','uid-amf',1,'hash','key','claimed',1,0,NULL,NULL,5,'','',NULL,'directory','b',0,0,1.0,1.0,0);
CREATE TABLE work_packages (
    work_id INTEGER NOT NULL REFERENCES work (id) ON DELETE CASCADE,
    repository TEXT NOT NULL,
    package TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
    PRIMARY KEY (work_id, repository, package)
) STRICT, WITHOUT ROWID;
INSERT INTO "work_packages" VALUES(1,'edge','core-amf',1);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX inbox_latest
    ON inbox (namespace, name, CASE kind WHEN 'malformed' THEN origin ELSE '' END);
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
CREATE UNIQUE INDEX work_packages_held ON work_packages (repository, package) WHERE held = 1;
CREATE INDEX decisions_of_work ON decisions (work_id, id);
CREATE INDEX owners_of_intent ON owners (uid);
CREATE INDEX packages_of_work ON packages (work_id);
CREATE INDEX packages_of_effect ON packages (effect_key);
CREATE INDEX packages_open ON packages (resource_name) WHERE lifecycle IN ('Draft', 'Proposed');
CREATE INDEX outbox_due ON outbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX audit_of_intent ON audit (namespace, name, seq);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit records are never changed');
END;
CREATE INDEX lost_fields_of_intent ON lost_fields (uid);
CREATE INDEX work_ended ON work (updated_at)
    WHERE superseded = 1 AND state IN ('confirmed', 'terminal');
CREATE INDEX readings_by_age ON readings (created_at);
CREATE INDEX audit_pruned ON audit (seq)
    WHERE kind = 'Pruned';
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN NOT EXISTS (
    SELECT 1 FROM audit AS pruned
    WHERE pruned.kind = 'Pruned' AND pruned.seq > OLD.seq AND json_extract(pruned.body, '$.through') >= OLD.seq
)
BEGIN
    SELECT RAISE(ABORT, 'audit records are never deleted');
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('inbox',1);
INSERT INTO "sqlite_sequence" VALUES('work',1);
INSERT INTO "sqlite_sequence" VALUES('decisions',1);
COMMIT;
