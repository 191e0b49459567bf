-- Who signed in, and who looked up whom: records that are linked by their hashes and never change.
CREATE TABLE audit (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL, link BLOB NOT NULL);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit never changes'); END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit keeps everything'); END;
