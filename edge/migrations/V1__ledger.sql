-- The edge's store. Personal data stands here sealed (entry) or as a keyed tag, never in clear.
-- Days are counted from 1970-01-01.

-- What there is one of. Positions: down = the hub's journal, feed = the hub's feed, acked and covered = our log.
CREATE TABLE self (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    site TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    hub_life BLOB NOT NULL,
    down INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    covered INTEGER NOT NULL,
    clock_offset_ms INTEGER NOT NULL,
    clock_synced INTEGER,
    clock_high INTEGER NOT NULL,
    clock_high_pos INTEGER NOT NULL
);

CREATE TABLE programme (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- One actor in one document: consecutive rows of the log from position `first`.
CREATE TABLE chain (
    first INTEGER PRIMARY KEY,
    doc TEXT NOT NULL,
    day INTEGER NOT NULL,
    actor BLOB NOT NULL UNIQUE,
    op INTEGER NOT NULL,
    deps BLOB NOT NULL
);

-- The stock of every programme when a chain began.
CREATE TABLE opening (
    first INTEGER NOT NULL,
    programme INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (first, programme)
) WITHOUT ROWID;

-- The site's own entries, with the running stock of their programme.
CREATE TABLE log (
    pos INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    programme INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    request TEXT,
    entry BLOB NOT NULL
);

-- Who bought here.
CREATE TABLE quota (
    tag BLOB NOT NULL,
    pos INTEGER NOT NULL,
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (tag, pos)
) WITHOUT ROWID;

-- Whose cards a proxy carried.
CREATE TABLE carried (
    tag BLOB NOT NULL,
    day INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    card BLOB NOT NULL,
    PRIMARY KEY (tag, day, pos)
) WITHOUT ROWID;

-- Entries that were taken back, and by which entry.
CREATE TABLE withdrawn (pos INTEGER PRIMARY KEY, by INTEGER NOT NULL);

-- Runs of the log that the hub did not take.
CREATE TABLE quarantined (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, why TEXT NOT NULL);

-- The hub's ledgers as they came, at the hub's journal position.
CREATE TABLE down (
    doc TEXT NOT NULL,
    actor BLOB NOT NULL,
    seq INTEGER NOT NULL,
    op INTEGER NOT NULL,
    deps BLOB NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (doc, actor, seq)
) WITHOUT ROWID;

-- The keys of the nation's days, sealed under the site's secret.
CREATE TABLE day_key (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (programme, day)
) WITHOUT ROWID;

-- Whom the nation served, by keyed fingerprint.
CREATE TABLE nation (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (programme, day, fingerprint, mark)
) WITHOUT ROWID;
