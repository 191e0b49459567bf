//! A town that books: sites, venues and people on a virtual clock, the production code of nodes, sessions, frames and hub,
//! every choice from one seed (docs/simulation.md). What was answered is kept beside it, and held against what a place is:
//! no slot oversold, no number twice, no wish lost, one live booking a person once all is healed.
//!
//! Lines come and go, nodes crash, old backups come back, clocks are wrong. In seeds of their own ([`Knobs::clones`]) whole
//! computers are cloned: what they give away twice is bounded by what they held, found, and a case.

use std::fmt;

use anyhow::Result;

mod ending;
mod people;
mod truth;
mod world;

use world::World;

/// How big a town is, and what goes wrong in it.
#[derive(Debug, Clone, Copy)]
pub struct Knobs {
    /// Counters.
    pub sites: usize,
    /// Where people are vaccinated.
    pub venues: usize,
    /// Days of booking.
    pub days: i64,
    /// Of a slot.
    pub places: u32,
    /// People who ask, in hundredths of all places.
    pub demand_percent: u64,
    /// Lines are up so many hundredths of the time.
    pub up_percent: i64,
    /// Nodes crash, backups come back, clocks are set.
    pub trouble: bool,
    /// Whole computers are cloned.
    pub clones: bool,
}

impl Knobs {
    /// Small, for every run of the tests.
    #[must_use]
    pub fn small(clones: bool) -> Self {
        Self { sites: 24, venues: 6, days: 2, places: 6, demand_percent: 60, up_percent: 70, trouble: true, clones }
    }

    /// The whole town of the issue: 300 counters, 60 venues.
    #[must_use]
    pub fn whole(trouble: bool, clones: bool) -> Self {
        Self { sites: 300, venues: 60, days: 3, places: 8, demand_percent: 60, up_percent: 70, trouble, clones }
    }
}

/// What a town came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Bookings that were answered.
    pub booked: u64,
    /// Wishes.
    pub wishes: u64,
    /// Wishes that the hub granted.
    pub granted: u64,
    /// Refusals for a slot that was full.
    pub full: u64,
    /// Other refusals.
    pub refused: u64,
    /// Cancellations.
    pub cancelled: u64,
    /// Requests at a counter without a line by somebody who may book and asks for a place nearby at any hour.
    pub offline: u64,
    /// Of these, given at once.
    pub offline_booked: u64,
    /// Of these, at a counter whose store came back and has had no line since: it holds nothing, whatever a hub lends.
    pub offline_unmet: u64,
    /// Cases at the end.
    pub cases: u64,
    /// Starts after kill -9.
    pub crashes: u64,
    /// Backups that came back, and clones.
    pub shaken: u64,
    /// Numbers that clones gave to several people.
    pub twice: u64,
    /// Places that clones gave away beyond a slot's capacity.
    pub oversold: u64,
}

impl Report {
    /// Adds another town's figures.
    pub fn add(&mut self, other: &Self) {
        self.booked += other.booked;
        self.wishes += other.wishes;
        self.granted += other.granted;
        self.full += other.full;
        self.refused += other.refused;
        self.cancelled += other.cancelled;
        self.offline += other.offline;
        self.offline_booked += other.offline_booked;
        self.offline_unmet += other.offline_unmet;
        self.cases += other.cases;
        self.crashes += other.crashes;
        self.shaken += other.shaken;
        self.twice += other.twice;
        self.oversold += other.oversold;
    }

    /// Of the requests without a line, how many hundredths were booked at once.
    #[must_use]
    pub fn offline_share(&self) -> f64 {
        percent(self.offline_booked, self.offline)
    }

    /// The same without those at stores that came back and have had no line since.
    #[must_use]
    pub fn offline_met_share(&self) -> f64 {
        percent(self.offline_booked, self.offline - self.offline_unmet)
    }
}

fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 }
}

/// What stands over a table of reports, behind eight columns of a name.
pub const HEAD: &str = "        booked  wishes granted cancelled refused full  cases crashes shaken twice oversold without line at once  had line";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { booked, wishes, granted, cancelled, refused, full, cases, crashes, shaken, twice, oversold, .. } =
            self;
        write!(
            f,
            "{booked:>6} {wishes:>7} {granted:>7} {cancelled:>9} {refused:>7} {full:>4} {cases:>6} {crashes:>7}"
        )?;
        write!(f, " {shaken:>6} {twice:>5} {oversold:>8} {:>12}", self.offline)?;
        write!(f, " {:>5.1} % {:>7.1} %", self.offline_share(), self.offline_met_share())
    }
}

/// Lives through the town of a seed.
///
/// # Errors
/// What did not hold, with the seed; or a fault of an end.
pub fn live(seed: u64, knobs: Knobs) -> Result<Report> {
    let mut world = World::new(seed, knobs)?;
    let lived = world.live().and_then(|()| world.end());
    lived.map_err(|cause| cause.context(format!("SEED={seed} at {}", world.when())))?;
    Ok(world.report)
}
