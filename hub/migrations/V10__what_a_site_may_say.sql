-- What a site says counts only where it was its to say: a number or a lease of before, at a venue that it keeps. What it
-- asks is counted.

-- Where in the journal it was lent: what a site sent before that is not of it. 0 of what was lent before this version.
ALTER TABLE lease ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE numbers ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;

-- Every site that has ever kept a venue's day; of before this version those that were told who comes, until a rebuild.
CREATE TABLE venue_keeper (
    venue TEXT NOT NULL,
    site  TEXT NOT NULL,
    PRIMARY KEY (venue, site)
) STRICT, WITHOUT ROWID;
INSERT INTO venue_keeper SELECT id, site FROM venue WHERE site IS NOT NULL;
INSERT OR IGNORE INTO venue_keeper SELECT slot.venue, told_expected.site FROM told_expected
    JOIN booking USING (actor, seq) JOIN slot ON slot.id = booking.slot;

-- Numbers that a restored hub may have lent after its backup: whose they are nobody knows. Not in the journal.
CREATE TABLE numbers_lost (
    first INTEGER PRIMARY KEY,
    next  INTEGER NOT NULL
) STRICT;
-- Of restores before this version: ten million were left out, of which wishes took some since.
INSERT INTO numbers_lost
    SELECT upto, next FROM (SELECT first + count AS upto, lead(first) OVER (ORDER BY first) AS next FROM numbers)
    WHERE next - upto > 9000000;

-- Whether a booking's serial number is its to use: the hub gave it to a wish, or had lent it to the site before.
ALTER TABLE booking ADD COLUMN its INTEGER NOT NULL DEFAULT 1;
UPDATE booking SET its = site IS (SELECT block.site FROM numbers AS block
        WHERE block.first = (SELECT max(first) FROM numbers WHERE first <= booking.serial)
        AND booking.serial < block.first + block.count)
    WHERE wish = 0;
DROP INDEX booking_serial;
CREATE INDEX booking_serial ON booking (serial, its DESC, instant, typed, site, actor, seq) WHERE serial IS NOT NULL;

-- Of whose bookings at another site a site was told within an hour. A row without an entry: of no more in this hour.
CREATE TABLE asked_booking (
    site   TEXT NOT NULL,
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (site, actor, seq)
) STRICT, WITHOUT ROWID;
