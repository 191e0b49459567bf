//! Booked places at the counter: the hub is asked first, for a second at most, then the node decides (V1-V17).

use std::time::Duration;

use chrono::NaiveDate;
use shared::entry::booking::Slot;
use shared::ids::ProgrammeId;
use shared::rules::booking::refusal::BookingRefusal;
use shared::wire::v1::enquiry::{Answered, Enquiry, Told};

use super::Desk;
use crate::fault::Fault;
use crate::inquiry::PATIENCE;
use crate::node::Committed;
use crate::node::ask::{
    AmendRequest, AmendedBooking, AttendRequest, AttendedBooking, BookRequest, Booked, BookingRef, BookingView,
    CancelRequest, CancelledBooking, DocumentText, ExpectedLine, LookUp, LookedUp, VerifiedSlip,
};

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
            tokio::join!(self.hear_about(None, ask.document.clone()), self.hear_of_places(ask.slot.clone()));
        person?;
        places?;
        let document = ask.document.clone();
        let booked =
            move |node: &mut crate::node::Node, reading| Ok(node.book(&ask, None, reading)?.map(Committed::into_inner));
        let told = self.ask(booked).await?;
        if let Err(refusal) = &told {
            // What was refused tells of somebody and leaves no entry.
            let found = refusal.code();
            self.ask(move |node, reading| node.note_looked_up("booking-refused", &document, found, reading)).await?;
        }
        Ok(told)
    }

    /// 取消預約.
    pub async fn cancel(&self, ask: CancelRequest) -> BookingTold<CancelledBooking> {
        self.hear_about(None, ask.document.clone()).await?;
        self.ask(move |node, reading| Ok(node.cancel(&ask, None, reading)?.map(Committed::into_inner))).await
    }

    /// Another telephone number.
    pub async fn amend(&self, ask: AmendRequest) -> BookingTold<AmendedBooking> {
        self.hear_about(None, ask.document.clone()).await?;
        self.ask(move |node, reading| Ok(node.amend(&ask, None, reading)?.map(Committed::into_inner))).await
    }

    /// What happened to somebody at a venue of this site.
    pub async fn attend(&self, ask: AttendRequest) -> BookingTold<AttendedBooking> {
        self.ask(move |node, reading| Ok(node.attend(&ask, reading)?.map(Committed::into_inner))).await
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
                let text = DocumentText {
                    kind: booked.document.kind().code().to_owned(),
                    number: booked.document.number().to_owned(),
                    birth: booked.document.birth().format("%Y%m%d").to_string(),
                };
                node.note_looked_up("booking-shown", &text, booked.state.code(), reading)?;
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
