//! `verify-slip`: by the hub's key that the store keeps, without a line and without a running `serve`.

use rusqlite::Connection;
use shared::entry::booking::{BookingNumber, Brands, Slot};
use shared::sign::Signer;
use shared::sign::slip::{Block, Claim};

use super::program::{code, edge, site};

fn slip(hub: &Signer) -> String {
    let site = Signer::derive(&[1; 32], b"heads").unwrap();
    let brands: Brands = "MO,AZ".parse().unwrap();
    let claim = Claim {
        site: "5931102274".parse().unwrap(),
        number: BookingNumber { brands: brands.clone(), round: 1, serial: 14_637 },
        slot: Slot {
            venue: "0291010019".parse().unwrap(),
            date: "2021-07-02".parse().unwrap(),
            start: "10:00".parse().unwrap(),
            brands,
        },
        second: 1_624_597_583,
        printed: "C2A-XXXXXX".to_owned(),
    };
    let block = Block { first: 14_600, count: 100 };
    site.slip(&claim, block, &hub.vouch(&claim.site, site.public(), block))
}

#[test]
fn a_slip_is_checked_by_the_key_that_is_kept() {
    let (data, hub) = (site(), Signer::derive(&[4; 32], b"hub").unwrap());
    let text = slip(&hub);
    let unmet = edge(data.path(), &["verify-slip", &text]);
    assert_eq!(code(&unmet), 2);
    let words = String::from_utf8(unmet.stderr).unwrap();
    assert!(words.contains("請先連線") && words.contains("never met its hub"), "{words}");
    let store = Connection::open(data.path().join("ledger.db")).unwrap();
    store.execute("UPDATE self SET hub_signer = ?1", [hub.public().0]).unwrap();
    drop(store);
    let good = edge(data.path(), &["verify-slip", &text]);
    let words = String::from_utf8(good.stdout.clone()).unwrap();
    assert_eq!(code(&good), 0, "{words}");
    assert!(words.contains("預約單有效：MO,AZ01-0000014637 C2A-XXXXXX 2021/07/02 10:00~11:00"), "{words}");
    assert!(words.contains("the slip holds: MO,AZ01-0000014637"), "{words}");
    let stranger = slip(&Signer::derive(&[5; 32], b"hub").unwrap());
    for bad in [stranger.as_str(), &text[..text.len() - 4], "ATOLL1."] {
        let refused = edge(data.path(), &["verify-slip", bad]);
        assert_eq!(code(&refused), 1, "{bad}");
        assert_eq!(String::from_utf8(refused.stdout).unwrap().lines().count(), 2, "one line in each language");
    }
}
