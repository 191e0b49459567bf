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
