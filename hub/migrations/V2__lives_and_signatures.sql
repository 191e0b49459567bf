-- Several lives of one site's store, the cases that are made of them, and the signatures by which nobody can
-- rewrite the journal unnoticed.

-- signer: by which key the life signs; parent, began: from which life it goes on, and why (wire numbers);
-- doubled: two processes ran under it.
ALTER TABLE line ADD COLUMN signer BLOB;
ALTER TABLE line ADD COLUMN parent BLOB;
ALTER TABLE line ADD COLUMN began INTEGER;
ALTER TABLE line ADD COLUMN doubled INTEGER NOT NULL DEFAULT 0;

-- The processes that greeted under a life, in their order.
CREATE TABLE boot (
    line INTEGER NOT NULL,
    nth  INTEGER NOT NULL,
    boot BLOB NOT NULL,
    PRIMARY KEY (line, nth)
) STRICT, WITHOUT ROWID;

CREATE INDEX journal_line ON journal (line) WHERE line IS NOT NULL;

-- What the operator must know of a site's store: that it was restored, cloned or replaced.
CREATE TABLE site_case (
    id          BLOB PRIMARY KEY,
    site        TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    opened      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far the journal is signed: a hash over all rows up to a position, under the hub's key.
CREATE TABLE signed (
    pos       INTEGER PRIMARY KEY,
    roll      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
