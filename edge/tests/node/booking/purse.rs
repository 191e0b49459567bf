//! What may be given away: never more than was lent, whatever happens in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use edge::node::ask::{BookedState, BookingRef};
use shared::entry::booking::{Answer, Booking, BookingStanding, Lease, Slot, Stands};
use shared::ids::Incarnation;

use super::office::{LIFE, OLD, Office, capacity, lease, numbers, said, slot, ten};

const OPEN: &str = "2021-07-06 13:06";

#[test]
fn another_life_of_the_store_holds_nothing() {
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    let mut other = lease(&ten(), 5, "2021-07-12 10:00");
    if let Booking::Lease(Lease { life, .. }) = &mut other {
        *life = Incarnation([6; 16]);
    }
    office.desk(vec![other, numbers(1, 100)]);
    assert_eq!((office.held(), office.try_book(OLD, &ten()).as_str()), (0, "wish"));
}

#[test]
fn a_store_that_begins_anew_holds_nothing_and_forgets_nobody() {
    let mut office = Office::lent(OPEN, 3);
    let booked = office.book(OLD, &ten()).unwrap();
    office.renew();
    assert_eq!((office.held(), office.try_book("05/P2/1965-03-15", &ten()).as_str()), (0, "wish"));
    assert_eq!(office.try_book(OLD, &ten()), "已有預約，如需變更請先取消預約再重新登錄[B][1]");
    office.cancel(BookingRef::Entry(booked.id), OLD).unwrap();
    assert_eq!(office.held(), 0, "its place is the old life's");
}

#[test]
fn what_another_life_booked_comes_back_and_is_known() {
    let mut first = Office::lent(OPEN, 3);
    let booked = first.book(OLD, &ten()).unwrap();
    let (run, upto) = first.site.node().load_run(0).unwrap().unwrap();
    assert_eq!(upto, 1);
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    office.site.node().take_own(9, 0, Some(&run)).unwrap();
    for _ in 0..2 {
        let reading = office.site.reading();
        let shown = office.site.node().booking(BookingRef::Serial(14_637), reading).unwrap().unwrap();
        assert_eq!((shown.id, shown.contact.name(), office.held()), (booked.id, "王大明", 0));
        assert_eq!(office.try_book(OLD, &ten()), "已有預約，如需變更請先取消預約再重新登錄[B][1]");
        office.site.crash();
        office.site.beacon();
    }
    office.desk(vec![lease(&ten(), 2, "2021-07-12 10:00"), numbers(20_000, 9)]);
    assert_eq!(office.try_book("05/P2/1965-03-15", &ten()), "AZ01-0000020000");
}

#[test]
fn without_numbers_nothing_is_booked() {
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    office.desk(vec![lease(&ten(), 5, "2021-07-12 10:00"), numbers(1, 1)]);
    assert_eq!(office.try_book(OLD, &ten()), "AZ01-0000000001");
    assert_eq!(office.try_book("05/P2/1965-03-15", &ten()), "wish");
}

#[test]
fn a_clock_in_doubt_spends_nothing_and_returns_nothing() {
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    office.desk(vec![lease(&ten(), 5, "2021-07-06 14:00"), numbers(1, 9)]);
    assert_eq!(office.held(), 5);
    // Somebody sets the computer's clock while the program does not run.
    office.site.set_clock(3_600);
    office.site.crash();
    assert_eq!((office.held(), office.try_book(OLD, &ten()).as_str()), (0, "wish"));
    office.site.at("2021-07-06 14:01").set_clock(-3_600);
    let give_back = |office: &mut Office| {
        let reading = office.site.reading();
        office.site.node().give_back(reading).unwrap()
    };
    assert_eq!(give_back(&mut office), 0, "it may be before the end as well");
    office.site.beacon();
    assert_eq!(give_back(&mut office), 1);
}

#[test]
fn what_is_left_at_the_end_is_returned_and_what_is_cancelled_later_too() {
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    office.desk(vec![lease(&ten(), 5, "2021-07-08 10:00"), numbers(1, 9)]);
    let booked = office.book(OLD, &ten()).unwrap();
    let give_back = |office: &mut Office| {
        let reading = office.site.reading();
        office.site.node().give_back(reading).unwrap()
    };
    assert_eq!(give_back(&mut office), 0);
    office.at("2021-07-08 10:01");
    assert_eq!((office.held(), give_back(&mut office), give_back(&mut office)), (0, 1, 0));
    office.site.crash();
    office.site.beacon();
    assert_eq!(give_back(&mut office), 0, "once");
    office.cancel(BookingRef::Entry(booked.id), OLD).unwrap();
    assert_eq!((office.held(), give_back(&mut office), give_back(&mut office)), (0, 1, 0), "its place goes back too");
    let returned: Vec<u64> = facts(&mut office, "returned").iter().map(|it| it["places"].as_u64().unwrap()).collect();
    assert_eq!(returned, [4, 1]);
}

#[test]
fn a_restored_hub_lends_again_before_anything_is_given_away() {
    let mut office = Office::lent(OPEN, 2);
    office.book(OLD, &ten()).unwrap();
    office.hub_restored();
    for _ in 0..2 {
        assert_eq!(office.held(), 0, "what the last life lent is nothing");
        assert_eq!(
            office.try_book("05/P2/1965-03-15", &slot("2021-07-13", "10:00")),
            "查無此施打地點或時段，請重新選擇[S][1]"
        );
        office.site.crash();
        office.site.beacon();
    }
    office.desk_comes_again();
    assert_eq!(office.held(), 1, "less what was given away already");
    assert_eq!(office.try_book("05/P2/1965-03-15", &ten()), "AZ01-0000014638");
}

#[test]
fn a_wish_is_answered_and_counts_from_then_on() {
    let mut office = Office::bare(OPEN);
    let later = slot("2021-07-13", "14:00");
    office.nation(vec![capacity(&ten(), 1, false), capacity(&later, 1, false)]);
    let mut ask = super::office::book_ask(OLD, &ten());
    ask.wishes = vec![later.clone(), ten()];
    let wish = office.ask(&ask).unwrap();
    assert_eq!((wish.state.clone(), wish.number.clone(), wish.ranked.len()), (BookedState::Waiting, None, 2));
    let reading = office.site.reading();
    assert_eq!(office.site.node().booking_view(reading).waiting, 1);
    let answer = |given| Booking::Answer(Answer { wish: wish.id, given, voucher: None, why: "full".to_owned() });
    office.desk(vec![answer(Some((later.clone(), 77)))]);
    for _ in 0..2 {
        let shown = office.site.node().booking(BookingRef::Serial(77), reading).unwrap().unwrap();
        assert_eq!((shown.state.code(), shown.slot.as_ref()), ("live", Some(&later)));
        assert_eq!(office.try_book(OLD, &ten()), "已有預約，如需變更請先取消預約再重新登錄[B][1]");
        office.site.crash();
    }
    let mut other = Office::bare(OPEN);
    other.nation(vec![capacity(&ten(), 1, false)]);
    let wish = other.book(OLD, &ten()).unwrap();
    other.desk(vec![Booking::Answer(Answer { wish: wish.id, given: None, voucher: None, why: "full".to_owned() })]);
    assert_eq!(other.try_book(OLD, &ten()), "wish", "who was denied may wish again");
}

/// The facts of a kind in this site's log.
fn facts(office: &mut Office, kind: &str) -> Vec<serde_json::Value> {
    let lines = office.site.node().export(0, 100_000).unwrap().lines;
    let lines = lines.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of_kind = lines.filter(|line| line["fact"]["kind"] == kind);
    of_kind
        .map(|mut line| {
            line["fact"]["id"] = line["id"].clone();
            line["fact"]["second"] = line["at"]["second"].clone();
            line["fact"].clone()
        })
        .collect()
}

/// What was lent, in the model.
struct Lent {
    name: String,
    places: u64,
    until: i64,
}

struct Model {
    office: Office,
    lent: Vec<Lent>,
    booked: Vec<(shared::ids::EntryId, String)>,
    cancelled: BTreeSet<String>,
    next_number: u64,
    seed: u64,
    /// The desk's entries have come since the hub's last life began.
    has_desk: bool,
}

impl Model {
    fn dice(&mut self, sides: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % sides
    }

    fn slot(&mut self) -> Slot {
        slot("2021-07-12", ["10:00", "11:00"][usize::try_from(self.dice(2)).unwrap()])
    }

    fn lend(&mut self) {
        let (slot, places, seconds) = (self.slot(), u32::try_from(self.dice(4)).unwrap(), self.dice(4_000));
        // Some are to be renewed at once, some in a while.
        let renewed = if self.dice(4) == 0 { 0 } else { shared::lease::RENEW_S };
        let until = self.office.site.true_second() + renewed + i64::try_from(seconds).unwrap();
        let count = u32::try_from(self.dice(4) + 1).unwrap();
        let block = numbers(self.next_number, count);
        self.next_number += u64::from(count);
        let names = self.office.desk(vec![Booking::Lease(Lease { life: LIFE, slot, places, until }), block]);
        self.lent.push(Lent { name: names[0].to_string(), places: u64::from(places), until });
    }

    fn step(&mut self) {
        match self.dice(16) {
            0 | 1 if self.has_desk => self.lend(),
            2..=7 => {
                let who = format!("05/P{}/1965-03-15", self.dice(40));
                let slot = self.slot();
                if let Ok(booked) = self.office.book(&who, &slot) {
                    self.booked.push((booked.id, who));
                }
            }
            8 | 9 if !self.booked.is_empty() => {
                let at = usize::try_from(self.dice(u64::try_from(self.booked.len()).unwrap())).unwrap();
                let (id, who) = self.booked[at].clone();
                if self.office.cancel(BookingRef::Entry(id), &who).is_ok() {
                    self.cancelled.insert(id.to_string());
                }
            }
            10 if self.has_desk && !self.booked.is_empty() => {
                let at = usize::try_from(self.dice(u64::try_from(self.booked.len()).unwrap())).unwrap();
                let of = self.booked[at].0;
                let is_over = self.dice(2) == 0;
                let stands = if is_over { Stands::Over } else { Stands::Cancelled };
                self.office.desk(vec![Booking::Standing(BookingStanding { of, stands })]);
                if !is_over {
                    self.cancelled.insert(of.to_string());
                }
            }
            11 => {
                let reading = self.office.site.reading();
                self.office.site.node().give_back(reading).unwrap();
            }
            12 => {
                self.office.site.crash();
                if self.dice(2) == 0 {
                    self.office.site.beacon();
                }
            }
            13 => {
                let seconds = i64::try_from(self.dice(1_500)).unwrap();
                self.office.site.tick(seconds);
            }
            14 if self.dice(6) == 0 => {
                self.office.hub_restored();
                self.has_desk = false;
            }
            15 if !self.has_desk => {
                self.office.desk_comes_again();
                self.has_desk = true;
            }
            _ => self.office.site.beacon(),
        }
    }

    /// Of every lease: given away and not taken back, and returned, are never more than was lent; no number twice;
    /// nothing behind its end.
    fn check(&mut self, what: &str) {
        let mut out: BTreeMap<String, u64> = BTreeMap::new();
        let mut serials = BTreeSet::new();
        for booked in facts(&mut self.office, "booked") {
            let name = booked["lease"].as_str().unwrap().to_owned();
            let lent = self.lent.iter().find(|lent| lent.name == name).expect("a lease that was lent");
            assert!(booked["second"].as_i64().unwrap() < lent.until, "{what}: after its end");
            assert!(serials.insert(booked["serial"].as_u64()), "{what}: a number twice");
            if !self.cancelled.contains(booked["id"].as_str().unwrap()) {
                *out.entry(name).or_default() += 1;
            }
        }
        for returned in facts(&mut self.office, "returned") {
            let name = returned["lease"].as_str().unwrap().to_owned();
            *out.entry(name).or_default() += returned["places"].as_u64().unwrap();
        }
        for (name, out) in out {
            let lent = self.lent.iter().find(|lent| lent.name == name).unwrap();
            assert!(out <= lent.places, "{what}: {out} of {} are out", lent.places);
        }
    }
}

#[test]
fn nothing_is_oversold_in_any_order_of_deeds() {
    let (mut booked, mut returned, mut cancelled) = (0, 0, 0);
    for seed in 1..=24 {
        let mut office = Office::bare(OPEN);
        for start in ["10:00", "11:00"] {
            office.nation(vec![capacity(&slot("2021-07-12", start), 100, false)]);
        }
        let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed);
        let mut model = Model {
            office,
            lent: vec![],
            booked: vec![],
            cancelled: BTreeSet::new(),
            next_number: 1,
            seed,
            has_desk: true,
        };
        for step in 0..160 {
            model.step();
            if step % 16 == 15 {
                model.check(&format!("seed {seed:#x}, step {step}"));
            }
        }
        booked += facts(&mut model.office, "booked").len();
        returned += facts(&mut model.office, "returned").len();
        cancelled += model.cancelled.len();
    }
    assert!(booked > 300 && returned > 50 && cancelled > 100, "{booked} {returned} {cancelled}: too little happens");
}

#[test]
fn a_refusal_is_told_in_words() {
    let mut office = Office::bare(OPEN);
    assert_eq!(said(&office.book(OLD, &ten())), "查無此施打地點或時段，請重新選擇[S][1]");
}
