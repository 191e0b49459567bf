//! Who may do what here (S16-S20): grants and revocations of both ledgers, folded; who is at the counter now; what
//! the hub says of cards and tells all counters.
//!
//! The node is the gate: the web says who has signed in, and the node looks in the rights before every deed.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use shared::entry::access::{Access, Certificate, Giver, Grant, Holder, Issuer, Revocation, RevokedCards, Right};
use shared::entry::notice::Notice;
use shared::entry::{Entry, Fact, Instant, Staff};
use shared::ids::{EntryId, ProgrammeId, StaffId, VersionName};
use shared::rules::access::{GRANT_DAYS_MAX, Given, MASKS, Place, Rights, Taken, Word};
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::sign::grant::grant_words;
use shared::sync::edge::LogPos;

use super::ask::{AccessView, GrantAsk, Granted, RevokeAsk, Revoked};
use super::write::{Draft, decoded, reason, staff};
use super::{BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;

/// The shelf under which rows of rights stand in the log: it holds nothing.
const STAFF_ROWS: &str = "site-staff";
/// Most notices that are remembered.
const NOTICES_MAX: usize = 512;

/// Who does what is done now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Acting {
    /// The folder's own programs: the uplink, simulations. Nothing of it is written in the audit.
    #[default]
    Folder,
    /// Somebody at a shell of this computer who can read the data folder.
    Shell,
    /// A counter where nobody has signed in.
    Nobody,
    /// A counter where this person has.
    Person {
        /// Who.
        id: StaffId,
        /// Their name, for the entries.
        name: String,
    },
}

/// What somebody is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// 資格審核 and other looks.
    Look,
    /// A sale, an arrival and everything else that is written.
    Write,
}

/// Rights as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Book {
    given: Vec<Given>,
    taken: Vec<Taken>,
    words: Vec<Word>,
    issuers: BTreeMap<Vec<u8>, Issuer>,
    lists: BTreeMap<[u8; 32], RevokedCards>,
    notices: BTreeMap<VersionName, Notice>,
    rights: Arc<Rights>,
}

/// The shelf of rows that move no goods.
pub(super) fn staff_rows() -> ProgrammeId {
    // The name is one; a test says so.
    STAFF_ROWS.parse().unwrap_or_else(|_| unreachable!("a name of ours"))
}

impl Book {
    /// One more fact; the rights are folded with [`Node::fold_rights`].
    fn take(&mut self, place: Place, id: EntryId, at: Instant, access: Access) {
        match access {
            Access::Grant(grant) => self.given.push(Given { id, at, place, grant }),
            Access::Revocation(revocation) => self.taken.push(Taken { id, at, place, revocation }),
            Access::Service(word) => self.words.push(Word { id, at, place, word }),
            Access::Issuer(issuer) => drop(self.issuers.insert(issuer.certificate.clone(), issuer)),
            Access::Revoked(list) => {
                let known = self.lists.get(&list.issuer).is_some_and(|known| known.as_of > list.as_of);
                if !known {
                    self.lists.insert(list.issuer, list);
                }
            }
        }
    }

    /// A text of the hub's.
    pub(super) fn notice(&mut self, notice: Notice) {
        self.notices.insert(notice.name.clone(), notice);
        if self.notices.len() > NOTICES_MAX {
            let oldest = self.notices.values().min_by_key(|notice| notice.from).map(|notice| notice.name.clone());
            oldest.and_then(|name| self.notices.remove(&name));
        }
    }
}

impl Node {
    /// From now on this is who acts.
    pub fn act_as(&mut self, acting: Acting) {
        self.acting = acting;
    }

    /// Whether whoever acts may do this at a counter of masks now.
    ///
    /// # Errors
    /// As [`Self::admit_to`].
    pub(super) fn admit(&mut self, doing: Doing, reading: Reading) -> Result<(), NodeError> {
        self.admit_to(MASKS, doing, reading)
    }

    /// Whether whoever acts may do this in a service now.
    ///
    /// # Errors
    /// Where the node has stopped, nobody has signed in, or the right is not there.
    pub(super) fn admit_to(&mut self, service: &str, doing: Doing, reading: Reading) -> Result<(), NodeError> {
        self.check_running()?;
        let (at, today) = self.today(reading);
        let right = Right::service(service).ok_or(BadAsk::NotSignedIn)?;
        match &self.acting {
            Acting::Folder | Acting::Shell => Ok(()),
            Acting::Nobody | Acting::Person { .. } if !self.access.rights.guards(&right) => Ok(()),
            Acting::Nobody => Err(BadAsk::NotSignedIn.into()),
            Acting::Person { id, .. } => {
                let held = self.access.rights.may(id, &right, today);
                held.map_err(|denied| BadAsk::NoRight { right: right.clone(), denied })?;
                if let Some(since) = self.revoked_since(id) {
                    return Err(BadAsk::CardRevoked { since }.into());
                }
                match self.list_too_old(id, at, today) {
                    Some(days) if doing == Doing::Write => Err(BadAsk::ListTooOld { days }.into()),
                    Some(_) | None => Ok(()),
                }
            }
        }
    }

    /// Since when somebody's card is revoked, as far as the hub has said.
    fn revoked_since(&self, who: &StaffId) -> Option<i64> {
        let certificate = self.access.rights.holder(who)?.certificate.as_ref()?;
        self.access.lists.get(&certificate.issuer)?.since(&certificate.serial)
    }

    /// How old the list of revoked cards is for somebody's card, where a version in force minds it; `u32::MAX`
    /// where none has ever come.
    fn list_too_old(&self, who: &StaffId, at: Instant, today: NaiveDate) -> Option<u32> {
        let minds = self.rules.versions.all_in_force(today).filter_map(|version| version.list_days_max).min()?;
        let certificate = self.access.rights.holder(who)?.certificate.as_ref()?;
        let list = self.access.lists.get(&certificate.issuer);
        let days = list.map_or(u32::MAX, |list| days_between(list.as_of, at.second));
        (days > minds).then_some(days)
    }

    /// Whether whoever acts may look at what was sold to whom.
    ///
    /// # Errors
    /// As for every deed of the counter.
    pub fn may_look(&mut self, reading: Reading) -> Result<(), NodeError> {
        // Looking goes on where nothing is written any more.
        match self.admit(Doing::Look, reading) {
            Err(NodeError::Stopped { .. }) => Ok(()),
            other => other,
        }
    }

    /// Who stands for an entry: whoever has signed in, else the name that was typed.
    pub(super) fn author(&self, typed: &str) -> Result<Staff, BadAsk> {
        match &self.acting {
            Acting::Person { id, name } => Ok(Staff { id: Some(*id), verified: true, ..staff(name)? }),
            Acting::Folder | Acting::Shell | Acting::Nobody => staff(typed),
        }
    }

    /// Everything that signing in and the pages about people need.
    pub fn access_view(&mut self, reading: Reading) -> AccessView {
        let (at, today) = self.today(reading);
        let shown = |notice: &&Notice| notice.is_shown(today);
        AccessView {
            rights: Arc::clone(&self.access.rights),
            issuers: self.access.issuers.values().filter(|issuer| issuer.holds).cloned().collect(),
            lists: self.access.lists.values().cloned().collect(),
            notices: self.access.notices.values().filter(shown).cloned().collect(),
            at,
            today,
        }
    }

    /// Whose 健保卡 this is, among those who may sign in with one: of several keys that somebody was registered with, one
    /// that has a right today comes first, then the one that was described last.
    pub fn holder_of(&mut self, document: &Document, reading: Reading) -> Option<StaffId> {
        let (_, today) = self.today(reading);
        let (person, rights) = (document.person(), &self.access.rights);
        let known = |entry: &EntryId, holder: &Holder| {
            let sealed = holder.document.as_ref()?;
            self.keys.open(entry, 0, sealed).ok().filter(|known| known.person() == person)
        };
        let theirs = rights.holders().filter(|(_, entry, holder)| known(entry, holder).is_some());
        let described = |entry: &EntryId| self.access.given.iter().find(|given| given.id == *entry).map(|it| it.at);
        theirs.max_by_key(|(id, entry, _)| (!rights.of(id, today).is_empty(), described(entry))).map(|(id, _, _)| *id)
    }

    /// What a giver's card has to sign.
    ///
    /// # Errors
    /// Where whoever acts may not give that.
    pub fn grant_words(&mut self, ask: &GrantAsk, reading: Reading) -> Result<Vec<u8>, NodeError> {
        let grant = self.draft_grant(ask, reading)?;
        Ok(grant_words(&self.site, &grant))
    }

    fn draft_grant(&mut self, ask: &GrantAsk, reading: Reading) -> Result<Grant, NodeError> {
        self.check_running()?;
        let (_, today) = self.today(reading);
        let (giver, under) = self.giver_of(&ask.rights, today)?;
        if !(today..=latest_day(today)).contains(&ask.until) {
            return Err(BadAsk::GrantDay { days_max: GRANT_DAYS_MAX }.into());
        }
        if let Some(right) = ask.rights.iter().find(|right| !right.fits(ask.to.card)) {
            return Err(BadAsk::WrongCard { right: right.clone(), card: ask.to.card }.into());
        }
        let to = Holder {
            name: staff(ask.to.name.trim())?.name,
            card: ask.to.card,
            key: ask.to.key.clone(),
            locked_key: ask.to.locked_key.clone(),
            document: None,
            certificate: ask.to.certificate.clone().map(|(issuer, serial)| Certificate { issuer, serial }),
        };
        let rights = &self.access.rights;
        let mut after: Vec<EntryId> = ask.rights.iter().flat_map(|right| rights.revocations(&to.id(), right)).collect();
        after.sort_unstable();
        after.dedup();
        let giver = Giver { id: giver, under, signature: Vec::new() };
        Ok(Grant { to, rights: ask.rights.clone(), until: ask.until, after, giver: Some(giver) })
    }

    /// Who gives, and under which grant of their own.
    fn giver_of(&self, rights: &[Right], today: NaiveDate) -> Result<(StaffId, EntryId), BadAsk> {
        let Acting::Person { id, .. } = &self.acting else { return Err(BadAsk::NotSignedIn) };
        for role in [Right::Representative, Right::Manager] {
            if let Ok(holding) = self.access.rights.may(id, &role, today)
                && !rights.is_empty()
                && rights.iter().all(|right| role.gives(right))
            {
                return Ok((*id, holding.grant));
            }
        }
        let right = rights.first().cloned().unwrap_or(Right::Manager);
        Err(BadAsk::NotYours { right })
    }

    /// 機構管理者維護、機構使用者維護、使用者授權管理: the card of whoever acts has signed.
    ///
    /// # Errors
    /// Where the store fails, whoever acts may not give that, or the signature is not their card's.
    pub fn grant(
        &mut self,
        ask: &GrantAsk,
        signature: Vec<u8>,
        reading: Reading,
    ) -> Result<Committed<Granted>, NodeError> {
        if let Some(granted) = self.granted_before(ask)? {
            return Ok(granted);
        }
        let mut grant = self.draft_grant(ask, reading)?;
        self.check_takes_access()?;
        if let Some(giver) = &mut grant.giver {
            giver.signature = signature;
        }
        let (at, today) = self.today(reading);
        let slot = self.slot(today)?;
        let id = slot.id();
        if let Some(document) = &ask.to.document {
            let document = super::sale::parse(document, today).map_err(|_| BadAsk::GrantDocument)?;
            grant.to.document = Some(self.keys.seal(&id, 0, &document)?);
        }
        let given = Given { id, at, place: Place::Site, grant: grant.clone() };
        self.check_given(given)?;
        let granted = Granted { id, to: grant.to.id(), name: grant.to.name.clone() };
        let rows = self.staff_rows.clone();
        let draft = self.access_draft((slot, &rows), (at, reading), Access::Grant(grant), ask.request.as_deref())?;
        self.commit_access(draft, granted)
    }

    /// The same request again: the same answer.
    fn granted_before(&self, ask: &GrantAsk) -> Result<Option<Committed<Granted>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else { return Ok(None) };
        let granted = found.try_map(|(row, entry)| {
            if let Fact::Access(Access::Grant(grant)) = entry.fact
                && (&grant.to.key, &grant.rights) == (&ask.to.key, &ask.rights)
            {
                return Ok(Granted { id: row.id, to: grant.to.id(), name: grant.to.name });
            }
            Err(NodeError::from(BadAsk::RequestReused))
        })?;
        Ok(Some(granted))
    }

    fn revoked_before(&self, ask: &RevokeAsk) -> Result<Option<Committed<Revoked>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else { return Ok(None) };
        let revoked = found.try_map(|(row, entry)| {
            if let Fact::Access(Access::Revocation(it)) = entry.fact
                && (it.of, &it.rights) == (ask.of, &ask.rights)
            {
                return Ok(Revoked { id: row.id, of: it.of });
            }
            Err(NodeError::from(BadAsk::RequestReused))
        })?;
        Ok(Some(revoked))
    }

    /// A grant that would give nothing is not written.
    fn check_given(&self, given: Given) -> Result<(), BadAsk> {
        let id = given.id;
        let all: Vec<Given> = self.access.given.iter().cloned().chain([given]).collect();
        let rights = Rights::fold(&self.site, &all, &self.access.taken);
        match rights.void().find(|(void, _)| **void == id) {
            Some((_, why)) => Err(BadAsk::GrantVoid { why }),
            None => Ok(()),
        }
    }

    /// A right is taken back.
    ///
    /// # Errors
    /// Where the store fails, or whoever acts may not take that.
    pub fn revoke(&mut self, ask: &RevokeAsk, reading: Reading) -> Result<Committed<Revoked>, NodeError> {
        self.check_running()?;
        self.check_takes_access()?;
        if let Some(revoked) = self.revoked_before(ask)? {
            return Ok(revoked);
        }
        let (at, today) = self.today(reading);
        let (taker, _) = self.giver_of(&ask.rights, today)?;
        let stands = |right: &Right| self.access.rights.may(&ask.of, right, today).is_ok();
        if !ask.rights.iter().all(stands) {
            return Err(BadAsk::NobodySuch.into());
        }
        let revocation =
            Revocation { of: ask.of, rights: ask.rights.clone(), taker: Some(taker), reason: reason(&ask.reason)? };
        let slot = self.slot(today)?;
        let revoked = Revoked { id: slot.id(), of: ask.of };
        let rows = self.staff_rows.clone();
        let (fact, request) = (Access::Revocation(revocation), ask.request.as_deref());
        let draft = self.access_draft((slot, &rows), (at, reading), fact, request)?;
        self.commit_access(draft, revoked)
    }

    pub(super) fn access_draft<'a>(
        &self,
        (slot, programme): (super::write::Slot, &'a ProgrammeId),
        (at, reading): (Instant, Reading),
        access: Access,
        request: Option<&'a str>,
    ) -> Result<Draft<'a>, NodeError> {
        let by = self.author("")?;
        let stock = shared::rules::stock::Stock::default();
        let fact = Fact::Access(access);
        Ok(Draft {
            slot,
            at,
            reading,
            by,
            fact,
            programme,
            stock,
            request,
            quota: None,
            carried: None,
            withdraws: None,
        })
    }

    pub(super) fn commit_access<T>(&mut self, draft: Draft<'_>, answer: T) -> Result<Committed<T>, NodeError> {
        let (id, at, fact) = (draft.slot.id(), draft.at, draft.fact.clone());
        let done = self.commit(draft, answer)?;
        if let Fact::Access(access) = fact {
            self.access.take(Place::Site, id, at, access);
            self.fold_rights();
        }
        Ok(done)
    }

    pub(super) fn check_takes_access(&self) -> Result<(), BadAsk> {
        if self.takes_access { Ok(()) } else { Err(BadAsk::NoAccess) }
    }

    /// What came of the hub's ledgers.
    pub(super) fn access_came(&mut self, id: EntryId, at: Instant, access: Access) {
        self.access.take(Place::Desk, id, at, access);
        self.access_changed = true;
    }

    /// Folds again where anything came.
    pub(super) fn fold_rights(&mut self) {
        let rights = Rights::fold(&self.site, &self.access.given, &self.access.taken);
        self.access.rights = Arc::new(rights.with_services(&self.access.words));
        self.access_changed = false;
    }

    /// The rights in this site's own log.
    pub(super) fn load_access(&mut self, places: &[LogPos]) -> Result<(), NodeError> {
        for pos in places {
            let Some(row) = self.store.row(*pos)?.map(Committed::into_inner) else { continue };
            let Entry { at, by: _, fact } = decoded(&row)?;
            if let Fact::Access(access) = fact {
                self.access.take(Place::Site, row.id, at, access);
            }
        }
        self.fold_rights();
        Ok(())
    }

    /// An entry of rights in the log can be read.
    pub(super) fn prove_access(&self, id: &EntryId, access: &Access) -> Result<(), NodeError> {
        match access {
            Access::Grant(Grant { to: Holder { document: Some(document), .. }, .. }) => {
                self.keys.open(id, 0, document)?;
                Ok(())
            }
            Access::Grant(_) | Access::Revocation(_) | Access::Issuer(_) | Access::Revoked(_) | Access::Service(_) => {
                Ok(())
            }
        }
    }

    /// The rights as they are now.
    pub(super) fn rights(&self) -> &Rights {
        &self.access.rights
    }
}

fn latest_day(today: NaiveDate) -> NaiveDate {
    today.checked_add_days(chrono::Days::new(GRANT_DAYS_MAX)).unwrap_or(today)
}

/// Whole business days from one second to another, never less than none.
fn days_between(from: i64, to: i64) -> u32 {
    u32::try_from((taipei_day(to) - taipei_day(from)).num_days()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_of_rights_has_a_name_and_days_are_counted_in_taipei() {
        assert_eq!(staff_rows().as_str(), STAFF_ROWS);
        assert_eq!(days_between(1_580_918_399, 1_580_918_400), 1, "midnight in Taipei");
        assert_eq!(days_between(1_580_918_400, 1_580_918_399), 0);
    }
}
