//! Rights and notices: round, limited, and who signed in is an appended place.

use super::*;
use crate::entry::access::{
    Access, Certificate, Giver, Grant, Holder, Issuer, Revocation, RevokedCards, Right, ServiceStanding, ServiceWord,
};
use crate::entry::notice::{Notice, NoticeKind};
use crate::ids::StaffId;
use crate::rules::access::card::CardKind;

const ID: EntryId = EntryId { actor: ActorId([1; 16]), seq: 3 };

fn grant() -> Grant {
    Grant {
        to: Holder {
            name: "林小華".to_owned(),
            card: CardKind::Nhi,
            key: vec![7; 44],
            locked_key: Some(vec![8; 300]),
            document: Some(Sealed(vec![5; 25])),
            certificate: Some(Certificate { issuer: [3; 32], serial: vec![4; 16] }),
        },
        rights: vec![Right::Manager, Right::service("masks").unwrap()],
        until: NaiveDate::from_ymd_opt(2020, 12, 31).unwrap(),
        after: vec![ID],
        giver: Some(Giver { id: StaffId([6; 16]), under: ID, signature: vec![9; 256] }),
    }
}

fn notice() -> Notice {
    Notice {
        name: "maintenance".parse().unwrap(),
        kind: NoticeKind::Announcement,
        title: "※每日上午5:00至8:00因進行例行維護".to_owned(),
        body: "第一行\n第二行".to_owned(),
        from: NaiveDate::from_ymd_opt(2018, 1, 30).unwrap(),
        until: None,
        holds: true,
    }
}

fn trip(fact: Fact) -> bool {
    let entry = Entry { fact, ..sale() };
    decode(&encode(&entry)).is_ok_and(|read| read == entry)
}

#[test]
fn rights_and_notices_come_back_as_they_were_written() {
    let revocation = Revocation {
        of: StaffId([6; 16]),
        rights: vec![Right::Representative],
        taker: None,
        reason: "離職".to_owned(),
    };
    let issuer = Issuer { cards: vec![CardKind::Citizen], certificate: vec![1; 900], holds: true };
    let list = RevokedCards { issuer: [3; 32], as_of: 1_580_954_400, cards: vec![(vec![4; 16], 1_580_000_000)] };
    assert!(trip(Fact::Access(Access::Grant(grant()))));
    let by_hub = Grant { giver: None, ..grant() };
    assert!(trip(Fact::Access(Access::Grant(by_hub))));
    assert!(trip(Fact::Access(Access::Revocation(revocation))));
    assert!(trip(Fact::Access(Access::Issuer(issuer))));
    assert!(trip(Fact::Access(Access::Revoked(list))));
    for standing in [ServiceStanding::Applied, ServiceStanding::Approved, ServiceStanding::Refused] {
        let word = ServiceWord { service: "masks".parse().unwrap(), standing, reason: "名單".to_owned() };
        assert!(trip(Fact::Access(Access::Service(word))));
    }
    assert!(NoticeKind::ALL.into_iter().all(|kind| trip(Fact::Notice(Notice { kind, ..notice() }))));
}

#[test]
fn rights_without_measure_are_an_error() {
    let longer: [fn(&mut Grant); 8] = [
        |grant| grant.rights = vec![Right::Manager, Right::Manager],
        |grant| grant.after = vec![ID, ID],
        |grant| grant.rights = vec![Right::Manager; RIGHTS_MAX + 1],
        |grant| grant.after = vec![ID; AFTER_MAX + 1],
        |grant| grant.to.key = vec![1; KEY_BYTES_MAX + 1],
        |grant| grant.to.name = "x".repeat(NAME_BYTES_MAX + 1),
        |grant| grant.to.certificate = Some(Certificate { issuer: [3; 32], serial: vec![4; 21] }),
        |grant| {
            grant.giver = Some(Giver { id: StaffId([6; 16]), under: ID, signature: vec![9; SIGNATURE_BYTES_MAX + 1] });
        },
    ];
    for longer in longer {
        let mut grant = grant();
        longer(&mut grant);
        assert!(!trip(Fact::Access(Access::Grant(grant))));
    }
    assert!(!trip(Fact::Notice(Notice { body: "x".repeat(NOTICE_BYTES_MAX + 1), ..notice() })));
}

#[test]
fn who_signed_in_is_an_appended_place() {
    let by = Staff { verified: true, id: Some(StaffId([6; 16])), ..sale().by };
    let entry = Entry { by, ..sale() };
    assert_eq!(decode(&encode(&entry)).unwrap(), entry);
    assert_eq!(encode(&entry).len(), encode(&sale()).len() + 17);
}

#[test]
fn neither_whose_card_it_is_nor_the_locked_key_reaches_a_log() {
    let said = format!("{:?}", grant());
    assert!(!said.contains("8, 8") && !said.contains("Sealed"), "{said}");
}
