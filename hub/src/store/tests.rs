//! The store alone: its schema, its mode, its transactions.

use super::*;

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
