-- The revisions that somebody else may approve, reject or delete.
CREATE INDEX packages_open ON packages (resource_name) WHERE lifecycle IN ('Draft', 'Proposed');
