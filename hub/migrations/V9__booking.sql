-- Booked places: rounds, venues, slots with their accounts, what was lent, what was given away, what was told. All of it
-- follows from the journal, but for the lists of who may book, and for who has to be heard after a restore.

CREATE TABLE round (
    name      TEXT PRIMARY KEY,
    programme TEXT NOT NULL,
    text      TEXT NOT NULL,
    author    TEXT NOT NULL,
    second    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE venue (
    id     TEXT PRIMARY KEY,
    county TEXT NOT NULL,
    site   TEXT,
    entry  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX venue_county ON venue (county);
CREATE INDEX venue_site ON venue (site) WHERE site IS NOT NULL;

-- One hour of one day at one venue, and its account (shared::lease::Account). The number is this store's own.
CREATE TABLE slot (
    id      INTEGER PRIMARY KEY,
    venue   TEXT NOT NULL,
    date    TEXT NOT NULL,
    start   INTEGER NOT NULL,   -- minutes since midnight
    brands  TEXT NOT NULL,
    offered INTEGER NOT NULL,   -- 0 where a site named it and the hub never did
    places  INTEGER NOT NULL,
    closed  INTEGER NOT NULL,
    lent    INTEGER NOT NULL,
    spent   INTEGER NOT NULL,   -- booked out of what was lent
    granted INTEGER NOT NULL,   -- to wishes, and out of no lease that covers it
    due     INTEGER NOT NULL,   -- changed since it was last shared out; outside the canonical dump
    UNIQUE (venue, date, start, brands)
) STRICT;
CREATE INDEX slot_due ON slot (date) WHERE due = 1;
CREATE INDEX slot_free ON slot (venue, date) WHERE closed = 0 AND places > lent + granted;

CREATE TABLE lease (
    id       INTEGER PRIMARY KEY,
    actor    BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    site     TEXT NOT NULL,
    life     BLOB NOT NULL,
    slot     INTEGER NOT NULL,
    places   INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    second   INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    spent    INTEGER NOT NULL,
    UNIQUE (actor, seq)
) STRICT;
CREATE INDEX lease_slot ON lease (slot);
CREATE INDEX lease_holder ON lease (site, life, until);
CREATE INDEX lease_overspent ON lease (id) WHERE spent > places - returned;

-- By the holder, or given up as lost by the hub.
CREATE TABLE returned (
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    lease  INTEGER NOT NULL,
    places INTEGER NOT NULL,
    lost   INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX returned_lease ON returned (lease);

CREATE TABLE numbers (
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    site  TEXT NOT NULL,
    life  BLOB NOT NULL,
    next  INTEGER NOT NULL      -- as far as the hub has heard
) STRICT;
CREATE INDEX numbers_holder ON numbers (site, life);

-- A booking, or a wish.
CREATE TABLE booking (
    actor     BLOB NOT NULL,
    seq       INTEGER NOT NULL,
    tag       BLOB NOT NULL,
    programme TEXT NOT NULL,
    site      TEXT NOT NULL,
    instant   INTEGER NOT NULL,
    doubt     INTEGER NOT NULL,
    typed     INTEGER NOT NULL,
    wish      INTEGER NOT NULL,
    round     TEXT NOT NULL,
    slot      INTEGER,          -- none of a wish that was not granted
    serial    INTEGER,
    lease     INTEGER,          -- none of a wish, and of what no lease covers
    shown     INTEGER NOT NULL, -- 0 by age, 1 by the list, 2 unseen
    watermark INTEGER NOT NULL,
    document  BLOB NOT NULL,    -- sealed, as in the entry
    contact   BLOB NOT NULL,
    stands    INTEGER NOT NULL, -- 0 waits, 1 live, 2 over, 3 cancelled, 4 turned down
    fed       TEXT,             -- under which day the nation was told; outside the canonical dump
    pos       INTEGER NOT NULL, -- in the journal; outside the canonical dump
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX booking_person ON booking (tag, programme);
CREATE INDEX booking_slot ON booking (slot) WHERE slot IS NOT NULL;
CREATE INDEX booking_serial ON booking (serial, instant, typed, site, actor, seq) WHERE serial IS NOT NULL;
CREATE INDEX booking_waits ON booking (instant, site, actor, seq) WHERE stands = 0;
CREATE INDEX booking_outside ON booking (site) WHERE lease IS NULL AND wish = 0;

-- The slots of wishes that wait.
CREATE TABLE wish_slot (
    slot    INTEGER NOT NULL,
    instant INTEGER NOT NULL,
    site    TEXT NOT NULL,
    actor   BLOB NOT NULL,
    seq     INTEGER NOT NULL,
    rank    INTEGER NOT NULL,
    PRIMARY KEY (slot, instant, site, actor, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX wish_slot_of ON wish_slot (actor, seq, rank);

CREATE TABLE wish_answer (
    actor  BLOB NOT NULL,       -- of the wish
    seq    INTEGER NOT NULL,
    slot   INTEGER,
    serial INTEGER,
    why    TEXT NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE booking_cancelled (
    of_actor BLOB NOT NULL,
    of_seq   INTEGER NOT NULL,
    actor    BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    site     TEXT NOT NULL,     -- empty where the hub did it
    instant  INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    PRIMARY KEY (of_actor, of_seq, actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE booking_amended (
    of_actor BLOB NOT NULL,
    of_seq   INTEGER NOT NULL,
    instant  INTEGER NOT NULL,
    site     TEXT NOT NULL,
    actor    BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    contact  BLOB NOT NULL,
    PRIMARY KEY (of_actor, of_seq, instant, site, actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE attended (
    of_actor BLOB NOT NULL,
    of_seq   INTEGER NOT NULL,
    instant  INTEGER NOT NULL,
    site     TEXT NOT NULL,
    actor    BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    what     TEXT NOT NULL,
    detail   TEXT NOT NULL,
    PRIMARY KEY (of_actor, of_seq, instant, site, actor, seq)
) STRICT, WITHOUT ROWID;

-- What the desk of a booking's site was told last of how it stands.
CREATE TABLE told_booking (
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    stands INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;

-- What the desk of a venue's site was told last of a booking.
CREATE TABLE told_expected (
    actor BLOB NOT NULL,
    seq   INTEGER NOT NULL,
    site  TEXT NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (actor, seq, site)
) STRICT, WITHOUT ROWID;

-- Who may book, as it was imported: fingerprints of the list's day, and what rides with them.
CREATE TABLE book_list (
    id        INTEGER PRIMARY KEY,
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    round     TEXT NOT NULL,
    imported  INTEGER NOT NULL,
    people    INTEGER NOT NULL,
    UNIQUE (programme, day)
) STRICT;
CREATE TABLE listed (
    list  INTEGER NOT NULL,
    print INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (list, print)
) STRICT, WITHOUT ROWID;

-- Whoever may hold places that a restored hub has forgotten; and once it has greeted, the entries that are awaited.
CREATE TABLE lease_hold (
    site TEXT PRIMARY KEY,
    tips BLOB                   -- entry ids, 20 bytes each; none before it greets
) STRICT, WITHOUT ROWID;

-- Of one entry there may be several findings now.
CREATE TABLE finding_of (
    id      BLOB NOT NULL,      -- of the case
    actor   BLOB NOT NULL,      -- of the sale or booking that it is about
    seq     INTEGER NOT NULL,
    kind    INTEGER NOT NULL,   -- 1 over, 2 stale version, 3 doubtful time; of bookings 4 over, 5 not eligible, 6 number
    code    TEXT NOT NULL,
    next    TEXT,
    because BLOB NOT NULL,      -- entry ids, 20 bytes each
    PRIMARY KEY (id, actor, seq, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO finding_of SELECT * FROM finding;
DROP TABLE finding;
ALTER TABLE finding_of RENAME TO finding;
