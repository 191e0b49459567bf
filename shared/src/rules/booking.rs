//! Booked places, pure: rounds as data, who may book, what a refusal says, whose booking counts (V1-V17).
//!
//! Direction: `contact, listing ← round ← refusal ← decide`, with `judge` beside them. Nothing here knows a lease, a
//! ledger or a clock.

pub mod contact;
pub mod decide;
pub mod judge;
pub mod listing;
pub mod refusal;
pub mod round;

use super::identity::Document;

/// An identity number as the slip shows it: `C2A-XXXXXX` (V12).
#[must_use]
pub fn printed(document: &Document) -> String {
    let shown: String = document.number().chars().take(3).collect();
    format!("{shown}-XXXXXX")
}

/// 施打地點 with its vaccines behind it: `培靈醫院-MO,AZ` (V8).
#[must_use]
pub fn venue_title(name: &str, brands: &crate::entry::booking::Brands) -> String {
    format!("{name}-{brands}")
}
