-- Several lives of one site's store: which life this one goes on from, what others wrote and the hub gave back,
-- what the hub has signed for.

-- began: why this life began (wire numbers). own, hub_journal: positions of the hub's journal.
ALTER TABLE self ADD COLUMN parent BLOB;
ALTER TABLE self ADD COLUMN began INTEGER;
ALTER TABLE self ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
ALTER TABLE self ADD COLUMN hub_journal INTEGER NOT NULL DEFAULT 0;

-- Consecutive entries of one actor in one document, from sequence `seq` on: rows of the log from position `first`.
-- counted: the hub gave them back, and its feed counts them at this position; -1 where that hub has been taken back
-- since and may have forgotten them; none where this store wrote them.
CREATE TABLE chain_2 (
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
INSERT INTO chain_2 SELECT first, doc, day, actor, 1, op, deps, NULL FROM chain;
DROP TABLE chain;
ALTER TABLE chain_2 RENAME TO chain;

-- The newest word of the hub on each actor: that it held the entry.
CREATE TABLE receipt (
    actor BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    hub BLOB NOT NULL,
    journal INTEGER NOT NULL,
    second INTEGER NOT NULL,
    signature BLOB NOT NULL
) WITHOUT ROWID;

-- Secrets of the site that other machines of it brought, sealed under this one's.
CREATE TABLE past_key (
    mark BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
