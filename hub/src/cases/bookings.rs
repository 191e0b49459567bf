//! The bookings of a case: what each was, what was found of it, and what an operator is to do.

use std::collections::HashMap;

use shared::entry::booking::{BookingNumber, Slot, Stands};
use shared::entry::{Instant, Reading};
use shared::ids::{EntryId, SiteCode, VersionName};
use shared::rules::booking::judge::is_open;
use shared::rules::booking::round::Round;
use shared::rules::booking::venue_title;
use shared::rules::calendar::{roc_minute, taipei_time};
use shared::rules::identity::Document;
use shared::rules::programme::Text;

use super::Times;
use crate::booking::BookingFault;
use crate::hub::{Hub, HubError};
use crate::store::{BookingRow, CaseRow, Kind, Standing};

/// A booking of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingLine {
    /// The booking, or the wish.
    pub id: EntryId,
    /// Where it was made.
    pub site: SiteCode,
    /// The site's name.
    pub site_name: String,
    /// When, as the site knew it.
    pub at: Instant,
    /// How the document was read.
    pub reading: Reading,
    /// It was a wish.
    pub wish: bool,
    /// By which round.
    pub round: VersionName,
    /// Slot and 預約編號; none of a wish that was not granted.
    pub given: Option<(Slot, BookingNumber)>,
    /// The venue's name with its vaccines.
    pub venue: String,
    /// `waiting`, `live`, `over`, `cancelled` or `turned-down`.
    pub standing: &'static str,
    /// How it stands; none of a wish that was not granted.
    pub stands: Option<Stands>,
    /// In words.
    pub text: Text,
}

/// What was found of one booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingFinding {
    /// Which.
    pub booking: EntryId,
    /// What.
    pub fault: BookingFault,
    /// The refusal's code: `booked`, `eligible`, `number` or `venue`.
    pub code: String,
    /// The bookings that came first.
    pub because: Vec<EntryId>,
    /// Whether the clocks tell for certain which came first.
    pub times: Times,
    /// In words, with what to do.
    pub text: Text,
}

/// The order that decides, as `judge` has it.
fn order(row: &BookingRow) -> (i64, Reading, SiteCode, EntryId) {
    (row.at.second, row.reading, row.site, row.id)
}

impl Hub {
    /// A person's bookings in a programme, in the order that decides.
    pub(super) fn bookings_in_order(&self, case: &CaseRow) -> Result<Vec<BookingRow>, HubError> {
        let mut rows = self.store.bookings_of(&case.programme, &case.tag, u32::MAX)?;
        rows.sort_by_key(order);
        Ok(rows)
    }

    /// The document of the person of a case of bookings.
    pub(crate) fn first_booker(&self, case: &CaseRow) -> Result<Option<Document>, HubError> {
        let rows = self.bookings_in_order(case)?;
        let first = rows.first();
        first.map(|row| self.unseal_again(&row.site, &row.id, &row.document)).transpose()
    }

    pub(super) fn booking_lines_of(&self, rows: &[BookingRow]) -> Result<Vec<BookingLine>, HubError> {
        rows.iter().map(|row| self.booking_line(row)).collect()
    }

    /// A booking as it is shown.
    pub(crate) fn booking_line(&self, row: &BookingRow) -> Result<BookingLine, HubError> {
        let number = self
            .store
            .round(&row.round)?
            .and_then(|text| Round::parse(&text).ok())
            .map(|round| round.number)
            .unwrap_or(0);
        let given = row.slot.clone().zip(row.given).map(|(slot, (_, serial))| {
            let number = BookingNumber { brands: slot.brands.clone(), round: number, serial };
            (slot, number)
        });
        let venue = match &given {
            Some((slot, _)) => {
                let name = self.venue(&slot.venue)?.map_or_else(|| slot.venue.to_string(), |venue| venue.name);
                venue_title(&name, &slot.brands)
            }
            None => String::new(),
        };
        let stands = match row.standing {
            Standing::Stands(stands) => Some(stands),
            Standing::Waits | Standing::TurnedDown => None,
        };
        let mut line = BookingLine {
            id: row.id,
            site: row.site,
            site_name: self.site_name(&row.site)?,
            at: row.at,
            reading: row.reading,
            wish: row.wish,
            round: row.round.clone(),
            given,
            venue,
            standing: row.standing.code(),
            stands,
            text: Text::new("", ""),
        };
        line.text = receipt(&line);
        Ok(line)
    }

    pub(super) fn booking_findings(
        &self,
        case: &CaseRow,
        lines: &[BookingLine],
    ) -> Result<Vec<BookingFinding>, HubError> {
        let by_id: HashMap<EntryId, &BookingLine> = lines.iter().map(|line| (line.id, line)).collect();
        let mut out = Vec::new();
        for row in self.store.findings(&case.id)? {
            let (Kind::Booking(fault), Some(line)) = (row.kind, by_id.get(&row.sale)) else { continue };
            let first = match fault {
                BookingFault::Over => row.because.first().and_then(|id| by_id.get(id)).map(|line| (*line).clone()),
                BookingFault::NumberTwice => self.first_of_number(line)?,
                BookingFault::NotEligible | BookingFault::NumberNotLent | BookingFault::AttendedElsewhere => None,
            };
            let times = match &first {
                Some(first) if fault == BookingFault::Over && first.site != line.site && is_open(first.at, line.at) => {
                    Times::InDoubt
                }
                Some(_) | None => Times::Certain,
            };
            let teller = match fault {
                BookingFault::AttendedElsewhere => self.attended_by(line)?,
                BookingFault::Over
                | BookingFault::NotEligible
                | BookingFault::NumberTwice
                | BookingFault::NumberNotLent => String::new(),
            };
            out.push(BookingFinding {
                booking: row.sale,
                fault,
                code: row.code,
                because: first.iter().map(|first| first.id).collect(),
                times,
                text: words(fault, line, (first.as_ref(), &teller), times),
            });
        }
        let place = |id: &EntryId| lines.iter().position(|line| line.id == *id);
        out.sort_by_key(|found| (place(&found.booking), found.fault));
        Ok(out)
    }

    /// Who says who came to a venue whose day is another's: names and codes.
    fn attended_by(&self, line: &BookingLine) -> Result<String, HubError> {
        let Some((slot, _)) = &line.given else { return Ok(String::new()) };
        let sites = self.store.attended_elsewhere(&line.id, &slot.venue)?;
        let named = |site: &SiteCode| Ok::<_, HubError>(format!("{} ({site})", self.site_name(site)?));
        Ok(sites.iter().map(named).collect::<Result<Vec<_>, _>>()?.join(", "))
    }

    /// Whose number it is, perhaps somebody else's.
    fn first_of_number(&self, line: &BookingLine) -> Result<Option<BookingLine>, HubError> {
        let Some((_, number)) = &line.given else { return Ok(None) };
        self.store.first_of_serial(number.serial)?.map(|row| self.booking_line(&row)).transpose()
    }
}

/// How a booking stands, in words.
pub(crate) fn standing_words(standing: &str) -> Text {
    match standing {
        "live" => Text::new("有效", "live"),
        "over" => Text::new("重複（名額仍保留）", "over: another came first; its place is still held"),
        "cancelled" => Text::new("已取消", "cancelled"),
        "turned-down" => Text::new("未能安排", "could not be granted"),
        _ => Text::new("待確認", "waits to be granted"),
    }
}

fn receipt(line: &BookingLine) -> Text {
    let what = if line.wish { ("登記意願", "wish") } else { ("預約", "booking") };
    let reading = match line.reading {
        Reading::Card => ("讀卡", "read from the card"),
        Reading::Typed => ("人工輸入", "typed"),
    };
    let standing = standing_words(line.standing);
    let given = line.given.as_ref().map(|(slot, number)| {
        let day = slot.date.format("%Y/%m/%d");
        let span = slot.start.span();
        (
            format!("：{}，{day} {span}，預約編號 {number}", line.venue),
            format!(": {} on {} {span}, number {number}", line.venue, slot.date),
        )
    });
    let (zh, en) = given.unwrap_or_default();
    let minute = taipei_time(line.at.second).format("%Y-%m-%d %H:%M");
    Text {
        zh: format!(
            "{} {}（{}）{}{zh}；{}。{}",
            roc_minute(line.at.second),
            line.site_name,
            line.site,
            what.0,
            reading.0,
            standing.zh
        ),
        en: format!(
            "{minute}: {} at {} ({}){en}; {}. Stands: {}",
            what.1, line.site_name, line.site, reading.1, standing.en
        ),
    }
}

/// What was found and what to do; the same for the same bookings.
fn words(fault: BookingFault, line: &BookingLine, (first, teller): (Option<&BookingLine>, &str), times: Times) -> Text {
    let number = line.given.as_ref().map(|(_, number)| number.to_string()).unwrap_or_default();
    let other = |first: &BookingLine| {
        let number = first.given.as_ref().map(|(_, number)| number.to_string()).unwrap_or_default();
        (
            format!("{} 於 {} 之預約 {number}", roc_minute(first.at.second), first.site_name),
            format!("{number}, made {} at {}", taipei_time(first.at.second).format("%Y-%m-%d %H:%M"), first.site_name),
        )
    };
    let (first_zh, first_en) = first.map(other).unwrap_or_default();
    let text = match fault {
        BookingFault::Over => Text {
            zh: format!(
                "預約 {number} 與較早的{first_zh}重複；兩者名額均保留。建議：致電本人確認後，取消較晚的預約 {number}。"
            ),
            en: format!(
                "Booking {number} is the person's second: {first_en} came first. Both places are held. Proposal: call \
                 the person, then cancel the later one, {number}."
            ),
        },
        BookingFault::NotEligible => Text {
            zh: format!(
                "預約 {number} 於該站尚無名冊時作成，而名冊上不符資格；不歸責該站。建議：致電本人說明後取消，或更正名冊。"
            ),
            en: format!(
                "Booking {number} was made while its site had no list, and the list does not allow it; the site is not to \
                 blame. Proposal: call the person and cancel it, or correct the list."
            ),
        },
        BookingFault::NumberTwice => Text {
            zh: format!("預約序號與{first_zh}相同；兩者名額均保留。建議：致電本人，取消後重新預約以取得新號碼。"),
            en: format!(
                "Its serial number is also that of {first_en}. Both places are held. Proposal: call the person, cancel \
                 this one and book again under a new number."
            ),
        },
        BookingFault::NumberNotLent => Text {
            zh: format!(
                "預約 {number} 的預約序號未曾配發予 {}；名額仍保留。建議：向該機構查明，並致電本人，取消後重新預約以取得新號碼。",
                line.site_name
            ),
            en: format!(
                "The serial number of booking {number} was never lent to {}. Its place is held. Proposal: ask the site, \
                 call the person, cancel this one and book again under a new number.",
                line.site_name
            ),
        },
        BookingFault::AttendedElsewhere => Text {
            zh: format!(
                "預約 {number} 的到場紀錄由 {teller} 填寫，該機構並非此施打地點之負責機構，不予採計。建議：向該機構查明；若負責機構登載有誤，請更正施打地點資料。"
            ),
            en: format!(
                "{teller} says who came for booking {number}, and does not keep that venue's day: it does not count. \
                 Proposal: ask the site; if it does keep that day, correct the venue."
            ),
        },
    };
    match times {
        Times::Certain => text,
        Times::InDoubt => Text {
            zh: format!("{}兩站時鐘的誤差使先後不能確定，請先查明。", text.zh),
            en: format!("{} The sites' clocks leave open which came first: ask before anything is cancelled.", text.en),
        },
    }
}

/// The bookings of a case in a sentence.
pub(super) fn summary(lines: &[BookingLine], findings: &[BookingFinding]) -> Text {
    let count = |stands| lines.iter().filter(|line| line.stands == Some(stands)).count();
    let (live, over, gone) = (count(Stands::Live), count(Stands::Over), count(Stands::Cancelled));
    if findings.is_empty() {
        return Text::new(
            "目前沒有待處理的預約：原有的發現已消失。",
            "Nothing is found of the bookings now: what was found has gone.",
        );
    }
    let zh: Vec<&str> = findings.iter().map(|found| found.text.zh.as_str()).collect();
    let en: Vec<&str> = findings.iter().map(|found| found.text.en.as_str()).collect();
    Text {
        zh: format!("預約：有效 {live} 筆，重複 {over} 筆，已取消 {gone} 筆。{}", zh.join(" ")),
        en: format!("Bookings: {live} live, {over} over, {gone} cancelled. {}", en.join(" ")),
    }
}
