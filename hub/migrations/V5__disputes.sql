-- Disputes of people who were refused, what operators decided on them, and the days that are cleared by that. All of
-- it follows from the journal: entries of sites, of their desks and of the nation's ledger.

CREATE TABLE dispute (
    id        BLOB PRIMARY KEY, -- of the case
    actor     BLOB NOT NULL,
    seq       INTEGER NOT NULL,
    site      TEXT NOT NULL,
    programme TEXT NOT NULL,
    tag       BLOB NOT NULL,
    instant   INTEGER NOT NULL,
    doubt     INTEGER NOT NULL,
    watermark INTEGER NOT NULL,
    pos       INTEGER NOT NULL, -- in the journal; outside the canonical dump
    received  INTEGER NOT NULL  -- outside the canonical dump
) STRICT, WITHOUT ROWID;
CREATE INDEX dispute_person ON dispute (tag, programme);

-- Of several the one that stands last in the journal counts.
CREATE TABLE decision (
    id      BLOB NOT NULL,
    pos     INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    words   TEXT NOT NULL,
    author  TEXT NOT NULL,
    second  INTEGER NOT NULL,
    PRIMARY KEY (id, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE cleared (
    id   BLOB NOT NULL,
    day  TEXT NOT NULL,
    upto INTEGER NOT NULL,      -- the last second that does not count
    PRIMARY KEY (id, day)
) STRICT, WITHOUT ROWID;
