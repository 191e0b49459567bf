//! Cases: who was served twice, which sale counts, which is one too many and why, and whether the
//! later site could have known (docs/architecture.md, promise 2: no blame for what a site could not know).

mod ahead;
mod blame;
mod bookings;
mod explain;
mod words;

pub(crate) use ahead::is_ahead;
pub(crate) use blame::FEED_SHARED;
pub(crate) use bookings::standing_words;
pub use bookings::{BookingFinding, BookingLine};

use chrono::NaiveDate;
use shared::entry::booking::Stands;
use shared::entry::{Behind, Instant, Pieces, Reading, Staff};
use shared::ids::{CaseId, EntryId, ProgrammeId, SiteCode, VersionName};
use shared::rules::identity::DocumentKind;
use shared::rules::programme::Text;
use shared::rules::quota::FindingKind;

use crate::booking::BookingFault;
use crate::conflict::Effect;
use crate::hub::{Hub, HubError};
use crate::store::{BookingRow, CaseRow, FindingRow, Kind, SaleRow, Standing};

/// Which cases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseFilter {
    /// Of one programme only.
    pub programme: Option<ProgrammeId>,
    /// With a sale of this site only.
    pub site: Option<SiteCode>,
    /// Also those whose findings have gone since.
    pub closed_too: bool,
    /// At most so many, the newest first; 0 for all.
    pub limit: usize,
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSummary {
    /// The same for the same person and programme, whatever arrived first.
    pub id: CaseId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Whether anything is found now.
    pub open: bool,
    /// When something was found first, seconds since 1970.
    pub opened: i64,
    /// The person's sales that are not withdrawn, in the order that decides.
    pub sales: Vec<EntryId>,
    /// The person's bookings and granted wishes that were not taken back, in the order that decides.
    pub bookings: Vec<EntryId>,
    /// Those that are one too many, sales and bookings.
    pub over: Vec<EntryId>,
    /// Bookings that the list does not allow, and bookings whose number had been given away.
    pub booked_wrongly: Vec<EntryId>,
    /// Those that count although their version was no longer in force.
    pub stale: Vec<EntryId>,
    /// Those that count, and whose time is so doubtful that they may be one too many.
    pub doubtful: Vec<EntryId>,
    /// Where they were sold or made, each site once.
    pub sites: Vec<SiteCode>,
}

/// A case explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDetail {
    /// Its id.
    pub id: CaseId,
    /// The programme.
    pub programme: ProgrammeId,
    /// What the screens call it.
    pub title: Text,
    /// Whether anything is found now.
    pub open: bool,
    /// When something was found first, seconds since 1970.
    pub opened: i64,
    /// The person's number, masked.
    pub person: String,
    /// The kind of the first document.
    pub kind: DocumentKind,
    /// All sales of the person in the programme, in the order that decides.
    pub sales: Vec<SaleLine>,
    /// What was found, in the same order.
    pub findings: Vec<FindingLine>,
    /// All bookings and wishes of the person in the programme, in the order that decides.
    pub bookings: Vec<BookingLine>,
    /// What was found of them, in the same order.
    pub booking_findings: Vec<BookingFinding>,
    /// The whole case in a few sentences.
    pub summary: Text,
}

/// A sale of a case: its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleLine {
    /// The entry.
    pub id: EntryId,
    /// Where.
    pub site: SiteCode,
    /// The site's name.
    pub site_name: String,
    /// When, as the site knew it, seconds since 1970.
    pub instant: i64,
    /// How far that may be off, in seconds; `u32::MAX` where nobody knows.
    pub doubt_s: u32,
    /// Whether it was recorded after it had happened.
    pub recorded: bool,
    /// When it was written down, as the site knew it.
    pub written: Instant,
    /// When the hub received it, seconds since 1970.
    pub received: i64,
    /// Whether that was before it was made: the site's clock was wrong.
    pub ahead: bool,
    /// What was sold.
    pub pieces: Pieces,
    /// The kind of document shown.
    pub kind: DocumentKind,
    /// How it was read.
    pub reading: Reading,
    /// The version that the site decided by.
    pub version: VersionName,
    /// By whom.
    pub by: Staff,
    /// Whether somebody else carried the card.
    pub proxied: bool,
    /// How far the site's knowledge of the nation reached.
    pub watermark: u64,
    /// The days of which it knew less.
    pub behind: Vec<Behind>,
    /// Where the feed told the nation of it.
    pub published: Option<u64>,
    /// Who stood for it, where the rules wanted a second person.
    pub approved_by: Option<String>,
    /// Its run in the journal.
    pub(crate) journal: u64,
    /// Which life of its site's store sent that; `None` where nobody knows.
    pub(crate) store: Option<i64>,
    /// What it does to the buyer's entitlement.
    pub effect: Effect,
    /// The receipt in words.
    pub text: Text,
}

/// Whether the site of a sale could have known that it was one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// It was over the limit by itself.
    Alone,
    /// By the site's own record.
    SameSite,
    /// By the nation's list as far as the site had it: it sold against its own knowledge.
    Could,
    /// Its knowledge of the nation ended before.
    CouldNot,
    /// Nobody had been told.
    NotPublished,
    /// It was written down afterwards: what was known when it was sold nobody wrote.
    Recorded,
    /// Nobody can say: the site named a position that this hub cannot vouch for, or another life of its store sold.
    Unknown,
}

/// What the site of a sale had heard of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knew {
    /// It was its own.
    Own,
    /// The nation's list as far as the site had it includes it.
    Told,
    /// The site's knowledge ended before it.
    NotTold,
    /// No site had been told.
    NotPublished,
    /// Nobody can say.
    Unknown,
}

/// What the times of some sales are worth beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Which came first and how many days lie between is certain.
    Certain,
    /// It is not: one of them may have happened before the other, or on another day.
    InDoubt,
}

/// What was found of one sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingLine {
    /// The sale.
    pub sale: EntryId,
    /// One too many, under a version that was no longer in force, or at a doubtful time.
    pub kind: FindingKind,
    /// The refusal's code: `bought`, `limit` or `clock`.
    pub code: &'static str,
    /// The first day on which it would have been right.
    pub next: Option<NaiveDate>,
    /// The counted sales that fill the window.
    pub because: Vec<EntryId>,
    /// What its site had heard of each of them, in the same order.
    pub knew: Vec<Knew>,
    /// Whether its site could have known.
    pub knowledge: Knowledge,
    /// Whether the times tell for certain which came first, and how many days lie between.
    pub times: Times,
    /// In words.
    pub text: Text,
}

impl Hub {
    /// Cases, the newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn cases(&self, filter: &CaseFilter) -> Result<Vec<CaseSummary>, HubError> {
        let mut rows = self.store.cases()?;
        rows.retain(|row| {
            (row.open || filter.closed_too) && filter.programme.as_ref().is_none_or(|of| *of == row.programme)
        });
        rows.sort_by_key(|row| (std::cmp::Reverse(row.opened), row.id));
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
        let mut out = Vec::new();
        for row in rows {
            if out.len() >= limit {
                break;
            }
            let summary = self.summary(row)?;
            if filter.site.is_none_or(|site| summary.sites.contains(&site)) {
                out.push(summary);
            }
        }
        Ok(out)
    }

    fn summary(&self, row: CaseRow) -> Result<CaseSummary, HubError> {
        let mut sales = self.store.sales(&row.programme, &row.tag)?;
        sales.retain(|sale| sale.effect != Effect::Withdrawn);
        sales.sort_by_key(order);
        let ids = |keep: &dyn Fn(&&SaleRow) -> bool| sales.iter().filter(keep).map(|sale| sale.id).collect();
        let findings = self.store.findings(&row.id)?;
        let in_doubt = |sale: &&SaleRow| {
            findings.iter().any(|found| found.kind == Kind::Sale(FindingKind::DoubtfulTime) && found.sale == sale.id)
        };
        let mut bookings = self.bookings_in_order(&row)?;
        bookings.retain(|booking| matches!(booking.standing, Standing::Stands(Stands::Live | Stands::Over)));
        let is_over = |booking: &&BookingRow| booking.standing == Standing::Stands(Stands::Over);
        let is_elsewhere = |found: &&FindingRow| found.kind == Kind::Booking(BookingFault::AttendedElsewhere);
        let wrong = |found: &&FindingRow| {
            use BookingFault::{NotEligible, NumberNotLent, NumberTwice};
            matches!(found.kind, Kind::Booking(NotEligible | NumberTwice | NumberNotLent))
        };
        let mut booked_wrongly: Vec<EntryId> = findings.iter().filter(wrong).map(|found| found.sale).collect();
        booked_wrongly.dedup();
        let mut over: Vec<EntryId> = ids(&|sale| sale.effect == Effect::Over);
        over.extend(bookings.iter().filter(is_over).map(|booking| booking.id));
        let mut sites: Vec<SiteCode> = sales.iter().map(|sale| sale.site).collect();
        sites.extend(bookings.iter().map(|booking| booking.site));
        // Who said what was not theirs to say of them.
        for found in findings.iter().filter(is_elsewhere) {
            let slot =
                bookings.iter().find(|booking| booking.id == found.sale).and_then(|booking| booking.slot.as_ref());
            if let Some(slot) = slot {
                sites.extend(self.store.attended_elsewhere(&found.sale, &slot.venue)?);
            }
        }
        sites.sort_unstable();
        sites.dedup();
        Ok(CaseSummary {
            id: row.id,
            programme: row.programme,
            open: row.open,
            opened: row.opened,
            sales: ids(&|_| true),
            bookings: bookings.iter().map(|booking| booking.id).collect(),
            over,
            booked_wrongly,
            stale: ids(&|sale| sale.stale),
            doubtful: ids(&in_doubt),
            sites,
        })
    }
}

/// The order that decides: as `Purchase` has it.
pub(crate) fn order(sale: &SaleRow) -> (i64, Reading, SiteCode, EntryId) {
    (sale.instant, sale.reading, sale.site, sale.id)
}
