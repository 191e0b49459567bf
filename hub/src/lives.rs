//! The lives of sites' stores: a greeting is compared with what the hub has seen of the site, a store that was restored
//! or cloned takes a new incarnation, what other lives wrote is given back, and the operator gets one case (T10;
//! docs/lives.md).

use shared::ids::{CaseId, EntryId, Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::rules::programme::Text;
use shared::seal::Secret;
use shared::sync::hub::{OwnPart, OwnStanding};
use shared::wire::v1::life::{Began, EdgeLife, HubLife, KEYS_MAX};
use shared::wire::v1::message::Hello;

use crate::hub::{Hub, HubError};
use crate::store::{Boot, LifeRow};

/// Rows of the journal that are looked at in one step.
const OWN_ROWS_MAX: usize = 1_024;

/// What the operator must know of a site's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteCase {
    /// The same for the same life, however often it is noticed.
    pub id: CaseId,
    /// Whose store.
    pub site: SiteCode,
    /// What happened to it.
    pub kind: SiteCaseKind,
    /// The life that ended, or where the store was replaced the one that began.
    pub incarnation: Incarnation,
    /// When it was noticed first, seconds since 1970.
    pub opened: i64,
}

/// What happened to a site's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteCaseKind {
    /// An old image came back: the hub held entries that the store had lost.
    Restored,
    /// Two processes ran on one store's identity.
    Cloned,
    /// The stamp beside the database was missing or another's.
    Unstamped,
    /// A new store began for a site that had one.
    Replaced,
    /// More places were given away than a lease held.
    Overspent,
}

impl SiteCaseKind {
    /// Its number on the disk.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Restored => 1,
            Self::Cloned => 2,
            Self::Unstamped => 3,
            Self::Replaced => 4,
            Self::Overspent => 5,
        }
    }

    /// From its number.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Restored,
            2 => Self::Cloned,
            3 => Self::Unstamped,
            5 => Self::Overspent,
            _ => Self::Replaced,
        }
    }

    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Cloned => "cloned",
            Self::Unstamped => "unstamped",
            Self::Replaced => "replaced",
            Self::Overspent => "overspent",
        }
    }

    /// What happened and what to do, for people.
    #[must_use]
    pub fn words(self) -> Text {
        let (zh, en) = match self {
            Self::Restored => (
                "帳本曾由舊備份還原；中心已有的紀錄已送回該站。請向該站確認還原後、連線前是否另有販售",
                "the store came back from an old image; what the hub held was given back. Ask the site whether it sold \
                 anything between the backup and the failure that never reached the hub",
            ),
            Self::Cloned => (
                "同一資料夾在兩台電腦上同時使用；兩者都已分開記錄，沒有遺失。請該站停用其中一台",
                "one data folder ran on two computers; both now write under names of their own and nothing is lost. \
                 Have the site stop one of them",
            ),
            Self::Unstamped => (
                "帳本旁的印記不見或不符（備份還原或資料夾複製）；已開始新的紀錄週期",
                "the stamp beside the store was missing or another's (a backup, or a copied folder): a new life began",
            ),
            Self::Replaced => (
                "該站以新的電腦或新的資料夾重新開始；原有紀錄已送回。未上傳的紀錄可能只在舊電腦上",
                "the site began with a new computer or folder; what the hub held was given back. Entries that were \
                 never sent may still lie on the old one",
            ),
            Self::Overspent => (
                "該站給出的預約名額多於所借（資料夾複製、備份還原，或名額已由中心放棄）；超出的預約仍有效並計入。\
                 請查看該時段是否超額，必要時致電改期",
                "the site gave away more places than it was lent (a cloned or restored store, or places that the hub had \
                 given up as lost). They are booked all the same and counted: look whether the slot is oversold, and \
                 call people where it is",
            ),
        };
        Text { zh: zh.to_owned(), en: en.to_owned() }
    }
}

impl From<Began> for SiteCaseKind {
    fn from(began: Began) -> Self {
        match began {
            Began::Behind => Self::Restored,
            Began::Doubled => Self::Cloned,
            Began::Stamp => Self::Unstamped,
        }
    }
}

impl Hub {
    /// Compares a greeting with what is known of the site's store. Writes only where something is new.
    pub(crate) fn meet(
        &mut self,
        site: &SiteCode,
        hello: &Hello,
        life: &EdgeLife,
        second: i64,
    ) -> Result<(HubLife, OwnStanding), HubError> {
        let known = self.store.life(site, &hello.incarnation)?;
        let settled = match &known {
            Some(row) => row.signer == Some(life.signer) && self.store.boot(row.line, &life.boot)? == Boot::Current,
            None => false,
        };
        if !settled {
            self.transact(|hub| hub.note_life(site, hello, life, second))?;
        }
        let doubled = self.store.life(site, &hello.incarnation)?.is_some_and(|row| row.doubled);
        let (give, wants_keys) = self.compare_keys(site, life)?;
        let journal = self.store.journal_position()?;
        let same = hello.hub_life == self.life();
        let own = OwnStanding { after: if same { life.own } else { 0 }, upto: journal, keys: give };
        let signer = self.signer.public();
        Ok((
            HubLife {
                renew: doubled,
                journal,
                signer,
                wants_keys,
                disputes: true,
                confirms: true,
                access: true,
                booking: true,
            },
            own,
        ))
    }

    fn note_life(&mut self, site: &SiteCode, hello: &Hello, life: &EdgeLife, second: i64) -> Result<(), HubError> {
        let known = self.store.life(site, &hello.incarnation)?;
        let is_new = match &known {
            // One that has sent runs without a key was there before this version: the program is new, not the store.
            Some(row) => row.signer.is_none() && self.store.last_of_line(row.line)? == 0,
            None => true,
        };
        let line = self.store.touch_line(site, &hello.incarnation, second)?;
        let mut row = known.unwrap_or(LifeRow { line, signer: None, signs_from: 0, parent: None, doubled: false });
        if row.signer.is_none() {
            row.signs_from = self.store.journal_position()?;
        }
        row.signer = Some(life.signer);
        row.parent = life.parent;
        match self.store.boot(line, &life.boot)? {
            Boot::Current => {}
            Boot::New => self.store.put_boot(line, &life.boot)?,
            Boot::Superseded => {
                row.doubled = true;
                self.open_site_case(site, SiteCaseKind::Cloned, &hello.incarnation, second)?;
            }
        }
        self.store.set_life(&row)?;
        self.memory.lines.remove(&(*site, hello.incarnation));
        match life.parent {
            Some(parent) => self.open_site_case(site, parent.began.into(), &parent.incarnation, second),
            // The site had a store of which this one is no child.
            None if is_new && self.store.lines_of(site)?.into_iter().any(|of| of != line) => {
                self.open_site_case(site, SiteCaseKind::Replaced, &hello.incarnation, second)
            }
            None => Ok(()),
        }
    }

    fn open_site_case(
        &self,
        site: &SiteCode,
        kind: SiteCaseKind,
        incarnation: &Incarnation,
        second: i64,
    ) -> Result<(), HubError> {
        let id = self.keys.site_case(site, incarnation);
        tracing::warn!(%site, kind = kind.name(), %incarnation, "a site's store needs the operator's eye");
        let case = SiteCase { id, site: *site, kind, incarnation: *incarnation, opened: second };
        Ok(self.store.put_site_case(&case)?)
    }

    /// The site's secrets that the edge lacks, and whether the hub lacks one that the edge has.
    fn compare_keys(&self, site: &SiteCode, life: &EdgeLife) -> Result<(Vec<(u8, Secret)>, bool), HubError> {
        let mut give = Vec::new();
        let mut held = Vec::new();
        for (number, wrapped) in self.store.keys(site)? {
            let secret = self.keys.unwrap_secret(site, &wrapped)?;
            let mark = secret.mark()?;
            if !life.keys.contains(&mark) {
                give.push((number, secret));
            }
            held.push(mark);
        }
        Ok((give, life.keys.iter().any(|mark| !held.contains(mark))))
    }

    /// Keeps a secret that a site brought over its line; the hub was restored from before it enrolled.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn take_key(&mut self, site: &SiteCode, number: u8, secret: &Secret, second: i64) -> Result<(), HubError> {
        self.transact(|hub| {
            if hub.store.keys(site)?.len() >= KEYS_MAX {
                tracing::warn!(%site, "a site brings more secrets than one may have");
                return Ok(());
            }
            let wrapped = hub.keys.wrap(site, secret)?;
            hub.store.put_key(site, number, &wrapped, second)?;
            hub.memory.site_keys.borrow_mut().remove(site);
            Ok(())
        })
    }

    /// Reads on in what a site's stores have written behind a position: the next entries that the site does not know
    /// (`known`: up to where it knows an actor's), as one run where they follow each other.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_own(&self, site: &SiteCode, after: u64, known: &[EntryId]) -> Result<Option<OwnPart>, HubError> {
        if self.last_of(site)? <= after {
            return Ok(None);
        }
        let lines = self.store.lines_of(site)?;
        let feed = self.feed_position()?;
        let mut at = after;
        let mut have: Option<(u64, Run)> = None;
        for _ in 0..OWN_ROWS_MAX {
            let Some(pos) = self.next_of_lines(&lines, at)? else { break };
            at = pos;
            let row = self.store.journal(pos)?;
            let row = row.ok_or_else(|| HubError::Damaged(format!("journal row {pos} is missing")))?;
            let last = row.first.saturating_add(row.count.saturating_sub(1));
            if known.iter().any(|tip| tip.actor == row.actor && tip.seq >= last) {
                continue;
            }
            let run = self.decode(pos, &row.run)?;
            let Some((upto, first)) = &mut have else {
                have = Some((pos, run));
                continue;
            };
            if !first.join(run) {
                break;
            }
            *upto = pos;
        }
        Ok(match have {
            Some((pos, run)) => Some(OwnPart { pos, feed, run: Some(run) }),
            None => (at > after).then_some(OwnPart { pos: at, feed, run: None }),
        })
    }

    /// The last row of the journal that a site's stores wrote.
    fn last_of(&self, site: &SiteCode) -> Result<u64, HubError> {
        if let Some(last) = self.memory.last_of.borrow().get(site) {
            return Ok(*last);
        }
        let mut last = 0;
        for line in self.store.lines_of(site)? {
            last = self.store.last_of_line(line)?.max(last);
        }
        self.memory.last_of.borrow_mut().insert(*site, last);
        Ok(last)
    }

    fn next_of_lines(&self, lines: &[i64], after: u64) -> Result<Option<u64>, HubError> {
        let mut next = None;
        for line in lines {
            let pos = self.store.next_of_line(*line, after)?;
            next = match (next, pos) {
                (Some(a), Some(b)) => Some(u64::min(a, b)),
                (a, b) => a.or(b),
            };
        }
        Ok(next)
    }

    /// Every case of a site's store, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn site_cases(&self) -> Result<Vec<SiteCase>, HubError> {
        let mut cases = self.store.site_cases()?;
        cases.extend(self.overspent_cases()?);
        cases.sort_by_key(|case| (std::cmp::Reverse(case.opened), case.id));
        Ok(cases)
    }

    /// How many entries of a life are in the journal.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn count_of_life(&self, site: &SiteCode, life: &Incarnation) -> Result<u64, HubError> {
        Ok(self.store.count_of_life(site, life)?)
    }
}
