//! The store: modes, schema, one transaction a deed.

use super::*;

fn schema(conn: &Connection) -> String {
    let sql = "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'refinery%' ORDER BY name";
    let tables = all(conn, sql, [], |row| row.get::<_, String>(0)).unwrap();
    tables.join("\n\n") + "\n"
}

#[test]
fn the_sum_of_the_migrations_is_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let made = schema(&Store::open(&folder.path().join("store")).unwrap().conn);
    assert_eq!(made, schema(&Store::in_memory().unwrap().conn), "on disk and in memory");
    let dumped = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/schema.sql");
    if std::env::var_os("ATOLL_BLESS").is_some() {
        std::fs::write(dumped, &made).unwrap();
    }
    assert_eq!(made, std::fs::read_to_string(dumped).unwrap(), "ATOLL_BLESS=1 writes {dumped} again");
}

#[test]
fn the_mode_that_came_back_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let mode: String = store.conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let level: i64 = store.conn.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), level), ("wal", 2));
    let error = expect(Path::new("x"), "journal_mode", "delete".to_owned(), "wal").unwrap_err();
    assert_eq!(error.to_string(), r#"the store x has journal_mode "delete", needed is "wal": move it to a local disk"#);
}

#[test]
fn a_store_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let _first = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Open { .. } | StoreError::Migrate(_))));
}

#[test]
fn a_store_belongs_to_one_site() {
    let mut store = Store::in_memory().unwrap();
    let life = shared::ids::Incarnation([1; 16]);
    store.begin("5931102274".parse().unwrap(), life).unwrap();
    let other = store.begin("3501200000".parse().unwrap(), life);
    assert!(matches!(other, Err(StoreError::OtherSite { .. })));
}

#[test]
fn days_are_numbers_and_back() {
    let store = Store::in_memory().unwrap();
    for day in ["1969-12-31", "1970-01-01", "2020-02-06"] {
        let day: NaiveDate = day.parse().unwrap();
        let back = one(&store.conn, "SELECT ?1", [day_number(day)], |row| day_of(row, 0)).unwrap();
        assert_eq!(back, Some(day));
    }
}
