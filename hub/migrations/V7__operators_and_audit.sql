-- Who may sign in at the console, what programs may ask with, who asked to see whose number, and what everybody did.

CREATE TABLE operator (
    name       TEXT PRIMARY KEY,
    role       INTEGER NOT NULL, -- 1 reader, 2 operator, 3 supervisor
    hash       TEXT NOT NULL,    -- of the password
    totp       BLOB NOT NULL,    -- sealed
    disabled   INTEGER NOT NULL,
    generation INTEGER NOT NULL, -- one more with each change: what was let in before it is let in no more
    step       INTEGER NOT NULL, -- of the last code that was used
    failures   INTEGER NOT NULL,
    locked     INTEGER NOT NULL  -- until when
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_token (
    hash       BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    role       INTEGER NOT NULL,
    generation INTEGER NOT NULL, -- of the account
    expires    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX operator_token_name ON operator_token (name);

CREATE TABLE identity_request (
    number INTEGER PRIMARY KEY,
    of     BLOB NOT NULL,        -- a case
    asker  TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked  INTEGER NOT NULL,
    state  INTEGER NOT NULL,     -- 0 waits, 1 approved, 2 refused
    judge  TEXT,
    judged INTEGER
) STRICT;
CREATE INDEX identity_request_of ON identity_request (of, asker);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    bytes  BLOB NOT NULL,
    link   BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is not deleted'); END;
-- Replacing a row asks no trigger of the two.
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit grows at its end'); END;

-- Where it ends, under the hub's signature. One row.
CREATE TABLE audit_end (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    number    INTEGER NOT NULL,
    link      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
