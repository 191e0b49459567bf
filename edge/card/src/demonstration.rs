//! Two readers that are none, for a newcomer and for tests: who holds a card is told from the page.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use edge::cards::failure::CardFailure;
use edge::cards::lines::{Ask, CardCertificates, CardState, Found, Outcome, RecordBytes, Said, Signed};
use edge::cards::login::LoginFailure;
use edge::cards::nhi::RECORD_BYTES;
use serde::Deserialize;
use shared::sign::card::sha256;

use crate::scripted::{Scripted, Spelled};
use crate::{Readers, first_insertion, tell};

/// So many readers.
const READERS: [&str; 2] = ["示範讀卡機 Demonstration A", "示範讀卡機 Demonstration B"];

/// Somebody with a NHI card, a certificate card, or one that is both.
#[derive(Deserialize)]
struct Person {
    #[serde(flatten)]
    nhi: Option<Nhi>,
    #[serde(flatten)]
    certificate: Option<Spelled>,
}

/// A NHI card, as its record spells it.
#[derive(Deserialize)]
struct Nhi {
    card: String,
    number: String,
    /// `YYYMMDD` in ROC years.
    birth: String,
    sex: String,
}

/// What somebody holds.
struct Holder {
    record: Option<Vec<u8>>,
    certificate: Option<Scripted>,
}

/// The readers and the people.
pub(crate) struct Demonstration {
    holders: Vec<Holder>,
    /// In each reader: which insertion, of whom.
    inserted: [Option<(u64, usize)>; READERS.len()],
    insertions: u64,
}

impl Demonstration {
    /// With the people of a file.
    pub(crate) fn load(people: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(people).with_context(|| people.display().to_string())?;
        Self::of(&text).with_context(|| people.display().to_string())
    }

    fn of(text: &str) -> Result<Self> {
        let people: Vec<Person> = serde_json::from_str(text)?;
        let holders = people.iter().map(Person::holder).collect::<Result<_>>()?;
        Ok(Self { holders, inserted: [None; READERS.len()], insertions: first_insertion() })
    }

    fn pull(&mut self, at: usize, said: &Sender<Said>) {
        if let Some((insertion, _)) = self.inserted.get_mut(at).and_then(Option::take) {
            card(at, insertion, CardState::Removed, said);
        }
    }
}

impl Person {
    fn holder(&self) -> Result<Holder> {
        ensure!(self.nhi.is_some() || self.certificate.is_some(), "somebody without a card");
        let record = self.nhi.as_ref().map(Nhi::record).transpose()?;
        let certificate = self.certificate.as_ref().map(Scripted::load).transpose()?;
        Ok(Holder { record, certificate })
    }
}

impl Nhi {
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
        let of = |reader: &str| READERS.iter().position(|name| *name == reader);
        match ask {
            Ask::Insert { reader, person } => match of(&reader) {
                Some(at) if person < self.holders.len() => self.insert(at, person, said),
                _ => tracing::warn!("there is no such reader or person"),
            },
            Ask::Pull { reader } => match of(&reader) {
                Some(at) => self.pull(at, said),
                None => tracing::warn!("there is no such reader"),
            },
            Ask::Read { reader, insertion } => {
                let outcome = of(&reader).map_or(Err(CardFailure::NoReader), |at| self.read(at, insertion));
                let outcome = outcome.map_or_else(Outcome::Failed, Outcome::Record);
                tell(said, Said::Read { reader, insertion, ms: 0, tries: 1, outcome });
            }
            Ask::Certificates { ask } => tell(said, Said::Certificates { ask, outcome: self.certificates() }),
            Ask::Sign { ask, token, certificate, pin, message } => {
                let outcome = self.holds(&token, &certificate).and_then(|card| card.sign(pin.as_ref(), &message));
                tell(said, Said::Signed { ask, outcome: outcome.map_or_else(Signed::Failed, Signed::Signature) });
            }
        }
    }
}

impl Demonstration {
    fn insert(&mut self, at: usize, person: usize, said: &Sender<Said>) {
        self.pull(at, said);
        self.insertions += 1;
        if let Some(slot) = self.inserted.get_mut(at) {
            *slot = Some((self.insertions, person));
        }
        card(at, self.insertions, CardState::Inserted, said);
    }

    fn read(&self, at: usize, insertion: u64) -> Result<RecordBytes, CardFailure> {
        let there = self.inserted.get(at).copied().flatten().filter(|(number, _)| *number == insertion);
        let holder = there.and_then(|(_, person)| self.holders.get(person)).ok_or(CardFailure::Removed)?;
        holder.record.clone().map(RecordBytes::new).ok_or(CardFailure::NotNhi)
    }

    /// The certificate cards that are in the readers.
    fn certificates(&self) -> Found {
        let there = self.inserted.iter().enumerate().filter_map(|(at, there)| {
            let (insertion, person) = (*there)?;
            let card = self.holders.get(person)?.certificate.as_ref()?;
            Some(CardCertificates {
                token: token(at, insertion),
                reader: READERS.get(at).copied().unwrap_or_default().to_owned(),
                label: "Demonstration".to_owned(),
                certificates: card.certificates.clone(),
                pin: card.pin_state(),
                has_pad: false,
            })
        });
        let cards: Vec<_> = there.collect();
        if cards.is_empty() { Found::Failed(LoginFailure::NoToken) } else { Found::Cards(cards) }
    }

    /// The card that was looked at, while it is there and has this certificate.
    fn holds(&mut self, wanted: &str, certificate: &[u8; 32]) -> Result<&mut Scripted, LoginFailure> {
        let is_it = |(at, there): (usize, &Option<(u64, usize)>)| {
            there.and_then(|(insertion, person)| (token(at, insertion) == wanted).then_some(person))
        };
        let person = self.inserted.iter().enumerate().find_map(is_it).ok_or(LoginFailure::Removed)?;
        let card = self.holders.get_mut(person).and_then(|holder| holder.certificate.as_mut());
        card.filter(|card| card.certificates.iter().any(|der| sha256(der) == *certificate)).ok_or(LoginFailure::Removed)
    }
}

fn token(at: usize, insertion: u64) -> String {
    format!("demonstration/{at}/{insertion}")
}

fn card(at: usize, insertion: u64, state: CardState, said: &Sender<Said>) {
    if let Some(reader) = READERS.get(at) {
        tell(said, Said::Card { reader: (*reader).to_owned(), insertion, state });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_has_a_nhi_card_or_a_certificate_card_or_both_and_nobody_none() {
        let nhi = r#""card": "000000000001", "number": "A123456716", "birth": "0750315", "sex": "M""#;
        let key = "302e020100300506032b657004220420".to_owned() + &"07".repeat(32);
        let card = format!(r#""certificates": ["3000"], "key": "{key}", "pin": "750315""#);
        let people = format!(r#"[{{"label": "a", {nhi}}}, {{"label": "b", {card}}}, {{"label": "c", {nhi}, {card}}}]"#);
        let mut cards = Demonstration::of(&people).unwrap();
        let has: Vec<_> = cards.holders.iter().map(|has| (has.record.is_some(), has.certificate.is_some())).collect();
        assert_eq!(has, [(true, false), (false, true), (true, true)]);
        assert!(Demonstration::of(r#"[{"label": "nobody", "card": "000000000001"}]"#).is_err());
        let (said, _heard) = std::sync::mpsc::channel();
        assert_eq!(cards.certificates(), Found::Failed(LoginFailure::NoToken));
        cards.insert(0, 0, &said);
        assert_eq!(cards.certificates(), Found::Failed(LoginFailure::NoToken), "a NHI card is none");
        cards.insert(1, 1, &said);
        let Found::Cards(found) = cards.certificates() else { panic!("a card is there") };
        let leaf = sha256(&found[0].certificates[0]);
        assert!(cards.holds(&found[0].token, &leaf).is_ok());
        assert_eq!(cards.holds(&found[0].token, &[0; 32]).err(), Some(LoginFailure::Removed), "another certificate");
        let insertion = cards.inserted[1].unwrap().0;
        assert_eq!(cards.read(1, insertion), Err(CardFailure::NotNhi));
        cards.insert(1, 1, &said);
        assert_eq!(cards.holds(&found[0].token, &leaf).err(), Some(LoginFailure::Removed), "pulled and put in again");
    }
}
