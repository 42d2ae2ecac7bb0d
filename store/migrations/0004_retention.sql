-- What retention takes away, oldest first: finding it costs nothing of what stays.
CREATE INDEX work_ended ON work (updated_at)
    WHERE superseded = 1 AND state IN ('confirmed', 'terminal');
CREATE INDEX readings_by_age ON readings (created_at);
CREATE INDEX audit_pruned ON audit (seq)
    WHERE kind = 'Pruned';

-- A record may go once a later one, chained like all others, says up to where the log was pruned.
DROP TRIGGER audit_is_never_deleted;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN NOT EXISTS (
    SELECT 1 FROM audit AS pruned
    WHERE pruned.kind = 'Pruned' AND pruned.seq > OLD.seq AND json_extract(pruned.body, '$.through') >= OLD.seq
)
BEGIN
    SELECT RAISE(ABORT, 'audit records are never deleted');
END;
