//! S16-S20 as tables, and what meets in any order.

use chrono::{Days, NaiveDate};

use super::misuse::{Deed, Misuse, misused};
use super::*;
use crate::entry::access::{Access, Giver, Grant, Holder, Revocation, ServiceStanding, ServiceWord};
use crate::entry::{Entry, Fact, Instant, Staff, Withdrawal};
use crate::ids::{ActorId, EntryId, SiteCode, StaffId};
use crate::sign::grant::grant_words;
use crate::sign::staff::StaffKey;
use CardKind::{Citizen, Institution, Nhi, Professional};

const DAY: i64 = 86_400;
/// 2020-02-06, 09:00 in Taipei.
const NINE: i64 = 1_580_950_800;

fn site() -> SiteCode {
    "5931102274".parse().unwrap()
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 2, 6).unwrap()
}

fn masks() -> Right {
    Right::service(MASKS).unwrap()
}

fn id(n: u32) -> EntryId {
    EntryId { actor: ActorId([9; 16]), seq: n }
}

fn at(second: i64) -> Instant {
    Instant { second, doubt_s: 1 }
}

fn key(of: u8) -> StaffKey {
    StaffKey::from_seed(&[of; 32]).unwrap()
}

fn who(of: u8) -> StaffId {
    StaffId::of_key(&key(of).spki())
}

fn holder(of: u8, card: CardKind) -> Holder {
    let key = key(of).spki();
    Holder { name: format!("person {of}"), card, key, locked_key: None, document: None, certificate: None }
}

fn grant(to: u8, card: CardKind, right: Right) -> Grant {
    let until = today().checked_add_days(Days::new(30)).unwrap();
    Grant { to: holder(to, card), rights: vec![right], until, after: vec![], giver: None }
}

fn by_hub(n: u32, grant: Grant) -> Given {
    Given { id: id(n), at: at(NINE - DAY), place: Place::Desk, grant }
}

/// Signed by somebody's card, under this grant of theirs.
fn signed(n: u32, second: i64, mut grant: Grant, giver: (u8, u32)) -> Given {
    grant.giver = Some(Giver { id: who(giver.0), under: id(giver.1), signature: vec![] });
    let signature = key(giver.0).sign(&grant_words(&site(), &grant));
    grant.giver = grant.giver.map(|giver| Giver { signature, ..giver });
    Given { id: id(n), at: at(second), place: Place::Site, grant }
}

fn taken(n: u32, second: i64, place: Place, of: u8, right: Right) -> Taken {
    let revocation = Revocation { of: who(of), rights: vec![right], taker: None, reason: "離職".to_owned() };
    Taken { id: id(n), at: at(second), place, revocation }
}

/// 1 is the 機構代表, 2 a 機構管理者, 3 a 機構使用者 of masks.
fn chain() -> Vec<Given> {
    vec![
        by_hub(1, grant(1, Institution, Right::Representative)),
        signed(2, NINE, grant(2, Professional, Right::Manager), (1, 1)),
        signed(3, NINE + 60, grant(3, Professional, masks()), (2, 2)),
    ]
}

fn may(given: &[Given], taken: &[Taken], of: u8, right: &Right) -> Result<(), Denied> {
    Rights::fold(&site(), given, taken).may(&who(of), right, today()).map(drop)
}

/// S16-S18: 機構代表 → 機構管理者 → 機構使用者; with which card each signs in.
#[test]
fn s16_to_s18_who_gives_what_to_which_card() {
    let rights = [Right::Representative, Right::Manager, masks()];
    let gives = [[false, true, false], [false, false, true], [false, false, false]];
    for (giver, gives) in rights.iter().zip(gives) {
        assert_eq!([0, 1, 2].map(|n| giver.gives(&rights[n])), gives, "{giver}");
    }
    let own = [Professional, Nhi, Citizen];
    for card in CardKind::ALL {
        let is_own = own.contains(&card);
        assert_eq!([0, 1, 2].map(|n| rights[n].fits(card)), [!is_own, is_own, is_own], "{card}");
    }
    assert_eq!([0, 1, 2].map(|n| rights[n].fits(CardKind::Envelope)), [false, false, true], "a code manages nobody");
    for right in rights {
        assert_eq!(right.to_string().parse(), Ok(right));
    }
}

#[test]
fn a_right_flows_from_the_hub_through_the_representative_and_the_manager() {
    assert_eq!(may(&chain(), &[], 1, &Right::Representative), Ok(()));
    assert_eq!(may(&chain(), &[], 2, &Right::Manager), Ok(()));
    assert_eq!(may(&chain(), &[], 3, &masks()), Ok(()));
    assert_eq!(may(&chain(), &[], 2, &masks()), Err(Denied::NeverGiven), "a manager is no user by that");
    assert_eq!(may(&chain(), &[], 4, &masks()), Err(Denied::NeverGiven));
    let rights = Rights::fold(&site(), &chain(), &[]);
    let later = today().checked_add_days(Days::new(31)).unwrap();
    assert!(matches!(rights.may(&who(3), &masks(), later), Err(Denied::Expired { .. })), "each grant expires");
    assert_eq!(rights.of(&who(3), today()), [masks()]);
    assert!(rights.of(&who(3), later).is_empty());
}

#[test]
fn what_gives_nothing_says_why() {
    let base = chain();
    let cases = [
        (signed(9, NINE, grant(4, Professional, Right::Representative), (1, 1)), Void::WrongCard),
        (signed(9, NINE, grant(4, Institution, masks()), (2, 2)), Void::WrongCard),
        (signed(9, NINE, grant(4, Nhi, masks()), (1, 1)), Void::GiverMayNot),
        (signed(9, NINE, grant(4, Nhi, Right::Manager), (2, 2)), Void::GiverMayNot),
        (signed(9, NINE, grant(4, Nhi, masks()), (3, 3)), Void::GiverMayNot),
        (signed(9, NINE, grant(4, Nhi, masks()), (2, 1)), Void::GiverMayNot),
        (signed(9, NINE + 40 * DAY, grant(4, Nhi, masks()), (2, 2)), Void::GiverMayNot),
        (signed(9, NINE, grant(4, Nhi, masks()), (7, 2)), Void::GiverMayNot),
        (Given { place: Place::Site, ..by_hub(9, grant(4, Nhi, masks())) }, Void::NoGiver),
    ];
    for (given, why) in cases {
        let all = [base.clone(), vec![given.clone()]].concat();
        let rights = Rights::fold(&site(), &all, &[]);
        assert_eq!(rights.void().collect::<Vec<_>>(), [(&id(9), why)], "{given:?}");
    }
}

#[test]
fn a_grant_that_was_changed_behind_its_signature_gives_nothing() {
    let changes: [fn(&mut Grant); 6] = [
        |grant| grant.until = grant.until.checked_add_days(Days::new(1)).unwrap(),
        |grant| grant.rights.push(Right::service(BOOKING).unwrap()),
        |grant| grant.to.key = key(5).spki(),
        |grant| grant.to.name.push('x'),
        |grant| grant.after.push(id(77)),
        |grant| grant.to.card = Citizen,
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut all = chain();
        change(&mut all[2].grant);
        let rights = Rights::fold(&site(), &all, &[]);
        assert_eq!(rights.void().collect::<Vec<_>>(), [(&id(3), Void::BadSignature)], "change {n}");
    }
    let elsewhere = Rights::fold(&"3501200000".parse().unwrap(), &chain(), &[]);
    assert_eq!(elsewhere.of(&who(3), today()), [], "a grant of one site is none of another");
}

#[test]
fn a_revocation_beats_a_concurrent_grant_and_a_later_grant_names_it() {
    let gone = taken(20, NINE + 600, Place::Desk, 3, masks());
    // The hub's clock and the site's are of no account: the grant did not know of the revocation.
    let concurrent = signed(21, NINE + 900, grant(3, Professional, masks()), (2, 2));
    let all = [chain(), vec![concurrent]].concat();
    let denied = may(&all, std::slice::from_ref(&gone), 3, &masks());
    assert_eq!(denied, Err(Denied::Withdrawn { at: at(NINE + 600), reason: "離職".to_owned() }));

    let mut again = grant(3, Professional, masks());
    again.after = Rights::fold(&site(), &all, std::slice::from_ref(&gone)).revocations(&who(3), &masks());
    let all = [all, vec![signed(22, NINE + 1_200, again, (2, 2))]].concat();
    assert_eq!(may(&all, std::slice::from_ref(&gone), 3, &masks()), Ok(()));
    let second = taken(23, NINE + 700, Place::Site, 3, masks());
    assert!(may(&all, &[gone, second], 3, &masks()).is_err(), "of which the grant did not know");
}

#[test]
fn a_grant_falls_with_its_giver_only_where_the_giver_had_lost_the_right_by_then() {
    let before = taken(20, NINE + 30, Place::Desk, 2, Right::Manager);
    let rights = Rights::fold(&site(), &chain(), &[before]);
    assert_eq!(rights.void().collect::<Vec<_>>(), [(&id(3), Void::GiverWasWithdrawn)]);
    let after = taken(20, NINE + 3_600, Place::Desk, 2, Right::Manager);
    assert_eq!(may(&chain(), &[after], 3, &masks()), Ok(()), "what was given before stands");
    let mut unsure = taken(20, NINE + 3_600, Place::Desk, 2, Right::Manager);
    unsure.at.doubt_s = 7_200;
    assert_eq!(may(&chain(), &[unsure], 3, &masks()), Err(Denied::NeverGiven), "nobody knows which was first");
}

#[test]
fn a_site_cannot_take_its_representative_from_the_hub() {
    let lockout = taken(20, NINE + 600, Place::Site, 1, Right::Representative);
    assert_eq!(may(&chain(), &[lockout], 1, &Right::Representative), Ok(()));
    let by_hub = taken(20, NINE + 600, Place::Desk, 1, Right::Representative);
    assert!(may(&chain(), &[by_hub], 1, &Right::Representative).is_err());
}

#[test]
fn the_order_of_arrival_is_of_no_account() {
    let given = [chain(), vec![signed(21, NINE + 900, grant(3, Nhi, masks()), (2, 2))]].concat();
    let taken = [
        taken(30, NINE + 500, Place::Desk, 3, masks()),
        taken(31, NINE + 700, Place::Site, 2, Right::Manager),
        taken(32, NINE + 10, Place::Site, 2, Right::Manager),
    ];
    let want = Rights::fold(&site(), &given, &taken);
    for turn in 0..given.len() {
        let mut given = given.clone();
        given.rotate_left(turn);
        for turn in 0..taken.len() {
            let mut taken = taken.to_vec();
            taken.rotate_left(turn);
            assert_eq!(Rights::fold(&site(), &given, &taken), want);
            taken.reverse();
            given.reverse();
            assert_eq!(Rights::fold(&site(), &given, &taken), want);
        }
    }
}

#[test]
fn what_was_done_behind_a_withdrawal_is_told_once() {
    let gone = taken(20, NINE + 600, Place::Desk, 3, masks());
    let rights = Rights::fold(&site(), &chain(), &[gone]);
    let deed = |n: u32, second: i64, by: u8| Deed { id: id(n), at: at(second), by: who(by), right: masks() };
    assert_eq!(misused(&rights, &[deed(40, NINE + 599, 3)]), [], "before it");
    let deeds = [deed(42, NINE + 900, 3), deed(41, NINE + 700, 3), deed(40, NINE + 300, 3)];
    let found = misused(&rights, &deeds);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].first, found[0].deeds, found[0].revocation), (id(41), 2, Some(id(20))));
    assert_eq!(found[0].withdrawn, Some(at(NINE + 600)));
    let never = misused(&rights, &[deed(50, NINE + 900, 8)]);
    assert_eq!((never.len(), never[0].revocation), (1, None), "a right that nobody ever gave");
    let late = misused(&rights, &[deed(51, NINE + 60 * DAY, 3)]);
    assert_eq!((late.len(), late[0].revocation), (1, None), "a right that had expired");
}

#[test]
fn one_grant_of_the_hub_may_give_what_others_rest_on() {
    let mut both = grant(2, Professional, Right::Manager);
    both.rights.push(masks());
    // Given later than what rests on it: the site's clock is behind.
    let both = Given { at: at(NINE + DAY), ..by_hub(2, both) };
    let given = [both, signed(3, NINE, grant(3, Professional, masks()), (2, 2))];
    assert_eq!(may(&given, &[], 3, &masks()), Ok(()));
}

#[test]
fn findings_of_parts_of_the_deeds_are_those_of_all() {
    let gone = taken(20, NINE + 600, Place::Desk, 3, masks());
    let rights = Rights::fold(&site(), &chain(), &[gone]);
    let deed = |n: u32, second: i64| Deed { id: id(n), at: at(second), by: who(3), right: masks() };
    let deeds = [deed(42, NINE + 900), deed(41, NINE + 700), deed(40, NINE + 300), deed(43, NINE + 700)];
    let [want] = misused(&rights, &deeds).try_into().unwrap();
    for cut in 1..deeds.len() {
        let (one, other) = deeds.split_at(cut);
        let mut parts = [misused(&rights, one), misused(&rights, other)].concat().into_iter();
        let first = parts.next().unwrap();
        assert_eq!(parts.fold(first, Misuse::and), want, "cut at {cut}");
    }
}

#[test]
fn a_deed_is_what_somebody_did_who_was_signed_in() {
    let entry = |verified: bool, by: Option<StaffId>, fact: Fact| Entry {
        at: at(NINE),
        by: Staff { name: "王小明".to_owned(), verified, id: by },
        fact,
    };
    let withdrawal = || Fact::Withdrawal(Withdrawal { of: id(1), reason: String::new() });
    let of = |entry: &Entry| Deed::of(id(9), entry).map(|deed| deed.right);
    assert_eq!(of(&entry(true, Some(who(3)), withdrawal())), Some(masks()));
    assert_eq!(of(&entry(false, Some(who(3)), withdrawal())), None, "the name was typed");
    assert_eq!(of(&entry(true, None, withdrawal())), None);
    for (right, needs) in [(Right::Manager, Some(Right::Representative)), (masks(), Some(Right::Manager))] {
        let revocation = taken(20, NINE, Place::Site, 4, right).revocation;
        assert_eq!(of(&entry(true, Some(who(2)), Fact::Access(Access::Revocation(revocation)))), needs);
    }
    let given = Fact::Access(Access::Grant(grant(4, Nhi, masks())));
    assert_eq!(of(&entry(true, Some(who(2)), given)), None, "its signature says more");
}

/// S18, S21: a service is open until the hub says no; then the site may ask, and only the hub's answer counts.
#[test]
fn s21_a_service_that_the_hub_refuses_nobody_uses_until_the_hub_says_otherwise() {
    let word = |n: u32, second: i64, place: Place, standing: ServiceStanding| {
        let word = ServiceWord { service: MASKS.parse().unwrap(), standing, reason: "不在名單".to_owned() };
        Word { id: id(n), at: at(second), place, word }
    };
    use ServiceStanding::{Applied, Approved, Refused};
    let may = |words: &[Word]| {
        let rights = Rights::fold(&site(), &chain(), &[]).with_services(words);
        (rights.may(&who(3), &masks(), today()).map(drop), rights.service(&MASKS.parse().unwrap()).applied.is_some())
    };
    let refused = word(60, NINE, Place::Desk, Refused);
    let denied = Err(Denied::ServiceRefused { reason: "不在名單".to_owned() });
    assert_eq!(may(&[]), (Ok(()), false));
    assert_eq!(may(std::slice::from_ref(&refused)), (denied.clone(), false));
    let asked = word(61, NINE + 60, Place::Site, Applied);
    assert_eq!(may(&[refused.clone(), asked.clone()]), (denied.clone(), true));
    let own = word(62, NINE + 90, Place::Site, Approved);
    assert_eq!(may(&[own, asked.clone(), refused.clone()]), (denied, true), "a site cannot approve itself");
    let approved = word(63, NINE + 120, Place::Desk, Approved);
    assert_eq!(may(&[approved.clone(), refused.clone(), asked.clone()]), (Ok(()), false));
    assert_eq!(may(&[asked, approved, refused]), (Ok(()), false), "in any order");
}

#[test]
fn a_grant_is_for_a_while_and_changes_nobodys_card() {
    let long = Grant { until: today().checked_add_days(Days::new(500)).unwrap(), ..grant(4, Nhi, masks()) };
    let other = signed(10, NINE + 90, grant(1, Professional, masks()), (2, 2));
    let all = [chain(), vec![signed(9, NINE + 60, long, (2, 2)), other]].concat();
    let rights = Rights::fold(&site(), &all, &[]);
    assert_eq!(rights.void().collect::<Vec<_>>(), [(&id(9), Void::TooLong), (&id(10), Void::WrongCard)]);
    assert_eq!(rights.holder(&who(1)).unwrap().card, Institution, "the representative's card stays what it is");
}
