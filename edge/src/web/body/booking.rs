//! Requests about booked places as they come.

use chrono::NaiveDate;
use serde::Deserialize;
use shared::entry::booking::{Attendance, Slot};

use super::{Document, Meant, entry, programme};
use crate::fault::Fault;
use crate::node::ask::{AmendRequest, AttendRequest, BookRequest, BookingRef, CancelRequest, Comer, LookUp};

/// A slot.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SlotBody {
    venue: String,
    date: String,
    start: String,
    brands: String,
}

/// POST booking/look-up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Look {
    programme: Option<String>,
    document: Document,
}

/// POST booking/book.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Book {
    request: Option<String>,
    document: Document,
    name: String,
    mobile: String,
    slot: SlotBody,
    #[serde(default)]
    consent: bool,
    #[serde(default)]
    wishes: Vec<SlotBody>,
    #[serde(default)]
    by: String,
}

/// POST booking/cancel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Cancel {
    request: Option<String>,
    booking: Option<String>,
    serial: Option<u64>,
    document: Document,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    by: String,
}

/// POST booking/amend.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Amend {
    request: Option<String>,
    booking: Option<String>,
    serial: Option<u64>,
    document: Document,
    mobile: String,
    #[serde(default)]
    by: String,
}

/// POST booking/attend.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Attend {
    request: Option<String>,
    serial: Option<u64>,
    slip: Option<String>,
    document: Option<Document>,
    what: String,
    #[serde(default)]
    brand: String,
    #[serde(default)]
    lot: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    by: String,
}

/// POST booking/verify-slip.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SlipText {
    text: String,
}

/// Of what happened as it was typed: which kind, and what belongs to it.
pub(in crate::web) struct Happened<'a> {
    pub(in crate::web) what: &'a str,
    pub(in crate::web) brand: &'a str,
    pub(in crate::web) lot: &'a str,
    pub(in crate::web) reason: &'a str,
    pub(in crate::web) start: &'a str,
}

impl Happened<'_> {
    /// As the node is told it.
    pub(in crate::web) fn meant(&self) -> Result<Attendance, Fault> {
        match self.what {
            "checked-in" => Ok(Attendance::CheckedIn),
            "given" => Ok(Attendance::Given { brand: self.brand.to_owned(), lot: self.lot.to_owned() }),
            "not-given" => Ok(Attendance::NotGiven { reason: self.reason.to_owned() }),
            "later" => Ok(Attendance::Later { start: self.start.trim().parse().map_err(|_| bad_slot())? }),
            _ => Err(Fault::asked(
                "attendance",
                "請選擇報到、已接種、未接種或當日改時段",
                "say checked-in, given, not-given or later",
            )),
        }
    }
}

/// A slot that was chosen.
pub(in crate::web) fn slot(venue: &str, date: &str, start: &str, brands: &str) -> Result<Slot, Fault> {
    Ok(Slot {
        venue: venue.parse().map_err(|_| bad_slot())?,
        date: day(date)?,
        start: start.parse().map_err(|_| bad_slot())?,
        brands: brands.parse().map_err(|_| bad_slot())?,
    })
}

/// A date, in either of the forms that the pages use.
pub(in crate::web) fn day(text: &str) -> Result<NaiveDate, Fault> {
    text.trim().replace('/', "-").parse().map_err(|_| {
        Fault::asked("date", "日期無法辨識；請寫成 2021/07/02", "the date cannot be read: write it as 2021-07-02")
    })
}

fn bad_slot() -> Fault {
    Fault::asked("slot", "請選擇施打地點、日期與時段", "choose the venue, the date and the hour")
}

/// Which booking is meant.
fn which(booking: Option<&str>, serial: Option<u64>) -> Result<BookingRef, Fault> {
    match (booking, serial) {
        (Some(booking), None) => Ok(BookingRef::Entry(entry(booking)?)),
        (None, Some(serial)) => Ok(BookingRef::Serial(serial)),
        (Some(_), Some(_)) | (None, None) => Err(Fault::asked(
            "booking",
            "請指定預約序號或預約紀錄編號其中之一",
            "name the booking by its serial number or by its entry, one of them",
        )),
    }
}

impl SlotBody {
    fn slot(&self) -> Result<Slot, Fault> {
        slot(&self.venue, &self.date, &self.start, &self.brands)
    }
}

impl Meant for Look {
    type Request = LookUp;

    fn meant(self) -> Result<LookUp, Fault> {
        Ok(LookUp { programme: programme(self.programme.as_deref())?, document: self.document.text() })
    }
}

impl Meant for Book {
    type Request = BookRequest;

    fn meant(self) -> Result<BookRequest, Fault> {
        let slot = self.slot.slot()?;
        let wishes = self.wishes.iter().map(SlotBody::slot).collect::<Result<Vec<_>, _>>()?;
        let Self { request, document, name, mobile, consent, by, .. } = self;
        Ok(BookRequest { request, document: document.text(), name, mobile, slot, consent, wishes, by })
    }
}

impl Meant for Cancel {
    type Request = CancelRequest;

    fn meant(self) -> Result<CancelRequest, Fault> {
        let of = which(self.booking.as_deref(), self.serial)?;
        let Self { request, document, reason, by, .. } = self;
        Ok(CancelRequest { request, of, document: document.text(), reason, by })
    }
}

impl Meant for Amend {
    type Request = AmendRequest;

    fn meant(self) -> Result<AmendRequest, Fault> {
        let of = which(self.booking.as_deref(), self.serial)?;
        let Self { request, document, mobile, by, .. } = self;
        Ok(AmendRequest { request, of, document: document.text(), mobile, by })
    }
}

impl Meant for Attend {
    type Request = AttendRequest;

    fn meant(self) -> Result<AttendRequest, Fault> {
        let Self { request, serial, slip, document, what, brand, lot, reason, start, by } = self;
        let happened = Happened { what: &what, brand: &brand, lot: &lot, reason: &reason, start: &start };
        let what = happened.meant()?;
        let of = match (serial, slip, document) {
            (Some(serial), None, None) => Comer::Serial(serial),
            (None, Some(slip), None) => Comer::Slip(slip),
            (None, None, Some(document)) => Comer::Document(document.text()),
            _ => {
                let (zh, en) =
                    ("請指定預約序號、預約單或證件其中之一", "name a serial number, a slip or a document, one of them");
                return Err(Fault::asked("comer", zh, en));
            }
        };
        Ok(AttendRequest { request, of, what, by })
    }
}

impl Meant for SlipText {
    type Request = String;

    fn meant(self) -> Result<String, Fault> {
        Ok(self.text)
    }
}
