//! A case as it is shown: its receipts, which counts, which is one too many, why, and whether
//! the site could have known.

use serde_json::{Value, json};
use shared::entry::Reading;
use shared::entry::booking::Stands;
use shared::rules::calendar::roc_minute;
use shared::rules::programme::Text;
use shared::rules::quota::FindingKind;
use shared::rules::refusal::{off_en, off_zh};

use crate::cases::{
    BookingFinding, BookingLine, CaseDetail, CaseFilter, CaseSummary, FindingLine, Knew, Knowledge, SaleLine, Times,
    standing_words,
};
use crate::conflict::Effect;
use crate::hub::{Hub, HubError};
use crate::store::AheadSale;

/// Doubts below this are not worth a word, in seconds.
const DOUBT_SHOWN_S: u32 = 60;
/// Of a case's id in a list.
const SHORT: usize = 12;

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLine {
    /// Its id.
    pub id: String,
    /// The beginning of its id.
    pub short: String,
    /// What the programme is called.
    pub title: Text,
    /// The person's number, masked.
    pub person: String,
    /// Whether anything is found now.
    pub open: bool,
    /// How many sales are one too many.
    pub over: usize,
    /// How many may be, by a doubtful time.
    pub doubtful: usize,
    /// The sales, in the order that decides.
    pub sales: Vec<SaleMention>,
}

/// A sale in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleMention {
    /// When, in Taipei.
    pub time: String,
    /// The site's name.
    pub site: String,
    /// What it does to the entitlement.
    pub badge: Badge,
}

/// An effect as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Its class in the style sheet.
    pub class: &'static str,
    /// In words.
    pub text: Text,
}

/// A case's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasePage {
    /// Its line.
    pub line: CaseLine,
    /// The programme's id.
    pub programme: String,
    /// Since when, in Taipei.
    pub opened: String,
    /// The kind of document.
    pub kind: Text,
    /// The whole case in a few sentences.
    pub summary: Text,
    /// Every sale's receipt.
    pub receipts: Vec<Receipt>,
    /// Every booking and wish.
    pub bookings: Vec<BookingReceipt>,
}

/// A booking or a wish of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingReceipt {
    /// From 1.
    pub number: usize,
    /// How it stands.
    pub badge: Badge,
    /// The site's name.
    pub site_name: String,
    /// The whole in a sentence.
    pub text: Text,
    /// The entry's id.
    pub entry: String,
    /// What was found of it, and what to do.
    pub why: Vec<Text>,
}

/// A sale's receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// From 1.
    pub number: usize,
    /// Which effect.
    pub badge: Badge,
    /// Where.
    pub site: String,
    /// The site's name.
    pub site_name: String,
    /// When, in Taipei.
    pub time: String,
    /// What is doubtful about the time.
    pub doubt: Option<Text>,
    /// 成人片數.
    pub adult: u32,
    /// 兒童片數.
    pub child: u32,
    /// How the document was read.
    pub reading: Text,
    /// By which rules.
    pub version: String,
    /// By whom.
    pub by: String,
    /// Who stood for it, where the rules wanted a second person.
    pub approved_by: Option<String>,
    /// How far its site knew the nation, and where the nation was told of it: positions of the feed.
    pub known: Text,
    /// When it reached the hub, in Taipei.
    pub received: String,
    /// The entry's id.
    pub entry: String,
    /// What was found of it.
    pub why: Vec<Text>,
}

/// Cases from the `from`-th on, at most `rows`, and how many there are.
///
/// # Errors
/// Where the store fails.
pub fn case_lines(
    hub: &Hub,
    filter: &CaseFilter,
    rows: usize,
    from: usize,
) -> Result<(usize, Vec<CaseLine>), HubError> {
    let all = hub.cases(filter)?;
    let mut out = Vec::new();
    for summary in all.iter().skip(from).take(rows) {
        if let Some(case) = hub.case(&summary.id)? {
            out.push(CaseLine::from(&case));
        }
    }
    Ok((all.len(), out))
}

impl From<&CaseDetail> for CaseLine {
    fn from(case: &CaseDetail) -> Self {
        let id = case.id.to_string();
        let mention = |sale: &SaleLine| SaleMention {
            time: roc_minute(sale.instant),
            site: sale.site_name.clone(),
            badge: badge(sale.effect),
        };
        let booked = |booking: &BookingLine| SaleMention {
            time: roc_minute(booking.at.second),
            site: booking.site_name.clone(),
            badge: booking_badge(booking),
        };
        Self {
            short: id.chars().take(SHORT).collect(),
            id,
            title: case.title.clone(),
            person: case.person.clone(),
            open: case.open,
            over: case.sales.iter().filter(|sale| sale.effect == Effect::Over).count()
                + case.bookings.iter().filter(|booking| booking.stands == Some(Stands::Over)).count(),
            doubtful: case.findings.iter().filter(|found| found.kind == FindingKind::DoubtfulTime).count(),
            sales: case.sales.iter().map(mention).chain(case.bookings.iter().map(booked)).collect(),
        }
    }
}

impl From<&CaseDetail> for CasePage {
    fn from(case: &CaseDetail) -> Self {
        let receipts = (1..).zip(&case.sales).map(|(number, sale)| receipt(number, sale, &case.findings));
        Self {
            line: CaseLine::from(case),
            programme: case.programme.to_string(),
            opened: roc_minute(case.opened),
            kind: Text::new(case.kind.label_zh(), case.kind.label_en()),
            summary: case.summary.clone(),
            receipts: receipts.collect(),
            bookings: (1..)
                .zip(&case.bookings)
                .map(|(number, line)| booked(number, line, &case.booking_findings))
                .collect(),
        }
    }
}

fn booked(number: usize, line: &BookingLine, findings: &[BookingFinding]) -> BookingReceipt {
    BookingReceipt {
        number,
        badge: booking_badge(line),
        site_name: line.site_name.clone(),
        text: line.text.clone(),
        entry: line.id.to_string(),
        why: findings.iter().filter(|found| found.booking == line.id).map(|found| found.text.clone()).collect(),
    }
}

pub(super) fn booking_badge(line: &BookingLine) -> Badge {
    let class = match line.stands {
        Some(Stands::Live) => "counts",
        Some(Stands::Over) => "over",
        Some(Stands::Cancelled) | None => "withdrawn",
    };
    Badge { class, text: standing_words(line.standing) }
}

fn badge(effect: Effect) -> Badge {
    let (class, zh, en) = match effect {
        Effect::Counts => ("counts", "有效", "counts"),
        Effect::Over => ("over", "超額", "one too many"),
        Effect::Withdrawn => ("withdrawn", "已撤銷", "withdrawn"),
        Effect::Cleared => ("withdrawn", "異議成立", "cleared"),
    };
    Badge { class, text: Text::new(zh, en) }
}

/// How the document's number came in, in words.
pub(super) fn reading(reading: Reading) -> Text {
    match reading {
        Reading::Card => Text::new("讀卡", "card"),
        Reading::Typed => Text::new("人工輸入", "typed"),
    }
}

pub(super) fn receipt(number: usize, sale: &SaleLine, findings: &[FindingLine]) -> Receipt {
    let verified = if sale.by.verified { "" } else { "（未驗證 not verified）" };
    Receipt {
        number,
        badge: badge(sale.effect),
        site: sale.site.to_string(),
        site_name: sale.site_name.clone(),
        time: roc_minute(sale.instant),
        doubt: doubt(sale),
        adult: sale.pieces.adult,
        child: sale.pieces.child,
        reading: reading(sale.reading),
        version: sale.version.to_string(),
        by: format!("{}{verified}", sale.by.name),
        approved_by: sale.approved_by.clone(),
        known: known(sale),
        received: roc_minute(sale.received),
        entry: sale.id.to_string(),
        why: findings.iter().filter(|finding| finding.sale == sale.id).map(|finding| finding.text.clone()).collect(),
    }
}

fn known(sale: &SaleLine) -> Text {
    let watermark = sale.watermark;
    match sale.published {
        Some(told) => Text {
            zh: format!("所知至第 {watermark} 筆；此筆為第 {told} 筆"),
            en: format!("knew up to {watermark}; this one was told at {told}"),
        },
        None => Text {
            zh: format!("所知至第 {watermark} 筆；此筆未通知"),
            en: format!("knew up to {watermark}; this one was not told"),
        },
    }
}

fn doubt(sale: &SaleLine) -> Option<Text> {
    if sale.ahead {
        return Some(Text::new("時鐘超前，晚於收到時間", "clock ahead: later than received"));
    }
    match (sale.recorded, sale.doubt_s) {
        (true, _) => Some(Text::new("事後補登", "recorded afterwards")),
        (false, u32::MAX) => Some(Text::new("時鐘未曾校正", "clock never set")),
        (false, doubt) if doubt > DOUBT_SHOWN_S => Some(Text { zh: off_zh(doubt), en: off_en(doubt) }),
        (false, _) => None,
    }
}

/// A sale that reached the hub before it was made, as JSON.
#[must_use]
pub fn ahead(sale: &AheadSale) -> Value {
    json!({
        "sale": sale.id.to_string(), "site": sale.site.as_str(), "second": sale.instant, "doubt_s": sale.doubt_s,
        "received": sale.received,
    })
}

/// A case in a list, as JSON.
#[must_use]
pub fn case_summary(case: &CaseSummary) -> Value {
    let names = |ids: &[shared::ids::EntryId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "id": case.id.to_string(), "programme": case.programme.as_str(), "open": case.open, "opened": case.opened,
        "sales": names(&case.sales), "over": names(&case.over), "stale": names(&case.stale),
        "doubtful": names(&case.doubtful),
        "bookings": names(&case.bookings), "booked_wrongly": names(&case.booked_wrongly),
        "sites": case.sites.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// A case explained, as JSON.
#[must_use]
pub fn case(case: &CaseDetail) -> Value {
    json!({
        "id": case.id.to_string(), "programme": case.programme.as_str(), "title": text(&case.title),
        "open": case.open, "opened": case.opened, "person": case.person, "kind": case.kind.code(),
        "summary": text(&case.summary),
        "sales": case.sales.iter().map(sale).collect::<Vec<_>>(),
        "findings": case.findings.iter().map(finding).collect::<Vec<_>>(),
        "bookings": case.bookings.iter().map(booking).collect::<Vec<_>>(),
        "booking_findings": case.booking_findings.iter().map(booking_finding).collect::<Vec<_>>(),
    })
}

/// A booking as JSON; nothing of it says who.
#[must_use]
pub fn booking(line: &BookingLine) -> Value {
    let given = line.given.as_ref().map(|(slot, number)| {
        json!({
            "venue": slot.venue.as_str(), "title": line.venue, "date": slot.date, "start": slot.start.to_string(),
            "brands": slot.brands.as_str(), "serial": number.serial, "number": number.to_string(),
        })
    });
    json!({
        "id": line.id.to_string(), "site": line.site.as_str(), "site_name": line.site_name,
        "second": line.at.second, "doubt_s": (line.at.doubt_s != u32::MAX).then_some(line.at.doubt_s),
        "reading": line.reading.code(), "wish": line.wish, "round": line.round.as_str(), "given": given,
        "stands": line.standing, "text": text(&line.text),
    })
}

fn booking_finding(found: &BookingFinding) -> Value {
    json!({
        "booking": found.booking.to_string(), "kind": found.fault.code(), "code": found.code,
        "because": found.because.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "times_certain": found.times == Times::Certain, "text": text(&found.text),
    })
}

pub(super) fn text(text: &Text) -> Value {
    json!({ "zh-TW": text.zh, "en": text.en })
}

pub(super) fn sale(sale: &SaleLine) -> Value {
    let effect = match sale.effect {
        Effect::Counts => "counts",
        Effect::Over => "over",
        Effect::Withdrawn => "withdrawn",
        Effect::Cleared => "cleared",
    };
    json!({
        "id": sale.id.to_string(), "site": sale.site.as_str(), "site_name": sale.site_name,
        "second": sale.instant, "doubt_s": (sale.doubt_s != u32::MAX).then_some(sale.doubt_s),
        "recorded": sale.recorded, "received": sale.received, "ahead": sale.ahead,
        "adult": sale.pieces.adult, "child": sale.pieces.child, "kind": sale.kind.code(), "reading": sale.reading.code(),
        "version": sale.version.as_str(), "by": sale.by.name, "by_verified": sale.by.verified,
        "proxied": sale.proxied, "approved_by": sale.approved_by, "watermark": sale.watermark,
        "published": sale.published, "written": sale.written.second,
        "effect": effect, "text": text(&sale.text),
    })
}

fn finding(finding: &FindingLine) -> Value {
    let kind = match finding.kind {
        FindingKind::Over => "over",
        FindingKind::StaleVersion => "stale-version",
        FindingKind::DoubtfulTime => "doubtful-time",
    };
    let known = match finding.knowledge {
        Knowledge::Alone => "alone",
        Knowledge::SameSite => "same-site",
        Knowledge::Could => "could",
        Knowledge::CouldNot => "could-not",
        Knowledge::NotPublished => "not-published",
        Knowledge::Recorded => "recorded",
        Knowledge::Unknown => "unknown",
    };
    let knew = |knew: &Knew| match knew {
        Knew::Own => "own",
        Knew::Told => "told",
        Knew::NotTold => "not-told",
        Knew::NotPublished => "not-published",
        Knew::Unknown => "unknown",
    };
    json!({
        "sale": finding.sale.to_string(), "kind": kind, "code": finding.code, "next": finding.next,
        "because": finding.because.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "knew": finding.knew.iter().map(knew).collect::<Vec<_>>(), "could_have_known": known, "times_certain": finding.times == Times::Certain, "text": text(&finding.text),
    })
}
