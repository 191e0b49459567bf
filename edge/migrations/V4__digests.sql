-- The nation's feed with its positions, so that what a digest holds already is told from what came behind it; and the
-- digests themselves.

ALTER TABLE nation RENAME TO nation_before;

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

INSERT INTO nation SELECT programme, day, fingerprint, mark, 0, adult, child, 0 FROM nation_before;

DROP TABLE nation_before;

-- When the newest manifest was made, by the hub's clock, and the position of the feed behind it.
ALTER TABLE self ADD COLUMN manifest_made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE self ADD COLUMN manifest INTEGER NOT NULL DEFAULT 0;

-- Up to which position of the feed all is known of the days that the manifest does not name, where not up to its end.
ALTER TABLE self ADD COLUMN jumped INTEGER;

-- A day of the manifest: how far it is known where it lags behind the feed, and what its layers in use and its wanted
-- ones say: up to which position, and how much of the own log.
CREATE TABLE digest_day (
    programme INTEGER NOT NULL,
    day INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    known INTEGER,
    used_upto INTEGER NOT NULL,
    used_counted INTEGER NOT NULL,
    used_acked INTEGER NOT NULL,
    used_sent INTEGER NOT NULL,
    wanted_upto INTEGER NOT NULL,
    wanted_counted INTEGER NOT NULL,
    wanted_acked INTEGER NOT NULL,
    wanted_sent INTEGER NOT NULL,
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

CREATE TABLE layer (id BLOB PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE layer_piece (
    id BLOB NOT NULL,
    offset INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (id, offset)
);
