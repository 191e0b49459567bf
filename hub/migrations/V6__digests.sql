-- What the feed's items of a programme and day come to between two positions (docs/protocol.md, "Digests").

CREATE TABLE layer (
    id        BLOB PRIMARY KEY,
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    upto      INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    replaced  INTEGER          -- since when; none while the newest manifest names it
) STRICT, WITHOUT ROWID;

CREATE INDEX layer_day ON layer (programme, day, upto) WHERE replaced IS NULL;

CREATE TABLE layer_part (
    id    BLOB NOT NULL,
    nth   INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (id, nth)
) STRICT;

-- Who has more than one sale that counts, where a programme does not count pieces: a layer says only that there is one.
CREATE TABLE digest_more (
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    print     INTEGER NOT NULL,
    sales     INTEGER NOT NULL,
    PRIMARY KEY (programme, day, print)
) STRICT, WITHOUT ROWID;

-- Days whose digest does not change any more.
CREATE TABLE closed_day (
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    PRIMARY KEY (programme, day)
) STRICT, WITHOUT ROWID;

-- The newest one only.
CREATE TABLE manifest (
    made      INTEGER PRIMARY KEY,
    upto      INTEGER NOT NULL,
    body      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
