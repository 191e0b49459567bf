//! Which readers a counter has, what is in them, and how they fare: a fold of what the helper says. Pure.
//!
//! **Invariant: a record belongs to its insertion.** What was read of a card that is gone, or of one before it, is thrown
//! away, so that nobody stands for somebody else.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::failure::CardFailure;
use super::lines::{Ask, CardState, Outcome, PROTOCOL, Said};
use super::nhi::{self, NhiRecord};

/// The contacts of a reader of 2020 were worn out after ten thousand cards (Liberty Times, 2020-06-03): warned of before.
const WORN_READS: u64 = 9_000;
/// Of the last reads so many may fail by their contact before the reader is suspected.
const RECENT: usize = 50;
const RECENT_FAILED_MAX: u32 = 10;

/// Everything that is known of the readers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers {
    /// The helper runs and speaks our protocol.
    is_up: bool,
    /// The system's card service is there.
    has_service: bool,
    /// In a rehearsal cards may be none.
    may_demonstrate: bool,
    is_demonstration: bool,
    slots: BTreeMap<String, Slot>,
    /// Of readers that are here, and of those that were.
    health: BTreeMap<String, Health>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Slot {
    insertion: Option<u64>,
    card: Card,
}

/// What is in a reader.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Card {
    /// Nothing.
    #[default]
    None,
    /// A card that is being read.
    Reading,
    /// A NHI card.
    Read(Arc<NhiRecord>),
    /// One that cannot be read.
    Failed(CardFailure),
}

/// How a reader has fared, also before this program began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Cards that were read.
    pub reads: u64,
    /// Why others were not.
    pub failures: BTreeMap<CardFailure, u64>,
    /// All reads together, in milliseconds.
    pub ms: u64,
    /// The slowest, in milliseconds.
    pub ms_worst: u64,
    /// Of the last [`RECENT`] reads: one bit for each, set where the contact failed.
    recent: u64,
}

impl Health {
    /// Whether it should be looked at: its contacts fail too often, or are as old as contacts get.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.recent.count_ones() > RECENT_FAILED_MAX || self.reads >= WORN_READS
    }

    /// One millisecond figure for all reads; none before the first.
    #[must_use]
    pub fn ms_mean(&self) -> Option<u64> {
        self.ms.checked_div(self.reads)
    }

    fn read(&mut self, ms: u64, failure: Option<CardFailure>) {
        use CardFailure::{Hung, Mute, Unreadable};
        let contact = matches!(failure, Some(Hung | Mute | Unreadable));
        self.recent = (self.recent << 1 | u64::from(contact)) & ((1 << RECENT) - 1);
        match failure {
            Some(failure) => *self.failures.entry(failure).or_default() += 1,
            None => {
                self.reads += 1;
                self.ms = self.ms.saturating_add(ms);
                self.ms_worst = self.ms_worst.max(ms);
            }
        }
    }
}

impl Readers {
    /// With readers that have fared so before; only in a rehearsal may they be a demonstration's.
    #[must_use]
    pub fn new(health: BTreeMap<String, Health>, may_demonstrate: bool) -> Self {
        Self { health, may_demonstrate, ..Self::default() }
    }

    /// The helper said something; gives what to ask of it. `today` in Taipei, because nobody is born after it.
    pub fn take(&mut self, said: Said, today: NaiveDate) -> Option<Ask> {
        match said {
            Said::Hello { protocol, demonstration } => {
                self.is_up = protocol == PROTOCOL && (self.may_demonstrate || !demonstration);
                self.is_demonstration = demonstration;
                None
            }
            // What certificate cards answer goes to whoever asked: the runner passes it on.
            Said::Alive | Said::Certificates { .. } | Said::Signed { .. } => None,
            // Whoever has not said who it is, or is another, is not listened to.
            Said::Service { .. } | Said::Readers { .. } | Said::Card { .. } | Said::Read { .. } if !self.is_up => None,
            Said::Service { up } => {
                self.has_service = up;
                if !up {
                    self.slots.clear();
                }
                None
            }
            Said::Readers { readers } => {
                self.slots.retain(|name, _| readers.contains(name));
                for name in readers {
                    self.health.entry(name.clone()).or_default();
                    self.slots.entry(name).or_default();
                }
                None
            }
            Said::Card { reader, insertion, state } => self.card(reader, insertion, state),
            Said::Read { reader, insertion, ms, tries: _, outcome } => {
                self.read(&reader, insertion, ms, outcome, today);
                None
            }
        }
    }

    fn card(&mut self, reader: String, insertion: u64, state: CardState) -> Option<Ask> {
        let slot = self.slots.get_mut(&reader)?;
        match state {
            CardState::Removed => {
                // Of a card that another has followed already, the end says nothing.
                if slot.insertion == Some(insertion) {
                    *slot = Slot::default();
                }
                None
            }
            CardState::Mute => {
                *slot = Slot { insertion: Some(insertion), card: Card::Failed(CardFailure::Mute) };
                self.health.entry(reader).or_default().read(0, Some(CardFailure::Mute));
                None
            }
            CardState::Inserted => {
                *slot = Slot { insertion: Some(insertion), card: Card::Reading };
                Some(Ask::Read { reader, insertion })
            }
        }
    }

    fn read(&mut self, reader: &str, insertion: u64, ms: u64, outcome: Outcome, today: NaiveDate) {
        let card = match outcome {
            Outcome::Failed(failure) => Card::Failed(failure),
            Outcome::Record(bytes) => match nhi::read(bytes.bytes(), today) {
                Ok(record) => Card::Read(Arc::new(record)),
                Err(_) => Card::Failed(CardFailure::BadData),
            },
        };
        let failure = match &card {
            Card::Failed(failure) => Some(*failure),
            Card::None | Card::Reading | Card::Read(_) => None,
        };
        if let Some(health) = self.health.get_mut(reader) {
            health.read(ms, failure);
        }
        if let Some(slot) = self.slots.get_mut(reader).filter(|slot| slot.insertion == Some(insertion)) {
            slot.card = card;
        }
    }

    /// The helper is gone: nothing is known of any card.
    pub fn helper_gone(&mut self) {
        (self.is_up, self.has_service) = (false, false);
        self.slots.clear();
    }

    /// Whether these readers are none.
    #[must_use]
    pub fn is_demonstration(&self) -> bool {
        self.is_demonstration
    }

    /// Each reader with what is in it, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, Option<u64>, &Card)> {
        self.slots.iter().map(|(name, slot)| (name.as_str(), slot.insertion, &slot.card))
    }

    /// How the readers have fared, by name.
    #[must_use]
    pub fn health(&self) -> &BTreeMap<String, Health> {
        &self.health
    }

    /// Whether a helper that speaks our protocol runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.is_up
    }

    /// Why no card can be read at all; none where a reader is there.
    #[must_use]
    pub fn trouble(&self) -> Option<CardFailure> {
        match self {
            Self { is_up: false, .. } => Some(CardFailure::HelperDown),
            Self { has_service: false, .. } => Some(CardFailure::ServiceDown),
            Self { slots, .. } => slots.is_empty().then_some(CardFailure::NoReader),
        }
    }

    /// The record of an insertion, while its card is in a reader.
    ///
    /// # Errors
    /// Where the card is gone, or could not be read.
    pub fn record(&self, insertion: u64) -> Result<&NhiRecord, CardFailure> {
        let slot = self.slots.values().find(|slot| slot.insertion == Some(insertion)).ok_or(CardFailure::Removed)?;
        match &slot.card {
            Card::Read(record) => Ok(record),
            Card::Failed(failure) => Err(*failure),
            Card::None | Card::Reading => Err(CardFailure::NoCard),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::RecordBytes;
    use super::*;

    const A: &str = "reader a";

    fn said(readers: &mut Readers, said: Said) -> Option<Ask> {
        readers.take(said, "2020-02-06".parse().unwrap())
    }

    fn card(readers: &mut Readers, insertion: u64, state: CardState) -> Option<Ask> {
        said(readers, Said::Card { reader: A.to_owned(), insertion, state })
    }

    fn read(readers: &mut Readers, insertion: u64, outcome: Outcome) {
        said(readers, Said::Read { reader: A.to_owned(), insertion, ms: 200, tries: 1, outcome });
    }

    fn record(number: &str) -> Outcome {
        let name = [0; 20];
        let bytes = [b"000012345678".as_slice(), &name, number.as_bytes(), b"0750315M1080101"].concat();
        Outcome::Record(RecordBytes::new(bytes))
    }

    fn one_reader() -> Readers {
        let mut readers = Readers::default();
        assert_eq!(readers.trouble(), Some(CardFailure::HelperDown));
        said(&mut readers, Said::Hello { protocol: PROTOCOL, demonstration: false });
        assert_eq!(readers.trouble(), Some(CardFailure::ServiceDown));
        said(&mut readers, Said::Service { up: true });
        assert_eq!(readers.trouble(), Some(CardFailure::NoReader));
        said(&mut readers, Said::Readers { readers: vec![A.to_owned()] });
        assert_eq!(readers.trouble(), None);
        readers
    }

    #[test]
    fn a_card_is_read_when_it_comes_and_forgotten_when_it_goes() {
        let mut readers = one_reader();
        let ask = card(&mut readers, 1, CardState::Inserted);
        assert_eq!(ask, Some(Ask::Read { reader: A.to_owned(), insertion: 1 }));
        assert_eq!(readers.record(1).unwrap_err(), CardFailure::NoCard, "not yet");
        read(&mut readers, 1, record("A123456789"));
        assert_eq!(readers.record(1).unwrap().document.number(), "A123456789");
        card(&mut readers, 1, CardState::Removed);
        assert_eq!(readers.record(1).unwrap_err(), CardFailure::Removed);
    }

    #[test]
    fn what_was_read_of_a_card_before_is_nobody_s() {
        let mut readers = one_reader();
        card(&mut readers, 1, CardState::Inserted);
        card(&mut readers, 2, CardState::Inserted);
        card(&mut readers, 1, CardState::Removed);
        read(&mut readers, 1, record("A123456789"));
        assert_eq!(readers.record(1).unwrap_err(), CardFailure::Removed);
        assert_eq!(readers.record(2).unwrap_err(), CardFailure::NoCard);
        read(&mut readers, 2, record("A100000001"));
        assert_eq!(readers.record(2).unwrap().document.number(), "A100000001");
        card(&mut readers, 2, CardState::Removed);
        read(&mut readers, 2, record("A123456789"));
        assert_eq!(readers.record(2).unwrap_err(), CardFailure::Removed, "the answer came behind the card's end");
    }

    #[test]
    fn a_card_that_cannot_be_read_says_why() {
        let mut readers = one_reader();
        assert_eq!(card(&mut readers, 1, CardState::Mute), None);
        assert_eq!(readers.record(1).unwrap_err(), CardFailure::Mute);
        card(&mut readers, 2, CardState::Inserted);
        read(&mut readers, 2, record("A123456788"));
        assert_eq!(readers.record(2).unwrap_err(), CardFailure::BadData);
        card(&mut readers, 3, CardState::Inserted);
        read(&mut readers, 3, Outcome::Failed(CardFailure::NotNhi));
        assert_eq!(readers.record(3).unwrap_err(), CardFailure::NotNhi);
        let (_, health) = readers.health().first_key_value().unwrap();
        assert_eq!((health.reads, health.failures.len(), health.ms_mean()), (0, 3, None));
    }

    #[test]
    fn a_helper_a_service_or_a_reader_that_goes_takes_its_cards_along() {
        for gone in [None, Some(Said::Service { up: false }), Some(Said::Readers { readers: vec![] })] {
            let mut readers = one_reader();
            card(&mut readers, 1, CardState::Inserted);
            read(&mut readers, 1, record("A123456789"));
            match gone {
                Some(gone) => drop(said(&mut readers, gone)),
                None => readers.helper_gone(),
            }
            assert_eq!(readers.record(1).unwrap_err(), CardFailure::Removed);
            assert!(readers.trouble().is_some() && readers.health().first_key_value().unwrap().1.reads == 1);
            assert_eq!(card(&mut readers, 2, CardState::Inserted), None, "of a reader that is not there");
        }
        let mut other = Readers::default();
        said(&mut other, Said::Hello { protocol: PROTOCOL + 1, demonstration: false });
        said(&mut other, Said::Service { up: true });
        assert_eq!(other.trouble(), Some(CardFailure::HelperDown), "of another version");
        said(&mut other, Said::Readers { readers: vec![A.to_owned()] });
        assert_eq!((card(&mut other, 1, CardState::Inserted), other.all().count()), (None, 0), "nor listened to");
    }

    #[test]
    fn cards_that_are_none_are_read_only_in_a_rehearsal() {
        for may in [false, true] {
            let mut readers = Readers::new(BTreeMap::new(), may);
            said(&mut readers, Said::Hello { protocol: PROTOCOL, demonstration: true });
            said(&mut readers, Said::Service { up: true });
            said(&mut readers, Said::Readers { readers: vec![A.to_owned()] });
            assert_eq!(card(&mut readers, 1, CardState::Inserted).is_some(), may);
            assert_eq!(readers.trouble().is_none(), may);
        }
    }

    #[test]
    fn a_reader_whose_contacts_fail_is_suspected_and_so_is_one_that_has_read_its_share() {
        let mut health = Health::default();
        (0..RECENT_FAILED_MAX).for_each(|_| health.read(0, Some(CardFailure::Unreadable)));
        (0..20).for_each(|_| health.read(0, Some(CardFailure::NotNhi)));
        assert!(!health.is_suspect(), "another card is no fault of the reader's");
        health.read(0, Some(CardFailure::Mute));
        assert!(health.is_suspect());
        (0..RECENT).for_each(|_| health.read(210, None));
        assert!(!health.is_suspect());
        assert_eq!((health.ms_mean(), health.ms_worst), (Some(210), 210));
        (0..WORN_READS).for_each(|_| health.read(210, None));
        assert!(health.is_suspect());
    }
}
