CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit grows at its end'); END;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is not deleted'); END;

CREATE TABLE actor (
    actor BLOB PRIMARY KEY,
    doc   TEXT NOT NULL,
    site  TEXT,                 -- none where the hub itself writes
    seq   INTEGER NOT NULL,
    op    INTEGER NOT NULL,
    hash  BLOB NOT NULL,
    pos   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE asked_booking (
    site   TEXT NOT NULL,
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (site, actor, seq)
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

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    bytes  BLOB NOT NULL,
    link   BLOB NOT NULL
) STRICT;

CREATE TABLE audit_end (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    number    INTEGER NOT NULL,
    link      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE book_list (
    id        INTEGER PRIMARY KEY,
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    round     TEXT NOT NULL,
    imported  INTEGER NOT NULL,
    people    INTEGER NOT NULL,
    UNIQUE (programme, day)
) STRICT;

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
    pos       INTEGER NOT NULL, its INTEGER NOT NULL DEFAULT 1, -- in the journal; outside the canonical dump
    PRIMARY KEY (actor, seq)
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

CREATE TABLE boot (
    line INTEGER NOT NULL,
    nth  INTEGER NOT NULL,
    boot BLOB NOT NULL,
    PRIMARY KEY (line, nth)
) STRICT, WITHOUT ROWID;

CREATE TABLE card_list (
    issuer   BLOB PRIMARY KEY,  -- SHA-256 of its key
    as_of    INTEGER NOT NULL,
    next     INTEGER,
    imported INTEGER NOT NULL,
    cards    BLOB NOT NULL
) STRICT;

CREATE TABLE case_file (
    id        BLOB PRIMARY KEY,
    programme TEXT NOT NULL,
    tag       BLOB NOT NULL,
    opened    INTEGER NOT NULL, -- outside the canonical dump
    open      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    fingerprint BLOB PRIMARY KEY,
    site        TEXT NOT NULL,
    serial      BLOB NOT NULL,
    issued      INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    revoked     INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE cleared (
    id   BLOB NOT NULL,
    day  TEXT NOT NULL,
    upto INTEGER NOT NULL,      -- the last second that does not count
    PRIMARY KEY (id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE closed_day (
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    PRIMARY KEY (programme, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
    id      BLOB NOT NULL,
    pos     INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    words   TEXT NOT NULL,
    author  TEXT NOT NULL,
    second  INTEGER NOT NULL,
    PRIMARY KEY (id, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE deed (
    site  TEXT NOT NULL,
    staff BLOB NOT NULL,
    needs TEXT NOT NULL,
    actor BLOB NOT NULL,
    part  INTEGER NOT NULL,     -- the sequence divided by 512
    deeds BLOB NOT NULL,
    PRIMARY KEY (site, staff, needs, actor, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE digest_more (
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    print     INTEGER NOT NULL,
    sales     INTEGER NOT NULL,
    PRIMARY KEY (programme, day, print)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE down (
    reader TEXT NOT NULL,
    pos    INTEGER NOT NULL,
    PRIMARY KEY (reader, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (
    upto  INTEGER PRIMARY KEY,
    after INTEGER NOT NULL,
    body  BLOB NOT NULL
) STRICT;

CREATE TABLE "finding" (
    id      BLOB NOT NULL,      -- of the case
    actor   BLOB NOT NULL,      -- of the sale or booking that it is about
    seq     INTEGER NOT NULL,
    kind    INTEGER NOT NULL,   -- 1 over, 2 stale version, 3 doubtful time; of bookings 4 over, 5 not eligible, 6 number
    code    TEXT NOT NULL,
    next    TEXT,
    because BLOB NOT NULL,      -- entry ids, 20 bytes each
    PRIMARY KEY (id, actor, seq, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE identity_request (
    number INTEGER PRIMARY KEY,
    of     BLOB NOT NULL,        -- a case
    asker  TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked  INTEGER NOT NULL,
    state  INTEGER NOT NULL,     -- 0 waits, 1 approved, 2 refused
    judge  TEXT,
    judged INTEGER
) STRICT;

CREATE TABLE issuer (
    id    BLOB PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    pos      INTEGER PRIMARY KEY,
    actor    BLOB NOT NULL,
    first    INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    prev     INTEGER,           -- the same actor's row before this one
    line     INTEGER,           -- none where the hub itself wrote
    received INTEGER NOT NULL,
    run      BLOB NOT NULL
) STRICT;

CREATE TABLE layer (
    id        BLOB PRIMARY KEY,
    programme TEXT NOT NULL,
    day       TEXT NOT NULL,
    upto      INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    replaced  INTEGER          -- since when; none while the newest manifest names it
) STRICT, WITHOUT ROWID;

CREATE TABLE layer_part (
    id    BLOB NOT NULL,
    nth   INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (id, nth)
) STRICT;

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
    spent    INTEGER NOT NULL, pos INTEGER NOT NULL DEFAULT 0,
    UNIQUE (actor, seq)
) STRICT;

CREATE TABLE lease_hold (
    site TEXT PRIMARY KEY,
    tips BLOB                   -- entry ids, 20 bytes each; none before it greets
) STRICT, WITHOUT ROWID;

CREATE TABLE line (
    id          INTEGER PRIMARY KEY,
    site        TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    second      INTEGER NOT NULL,
    actor       BLOB,
    seq         INTEGER,
    hash        BLOB, signer BLOB, parent BLOB, began INTEGER, doubled INTEGER NOT NULL DEFAULT 0, signs_from INTEGER NOT NULL DEFAULT 0,
    UNIQUE (site, incarnation)
) STRICT;

CREATE TABLE listed (
    list  INTEGER NOT NULL,
    print INTEGER NOT NULL,
    adult INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (list, print)
) STRICT, WITHOUT ROWID;

CREATE TABLE manifest (
    made      INTEGER PRIMARY KEY,
    upto      INTEGER NOT NULL,
    body      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE notice (
    name  TEXT PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE numbers (
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    site  TEXT NOT NULL,
    life  BLOB NOT NULL,
    next  INTEGER NOT NULL      -- as far as the hub has heard
, pos INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE numbers_lost (
    first INTEGER PRIMARY KEY,
    next  INTEGER NOT NULL
) STRICT;

CREATE TABLE operator (
    name       TEXT PRIMARY KEY,
    role       INTEGER NOT NULL, -- 1 reader, 2 operator, 3 supervisor
    hash       TEXT NOT NULL,    -- of the password
    totp       BLOB NOT NULL,    -- sealed
    disabled   INTEGER NOT NULL,
    generation INTEGER NOT NULL, -- one more with each change: what was let in before it is let in no more
    step       INTEGER NOT NULL, -- of the last code that was used
    failures   INTEGER NOT NULL,
    locked     INTEGER NOT NULL  -- until when
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_token (
    hash       BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    role       INTEGER NOT NULL,
    generation INTEGER NOT NULL, -- of the account
    expires    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE programme (
    pos       INTEGER PRIMARY KEY,
    programme TEXT NOT NULL,
    name      TEXT NOT NULL,
    text      TEXT NOT NULL,
    author    TEXT NOT NULL,
    second    INTEGER NOT NULL
) STRICT;

CREATE TABLE quarantine (
    hash        BLOB PRIMARY KEY,
    site        TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    doc         TEXT NOT NULL,
    why         TEXT NOT NULL,
    second      INTEGER NOT NULL,
    waits       INTEGER NOT NULL,
    run         BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE returned (
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    lease  INTEGER NOT NULL,
    places INTEGER NOT NULL,
    lost   INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE round (
    name      TEXT PRIMARY KEY,
    programme TEXT NOT NULL,
    text      TEXT NOT NULL,
    author    TEXT NOT NULL,
    second    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sale (
    tag       BLOB NOT NULL,
    programme TEXT NOT NULL,
    actor     BLOB NOT NULL,
    seq       INTEGER NOT NULL,
    site      TEXT NOT NULL,
    instant   INTEGER NOT NULL,
    doubt     INTEGER NOT NULL,
    typed     INTEGER NOT NULL,
    recorded  INTEGER NOT NULL,
    version   TEXT NOT NULL,
    adult     INTEGER NOT NULL,
    child     INTEGER NOT NULL,
    watermark INTEGER NOT NULL,
    document  BLOB NOT NULL,    -- sealed, as in the entry
    effect    INTEGER NOT NULL, -- 0 withdrawn, 1 counts, 2 over
    stale     INTEGER NOT NULL, -- counts, but under a version that was no longer in force
    pos       INTEGER NOT NULL, -- in the journal; outside the canonical dump
    fed       INTEGER, ahead INTEGER NOT NULL DEFAULT 0,          -- in the feed; outside the canonical dump
    PRIMARY KEY (tag, programme, actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE signed (
    pos       INTEGER PRIMARY KEY,
    roll      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE site (
    code    TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    address TEXT NOT NULL,
    tel     TEXT NOT NULL,
    lat     REAL,
    lng     REAL,
    town    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE site_case (
    id          BLOB PRIMARY KEY,
    site        TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    opened      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE site_key (
    site    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    since   INTEGER NOT NULL,
    PRIMARY KEY (site, number, wrapped)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE staff_case (
    id     BLOB PRIMARY KEY,
    opened INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE stock (
    site      TEXT NOT NULL,
    programme TEXT NOT NULL,
    adult     INTEGER NOT NULL,
    child     INTEGER NOT NULL,
    PRIMARY KEY (site, programme)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    hash    BLOB PRIMARY KEY,
    site    TEXT NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE told (
    actor BLOB NOT NULL,
    seq   INTEGER NOT NULL,
    over  INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE told_booking (
    actor  BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    stands INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE told_cards (
    site   TEXT NOT NULL,
    issuer BLOB NOT NULL,
    entry  BLOB NOT NULL,
    PRIMARY KEY (site, issuer)
) STRICT, WITHOUT ROWID;

CREATE TABLE told_expected (
    actor BLOB NOT NULL,
    seq   INTEGER NOT NULL,
    site  TEXT NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (actor, seq, site)
) STRICT, WITHOUT ROWID;

CREATE TABLE venue (
    id     TEXT PRIMARY KEY,
    county TEXT NOT NULL,
    site   TEXT,
    entry  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE venue_keeper (
    venue TEXT NOT NULL,
    site  TEXT NOT NULL,
    PRIMARY KEY (venue, site)
) STRICT, WITHOUT ROWID;

CREATE TABLE void_grant (
    site  TEXT NOT NULL,
    actor BLOB NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (site, actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE wish_answer (
    actor  BLOB NOT NULL,       -- of the wish
    seq    INTEGER NOT NULL,
    slot   INTEGER,
    serial INTEGER,
    why    TEXT NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE wish_slot (
    slot    INTEGER NOT NULL,
    instant INTEGER NOT NULL,
    site    TEXT NOT NULL,
    actor   BLOB NOT NULL,
    seq     INTEGER NOT NULL,
    rank    INTEGER NOT NULL,
    PRIMARY KEY (slot, instant, site, actor, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE withdrawal (
    of_actor BLOB NOT NULL,
    of_seq   INTEGER NOT NULL,
    site     TEXT NOT NULL,
    actor    BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    waits    INTEGER NOT NULL,  -- what it takes back has not come yet
    PRIMARY KEY (of_actor, of_seq, site, actor, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX actor_doc ON actor (doc);

CREATE INDEX booking_outside ON booking (site) WHERE lease IS NULL AND wish = 0;

CREATE INDEX booking_person ON booking (tag, programme);

CREATE INDEX booking_serial ON booking (serial, its DESC, instant, typed, site, actor, seq) WHERE serial IS NOT NULL;

CREATE INDEX booking_slot ON booking (slot) WHERE slot IS NOT NULL;

CREATE INDEX booking_waits ON booking (instant, site, actor, seq) WHERE stands = 0;

CREATE INDEX certificate_site ON certificate (site);

CREATE INDEX dispute_person ON dispute (tag, programme);

CREATE INDEX identity_request_of ON identity_request (of, asker);

CREATE INDEX journal_line ON journal (line) WHERE line IS NOT NULL;

CREATE INDEX layer_day ON layer (programme, day, upto) WHERE replaced IS NULL;

CREATE INDEX lease_holder ON lease (site, life, until);

CREATE INDEX lease_overspent ON lease (id) WHERE spent > places - returned;

CREATE INDEX lease_slot ON lease (slot);

CREATE INDEX numbers_holder ON numbers (site, life);

CREATE INDEX operator_token_name ON operator_token (name);

CREATE INDEX quarantine_site ON quarantine (site);

CREATE INDEX quarantine_waits ON quarantine (doc) WHERE waits = 1;

CREATE INDEX returned_lease ON returned (lease);

CREATE INDEX sale_ahead ON sale (pos) WHERE ahead = 1;

CREATE INDEX slot_due ON slot (date) WHERE due = 1;

CREATE INDEX slot_free ON slot (venue, date) WHERE closed = 0 AND places > lent + granted;

CREATE INDEX staff_fact_card ON staff_fact (issuer, site) WHERE issuer IS NOT NULL;

CREATE INDEX venue_county ON venue (county);

CREATE INDEX venue_site ON venue (site) WHERE site IS NOT NULL;

CREATE INDEX wish_slot_of ON wish_slot (actor, seq, rank);

CREATE INDEX withdrawal_waits ON withdrawal (site) WHERE waits = 1;
