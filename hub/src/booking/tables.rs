//! Venues and slots from CSV files. A line that cannot be read is named, and nothing of the file is taken.

use std::collections::HashSet;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use shared::entry::booking::{Capacity, Slot, Venue};
use shared::wire::v1::entry::PLACES_MAX;

use super::check_venue;

/// Most lines of a file.
const LINES_MAX: usize = 500_000;
/// So many bad lines are named.
const BAD_LINES_SHOWN: usize = 20;

/// A file that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadTable {
    /// No table.
    #[error("無法讀取檔案 read the first line")]
    Table(#[source] csv::Error),
    /// A column that must be there.
    #[error("缺少欄位 no column {0:?} in the first line; the columns are {1}")]
    Column(&'static str, &'static str),
    /// Lines that cannot be.
    #[error("{} 行有誤，未作任何變更 bad lines, nothing was changed:{}", .0.len(), in_lines(.0))]
    Lines(Vec<(u64, String)>),
    /// Too many.
    #[error("檔案過長 more than {LINES_MAX} lines: split the file")]
    TooLong,
    /// None.
    #[error("檔案沒有資料 no line in it")]
    Empty,
}

fn in_lines(bad: &[(u64, String)]) -> String {
    bad.iter().take(BAD_LINES_SHOWN).map(|(line, why)| format!("\n  line {line}: {why}")).collect()
}

/// Venues: `id,name,county,district,address,phone,site`, the last two perhaps empty or not there.
///
/// # Errors
/// Where the file or a line of it cannot be read.
pub fn read_venues(file: impl Read) -> Result<Vec<Venue>, BadTable> {
    const COLUMNS: &str = "id,name,county,district,address,phone,site";
    let mut seen = HashSet::new();
    read(file, COLUMNS, 5, |cells| {
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let site = Some(cell(6)).filter(|code| !code.is_empty()).map(str::parse).transpose();
        let venue = Venue {
            id: cell(0).parse().map_err(said)?,
            name: cell(1).to_owned(),
            county: cell(2).replace('台', "臺"),
            district: cell(3).to_owned(),
            address: cell(4).to_owned(),
            phone: cell(5).to_owned(),
            site: site.map_err(said)?,
            holds: true,
        };
        check_venue(&venue).map_err(said)?;
        if seen.insert(venue.id.clone()) { Ok(venue) } else { Err(format!("venue {} stands there twice", venue.id)) }
    })
}

/// Slots: `venue,date,start,brands,places`.
///
/// # Errors
/// Where the file or a line of it cannot be read.
pub fn read_slots(file: impl Read) -> Result<Vec<Capacity>, BadTable> {
    let mut seen = HashSet::new();
    read(file, "venue,date,start,brands,places", 5, |cells| {
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let slot = Slot {
            venue: cell(0).parse().map_err(said)?,
            date: cell(1).parse().map_err(|_| format!("{:?} is no day such as 2021-07-16", cell(1)))?,
            start: cell(2).parse().map_err(said)?,
            brands: cell(3).parse().map_err(said)?,
        };
        let places = cell(4).parse().ok().filter(|places| *places <= PLACES_MAX);
        let places = places.ok_or_else(|| format!("{:?} is no number of places up to {PLACES_MAX}", cell(4)))?;
        if !seen.insert(slot.clone()) {
            return Err(format!("slot {slot} stands there twice"));
        }
        Ok(Capacity { slot, places, closed: false })
    })
}

fn said(bad: impl std::fmt::Display) -> String {
    bad.to_string()
}

/// Reads a table with these columns, of which the first `needed` must be there.
fn read<T>(
    file: impl Read,
    columns: &'static str,
    needed: usize,
    mut line_of: impl FnMut(&[&str]) -> Result<T, String>,
) -> Result<Vec<T>, BadTable> {
    let mut table = ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let head: StringRecord = table.headers().map_err(BadTable::Table)?.clone();
    let mut places = Vec::new();
    for (nth, name) in columns.split(',').enumerate() {
        let place = head.iter().position(|cell| cell.trim_start_matches('\u{feff}') == name);
        if place.is_none() && nth < needed {
            return Err(BadTable::Column(name, columns));
        }
        places.push(place);
    }
    let (mut out, mut bad) = (Vec::new(), Vec::new());
    for record in table.records() {
        if out.len() + bad.len() >= LINES_MAX {
            return Err(BadTable::TooLong);
        }
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cells: Vec<&str> =
                    places.iter().map(|place| place.and_then(|at| record.get(at)).unwrap_or_default()).collect();
                match line_of(&cells) {
                    Ok(read) => out.push(read),
                    Err(why) => bad.push((line, why)),
                }
            }
            Err(cause) => bad.push((cause.position().map_or(0, csv::Position::line), cause.to_string())),
        }
    }
    match (out.is_empty(), bad.is_empty()) {
        (_, false) => Err(BadTable::Lines(bad)),
        (true, true) => Err(BadTable::Empty),
        (false, true) => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_their_columns_and_bad_lines_are_named() {
        let venues = "site,id,name,county,district,address\n5931102274,V1,甲診所,台北市,中正區,臺北市中正區1號\n";
        let [venue] = read_venues(venues.as_bytes()).unwrap().try_into().unwrap();
        assert_eq!((venue.county.as_str(), venue.phone.as_str()), ("臺北市", ""));
        assert!(matches!(read_venues("id,name\n".as_bytes()), Err(BadTable::Column("county", _))));
        let slots = "venue,date,start,brands,places\nV1,2021-07-16,10:00,\"MO,AZ\",8\n";
        assert_eq!(read_slots(slots.as_bytes()).unwrap()[0].slot.to_string(), "V1 2021-07-16 10:00 MO,AZ");
        let bad = format!("{slots}V1,2021-07-16,10:00,\"MO,AZ\",8\nV 1,x,25:00,,\nV1,2021-07-16,11:00,AZ,-1\n");
        let Err(BadTable::Lines(lines)) = read_slots(bad.as_bytes()) else { panic!("it was taken") };
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5]);
        assert!(matches!(read_slots("venue,date,start,brands,places\n".as_bytes()), Err(BadTable::Empty)));
    }
}
