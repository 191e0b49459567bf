//! A site beside a hub that lends: just enough of one.

use edge::node::ask::{
    BookRequest, Booked, BookedState, BookingRef, CancelRequest, CancelledBooking, LookUp, LookedUp,
};
use edge::node::{BadAsk, Committed, NodeError};
use edge::store::Store;
use shared::entry::Fact;
use shared::entry::booking::{Booking, Capacity, Lease, Numbers, Round, Slot, Venue};
use shared::ids::{ActorId, EntryId, Incarnation};
use shared::ledger::run::Run;
use shared::rules::booking::refusal::BookingRefusal;
use shared::seal::Secret;
use shared::sign::Signer;
use shared::sign::slip::Block;
use shared::sync::handshake::welcome;
use shared::wire::v1::enquiry::Told;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::{Seen, Welcome};

use crate::town::{HUB_LIFE, Hub, SITE, Site, document, second};

/// Of an age that the first round serves without a list.
pub(crate) const OLD: &str = "01/A123456789/1965-03-15";
/// Of one that needs the list.
pub(crate) const YOUNG: &str = "01/B123456780/1990-03-15";
pub(crate) const LIFE: Incarnation = Incarnation([5; 16]);
pub(crate) const VENUE: &str = "0291010019";

/// The first round, and others by their dates.
pub(crate) fn round(number: u32, opens: &str, closes: &str, days: (&str, &str)) -> String {
    let text = include_str!("../../../../shared/rounds/vaccine-2021-r1.toml");
    text.replace("vaccine-2021-r1", &format!("vaccine-2021-r{number}"))
        .replace("number = 1\n", &format!("number = {number}\n"))
        .replace("2021-07-06T10:00", opens)
        .replace("2021-07-09T17:00", closes)
        .replace("2021-07-12", days.0)
        .replace("2021-07-16", days.1)
}

pub(crate) fn slot(date: &str, start: &str) -> Slot {
    Slot {
        venue: VENUE.parse().unwrap(),
        date: date.parse().unwrap(),
        start: start.parse().unwrap(),
        brands: "AZ".parse().unwrap(),
    }
}

/// Ten in the morning of the first day.
pub(crate) fn ten() -> Slot {
    slot("2021-07-12", "10:00")
}

pub(crate) fn venue(site: Option<&str>) -> Venue {
    Venue {
        id: VENUE.parse().unwrap(),
        name: "金門縣金寧鄉衛生所-".to_owned(),
        county: "金門縣".to_owned(),
        district: "金寧鄉".to_owned(),
        address: "金門縣金寧鄉盤山村仁愛新村2之1號".to_owned(),
        phone: "082-325059".to_owned(),
        site: site.map(|site| site.parse().unwrap()),
        holds: true,
    }
}

pub(crate) fn capacity(slot: &Slot, places: u32, closed: bool) -> Booking {
    Booking::Capacity(Capacity { slot: slot.clone(), places, closed })
}

pub(crate) fn lease(slot: &Slot, places: u32, until: &str) -> Booking {
    Booking::Lease(Lease { life: LIFE, slot: slot.clone(), places, until: second(until) })
}

pub(crate) fn hub_signer() -> Signer {
    Signer::derive(&[4; 32], b"hub").unwrap()
}

pub(crate) fn numbers(first: u64, count: u32) -> Booking {
    let ours = Signer::derive(Secret::new([1; 32]).bytes(), b"heads").unwrap().public();
    let voucher = hub_signer().vouch(&SITE.parse().unwrap(), ours, Block { first, count });
    Booking::Numbers(Numbers { life: LIFE, first, count, voucher: Some(voucher) })
}

pub(crate) fn book_ask(who: &str, slot: &Slot) -> BookRequest {
    BookRequest {
        request: None,
        document: document(who),
        name: "王大明".to_owned(),
        mobile: "0912-345-678".to_owned(),
        slot: slot.clone(),
        consent: true,
        wishes: vec![],
        by: "王藥師".to_owned(),
    }
}

/// A site and the pen of its hub.
pub(crate) struct Office {
    pub(crate) site: Site,
    pub(crate) pos: u64,
    /// What the hub wrote for this site alone.
    desk: Vec<(u64, Run)>,
    hub_life: Incarnation,
}

impl Office {
    /// The round is known, nothing is lent, the hub takes bookings.
    pub(crate) fn bare(taipei: &str) -> Self {
        let site = Site::on(Store::in_memory().unwrap(), taipei);
        let mut office = Self { site, pos: 0, desk: vec![], hub_life: HUB_LIFE };
        office.greet(true);
        let text = round(1, "2021-07-06T10:00", "2021-07-09T17:00", ("2021-07-12", "2021-07-16"));
        office.nation(vec![Booking::Round(Round { text }), Booking::Venue(venue(None))]);
        office.site.beacon();
        office
    }

    /// Ten places at ten, of which this site holds `places`, and a hundred numbers.
    pub(crate) fn lent(taipei: &str, places: u32) -> Self {
        let mut office = Self::bare(taipei);
        office.nation(vec![capacity(&ten(), 10, false)]);
        office.desk(vec![lease(&ten(), places, "2021-07-12 10:00"), numbers(14_637, 100)]);
        office
    }

    pub(crate) fn greet(&mut self, booking: bool) {
        self.greet_with(booking, None, 0);
    }

    /// The hub has seen two stores under this life: a new one begins.
    pub(crate) fn renew(&mut self) {
        self.greeting(HubLife { renew: true, ..self.life(true) }, None, 0);
        self.greet(true);
    }

    pub(crate) fn greet_with(&mut self, booking: bool, last: Option<Seen>, feed: u64) {
        self.greeting(self.life(booking), last, feed);
    }

    fn greeting(&mut self, life: HubLife, last: Option<Seen>, feed: u64) {
        let greeting = Welcome { life: Some(life), ..welcome(self.hub_life, 0, last, feed) };
        self.site.node().resume(&greeting).unwrap();
    }

    fn life(&self, booking: bool) -> HubLife {
        HubLife {
            renew: false,
            journal: 1,
            signer: hub_signer().public(),
            wants_keys: false,
            disputes: true,
            confirms: true,
            access: true,
            booking,
        }
    }

    pub(crate) fn nation(&mut self, facts: Vec<Booking>) {
        self.pos += 1;
        let run = self.run("nation/2021-07", facts);
        self.site.node().take_down(self.pos, &run).unwrap();
    }

    /// The names of what was written.
    pub(crate) fn desk(&mut self, facts: Vec<Booking>) -> Vec<EntryId> {
        self.pos += 1;
        let names = (1..).zip(&facts).map(|(seq, _)| EntryId { actor: self.actor(), seq }).collect();
        let run = self.run("desk/5931102274/2021-07", facts);
        self.site.node().take_down(self.pos, &run).unwrap();
        self.desk.push((self.pos, run));
        names
    }

    fn actor(&self) -> ActorId {
        let mut actor = [77; 16];
        actor[..8].copy_from_slice(&self.pos.to_be_bytes());
        ActorId(actor)
    }

    fn run(&self, doc: &str, facts: Vec<Booking>) -> Run {
        let facts: Vec<Fact> = facts.into_iter().map(Fact::Booking).collect();
        Hub::default().run(doc, self.actor(), &facts)
    }

    /// The hub is another life of itself; what it wrote for this site has not come again yet.
    pub(crate) fn hub_restored(&mut self) {
        self.hub_life = Incarnation([self.hub_life.0[0] + 1; 16]);
        self.greet(true);
    }

    /// And now it has.
    pub(crate) fn desk_comes_again(&mut self) {
        for (pos, run) in &self.desk {
            self.site.node().take_down(*pos, run).unwrap();
        }
    }

    pub(crate) fn at(&mut self, taipei: &str) -> &mut Self {
        self.site.at(taipei);
        self.site.beacon();
        self
    }

    pub(crate) fn ask(&mut self, ask: &BookRequest) -> Result<Booked, BookingRefusal> {
        self.try_ask(ask).unwrap()
    }

    pub(crate) fn try_ask(&mut self, ask: &BookRequest) -> Result<Result<Booked, BookingRefusal>, NodeError> {
        let reading = self.site.reading();
        Ok(self.site.node().book(ask, None, reading)?.map(Committed::into_inner))
    }

    pub(crate) fn book(&mut self, who: &str, slot: &Slot) -> Result<Booked, BookingRefusal> {
        self.ask(&book_ask(who, slot))
    }

    /// Books and says what came of it in one line.
    pub(crate) fn try_book(&mut self, who: &str, slot: &Slot) -> String {
        said(&self.book(who, slot))
    }

    pub(crate) fn look_up(&mut self, who: &str, told: Option<&Told>) -> Result<LookedUp, BookingRefusal> {
        let reading = self.site.reading();
        self.site.node().look_up(&LookUp { programme: None, document: document(who) }, told, reading).unwrap()
    }

    pub(crate) fn cancel(&mut self, of: BookingRef, who: &str) -> Result<CancelledBooking, BookingRefusal> {
        self.cancel_told(of, who, None)
    }

    pub(crate) fn cancel_told(
        &mut self,
        of: BookingRef,
        who: &str,
        told: Option<&Told>,
    ) -> Result<CancelledBooking, BookingRefusal> {
        let reading = self.site.reading();
        let ask = CancelRequest {
            request: None,
            of,
            document: document(who),
            reason: String::new(),
            by: "王藥師".to_owned(),
        };
        self.site.node().cancel(&ask, told, reading).unwrap().map(Committed::into_inner)
    }

    /// What this site can give away of ten o'clock.
    pub(crate) fn held(&mut self) -> u32 {
        let reading = self.site.reading();
        let view = self.site.node().booking_view(reading);
        view.slots.iter().find(|line| line.slot == ten()).map_or(0, |line| line.held)
    }
}

pub(crate) fn said(answer: &Result<Booked, BookingRefusal>) -> String {
    match answer {
        Ok(Booked { number: Some(number), state: BookedState::Booked(_), .. }) => number.to_string(),
        Ok(Booked { state, .. }) => state.code().to_owned(),
        Err(refusal) => refusal.modal(),
    }
}

pub(crate) fn bad<T: std::fmt::Debug>(answer: Result<T, NodeError>) -> BadAsk {
    match answer {
        Err(NodeError::Ask(bad)) => bad,
        other => panic!("{other:?}"),
    }
}
