//! What is on the disk, and what is not.

use edge::store::Store;

use super::town::{Site, sale};

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
