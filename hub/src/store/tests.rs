//! The store alone: its schema, its mode, its transactions.

use super::*;

impl Store {
    /// What somebody with the file itself may do.
    pub(crate) fn tamper(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.execute_batch(sql).map_err(deed("tamper"))
    }
}

/// The schema as SQLite tells it, table by table.
fn schema(store: &Store) -> String {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'refinery%' ORDER BY type DESC, name";
    let all = store.all(sql, [], "read the schema", |row| row.get::<_, String>(0)).unwrap();
    all.join(";\n\n") + ";\n"
}

#[test]
fn the_sum_of_the_migrations_is_the_schema() {
    let now = schema(&Store::in_memory().unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/schema.sql");
    if std::env::var_os("ATOLL_BLESS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    assert_eq!(now, include_str!("schema.sql"), "ATOLL_BLESS=1 writes src/store/schema.sql again");
}

#[test]
fn commits_survive_a_power_cut_or_the_store_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("hub.db")).unwrap();
    let pragma = |name: &str| store.conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("synchronous"), 2, "FULL");
    assert!(matches!(Store::prepare(Connection::open_in_memory().unwrap(), "wal"), Err(StoreError::Mode(_))));
}

#[test]
fn a_transaction_sees_who_wrote_meanwhile_and_leaves_nothing_when_undone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let (mut one, mut two) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
    one.begin().unwrap();
    one.commit().unwrap();
    assert!(!one.begin().unwrap(), "nobody else wrote");
    one.set_meta("x", b"1").unwrap();
    one.roll_back();
    assert_eq!(one.meta("x").unwrap(), None);
    two.begin().unwrap();
    two.set_meta("x", b"2").unwrap();
    two.commit().unwrap();
    assert!(one.begin().unwrap());
    assert_eq!(one.meta("x").unwrap().as_deref(), Some(&b"2"[..]));
    one.commit().unwrap();
    assert!(!one.begin().unwrap());
    one.roll_back();
}

#[test]
fn sales_of_a_store_before_are_marked_that_came_before_they_were_made() {
    let mut conn = Connection::open_in_memory().unwrap();
    let before = embedded::migrations::runner().set_target(refinery::Target::Version(2));
    before.run(&mut conn).unwrap();
    conn.execute_batch("INSERT INTO journal VALUES (1, x'00', 1, 4, NULL, NULL, 1000, x'00')").unwrap();
    // Made at, in doubt by, recorded afterwards.
    for (seq, instant, doubt, recorded) in [(1, 1_005, 0, 0), (2, 1_006, 0, 0), (3, 1_100, 95, 0), (4, 9_000, 0, 1)] {
        let sql = "INSERT INTO sale VALUES (zeroblob(16), 'mask', zeroblob(16), ?1, '5931102274', ?2, ?3, 0, ?4, \
            'mask-2020-02-06', 2, 0, 0, x'00', 1, 0, 1, NULL)";
        conn.execute(sql, (seq, instant, doubt, recorded)).unwrap();
    }
    let store = Store::prepare(conn, "memory").unwrap();
    let ahead: Vec<u32> = store.sales_ahead(10).unwrap().iter().map(|sale| sale.id.seq).collect();
    assert_eq!(ahead, [2], "five seconds are the clocks' own, and who doubts has said so");
}

#[test]
fn whose_a_number_and_a_venues_day_were_before_is_known_afterwards_as_far_as_it_can_be() {
    let mut conn = Connection::open_in_memory().unwrap();
    embedded::migrations::runner().set_target(refinery::Target::Version(9)).run(&mut conn).unwrap();
    // Blocks of A and B, and one of A from behind a restore.
    let blocks = "INSERT INTO numbers VALUES (1, 100, '5931102274', zeroblob(16), 1), \
        (101, 100, '5931102283', zeroblob(16), 101), (10000101, 100, '5931102274', zeroblob(16), 10000101)";
    let slot = "INSERT INTO slot (id, venue, date, start, brands, offered, places, closed, lent, spent, granted, due) \
        VALUES (1, 'V', '2021-07-12', 600, 'AZ', 1, 1, 0, 0, 0, 0, 0)";
    let venue = "INSERT INTO venue VALUES ('V', '金門縣', '5931102283', x'00')";
    conn.execute_batch(&format!("{blocks}; {slot}; {venue}")).unwrap();
    // Used by A: its own, B's, one from between backup and restore, and nobody's.
    for (seq, serial) in [(1, 5), (2, 105), (3, 9_000), (4, 10_000_300)] {
        let sql = "INSERT INTO booking VALUES (zeroblob(16), ?1, zeroblob(16), 'vaccine', '5931102274', 1, 0, 0, 0, \
            'r', 1, ?2, NULL, 0, 0, x'00', x'00', 1, NULL, 9)";
        conn.execute(sql, (seq, serial)).unwrap();
    }
    conn.execute_batch("INSERT INTO told_expected VALUES (zeroblob(16), 1, '5931102274', x'00')").unwrap();
    let store = Store::prepare(conn, "memory").unwrap();
    let id = |seq| shared::ids::EntryId { actor: shared::ids::ActorId([0; 16]), seq };
    let taken: Vec<u32> = (1..=4).filter(|seq| store.is_number_anothers(&id(*seq)).unwrap()).collect();
    assert_eq!(taken, [2, 4], "what may have been lent before a restore is nobody's fault");
    let keepers: Vec<String> = store
        .conn
        .prepare("SELECT site FROM venue_keeper ORDER BY site")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(keepers, ["5931102274", "5931102283"], "who was told who comes kept that day once");
}
