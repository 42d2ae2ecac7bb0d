-- The fields that an intent wished and another one decides now; it is looked at again once they are free.
CREATE TABLE lost_fields (
    namespace TEXT NOT NULL,
    target TEXT NOT NULL,
    field TEXT NOT NULL,
    uid TEXT NOT NULL,
    intent_namespace TEXT NOT NULL,
    intent_name TEXT NOT NULL,
    PRIMARY KEY (namespace, target, field, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX lost_fields_of_intent ON lost_fields (uid);
