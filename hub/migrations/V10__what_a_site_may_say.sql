-- What a site says counts only where it was its to say: a number or a lease of before, at a venue that it keeps. What it
-- asks is counted.

-- Where in the journal it was lent: what a site sent before that is not of it. 0 of what was lent before this version.
ALTER TABLE lease ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE numbers ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;

-- Every site that has ever kept a venue's day. Before this version only the last is known, until a rebuild.
CREATE TABLE venue_keeper (
    venue TEXT NOT NULL,
    site  TEXT NOT NULL,
    PRIMARY KEY (venue, site)
) STRICT, WITHOUT ROWID;
INSERT INTO venue_keeper SELECT id, site FROM venue WHERE site IS NOT NULL;

-- Numbers that a restored hub may have lent after its backup: whose they are nobody knows. Not in the journal.
CREATE TABLE numbers_lost (
    first INTEGER PRIMARY KEY,
    next  INTEGER NOT NULL
) STRICT;

-- Of whose bookings at another site a site was told within an hour. A row without an entry: of no more in this hour.
CREATE TABLE asked_booking (
    site   TEXT NOT NULL,
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (site, actor, seq)
) STRICT, WITHOUT ROWID;
