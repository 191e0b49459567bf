//! The real data: how the stock of each site moved between two looks at the feed of 2020 (`tests/data/README.md`).

use std::io::Read;

use anyhow::{Context, bail};
use chrono::{NaiveDate, NaiveDateTime};

use super::dice::Dice;

/// The first week, inside the binary so that it works without a checkout.
static WEEK: &[u8] = include_bytes!("../../data/mask_sales_20200206_0212.csv.gz");
pub(super) const DAY_S: u32 = 86_400;

/// One line of the data: what one site's stock did between two looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) site: u16,
    /// Seconds of the day; the interval is `from < t <= to`.
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) sold: (u32, u32),
    pub(super) came: (u32, u32),
}

impl Move {
    /// The purchases of the interval: falls of two; an odd adult and an odd child mask went together; what is left went alone.
    pub(super) fn purchases(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (adult, child) = self.sold;
        let odd = match (adult % 2, child % 2) {
            (0, 0) => None,
            pieces => Some(pieces),
        };
        let twos = |n: u32, pieces| std::iter::repeat_n(pieces, (n / 2) as usize);
        twos(adult, (2, 0)).chain(twos(child, (0, 2))).chain(odd)
    }
}

/// The columns that are used.
#[derive(serde::Deserialize)]
struct Row {
    from: NaiveDateTime,
    to: NaiveDateTime,
    inst_code: String,
    adult_sold: u32,
    child_sold: u32,
    adult_in: u32,
    child_in: u32,
}

/// A day of the data, in order of the intervals.
pub(super) struct RealDay {
    pub(super) sites: Vec<String>,
    pub(super) moves: Vec<Move>,
}

impl RealDay {
    /// # Errors
    /// Where the data cannot be read or have nothing for the day.
    pub(super) fn of(day: NaiveDate) -> anyhow::Result<Self> {
        Self::read(flate2::read::GzDecoder::new(WEEK), day)
    }

    fn read(gz: impl Read, day: NaiveDate) -> anyhow::Result<Self> {
        let mut rows = Vec::new();
        for (index, row) in csv::Reader::from_reader(gz).into_deserialize::<Row>().enumerate() {
            let row = row.with_context(|| format!("data line {}", index + 2))?;
            // A night's interval belongs to the day that holds its middle.
            if (row.from + (row.to - row.from) / 2).date() == day {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            bail!("the data have nothing for {day}: they hold 2020-02-06 to 2020-02-12");
        }
        let mut sites: Vec<String> = rows.iter().map(|row| row.inst_code.clone()).collect();
        sites.sort_unstable();
        sites.dedup();
        let mut moves = rows.iter().map(|row| to_move(row, &sites, day)).collect::<anyhow::Result<Vec<_>>>()?;
        moves.sort_by_key(|one| (one.from, one.site));
        Ok(Self { sites, moves })
    }

    /// Keeps so many sites, drawn by the dice.
    pub(super) fn keep(&mut self, count: usize, dice: &mut Dice) {
        let mut drawn: Vec<usize> = (0..self.sites.len()).collect();
        for place in 0..count.min(drawn.len()) {
            let other = place + dice.index(drawn.len() - place);
            drawn.swap(place, other);
        }
        drawn.truncate(count);
        drawn.sort_unstable();
        let place = |site: u16| drawn.binary_search(&usize::from(site)).ok().and_then(|n| u16::try_from(n).ok());
        self.moves = self.moves.iter().filter_map(|one| Some(Move { site: place(one.site)?, ..*one })).collect();
        self.sites = drawn.iter().map(|&index| self.sites[index].clone()).collect();
    }
}

fn to_move(row: &Row, sites: &[String], day: NaiveDate) -> anyhow::Result<Move> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    let second = |t: NaiveDateTime| u32::try_from((t - midnight).num_seconds().clamp(0, i64::from(DAY_S) - 1));
    let site = sites.binary_search(&row.inst_code).unwrap_or(0);
    Ok(Move {
        site: u16::try_from(site)?,
        from: second(row.from)?,
        to: second(row.to)?,
        sold: (row.adult_sold, row.child_sold),
        came: (row.adult_in, row.child_in),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_become_purchases_of_at_most_two() {
        let purchases = |sold| Move { site: 0, from: 0, to: 9, sold, came: (0, 0) }.purchases().collect::<Vec<_>>();
        assert_eq!(purchases((4, 0)), [(2, 0), (2, 0)]);
        assert_eq!(purchases((3, 2)), [(2, 0), (0, 2), (1, 0)]);
        assert_eq!(purchases((1, 3)), [(0, 2), (1, 1)]);
        assert!(purchases((0, 0)).is_empty());
    }
}
