//! What is on the disk, and what is not.

use edge::store::Store;

use super::town::{Site, open, sale};

const EVEN: &str = "05/PA1234567X8/1986-03-15";
const MASK: &str = "mask-2020-02-06";

fn site(store: Store) -> Site {
    let mut site = Site::on(store, "2020-02-06 09:00");
    site.node().take_down(1, &super::town::Hub::default().published(1, MASK)).unwrap();
    site.arrive(200, 50).unwrap().unwrap();
    site
}

#[test]
fn a_restart_on_the_same_file_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut first = site(Store::open(&path).unwrap());
    first.sell(EVEN, 2, 0).unwrap();
    drop(first.into_store());
    let mut again = Site::on(Store::open(&path).unwrap(), "2020-02-06 10:00");
    assert_eq!((again.stock(), again.node().log_len()), ((198, 50), 2));
    assert_eq!(again.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
}

#[test]
fn m22_no_number_stands_in_clear_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = site(Store::open(&folder.path().join("store")).unwrap());
    let mut ask = sale(EVEN, 2, 0);
    ask.proxy = Some(super::town::document("01/A123456789/1986-03-15"));
    site.ask(&ask).unwrap();
    let packed =
        shared::rules::identity::Document::parse("01", "A123456789", "1986-03-15", "2020-02-06".parse().unwrap());
    let packed = shared::wire::v1::document::encode(&packed.unwrap());
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        seen += bytes.len();
        for secret in [b"PA1234567X8".as_slice(), b"A123456789", b"1986-03-15", &packed[1..], &[1; 32]] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{secret:?}");
        }
    }
    assert!(seen > 4_096, "database and write-ahead log were looked at");
    let export = site.node().export(0, 10).unwrap();
    assert_eq!((export.lines.len(), export.upto), (2, Some(2)));
    assert!(export.lines[1].contains("PA1*****7X8") && !export.lines[1].contains("A123456789"), "{}", export.lines[1]);
    assert_eq!(site.node().export(2, 10).unwrap().upto, None);
}

#[test]
fn a_store_that_the_disk_has_altered_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rotten) = (folder.path().join("store"), folder.path().join("rotten"));
    let mut site = site(Store::open(&path).unwrap());
    let withdrawn = site.sell(EVEN, 2, 0).unwrap();
    site.withdraw(withdrawn.id).unwrap();
    site.sell(EVEN, 2, 0).unwrap();
    drop(site.into_store());
    for altered in [
        "UPDATE log SET entry = zeroblob(length(entry)) WHERE pos = 2",
        "UPDATE log SET hash = zeroblob(32) WHERE pos = 3",
        "UPDATE log SET adult = adult + 1 WHERE pos = 2",
        "UPDATE log SET pos = 9 WHERE pos = 4",
        "DELETE FROM log WHERE pos = 4",
        "UPDATE quota SET adult = 1",
        "UPDATE quota SET day = day - 30",
        "DELETE FROM quota",
        "DELETE FROM withdrawn",
        "INSERT INTO withdrawn VALUES (4, 3)",
        "UPDATE chain SET op = op + 1",
        "UPDATE chain SET day = day - 1",
        "UPDATE chain SET actor = zeroblob(16)",
        "UPDATE down SET entry = zeroblob(length(entry))",
        "UPDATE refinery_schema_history SET checksum = 'x'",
        "UPDATE refinery_schema_history SET applied_on = 'yesterday'",
    ] {
        std::fs::copy(&path, &rotten).unwrap();
        rusqlite::Connection::open(&rotten).unwrap().execute_batch(altered).unwrap();
        let opened = Store::open(&rotten).map_err(drop).and_then(|store| open(store, "2020-02-06 10:00").map_err(drop));
        assert!(opened.is_err(), "{altered}");
    }
    Site::on(Store::open(&path).unwrap(), "2020-02-06 10:00");
}
