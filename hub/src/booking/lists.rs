//! Lists of who may book (V2): read from a CSV file, kept as fingerprints, published as one layer.
//!
//! A line that cannot be read is named by its place and the reason, never by what stands in it.

use std::collections::BTreeMap;
use std::io::Read;

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord};
use shared::digest::{LAYER_BYTES_MAX, State};
use shared::entry::Pieces;
use shared::ids::VersionName;
use shared::rules::booking::listing::{DOSES_MAX, Listing};
use shared::rules::booking::round::Round;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::{BadDocument, Document};
use shared::seal::DayKey;

use crate::hub::{Hub, HubError};
use crate::project::Batch;
use crate::store::ListRow;

/// So many bad lines are named.
const BAD_LINES_SHOWN: usize = 20;
/// Most people on a list: their layer is shorter than a layer may be, whatever rides with them.
const PEOPLE_MAX: u64 = 4_000_000;

const _: () = assert!(PEOPLE_MAX * 8 <= LAYER_BYTES_MAX as u64, "five bytes of a fingerprint, two of an index");

/// How an import went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListImported {
    /// Of which round.
    pub round: VersionName,
    /// Lines that were taken.
    pub taken: u64,
    /// Lines that were left out.
    pub bad: BadLines,
    /// People on the list now, with those of earlier imports.
    pub people: u64,
    /// How long the layer is, in bytes.
    pub bytes: u64,
}

/// Lines that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BadLines {
    /// How many.
    pub count: u64,
    /// The first of them: which, counted from 1, and why.
    pub shown: Vec<(u64, String)>,
}

/// A file that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadRoundList {
    /// No such round.
    #[error("查無此期別 no round {0:?} is published; `atoll-hub round list` shows them")]
    Round(String),
    /// The round's programme has a name that leaves no room.
    #[error("計畫名稱過長 the programme's name is too long for a list")]
    Name,
    /// No table.
    #[error("無法讀取名冊 read the list's first line")]
    Table(#[source] csv::Error),
    /// A column that must be there.
    #[error(
        "名冊缺少欄位 the list has no column {0:?}; the columns are kind,number,birth,category,registered,brands,doses,last_dose,last_brand"
    )]
    Column(&'static str),
    /// Some lines; nothing was taken.
    #[error("{} 行有誤，未匯入 bad lines, nothing was imported (--skip-bad takes the others):{}", .0.count, in_lines(.0))]
    Lines(BadLines),
    /// No line at all.
    #[error("名冊沒有資料 no line in it")]
    Empty,
    /// Too many people.
    #[error("名冊過長 a list holds at most {PEOPLE_MAX} people")]
    TooLong,
}

fn in_lines(bad: &BadLines) -> String {
    bad.shown.iter().map(|(line, why)| format!("\n  line {line}: {why}")).collect()
}

/// A list as it was imported last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStatus {
    /// Of which round.
    pub round: VersionName,
    /// Under which day it travels.
    pub day: NaiveDate,
    /// When it was imported, seconds since 1970.
    pub imported: i64,
    /// How many people are on it.
    pub people: u64,
    /// How long its layer is, in bytes; 0 where no round needs it any more.
    pub bytes: u64,
}

/// Where each column stands.
struct Columns {
    needed: [usize; 3],
    others: [Option<usize>; 6],
}

const NEEDED: [&str; 3] = ["kind", "number", "birth"];
const OTHERS: [&str; 6] = ["category", "registered", "brands", "doses", "last_dose", "last_brand"];

impl Columns {
    fn of(head: &StringRecord) -> Result<Self, BadRoundList> {
        let place = |name: &str| head.iter().position(|cell| cell.trim().trim_start_matches('\u{feff}') == name);
        let mut needed = [0; 3];
        for (at, name) in needed.iter_mut().zip(NEEDED) {
            *at = place(name).ok_or(BadRoundList::Column(name))?;
        }
        Ok(Self { needed, others: OTHERS.map(place) })
    }
}

impl Hub {
    /// Imports who may book in a round; whoever is on its list already is replaced. Where lines are bad nothing is
    /// taken, unless they are to be skipped. Whoever booked without the list is judged again.
    ///
    /// # Errors
    /// Where the machine fails; what is not taken is the inner error.
    pub fn import_list(
        &mut self,
        round: &str,
        file: impl Read,
        skip_bad: bool,
        second: i64,
    ) -> Result<Result<ListImported, BadRoundList>, HubError> {
        self.import_list_of(PEOPLE_MAX, (round, file), skip_bad, second)
    }

    /// The same of at most so many people.
    fn import_list_of(
        &mut self,
        people_max: u64,
        (round, file): (&str, impl Read),
        skip_bad: bool,
        second: i64,
    ) -> Result<Result<ListImported, BadRoundList>, HubError> {
        let known = self.fresh_rounds()?;
        let Some(round) = round.parse().ok().and_then(|name| known.named(&name)) else {
            return Ok(Err(BadRoundList::Round(round.chars().take(40).collect())));
        };
        let Some(programme) = round.list_programme() else { return Ok(Err(BadRoundList::Name)) };
        let day = (programme, round.list_day());
        let key = self.keys.day(&day.0, day.1)?;
        let (people, taken, bad) = match read_list(file, round, &key, taipei_day(second)) {
            Ok(read) => read,
            Err(bad) => return Ok(Err(bad)),
        };
        if bad.count > 0 && !skip_bad {
            return Ok(Err(BadRoundList::Lines(bad)));
        }
        if taken == 0 {
            return Ok(Err(BadRoundList::Empty));
        }
        let mut is_too_long = false;
        let done = self.transact(|hub| {
            let count = hub.store.put_listed(&day, (&round.name, second), people)?;
            // Whoever was on it already is replaced: only now is known how many there are.
            is_too_long = count > people_max;
            if is_too_long {
                return Err(HubError::Full("a list"));
            }
            let mut all = BTreeMap::new();
            hub.store.each_listed(&day, |print, pieces| {
                all.insert(print, State::Counts(pieces));
            })?;
            let bytes = hub.replace_list_layer(&day, &all, second)?;
            let mut batch = Batch::new(second);
            hub.touch_unseen(&round.name, &mut batch)?;
            hub.settle(batch)?;
            let round = round.name.clone();
            Ok(Ok(ListImported { round, taken, bad, people: count, bytes }))
        });
        if is_too_long { Ok(Err(BadRoundList::TooLong)) } else { done }
    }

    /// Every list that was imported, by programme and day.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn round_lists(&self) -> Result<Vec<ListStatus>, HubError> {
        let mut out = Vec::new();
        for ListRow { programme, day, round, imported, people } in self.store.lists()? {
            let bytes = self.store.layers(&(programme, day))?.iter().map(|layer| u64::from(layer.bytes)).sum();
            out.push(ListStatus { round, day, imported, people, bytes });
        }
        Ok(out)
    }
}

/// What a file says.
type Said = (BTreeMap<u64, Pieces>, u64, BadLines);

/// Everybody in the file by fingerprint, how many lines they are, and the lines that cannot be read.
fn read_list(file: impl Read, round: &Round, key: &DayKey, today: NaiveDate) -> Result<Said, BadRoundList> {
    let mut table = ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let columns = Columns::of(table.headers().map_err(BadRoundList::Table)?)?;
    let (mut people, mut taken, mut bad) = (BTreeMap::new(), 0u64, BadLines::default());
    let mut record = StringRecord::new();
    loop {
        let read = table.read_record(&mut record);
        let line = match &read {
            Ok(false) => return Ok((people, taken, bad)),
            Ok(true) => record.position(),
            Err(cause) => cause.position(),
        };
        let line = line.map_or(0, csv::Position::line);
        let said = match &read {
            Ok(_) => said_of(&record, &columns, round, today),
            Err(_) => Err("not as many cells as the first line, or not UTF-8".to_owned()),
        };
        match said {
            Ok((document, listing)) => {
                taken += 1;
                people.insert(key.fingerprint(&document.person()), listing.packed());
            }
            Err(why) => {
                bad.count += 1;
                if bad.shown.len() < BAD_LINES_SHOWN {
                    bad.shown.push((line, why));
                }
            }
        }
        if taken + bad.count > PEOPLE_MAX {
            return Err(BadRoundList::TooLong);
        }
    }
}

fn said_of(
    record: &StringRecord,
    columns: &Columns,
    round: &Round,
    today: NaiveDate,
) -> Result<(Document, Listing), String> {
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let [kind, number, birth] = columns.needed.map(cell);
    let document = Document::parse(kind, number, birth, today).map_err(|bad| match bad {
        // It shows a little of what was typed.
        BadDocument::Kind(_) => "kind is none of 01 to 05".to_owned(),
        bad @ (BadDocument::Number { .. } | BadDocument::Checksum { .. } | BadDocument::Birth(_)) => bad.en(),
    })?;
    let [category, registered, brands, doses, last_dose, last_brand] =
        columns.others.map(|at| at.map(cell).unwrap_or_default());
    let category = number_of("category", category)?;
    let doses = number_of("doses", doses)?.min(DOSES_MAX);
    let registered = match registered {
        "" | "0" | "no" | "false" | "否" => false,
        "1" | "yes" | "true" | "是" => true,
        _ => return Err("registered is neither 1 nor 0".to_owned()),
    };
    let mut wants = 0;
    for brand in brands.split('|').filter(|brand| !brand.is_empty()) {
        let place = round.place_of(brand).ok_or("brands holds one that is not the round's")?;
        wants |= 1u8.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0);
    }
    let last = match last_dose {
        "" if last_brand.is_empty() => None,
        "" => return Err("last_brand without last_dose".to_owned()),
        text => {
            let day: NaiveDate = text.parse().map_err(|_| "last_dose is no day such as 2021-06-15")?;
            if day > today {
                return Err("last_dose lies in the future".to_owned());
            }
            let brand = round.place_of(last_brand).and_then(|place| u8::try_from(place + 1).ok());
            Some((day, brand.unwrap_or(0)))
        }
    };
    Ok((document, Listing { category, registered, wants, doses, last }))
}

fn number_of(column: &str, text: &str) -> Result<u8, String> {
    if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| format!("{column} is no number from 0 to 255")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn whoever_is_replaced_is_not_counted_twice_and_too_many_are_not_taken() {
        let mut next = 0u8;
        let dice = move || {
            next += 1;
            [next; 16]
        };
        let keys = shared::seal::Secret::new([3; 32]);
        let mut hub = Hub::open(Store::in_memory().unwrap(), &keys, Box::new(dice)).unwrap();
        let (name, text) = shared::rules::programme::shipped_rounds()[0];
        hub.publish_round(text, "op", 1_625_000_000).unwrap().unwrap();
        let [anna, boris, carl] = ["A123456789", "B123456780", "C123456781"].map(|it| format!("01,{it},1980-01-01\n"));
        let import = |hub: &mut Hub, lines: &[&String]| {
            let file: String =
                std::iter::once("kind,number,birth\n").chain(lines.iter().map(|it| it.as_str())).collect();
            hub.import_list_of(2, (name, file.as_bytes()), false, 1_625_000_000).unwrap()
        };
        assert_eq!(import(&mut hub, &[&anna, &boris]).unwrap().people, 2);
        assert_eq!(import(&mut hub, &[&anna, &boris]).unwrap().people, 2, "a correction");
        let before = hub.journal_position().unwrap();
        assert!(matches!(import(&mut hub, &[&carl]), Err(BadRoundList::TooLong)));
        let lists = hub.round_lists().unwrap();
        assert_eq!((lists[0].people, hub.journal_position().unwrap()), (2, before), "rolled back");
        assert_eq!(import(&mut hub, &[&boris]).unwrap().people, 2, "it goes on");
    }
}
