//! What can be asked of a node, and what it answers (M1, M11, M14, M15, M18, M20;
//! decisions 9, 11, 12, 16, 17).
//!
//! Domain types without any encoding: the web and the command line have their own.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime};
use shared::entry::{Instant, Pieces};
use shared::ids::{EntryId, Incarnation, ProgrammeId, SiteCode, VersionName};
use shared::rules::identity::Document;
use shared::rules::knowledge::{Allowed, Heard, Step};
use shared::rules::programme::Text;
use shared::rules::quota::Allowance;
use shared::rules::stock::Stock;
use shared::sync::edge::LogPos;

mod access;
pub mod booking;
mod dispute;

pub use access::{AccessView, GrantAsk, Granted, NewHolder, RevokeAsk, Revoked};
pub use booking::{
    AmendRequest, AmendedBooking, AttendRequest, AttendedBooking, BookRequest, Booked, BookedState, BookingAnswer,
    BookingRef, BookingView, CancelRequest, CancelledBooking, Comer, ExpectedLine, LookUp, LookedUp, MayBook, SlotLine,
    VerifiedSlip,
};
pub use dispute::{Decided, DisputeLine, DisputeRequest, Disputed, Slip};

/// A document as it came from a card or a keyboard, not yet looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentText {
    /// 身分別: 01 to 05.
    pub kind: String,
    /// 證號.
    pub number: String,
    /// 出生日期 in any form that people write.
    pub birth: String,
}

impl From<&Document> for DocumentText {
    fn from(document: &Document) -> Self {
        Self {
            kind: document.kind().code().to_owned(),
            number: document.number().to_owned(),
            birth: document.birth().format("%Y%m%d").to_string(),
        }
    }
}

impl fmt::Debug for DocumentText {
    /// A log must not learn who it was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentText(…)")
    }
}

/// What is said of the time of a sale (docs/clocks.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// 時間未經中心確認.
    Doubtful {
        /// How far off it may be, in seconds; `u32::MAX` where nobody knows.
        doubt_s: u32,
        /// How many seconds before the hub was heard last, as far as is known.
        beacon_age_s: Option<u64>,
    },
}

/// 資格審核: may this person buy?
#[derive(Clone, Debug)]
pub struct Examine {
    /// Which programme; where there is only one nobody need say.
    pub programme: Option<ProgrammeId>,
    /// Whose document.
    pub document: DocumentText,
}

/// Yes: the purchase fields become usable (M10, M11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The programme.
    pub programme: ProgrammeId,
    /// The version that decided.
    pub version: VersionName,
    /// Its title.
    pub title: Text,
    /// 購買日期: the business day.
    pub today: NaiveDate,
    /// The number as screens show it.
    pub masked: String,
    /// The date of birth as it was understood.
    pub birth: NaiveDate,
    /// Whether the card is a child's (M12).
    pub is_child: bool,
    /// What may be bought now; `allowance.most()` is 可購買片數.
    pub allowance: Allowance,
    /// NT$ a piece.
    pub price_ntd_per_piece: u32,
    /// Whether a sale now would be marked.
    pub mark: Mark,
    /// What is on the shelf: a reminder, not a gate (M17).
    pub stock: Stock,
    /// What the version allows at the age of what is known of the nation.
    pub allowed: Allowed,
}

/// 購買.
#[derive(Clone, Debug)]
pub struct SaleRequest {
    /// The same key again gives the same answer and one sale.
    pub request: Option<String>,
    /// Which programme; where there is only one nobody need say.
    pub programme: Option<ProgrammeId>,
    /// The buyer's document.
    pub document: DocumentText,
    /// 成人口罩片數.
    pub adult: i64,
    /// 兒童口罩片數.
    pub child: i64,
    /// The document of whoever carries the card (M20).
    pub proxy: Option<DocumentText>,
    /// Who stands at the counter; nobody has proved it.
    pub by: String,
    /// A second person who stands for it, where the version wants one; nobody has proved it.
    pub manager: Option<String>,
}

/// A sale that already happened is written down (decision 16).
#[derive(Clone, Debug)]
pub struct RecordRequest {
    /// What was sold, to whom, by whom.
    pub sale: SaleRequest,
    /// When it happened, in Taipei.
    pub happened: NaiveDateTime,
}

/// A sale, as it stands on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sold {
    /// Its name everywhere.
    pub id: EntryId,
    /// Its place in the site's log.
    pub pos: LogPos,
    /// When it was written.
    pub at: Instant,
    /// When it happened, where that was earlier.
    pub happened: Option<Instant>,
    /// The programme.
    pub programme: ProgrammeId,
    /// The version that decided.
    pub version: VersionName,
    /// The buyer's number as slips show it.
    pub masked: String,
    /// The proxy's, where there was one.
    pub proxy_masked: Option<String>,
    /// What was sold.
    pub pieces: Pieces,
    /// What it costs (decision 17).
    pub price_ntd: u32,
    /// What is on the shelf afterwards.
    pub stock: Stock,
    /// How far the nation was known: a position in the hub's feed, 0 for not at all.
    pub watermark: u64,
    /// What is said of its time.
    pub mark: Mark,
    /// Who stood for it, where the version wanted somebody.
    pub approved_by: Option<String>,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// 口罩到貨.
#[derive(Clone, Debug)]
pub struct ArriveRequest {
    /// The same key again gives the same answer and one arrival.
    pub request: Option<String>,
    /// Which programme; where there is only one nobody need say.
    pub programme: Option<ProgrammeId>,
    /// Counted.
    pub adult: i64,
    /// Counted.
    pub child: i64,
    /// Who counted.
    pub by: String,
}

/// An arrival on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its name everywhere.
    pub id: EntryId,
    /// Its place in the site's log.
    pub pos: LogPos,
    /// When it was written.
    pub at: Instant,
    /// The programme.
    pub programme: ProgrammeId,
    /// What was counted.
    pub counted: Pieces,
    /// What the hub had announced for the day.
    pub advised: Option<Pieces>,
    /// What is on the shelf afterwards.
    pub stock: Stock,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// The shelf was counted and is not what it should be.
#[derive(Clone, Debug)]
pub struct CorrectRequest {
    /// The same key again gives the same answer and one correction.
    pub request: Option<String>,
    /// Which programme; where there is only one nobody need say.
    pub programme: Option<ProgrammeId>,
    /// More or fewer.
    pub adult: i64,
    /// More or fewer.
    pub child: i64,
    /// Why; needed.
    pub reason: String,
    /// Who says so.
    pub by: String,
}

/// A correction on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// Its name everywhere.
    pub id: EntryId,
    /// Its place in the site's log.
    pub pos: LogPos,
    /// When it was written.
    pub at: Instant,
    /// The programme.
    pub programme: ProgrammeId,
    /// More or fewer.
    pub adult: i32,
    /// More or fewer.
    pub child: i32,
    /// What is on the shelf afterwards.
    pub stock: Stock,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// A sale or an arrival is taken back (decisions 9 and 12).
#[derive(Clone, Debug)]
pub struct WithdrawRequest {
    /// The same key again gives the same answer.
    pub request: Option<String>,
    /// Which entry.
    pub of: EntryId,
    /// Why; needed.
    pub reason: String,
    /// Who says so.
    pub by: String,
}

/// A withdrawal on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Its own name.
    pub id: EntryId,
    /// Its place in the site's log.
    pub pos: LogPos,
    /// When it was written.
    pub at: Instant,
    /// What it takes back.
    pub of: EntryId,
    /// The programme.
    pub programme: ProgrammeId,
    /// What came back to the shelf (a sale) or left it (an arrival).
    pub taken: TakenBack,
    /// What is on the shelf afterwards.
    pub stock: Stock,
    /// Whether this is an earlier answer once more.
    pub replayed: bool,
}

/// What was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// A sale: these pieces are on the shelf again, and the person may buy again.
    Sale(Pieces),
    /// An arrival: these pieces are not there.
    Arrival(Pieces),
}

/// A line of 最近購買紀錄 (M15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The sale's name everywhere.
    pub id: EntryId,
    /// 院所簡稱.
    pub site_name: String,
    /// 身分證號, masked.
    pub masked: String,
    /// 購買日期: when it happened.
    pub second: i64,
    /// What is said of that time.
    pub mark: Mark,
    /// 成人購買數量, 兒童購買數量.
    pub pieces: Pieces,
    /// The programme.
    pub programme: ProgrammeId,
    /// The version that decided.
    pub version: VersionName,
    /// Whether it was written down afterwards (decision 16).
    pub recorded: bool,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// Whether the hub found it one too many.
    pub over: bool,
    /// Whether the hub has it on its disk.
    pub acked: bool,
    /// Whether the nation's list here has come as far as the hub counted it.
    pub covered: bool,
    /// By whom.
    pub by: String,
}

/// One programme's shelf (M17, M18, M19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// The programme.
    pub programme: ProgrammeId,
    /// What is there.
    pub stock: Stock,
    /// What the hub announced for today.
    pub expected: Option<Pieces>,
    /// The version's proposed daily delivery.
    pub allotment: Option<Pieces>,
    /// What was confirmed today; `None` where nothing was: then M17 reminds.
    pub arrived_today: Option<Pieces>,
    /// The version in force today.
    pub version: Option<VersionName>,
}

/// A line of the stock ledger (decision 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The entry.
    pub id: EntryId,
    /// When it was written.
    pub at: Instant,
    /// The programme.
    pub programme: ProgrammeId,
    /// What it was.
    pub kind: MovementKind,
    /// By how much the shelf changed.
    pub adult: i64,
    /// By how much the shelf changed.
    pub child: i64,
    /// What was on the shelf afterwards.
    pub stock: Stock,
    /// Whether it was taken back later.
    pub withdrawn: bool,
    /// Why, for corrections and withdrawals.
    pub reason: String,
    /// By whom.
    pub by: String,
}

/// What moved the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// Goods came.
    Arrival,
    /// Goods went.
    Sale,
    /// A sale or an arrival was taken back.
    Withdrawal,
    /// Counted otherwise.
    Correction,
}

/// How old the knowledge of the nation is, and what the version in force that allows the least allows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When it was last complete.
    pub heard: Heard,
    /// Where that stands on the ladder.
    pub step: Step,
    /// What is allowed there.
    pub allowed: Allowed,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its site.
    pub site: SiteCode,
    /// The site's name.
    pub name: String,
    /// This life of its store.
    pub incarnation: Incarnation,
    /// Its time.
    pub now: Instant,
    /// Its business day.
    pub today: NaiveDate,
    /// What is said of its time, where any version in force calls it doubtful.
    pub mark: Mark,
    /// Whether a beacon was seen since the start.
    pub beacon_seen: bool,
    /// How many seconds ago the last beacon came, as far as is known; `None` where none ever did.
    pub beacon_age_s: Option<u64>,
    /// The number of its entries.
    pub entries: LogPos,
    /// The hub has everything up to here, as far as is known.
    pub acked: LogPos,
    /// How far the nation is known.
    pub watermark: u64,
    /// How old that is, and what it allows.
    pub known: Known,
    /// How many spans of days that matter today lack their digest.
    pub lagging: usize,
    /// How many sites the hub had not heard since the end of a day that matters today.
    pub unheard: u32,
    /// How far the hub's ledgers are known.
    pub down: u64,
    /// The number of its runs that the hub has put aside.
    pub quarantined: usize,
    /// Sales that the hub found one too many.
    pub over: usize,
    /// The shelves.
    pub shelves: Vec<Shelf>,
    /// Why it does not sell any more, where it does not: restart it.
    pub stopped: Option<String>,
}

/// Entries of the export and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// JSON objects, one a line, documents masked.
    pub lines: Vec<String>,
    /// The position of the last of them; `None` at the end of the log.
    pub upto: Option<LogPos>,
}
