//! What is asked and told about booked places (V1-V17; docs/booking.md).

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveDate, NaiveDateTime};
use shared::entry::booking::{Attendance, BookingNumber, Shown, Slot, Stands, Start, Venue, VenueId};
use shared::ids::{EntryId, ProgrammeId, SiteCode, VersionName};
use shared::rules::booking::contact::Contact;
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::booking::round::Round;
use shared::rules::booking::{printed, venue_title};
use shared::rules::identity::Document;
use shared::rules::programme::Text;
use shared::sign::slip::Claim;

use super::{DocumentText, Known};
use crate::node::NodeError;

/// Outer result: is the machine healthy, and was the question one? Inner: may this person have it?
pub type BookingAnswer<T> = Result<Result<T, BookingRefusal>, NodeError>;

/// A card was read (V1, V13).
#[derive(Clone, Debug)]
pub struct LookUp {
    /// Which programme; where there is only one nobody need say.
    pub programme: Option<ProgrammeId>,
    /// Whose document.
    pub document: DocumentText,
}

/// What is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// They may book.
    May(MayBook),
    /// 前次預約登錄結果: they have a booking or a wish (V13).
    Has(Box<Booked>),
}

/// Somebody may book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MayBook {
    /// The programme.
    pub programme: ProgrammeId,
    /// By which round.
    pub round: VersionName,
    /// 期別.
    pub number: u32,
    /// What the screens call it.
    pub title: Text,
    /// What says that they may.
    pub shown: Shown,
    /// The number as screens show it.
    pub masked: String,
    /// How old the knowledge is by which nobody else has booked for them.
    pub known: Known,
}

/// 確認送出. `Debug` names nobody.
#[derive(Clone)]
pub struct BookRequest {
    /// The same key again gives the same answer and one booking.
    pub request: Option<String>,
    /// Whose document.
    pub document: DocumentText,
    /// 姓名.
    pub name: String,
    /// 手機號碼.
    pub mobile: String,
    /// The place that was chosen.
    pub slot: Slot,
    /// 我已閱讀並同意 隱私權公告 (V6).
    pub consent: bool,
    /// Other places that would do, the dearest first, where the chosen one cannot be given now.
    pub wishes: Vec<Slot>,
    /// Who stands at the counter; nobody has proved it.
    pub by: String,
}

impl fmt::Debug for BookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BookRequest({})", self.slot)
    }
}

/// How a booking stands, for the screens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookedState {
    /// The place is theirs.
    Booked(Stands),
    /// 待確認: the hub has not answered yet.
    Waiting,
    /// The hub had nothing to give; why, for machines.
    Denied(String),
    /// Taken back.
    Cancelled,
}

impl BookedState {
    /// Whether it still stands for somebody.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Booked(_) | Self::Waiting)
    }

    /// A stable name for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Booked(stands) => stands.code(),
            Self::Waiting => "wish",
            Self::Denied(_) => "denied",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A booking or a wish, as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Its entry, of whatever site.
    pub id: EntryId,
    /// Whether this site wrote it.
    pub is_own: bool,
    /// 預約完成時間: seconds since 1970 (UTC).
    pub second: i64,
    /// The programme.
    pub programme: ProgrammeId,
    /// By which round.
    pub round: VersionName,
    /// How it stands.
    pub state: BookedState,
    /// 預約編號; none while the hub has not answered a wish.
    pub number: Option<BookingNumber>,
    /// The place; of a wish that waits the dearest one, where it is known here.
    pub slot: Option<Slot>,
    /// Of a wish: all that would do.
    pub ranked: Vec<Slot>,
    /// 施打地點, where it is known here.
    pub venue: Option<Venue>,
    /// Whose.
    pub document: Document,
    /// 姓名, 手機號碼.
    pub contact: Contact,
    /// The signed text of the slip, where the hub has vouched for its number.
    pub slip: Option<String>,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

impl Booked {
    /// 預約序號, ten digits (V13); none while the hub has not answered a wish.
    #[must_use]
    pub fn serial(&self) -> Option<u64> {
        self.number.as_ref().map(|number| number.serial)
    }

    /// 身分證號 as paper shows it (V12).
    #[must_use]
    pub fn printed(&self) -> String {
        printed(&self.document)
    }

    /// 施打地點 with its vaccines (V8).
    #[must_use]
    pub fn venue_title(&self) -> String {
        let Some(slot) = &self.slot else { return String::new() };
        let name = self.venue.as_ref().map_or(slot.venue.as_str(), |venue| venue.name.as_str());
        venue_title(name, &slot.brands)
    }
}

/// Which booking is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingRef {
    /// By its entry, of whatever site.
    Entry(EntryId),
    /// By its 預約序號.
    Serial(u64),
}

/// 取消預約 (V14).
#[derive(Clone, Debug)]
pub struct CancelRequest {
    /// The same key again gives the same answer.
    pub request: Option<String>,
    /// Which.
    pub of: BookingRef,
    /// The person's own document.
    pub document: DocumentText,
    /// Why; may be empty.
    pub reason: String,
    /// Who stands at the counter; nobody has proved it.
    pub by: String,
}

/// A cancellation on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledBooking {
    /// Its own entry.
    pub id: EntryId,
    /// The booking.
    pub of: EntryId,
    /// Its 預約序號; 0 of a wish that had none.
    pub serial: u64,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// Another telephone number. `Debug` names nobody.
#[derive(Clone)]
pub struct AmendRequest {
    /// The same key again gives the same answer.
    pub request: Option<String>,
    /// Which.
    pub of: BookingRef,
    /// The person's own document.
    pub document: DocumentText,
    /// 手機號碼.
    pub mobile: String,
    /// Who stands at the counter; nobody has proved it.
    pub by: String,
}

impl fmt::Debug for AmendRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AmendRequest({:?})", self.of)
    }
}

/// An amendment on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendedBooking {
    /// Its own entry.
    pub id: EntryId,
    /// The booking.
    pub of: EntryId,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// By what somebody is found in the venue's day.
#[derive(Clone, Debug)]
pub enum Comer {
    /// 預約序號.
    Serial(u64),
    /// What was scanned of a slip.
    Slip(String),
    /// Their card.
    Document(DocumentText),
}

/// What happened at the venue.
#[derive(Clone, Debug)]
pub struct AttendRequest {
    /// The same key again gives the same answer.
    pub request: Option<String>,
    /// To whom.
    pub of: Comer,
    /// What.
    pub what: Attendance,
    /// Who says so.
    pub by: String,
}

/// An attendance on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendedBooking {
    /// Its own entry.
    pub id: EntryId,
    /// The booking.
    pub of: EntryId,
    /// 預約序號.
    pub serial: u64,
    /// What happened.
    pub what: Attendance,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// Somebody on the venue's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedLine {
    /// The booking.
    pub of: EntryId,
    /// 預約編號.
    pub number: BookingNumber,
    /// When and where.
    pub slot: Slot,
    /// From when on, where they come later the same day.
    pub start: Start,
    /// Whether they still are expected.
    pub comes: bool,
    /// The number as screens show it.
    pub masked: String,
    /// 姓名, 手機號碼.
    pub contact: Contact,
    /// What happened so far, the last word.
    pub attended: Option<Attendance>,
}

/// A slip that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSlip {
    /// What it says.
    pub claim: Claim,
    /// Its venue, where it is known here.
    pub venue: Option<Venue>,
    /// Whether that is this site's to keep the day of.
    pub is_here: bool,
}

/// A slot that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotLine {
    /// Which.
    pub slot: Slot,
    /// How many it holds, over all sites.
    pub places: u32,
    /// Nothing more is given away there.
    pub closed: bool,
    /// What this site can give away of it now.
    pub held: u32,
}

/// Everything that the booking pages show of no person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingView {
    /// Now, in Taipei.
    pub now: NaiveDateTime,
    /// The business day.
    pub today: NaiveDate,
    /// This site.
    pub site: SiteCode,
    /// Whether the hub takes bookings, as it said last.
    pub takes: bool,
    /// Rounds whose slots are not over, or that may still be booked; by name.
    pub rounds: Vec<Round>,
    /// Venues that are offered.
    pub venues: BTreeMap<VenueId, Venue>,
    /// Slots of these rounds that have not begun, in order.
    pub slots: Vec<SlotLine>,
    /// Serial numbers that are left.
    pub numbers_left: u64,
    /// Wishes of this site that wait for the hub's answer.
    pub waiting: usize,
    /// How old the knowledge of the nation is.
    pub known: Known,
}

impl BookingView {
    /// Rounds that may be booked now.
    pub fn open(&self) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(|round| (round.opens..round.closes).contains(&self.now))
    }

    /// When the next one opens.
    #[must_use]
    pub fn next(&self) -> Option<&Round> {
        self.rounds.iter().filter(|round| round.opens > self.now).min_by_key(|round| round.opens)
    }
}
