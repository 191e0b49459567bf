CREATE TABLE audit (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL, link BLOB NOT NULL);

CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit keeps everything'); END;

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit never changes'); END;

CREATE TABLE carried (
    tag BLOB NOT NULL,
    day INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    card BLOB NOT NULL,
    PRIMARY KEY (tag, day, pos)
) WITHOUT ROWID;

CREATE TABLE "chain" (
    first INTEGER PRIMARY KEY,
    doc TEXT NOT NULL,
    day INTEGER NOT NULL,
    actor BLOB NOT NULL,
    seq INTEGER NOT NULL,
    op INTEGER NOT NULL,
    deps BLOB NOT NULL,
    counted INTEGER,
    UNIQUE (actor, seq)
);

CREATE TABLE day_key (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (programme, day)
) WITHOUT ROWID;

CREATE TABLE digest (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    used INTEGER NOT NULL,
    nth INTEGER NOT NULL,
    id BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    PRIMARY KEY (programme, day, used, nth)
) WITHOUT ROWID;

CREATE TABLE digest_day (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    known INTEGER,
    used_upto INTEGER NOT NULL,
    used_counted INTEGER NOT NULL,
    used_sent INTEGER NOT NULL,
    wanted_upto INTEGER NOT NULL,
    wanted_counted INTEGER NOT NULL,
    wanted_sent INTEGER NOT NULL, unheard INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (programme, day)
) WITHOUT ROWID;

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

CREATE TABLE hub_takes (what TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE layer (id BLOB PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE layer_piece (
    id BLOB NOT NULL,
    offset INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (id, offset)
);

CREATE TABLE log (
    pos INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    programme INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    request TEXT,
    entry BLOB NOT NULL
);

CREATE TABLE nation (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    PRIMARY KEY (programme, day, fingerprint, mark, pos)
) WITHOUT ROWID;

CREATE TABLE opening (
    first INTEGER NOT NULL,
    programme INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (first, programme)
) WITHOUT ROWID;

CREATE TABLE past_key (
    mark BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE programme (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE quarantined (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, why TEXT NOT NULL);

CREATE TABLE quota (
    tag BLOB NOT NULL,
    pos INTEGER NOT NULL,
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (tag, pos)
) WITHOUT ROWID;

CREATE TABLE receipt (
    actor BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    hub BLOB NOT NULL,
    journal INTEGER NOT NULL,
    second INTEGER NOT NULL,
    signature BLOB NOT NULL
) WITHOUT ROWID;

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
, parent BLOB, began INTEGER, own INTEGER NOT NULL DEFAULT 0, hub_journal INTEGER NOT NULL DEFAULT 0, caught INTEGER, manifest_made INTEGER NOT NULL DEFAULT 0, manifest INTEGER NOT NULL DEFAULT 0, jumped INTEGER, hub_signer BLOB);

CREATE TABLE withdrawn (pos INTEGER PRIMARY KEY, by INTEGER NOT NULL);
