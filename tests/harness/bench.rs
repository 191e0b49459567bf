//! Figures, each measured beside its physical limit, interleaved, in the same run: timings on shared
//! machines swing, ratios hold.

pub mod backlog;
pub mod booking;
pub mod counter;
pub mod digest;
pub mod feed;
pub mod ingest;
pub mod sale;

use std::fmt;
use std::time::Duration;

/// One line: name, value, unit, what it was compared with, and the ratio of the two.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name, stable.
    pub name: &'static str,
    /// What was measured.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The limit measured beside it, in the same unit.
    pub baseline: f64,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.value / self.baseline;
        let (value, baseline) = (shown(self.value), shown(self.baseline));
        write!(f, "{} {value} {} {baseline} {ratio:.3}", self.name, self.unit)
    }
}

/// At least three digits that say something, where it is not a thousandth.
fn shown(value: f64) -> String {
    let places = match value.abs() {
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

/// The `q` quantile, in microseconds; 0 where there is none.
pub fn quantile_us(times: &mut [Duration], q: f64) -> f64 {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into a list in memory")]
    let at = (last as f64 * q).round() as usize;
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
