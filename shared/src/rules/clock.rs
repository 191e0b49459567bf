//! What a sale may do while the site's time is in doubt (docs/clocks.md).
//!
//! The version says it: from which doubt on the time is doubtful, and whether a sale is then
//! marked or refused. A quota counts days, so a wrong time is a wrong quota.

use super::programme::{Version, WhenDoubtful};
use super::refusal::Refusal;

/// How well a site knows its time, by the version's measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// Well enough.
    Sure,
    /// Not well enough: what is sold now is marked.
    Doubtful,
}

/// How the version judges a doubt, in seconds; `u32::MAX` where nobody knows.
#[must_use]
pub fn time(version: &Version, doubt_s: u32) -> Time {
    if doubt_s > version.clock.doubt_s_max { Time::Doubtful } else { Time::Sure }
}

/// Whether anything may be sold at a time that is so doubtful.
///
/// # Errors
/// [`Refusal::Clock`] where the version sells nothing then.
pub fn check_clock(version: &Version, doubt_s: u32) -> Result<Time, Refusal> {
    match (time(version, doubt_s), version.clock.when_doubtful) {
        (Time::Doubtful, WhenDoubtful::Refuse) => Err(Refusal::Clock { doubt_s }),
        (time @ (Time::Sure | Time::Doubtful), WhenDoubtful::Mark | WhenDoubtful::Refuse) => Ok(time),
    }
}
