//! Two readers that are none, for a newcomer and for tests: who holds a card is told from the page.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use edge::cards::failure::CardFailure;
use edge::cards::lines::{Ask, CardState, Outcome, RecordBytes, Said};
use edge::cards::nhi::RECORD_BYTES;
use serde::Deserialize;

use crate::{Readers, first_insertion, tell};

/// So many readers.
const READERS: [&str; 2] = ["示範讀卡機 Demonstration A", "示範讀卡機 Demonstration B"];

/// Somebody with a card, as the card's record spells it.
#[derive(Deserialize)]
struct Person {
    card: String,
    number: String,
    /// `YYYMMDD` in ROC years.
    birth: String,
    sex: String,
}

/// The readers and the people.
pub(crate) struct Demonstration {
    records: Vec<Vec<u8>>,
    /// In each reader: which insertion, of whom.
    inserted: [Option<(u64, usize)>; READERS.len()],
    insertions: u64,
}

impl Demonstration {
    /// With the people of a file.
    pub(crate) fn load(people: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(people).with_context(|| people.display().to_string())?;
        let people: Vec<Person> = serde_json::from_str(&text).with_context(|| people.display().to_string())?;
        let records = people.iter().map(Person::record).collect::<Result<_>>()?;
        Ok(Self { records, inserted: [None; READERS.len()], insertions: first_insertion() })
    }

    fn pull(&mut self, at: usize, said: &Sender<Said>) {
        if let Some((insertion, _)) = self.inserted.get_mut(at).and_then(Option::take) {
            card(at, insertion, CardState::Removed, said);
        }
    }
}

impl Person {
    fn record(&self) -> Result<Vec<u8>> {
        let name = [0; 20];
        let issued = b"1080101";
        let parts = [self.card.as_bytes(), &name, self.number.as_bytes(), self.birth.as_bytes(), self.sex.as_bytes()];
        let record = [parts.concat().as_slice(), issued].concat();
        ensure!(record.len() == RECORD_BYTES, "{} makes a record of {} bytes", self.card, record.len());
        Ok(record)
    }
}

impl Readers for Demonstration {
    const IS_DEMONSTRATION: bool = true;

    fn begin(&mut self, said: &Sender<Said>) {
        tell(said, Said::Service { up: true });
        tell(said, Said::Readers { readers: READERS.map(str::to_owned).to_vec() });
        let said = said.clone();
        thread::spawn(move || {
            while said.send(Said::Alive).is_ok() {
                thread::sleep(Duration::from_secs(1));
            }
        });
    }

    fn obey(&mut self, ask: Ask, said: &Sender<Said>) {
        let (Ask::Read { reader, .. } | Ask::Insert { reader, .. } | Ask::Pull { reader }) = &ask else { return };
        let Some(at) = READERS.iter().position(|name| name == reader) else {
            return tracing::warn!("there is no such reader");
        };
        match ask {
            Ask::Insert { person, .. } if person < self.records.len() => {
                self.pull(at, said);
                self.insertions += 1;
                if let Some(slot) = self.inserted.get_mut(at) {
                    *slot = Some((self.insertions, person));
                }
                card(at, self.insertions, CardState::Inserted, said);
            }
            Ask::Insert { .. } => tracing::warn!("there is no such person"),
            Ask::Pull { .. } => self.pull(at, said),
            Ask::Certificates { .. } | Ask::Sign { .. } => {}
            Ask::Read { reader, insertion } => {
                let there = self.inserted.get(at).copied().flatten().filter(|(number, _)| *number == insertion);
                let record = there.and_then(|(_, person)| self.records.get(person)).cloned();
                let failed = Outcome::Failed(CardFailure::Removed);
                let outcome = record.map_or(failed, |record| Outcome::Record(RecordBytes::new(record)));
                tell(said, Said::Read { reader, insertion, ms: 0, tries: 1, outcome });
            }
        }
    }
}

fn card(at: usize, insertion: u64, state: CardState, said: &Sender<Said>) {
    if let Some(reader) = READERS.get(at) {
        tell(said, Said::Card { reader: (*reader).to_owned(), insertion, state });
    }
}
