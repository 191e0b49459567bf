-- Who may do what at the sites: what was given and taken, what was done by whom, what was found of it; whose cards count,
-- which are revoked; the hub's notices. All of it follows from the journal, but for card_list, which is an issuer's word.

-- Grants and revocations, of a site's own ledger or of its desk.
CREATE TABLE staff_fact (
    site   TEXT NOT NULL,
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    desk   INTEGER NOT NULL,
    pos    INTEGER NOT NULL,    -- in the journal; outside the canonical dump
    entry  BLOB NOT NULL,
    issuer BLOB,                -- of a grant: by which certificate its holder's card can be revoked
    serial BLOB,
    PRIMARY KEY (site, actor, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_fact_card ON staff_fact (issuer, site) WHERE issuer IS NOT NULL;

-- What somebody did who was signed in: 16 bytes a deed (sequence, doubt, second; big endian), up to 512 in a row.
CREATE TABLE deed (
    site  TEXT NOT NULL,
    staff BLOB NOT NULL,
    needs TEXT NOT NULL,
    actor BLOB NOT NULL,
    part  INTEGER NOT NULL,     -- the sequence divided by 512
    deeds BLOB NOT NULL,
    PRIMARY KEY (site, staff, needs, actor, part)
) STRICT, WITHOUT ROWID;

-- What was done without the right to it, by the revocation (20 bytes of its entry, or none).
CREATE TABLE misuse (
    site       TEXT NOT NULL,
    staff      BLOB NOT NULL,
    needs      TEXT NOT NULL,
    revocation BLOB NOT NULL,
    actor      BLOB NOT NULL,   -- of the first deed
    seq        INTEGER NOT NULL,
    instant    INTEGER NOT NULL,
    doubt      INTEGER NOT NULL,
    deeds      INTEGER NOT NULL,
    PRIMARY KEY (site, staff, needs, revocation)
) STRICT, WITHOUT ROWID;

-- Grants that give nothing; why is found again when it is asked.
CREATE TABLE void_grant (
    site  TEXT NOT NULL,
    actor BLOB NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (site, actor, seq)
) STRICT, WITHOUT ROWID;

-- When a case of somebody's rights was noticed first; outside the canonical dump.
CREATE TABLE staff_case (
    id     BLOB PRIMARY KEY,
    opened INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By SHA-256 of the certificate.
CREATE TABLE issuer (
    id    BLOB PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What an issuer's newest list says: 28 bytes a card (number of 20 bytes, since when), in order.
CREATE TABLE card_list (
    issuer   BLOB PRIMARY KEY,  -- SHA-256 of its key
    as_of    INTEGER NOT NULL,
    next     INTEGER,
    imported INTEGER NOT NULL,
    cards    BLOB NOT NULL
) STRICT;

-- What a site's desk was told of it last.
CREATE TABLE told_cards (
    site   TEXT NOT NULL,
    issuer BLOB NOT NULL,
    entry  BLOB NOT NULL,
    PRIMARY KEY (site, issuer)
) STRICT, WITHOUT ROWID;

CREATE TABLE notice (
    name  TEXT PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT, WITHOUT ROWID;
