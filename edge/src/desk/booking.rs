//! Booked places at the counter: the hub is asked first, for a second at most, then the node decides (V1-V17).

use std::time::Duration;

use chrono::NaiveDate;
use futures_util::future::try_join_all;
use shared::entry::booking::Slot;
use shared::ids::ProgrammeId;
use shared::rules::booking::refusal::BookingRefusal;
use shared::wire::v1::enquiry::{Answered, Enquiry, Told};

use super::Desk;
use crate::fault::Fault;
use crate::inquiry::PATIENCE;
use crate::node::ask::{
    AmendRequest, AmendedBooking, AttendRequest, AttendedBooking, BookRequest, Booked, BookingRef, BookingView,
    CancelRequest, CancelledBooking, Comer, DocumentText, ExpectedLine, LookUp, LookedUp, VerifiedSlip,
};
use crate::node::{Committed, Node};

/// How often it is looked whether a lease has come down.
const LOOK: Duration = Duration::from_millis(20);

/// An answer about bookings, as far as the machine is healthy.
pub type BookingTold<T> = Result<Result<T, BookingRefusal>, Fault>;

impl Desk {
    /// Rounds, venues and slots.
    pub async fn booking_view(&self) -> Result<BookingView, Fault> {
        self.ask(|node, reading| Ok(node.booking_view(reading))).await
    }

    /// Whether the hub takes bookings, or has told of rounds.
    pub async fn has_bookings(&self) -> Result<bool, Fault> {
        self.ask(|node, _| Ok(node.has_bookings())).await
    }

    /// 讀卡: whether somebody may book, or what they have; by the hub's word, where there is a line.
    pub async fn look_up(&self, ask: LookUp) -> BookingTold<LookedUp> {
        self.hear_about(ask.programme.clone(), ask.document.clone()).await?;
        let document = ask.document.clone();
        let told = self.ask(move |node, reading| node.look_up(&ask, None, reading)).await?;
        let found = match &told {
            Ok(LookedUp::May(_)) => "may",
            Ok(LookedUp::Has(_)) => "booked",
            Err(refusal) => refusal.code(),
        };
        self.ask(move |node, reading| node.note_looked_up("booking-look-up", &document, found, reading)).await?;
        Ok(told)
    }

    /// 確認送出.
    pub async fn book(&self, ask: BookRequest) -> BookingTold<Booked> {
        let (person, places) =
            tokio::join!(self.hear_all(Some(ask.slot.clone()), &ask.document), self.hear_of_places(ask.slot.clone()));
        person?;
        places?;
        let document = ask.document.clone();
        let booked = move |node: &mut Node, reading| Ok(node.book(&ask, None, reading)?.map(Committed::into_inner));
        let told = self.ask(booked).await?;
        self.noted_if_refused(document, told).await
    }

    /// What was refused tells of somebody and leaves no entry: it is written in the audit.
    async fn noted_if_refused<T>(&self, document: DocumentText, told: Result<T, BookingRefusal>) -> BookingTold<T> {
        if let Err(refusal) = &told {
            let found = refusal.code();
            self.ask(move |node, reading| node.note_looked_up("booking-refused", &document, found, reading)).await?;
        }
        Ok(told)
    }

    /// 取消預約.
    pub async fn cancel(&self, ask: CancelRequest) -> BookingTold<CancelledBooking> {
        let document = ask.document.clone();
        self.hear_all(None, &document).await?;
        let cancel = move |node: &mut Node, reading| Ok(node.cancel(&ask, None, reading)?.map(Committed::into_inner));
        let told = self.ask(cancel).await?;
        self.noted_if_refused(document, told).await
    }

    /// Another telephone number.
    pub async fn amend(&self, ask: AmendRequest) -> BookingTold<AmendedBooking> {
        let document = ask.document.clone();
        self.hear_all(None, &document).await?;
        let amend = move |node: &mut Node, reading| Ok(node.amend(&ask, None, reading)?.map(Committed::into_inner));
        let told = self.ask(amend).await?;
        self.noted_if_refused(document, told).await
    }

    /// What happened to somebody at a venue of this site.
    pub async fn attend(&self, ask: AttendRequest) -> BookingTold<AttendedBooking> {
        let document = if let Comer::Document(text) = &ask.of { Some(text.clone()) } else { None };
        let attend = move |node: &mut Node, reading| Ok(node.attend(&ask, reading)?.map(Committed::into_inner));
        let told = self.ask(attend).await?;
        match document {
            Some(document) => self.noted_if_refused(document, told).await,
            None => Ok(told),
        }
    }

    /// Who is expected on a day at the venues of this site; that it was looked at is in the audit.
    pub async fn expected(&self, date: NaiveDate) -> Result<Vec<ExpectedLine>, Fault> {
        self.ask(move |node, reading| {
            let lines = node.expected(date, reading)?;
            node.note("booking-day", &date.to_string(), &lines.len().to_string(), reading)?;
            Ok(lines)
        })
        .await
    }

    /// A booking or a wish of this site; that it was looked at is in the audit.
    pub async fn booking(&self, of: BookingRef) -> Result<Option<Booked>, Fault> {
        self.ask(move |node, reading| {
            let found = node.booking(of, reading)?;
            if let Some(booked) = &found {
                node.note_looked_up("booking-shown", &(&booked.document).into(), booked.state.code(), reading)?;
            }
            Ok(found)
        })
        .await
    }

    /// Whether a slip holds.
    pub async fn verify_slip(&self, text: String) -> Result<VerifiedSlip, Fault> {
        let told = self.ask(move |node, _| node.verify_slip(&text)).await?;
        told.map_err(|bad| Fault::asked("slip", bad.zh(), bad.to_string()))
    }

    /// Returns what is left of leases that are over.
    pub async fn give_back(&self) -> Result<usize, Fault> {
        self.ask(|node, reading| node.give_back(reading)).await
    }

    /// Asks the hub which bookings somebody has in the programmes in which a slot can be booked, or in all.
    async fn hear_all(&self, slot: Option<Slot>, document: &DocumentText) -> Result<(), Fault> {
        let programmes = self.ask(move |node, reading| Ok(node.programmes_meant(slot.as_ref(), reading))).await?;
        let asked = programmes.into_iter().map(|programme| self.hear_about(Some(programme), document.clone()));
        try_join_all(asked).await.map(drop)
    }

    /// Asks the hub which booking somebody has.
    async fn hear_about(&self, programme: Option<ProgrammeId>, document: DocumentText) -> Result<(), Fault> {
        let question = self.ask(move |node, reading| node.ask_person(programme.as_ref(), &document, reading)).await?;
        self.heard(question).await.map(drop)
    }

    /// Asks the hub for places where none are held, and waits until they have come.
    async fn hear_of_places(&self, slot: Slot) -> Result<(), Fault> {
        let question = self.ask(move |node, reading| node.ask_places(&slot, reading)).await?;
        if let Some(Told { answer: Answered::Places { lent: 1.., upto }, .. }) = self.heard(question).await? {
            // Where it does not come in time the node says what can be said without it.
            let _late = tokio::time::timeout(PATIENCE, self.come_down(upto)).await;
        }
        Ok(())
    }

    async fn heard(&self, question: Option<Enquiry>) -> Result<Option<Told>, Fault> {
        let Some(question) = question else { return Ok(None) };
        let Some(told) = self.enquiries().said(question).await else { return Ok(None) };
        let heard = told.clone();
        self.ask(move |node, reading| {
            node.hear_told(&heard, reading);
            Ok(())
        })
        .await?;
        Ok(Some(told))
    }

    async fn come_down(&self, upto: u64) -> Result<(), Fault> {
        while self.standing().await?.down < upto {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::entry::Sealed;
    use shared::entry::booking::{Booking, Capacity, Round};
    use shared::ids::{ActorId, EntryId};
    use shared::rules::booking::contact::Contact;
    use shared::wire::v1::enquiry::{About, Known};
    use tokio::sync::mpsc;

    use super::*;
    use crate::inquiry::Inquiry;
    use crate::node::ask::BookedState;
    use crate::trial::booking::{DESK, OPEN, desk, lease, slot, tell};
    use crate::trial::site_keys;

    type Line = mpsc::Receiver<Inquiry<Enquiry, Told>>;

    fn document() -> DocumentText {
        DocumentText { kind: "01".to_owned(), number: "A123456789".to_owned(), birth: "19650315".to_owned() }
    }

    fn book(start: &str) -> BookRequest {
        BookRequest {
            request: None,
            document: document(),
            name: "王大明".to_owned(),
            mobile: "0912345678".to_owned(),
            slot: slot(start),
            consent: true,
            wishes: vec![],
            by: String::new(),
        }
    }

    fn nobody(enquiry: &Enquiry) -> Told {
        Told { nonce: enquiry.nonce, answer: Answered::Person { feed: 0, booking: None } }
    }

    /// A hub that says of everybody that they have nothing, and of places what is given.
    async fn answering(mut line: Line, places: Answered) {
        while let Some(Inquiry { ask, answer }) = line.recv().await {
            let told = match &ask.about {
                About::Person { .. } => nobody(&ask),
                About::Places { places: wanted, .. } => {
                    assert_eq!(*wanted, 2);
                    Told { nonce: ask.nonce, answer: places.clone() }
                }
            };
            let _late = answer.send(told);
        }
    }

    #[tokio::test]
    async fn places_that_the_hub_lends_come_down_and_are_given_away() {
        let desk = desk(OPEN).await;
        let line = desk.enquiries().open(4);
        tokio::spawn(answering(line, Answered::Places { lent: 1, upto: 9 }));
        let lending = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            tell(&desk, 9, DESK, vec![lease("10:00", 1)]).await;
        };
        let (told, ()) = tokio::join!(desk.book(book("10:00")), lending);
        let booked = told.unwrap().unwrap();
        assert_eq!(booked.number.unwrap().to_string(), "MO,AZ01-0000014637");
    }

    #[tokio::test]
    async fn where_the_hub_has_nothing_it_is_full_and_where_it_is_silent_a_wish() {
        let desk = desk(OPEN).await;
        let line = desk.enquiries().open(4);
        let hub = tokio::spawn(answering(line, Answered::Places { lent: 0, upto: 4 }));
        assert_eq!(desk.book(book("10:00")).await.unwrap().unwrap_err(), BookingRefusal::Full);
        hub.abort();
        let _gone = hub.await;
        // A line that answers nothing: nobody waits for longer than a second for either question.
        let other = BookRequest { slot: slot("10:00"), ..book("14:00") };
        let silent = desk.enquiries().open(4);
        let began = std::time::Instant::now();
        let told = desk
            .book(BookRequest { document: DocumentText { number: "A223456781".to_owned(), ..document() }, ..other });
        let told = told.await.unwrap();
        assert!(began.elapsed() < PATIENCE * 2, "{:?}", began.elapsed());
        drop(silent);
        assert!(matches!(told, Err(BookingRefusal::Full)), "what the hub has said a moment ago still counts: {told:?}");
    }

    #[tokio::test]
    async fn of_two_programmes_the_hub_is_asked_about_the_slots_and_before_a_cancellation_about_both() {
        let desk = desk(OPEN).await;
        let text = include_str!("../../../shared/rounds/vaccine-2021-r1.toml")
            .replace("vaccine-2021-r1", "flu-2021-r9")
            .replace("programme = \"vaccine\"", "programme = \"flu\"")
            .replace("\"AZ\", \"MO\"", "\"FLU\"")
            .replace("after = { AZ = 70, MO = 28 }", "")
            .replace("registered = true\n", "age_from = 100\n")
            .replace("number = 1\n", "number = 9\n");
        let flu = Slot { brands: "FLU".parse().unwrap(), ..slot("15:00") };
        let capacity = Capacity { slot: flu.clone(), places: 10, closed: false };
        let nation = vec![Booking::Round(Round { text }), Booking::Capacity(capacity)];
        tell(&desk, 5, "nation/2021-07", nation).await;
        let mut line = desk.enquiries().open(4);
        let (heard, mut about) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Inquiry { ask, answer }) = line.recv().await {
                if let About::Person { programme, .. } = &ask.about {
                    heard.send(programme.to_string()).unwrap();
                }
                let _late = answer.send(nobody(&ask));
            }
        });
        let mut asked = || std::iter::from_fn(|| about.try_recv().ok()).collect::<std::collections::BTreeSet<_>>();
        let _wish = desk.book(BookRequest { slot: flu, ..book("15:00") }).await.unwrap();
        assert_eq!(asked(), ["flu".to_owned()].into());
        let (of, document) = (crate::node::ask::BookingRef::Serial(1), document());
        let cancel = CancelRequest { request: None, of, document, reason: String::new(), by: String::new() };
        desk.cancel(cancel).await.unwrap().unwrap_err();
        assert_eq!(asked(), ["flu".to_owned(), "vaccine".to_owned()].into());
    }

    #[tokio::test]
    async fn v13_what_somebody_has_elsewhere_is_shown_by_the_hubs_word() {
        let desk = desk(OPEN).await;
        let mut line = desk.enquiries().open(4);
        let answering = async {
            let Inquiry { ask, answer } = line.recv().await.unwrap();
            let contact = Contact::parse("測試", "0912345672").unwrap();
            let contact: Sealed = site_keys().seal_contact(&Enquiry::place(ask.nonce), &contact).unwrap();
            let of = EntryId { actor: ActorId([9; 16]), seq: 1 };
            let given = Some((slot("14:00"), 100_000_008));
            let known = Known { of, round: "vaccine-2021-r1".parse().unwrap(), given, second: 1_625_533_200, contact };
            let told = Told { nonce: ask.nonce, answer: Answered::Person { feed: 0, booking: Some(Box::new(known)) } };
            answer.send(told).unwrap();
        };
        let ask = LookUp { programme: None, document: document() };
        let (told, ()) = tokio::join!(desk.look_up(ask), answering);
        let Ok(LookedUp::Has(booked)) = told.unwrap() else { panic!("it is shown") };
        assert_eq!((booked.serial(), booked.contact.name()), (Some(100_000_008), "測試"));
        assert!(matches!(booked.state, BookedState::Booked(_)));
    }
}
