//! Who may do what at the sites (REQUIREMENTS S16-S21): staff whom the hub names, issuers whose cards count, their lists
//! of revoked cards, and what was done by somebody whose right had been withdrawn in the meantime (docs/rights.md).
//!
//! What grants and revocations come to is [`shared::rules::access::Rights::fold`], of a site's own ledger and its desk.
//! Deeds of people who were signed in are kept so compactly that every one can be judged again when a revocation
//! arrives late: so a finding is exact, and the same in whatever order the ledgers met.

mod certificate;
mod dump;
mod flagged;
mod issuers;
mod lists;
mod services;
mod staff;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::entry::access::{Access, Certificate, Right, without_zeros};
use shared::entry::{Entry, Fact};
use shared::ids::{ActorId, DocId, EntryId, SiteCode, StaffId};
use shared::rules::access::card::CardKind;
use shared::rules::access::misuse::{Deed, Misuse, misused};
use shared::rules::access::{Given, Place, Rights, Taken};
use shared::sign::card::sha256;
use shared::wire::v1::entry;

use crate::hub::{Hub, HubError};
use crate::store::StaffFactRow;

pub use certificate::{BadCertificate, CardCertificate};
pub use flagged::{Blame, Lack, StaffCase};
pub use issuers::{BadIssuer, PinnedIssuer};
pub use lists::{BadList, CardList, Imported, LIST_BYTES_MAX, ListStanding};
pub use staff::{BadGrant, BadGrants, BadRevocation, GRANT_DAYS_MAX, NewGrant, StaffMember, StaffRight};

/// Most grants and revocations of one site: a hundred people for ten years.
pub const FACTS_MAX: u64 = 2_048;
/// Most sites whose rights are remembered.
const RIGHTS_MAX: usize = 10_000;

/// What people did in one batch who were signed in: each actor's in its order.
#[derive(Default)]
pub(crate) struct Deeds {
    of: BTreeMap<(SiteCode, StaffId, Right, ActorId), Vec<Deed>>,
}

impl Deeds {
    pub(crate) fn push(&mut self, site: SiteCode, deed: Deed) {
        self.of.entry((site, deed.by, deed.right.clone(), deed.id.actor)).or_default().push(deed);
    }
}

impl Hub {
    /// The rights at a site as far as its ledgers are here.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn rights(&self, site: &SiteCode) -> Result<Rights, HubError> {
        let (given, taken) = self.rights_facts(site)?;
        Ok(Rights::fold(site, &given, &taken).with_services(&self.service_words(site)?))
    }

    pub(crate) fn rights_facts(&self, site: &SiteCode) -> Result<(Vec<Given>, Vec<Taken>), HubError> {
        let (mut given, mut taken) = (Vec::new(), Vec::new());
        for StaffFactRow { id, place, entry, .. } in self.store.staff_facts(site)? {
            let Entry { at, by: _, fact } = read(&entry)?;
            if let Fact::Access(Access::Grant(grant)) = fact {
                given.push(Given { id, at, place, grant });
            } else if let Fact::Access(Access::Revocation(revocation)) = fact {
                taken.push(Taken { id, at, place, revocation });
            }
        }
        Ok((given, taken))
    }

    /// Takes what the hub itself wrote of rights.
    pub(crate) fn project_own_access(
        &mut self,
        doc: DocId,
        at: (u64, EntryId),
        written: &Entry,
        access: &Access,
    ) -> Result<(), HubError> {
        match (access, doc) {
            (Access::Issuer(issuer), _) => {
                self.store.put_issuer(&sha256(&issuer.certificate), &entry::encode(written))?;
            }
            (Access::Revoked(list), DocId::Desk { site, month: _ }) => {
                self.store.set_told_cards(&site, &list.issuer, &entry::encode(written))?;
            }
            (_, DocId::Desk { site, month: _ }) => self.project_access(&site, Place::Desk, at, (written, access))?,
            (_, DocId::Nation { .. } | DocId::Site { .. }) => {}
        }
        Ok(())
    }

    /// Takes a grant or a revocation; what follows from it is found when the batch is settled.
    pub(crate) fn project_access(
        &mut self,
        site: &SiteCode,
        place: Place,
        (pos, id): (u64, EntryId),
        (written, access): (&Entry, &Access),
    ) -> Result<(), HubError> {
        let certificate = match access {
            Access::Grant(grant) => grant.to.certificate.clone().map(|of| {
                // One number has many spellings.
                Certificate { serial: without_zeros(&of.serial).to_vec(), ..of }
            }),
            Access::Revocation(_) | Access::Service(_) => None,
            Access::Issuer(_) | Access::Revoked(_) => return Ok(()),
        };
        let entry = entry::encode(written);
        self.store.put_staff_fact(&StaffFactRow { site: *site, id, place, pos, entry, certificate })?;
        self.memory.rights.remove(site);
        self.memory.booking_refused = None;
        if let Access::Service(_) = access {
            self.store.look_at_wishes_of(site)?;
        }
        self.memory.rights_changed.insert(*site);
        Ok(())
    }

    /// Keeps the batch's deeds and judges them; where rights have changed, every deed of that site.
    pub(crate) fn settle_rights(&mut self, deeds: Deeds, (received, tell): (i64, bool)) -> Result<(), HubError> {
        for ((site, ..), new) in &deeds.of {
            self.store.add_deeds(site, new)?;
        }
        let changed = std::mem::take(&mut self.memory.rights_changed);
        for ((site, ..), new) in deeds.of.iter().filter(|((site, ..), _)| !changed.contains(site)) {
            let rights = self.remembered_rights(site)?;
            let found = misused(&rights, new);
            self.add_misuses(site, found, received)?;
        }
        for site in changed {
            self.judge_site(&site, received)?;
            if tell {
                self.tell_cards_again(&site, received)?;
            }
        }
        Ok(())
    }

    fn remembered_rights(&mut self, site: &SiteCode) -> Result<Arc<Rights>, HubError> {
        if let Some(rights) = self.memory.rights.get(site) {
            return Ok(Arc::clone(rights));
        }
        let rights = Arc::new(self.rights(site)?);
        if self.memory.rights.len() >= RIGHTS_MAX {
            self.memory.rights.clear();
        }
        self.memory.rights.insert(*site, Arc::clone(&rights));
        Ok(rights)
    }

    /// Judges every deed of a site again.
    fn judge_site(&mut self, site: &SiteCode, received: i64) -> Result<(), HubError> {
        let rights = self.remembered_rights(site)?;
        let mut found: BTreeMap<(StaffId, Right, Option<EntryId>), Misuse> = BTreeMap::new();
        self.store.each_deeds(site, |deeds| {
            for misuse in misused(&rights, &deeds) {
                let key = (misuse.by, misuse.right.clone(), misuse.revocation);
                let whole = match found.remove(&key) {
                    Some(known) => known.and(misuse),
                    None => misuse,
                };
                found.insert(key, whole);
            }
        })?;
        let found: Vec<Misuse> = found.into_values().collect();
        self.store.set_misuses(site, &found)?;
        for misuse in &found {
            self.open_misuse(site, misuse, received)?;
        }
        let void: Vec<EntryId> = rights.void().map(|(grant, _)| *grant).collect();
        self.store.set_void_grants(site, &void)?;
        for (grant, why) in rights.void() {
            let id = self.keys.grant_case(grant);
            if self.store.open_staff_case(&id, received)? {
                tracing::warn!(%site, %grant, why = why.code(), "a grant of a site gives nothing");
            }
        }
        Ok(())
    }

    /// Adds what was found of new deeds to what was known.
    fn add_misuses(&self, site: &SiteCode, found: Vec<Misuse>, received: i64) -> Result<(), HubError> {
        for misuse in found {
            let whole = match self.store.misuse(site, (&misuse.by, &misuse.right, misuse.revocation))? {
                Some(known) => known.and(misuse),
                None => misuse,
            };
            self.store.put_misuse(site, &whole)?;
            self.open_misuse(site, &whole, received)?;
        }
        Ok(())
    }

    fn open_misuse(&self, site: &SiteCode, misuse: &Misuse, received: i64) -> Result<(), HubError> {
        let id = self.keys.staff_case(site, &misuse.by, &misuse.right);
        if self.store.open_staff_case(&id, received)? {
            tracing::warn!(%site, right = %misuse.right, "somebody did what they had no right to");
        }
        Ok(())
    }
}

/// Whether such a card holds a key that an issuer has certified.
#[must_use]
pub fn has_certificate(card: CardKind) -> bool {
    use CardKind::{Citizen, Government, Institution, Professional};
    [Professional, Citizen, Institution, Government].contains(&card)
}

/// An entry of the store's own.
fn read(bytes: &[u8]) -> Result<Entry, HubError> {
    entry::decode(bytes).map_err(|cause| HubError::Damaged(format!("an entry of rights: {cause}")))
}
