//! Who asks for a place, where, and what they would take.

use chrono::NaiveDate;
use edge::node::ask::DocumentText;
use shared::rules::identity::{Document, DocumentKind};

use crate::scenario::dice::Dice;
use crate::scenario::number;

/// Somebody of the town.
#[derive(Debug, Clone)]
pub(super) struct Person {
    number: String,
    birth: NaiveDate,
    /// Their district: they ask at its counters, and go to its venues.
    pub(super) district: usize,
    /// On the list.
    pub(super) listed: bool,
}

impl Person {
    pub(super) fn draw(dice: &mut Dice, districts: usize) -> Self {
        let number = number(u32::try_from(dice.below(520_000_000)).unwrap_or(0));
        let year = i32::try_from(dice.between(1930, 2002)).unwrap_or(1980);
        let birth = NaiveDate::from_ymd_opt(year, 3, 15).unwrap_or_default();
        Self { number, birth, district: dice.index(districts), listed: !dice.once_in(20) }
    }

    pub(super) fn text(&self, dice: &mut Dice) -> DocumentText {
        let kind = if dice.once_in(30) { "02" } else { "01" };
        DocumentText { kind: kind.to_owned(), number: self.number.clone(), birth: self.birth.to_string() }
    }

    pub(super) fn document(&self) -> anyhow::Result<Document> {
        Ok(Document::from_parts(DocumentKind::NhiCard, &self.number, self.birth)?)
    }
}
