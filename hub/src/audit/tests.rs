//! The audit in the hub's store: what is written with a deed, and what breaks the chain.

use shared::seal::Secret;

use super::*;
use crate::store::Store;

fn hub() -> Hub {
    let mut n = 0u8;
    let dice = move || {
        n += 1;
        [n; 16]
    };
    Hub::open(Store::in_memory().unwrap(), &Secret::new([3; 32]), Box::new(dice)).unwrap()
}

fn deed(who: &str) -> Deed<'_> {
    Deed { who, deed: deeds::CASE, about: "00ff", note: "" }
}

fn with_records() -> Hub {
    let mut hub = hub();
    for who in ["alice", "bob", "carol", "dave"] {
        hub.write_down(1_000, deed(who)).unwrap();
    }
    hub
}

#[test]
fn records_are_numbered_linked_and_read_again() {
    let hub = with_records();
    let (first, records) = hub.audit(0, 10).unwrap();
    assert_eq!((first, records.len()), (Link::FIRST, 4));
    assert_eq!(records[1].record.who, "bob");
    let (before, rest) = hub.audit(2, 1).unwrap();
    assert_eq!((before, rest.len(), rest[0].record.number), (records[1].link, 1, 3));
    assert_eq!(hub.audit_last().unwrap(), (4, records[3].link));
    let whole = hub.verify_audit().unwrap();
    assert_eq!((whole.records, whole.broken), (4, None));
    assert_eq!(hub.verify().unwrap().audit, None);
}

#[test]
fn a_record_stands_in_the_transaction_of_its_deed_or_not_at_all() {
    let mut hub = hub();
    hub.recorded(1, deed("alice"), |hub| hub.transact(|hub| Ok(hub.store.set_meta("x", b"1")?))).unwrap();
    assert_eq!(hub.audit_last().unwrap().0, 1);
    let failed: Result<(), HubError> =
        hub.recorded(1, deed("bob"), |hub| hub.transact(|_| Err(HubError::Damaged("x".to_owned()))));
    assert!(failed.is_err());
    hub.recorded(1, deed("carol"), |_| ());
    hub.transact(|_| Ok(())).unwrap();
    assert_eq!(hub.audit_last().unwrap().0, 1, "neither a deed undone nor one that changed nothing");
}

#[test]
fn the_table_refuses_to_be_changed() {
    let hub = with_records();
    for sql in [
        "UPDATE audit SET bytes = x'00' WHERE number = 2",
        "DELETE FROM audit WHERE number = 4",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit VALUES (2, x'00', x'00')",
        "INSERT INTO audit VALUES (9, x'00', x'00')",
    ] {
        assert!(hub.store.tamper(sql).is_err(), "{sql}");
    }
    assert_eq!(hub.verify_audit().unwrap().broken, None);
}

/// Somebody with the file itself: the triggers are gone, the chain is not.
#[test]
fn who_rewrites_the_file_is_found_and_the_first_broken_record_named() {
    let table = [
        ("UPDATE audit SET bytes = replace(CAST(bytes AS TEXT), 'bob', 'eve') WHERE number = 2", 2),
        ("UPDATE audit SET bytes = CAST(replace(CAST(bytes AS TEXT), 'bob', 'eve') AS BLOB) WHERE number = 2", 2),
        ("UPDATE audit SET link = zeroblob(32) WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 4", 4),
        ("DELETE FROM audit", 1),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("UPDATE audit SET number = 9 WHERE number = 4", 4),
        ("DELETE FROM audit_end", 4),
        ("UPDATE audit_end SET number = 3", 4),
        ("UPDATE audit_end SET signature = zeroblob(64)", 4),
    ];
    for (sql, number) in table {
        let hub = with_records();
        let gone = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;";
        hub.store.tamper(gone).unwrap();
        let done = hub.store.tamper(sql);
        if sql.contains("replace(CAST(bytes AS TEXT), 'bob', 'eve') WHERE") {
            assert!(done.is_err(), "a text is no blob");
            continue;
        }
        done.unwrap();
        assert_eq!(hub.verify_audit().unwrap().broken, Some(Broken { number }), "{sql}");
        assert_eq!(hub.verify().unwrap().audit, Some(Broken { number }), "{sql}");
    }
}
