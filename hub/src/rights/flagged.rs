//! What was done by somebody without the right to it, and grants that give nothing, as an operator reads it (S16-S19).
//!
//! What is found is kept; whether the site could have known is judged when it is shown, for positions of the journal are
//! outside what a rebuild must bring back.

use shared::entry::Instant;
use shared::entry::access::Right;
use shared::ids::{CaseId, EntryId, SiteCode, StaffId};
use shared::rules::access::card::CardKind;
use shared::rules::access::misuse::Misuse;
use shared::rules::access::{Given, Place, Rights, Void};

use crate::hub::{Hub, HubError};

/// Somebody's deeds without a right, or a grant that gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffCase {
    /// The same for the same person and right, or for the same grant.
    pub id: CaseId,
    /// Where.
    pub site: SiteCode,
    /// Who did it; of a grant who was to get it.
    pub who: StaffId,
    /// Their name as a grant or the first deed has it, in clear.
    pub name: String,
    /// Their card, where any grant names it.
    pub card: Option<CardKind>,
    /// What they lacked, or were to get.
    pub rights: Vec<Right>,
    /// Why they lacked it.
    pub lack: Lack,
    /// The first deed, or the grant.
    pub first: EntryId,
    /// When that was.
    pub at: Instant,
    /// How many deeds; none of a grant.
    pub deeds: u64,
    /// Whether the site could have known.
    pub blame: Blame,
    /// When the hub noticed it first, seconds since 1970.
    pub opened: i64,
}

/// Why somebody lacked a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// It had been taken back.
    Withdrawn {
        /// By which entry.
        by: EntryId,
        /// Where that stands.
        place: Place,
        /// When.
        at: Instant,
        /// Why.
        reason: String,
    },
    /// It was given until an earlier day, or beaten by nothing that stands before the deed.
    Expired,
    /// Nobody ever gave it.
    NeverGiven,
    /// It was given, by a grant that gives nothing.
    Void(Void),
    /// A grant that gives nothing, whatever was done by it.
    VoidGrant(Void),
}

/// Whether a site could have known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Its own ledger said so.
    Could,
    /// The first deed was written before the revocation, whatever the clocks say.
    CouldNot,
    /// The hub cannot tell whether the revocation had come down: nobody is blamed.
    Unknown,
}

impl Hub {
    /// What was found of a site's people, or of all sites', by site and person; at most so many.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn flagged(&self, site: Option<&SiteCode>, limit: usize) -> Result<Vec<StaffCase>, HubError> {
        let sites = match site {
            Some(site) => vec![*site],
            None => self.store.flagged_sites()?,
        };
        let mut all = Vec::new();
        for site in sites {
            if all.len() >= limit {
                break;
            }
            let (given, taken) = self.rights_facts(&site)?;
            let rights = Rights::fold(&site, &given, &taken);
            for misuse in self.store.misuses(&site)?.into_iter().take(limit.saturating_sub(all.len())) {
                all.push(self.misuse_case(&site, &rights, &given, misuse)?);
            }
            for (grant, why) in rights.void() {
                if let Some(given) = given.iter().find(|given| given.id == *grant) {
                    all.push(self.grant_case(&site, given, why)?);
                }
            }
        }
        all.truncate(limit);
        Ok(all)
    }

    fn misuse_case(
        &self,
        site: &SiteCode,
        rights: &Rights,
        given: &[Given],
        misuse: Misuse,
    ) -> Result<StaffCase, HubError> {
        let Misuse { by, right, revocation, withdrawn: _, first, at, deeds } = misuse;
        let id = self.keys.staff_case(site, &by, &right);
        let lack = self.lack(site, rights, given, (&by, &right, revocation))?;
        let deed = self.find(&first)?.ok_or_else(|| HubError::Damaged(format!("the deed {first} is missing")))?;
        let named = given.iter().filter(|given| given.grant.to.id() == by).max_by_key(|given| (given.at, given.id));
        Ok(StaffCase {
            id,
            site: *site,
            who: by,
            name: named.map_or(deed.entry.by.name, |given| given.grant.to.name.clone()),
            card: named.map(|given| given.grant.to.card),
            rights: vec![right],
            blame: self.blame(site, &lack, (deed.pos, first.seq))?,
            lack,
            first,
            at,
            deeds,
            opened: self.store.staff_case_opened(&id)?.unwrap_or_default(),
        })
    }

    fn lack(
        &self,
        site: &SiteCode,
        rights: &Rights,
        given: &[Given],
        (by, right, revocation): (&StaffId, &Right, Option<EntryId>),
    ) -> Result<Lack, HubError> {
        if let Some(id) = revocation {
            let taken = rights.withdrawals(by, right).iter().find(|(_, taken, _)| *taken == id);
            let place = self.store.staff_fact_pos(site, &id)?;
            if let (Some((at, _, reason)), Some((place, _))) = (taken, place) {
                return Ok(Lack::Withdrawn { by: id, place, at: *at, reason: reason.clone() });
            }
        }
        if rights.ever(by).any(|(held, _)| held == right) {
            return Ok(Lack::Expired);
        }
        let is_of = |grant: &EntryId| {
            let found = given.iter().find(|given| given.id == *grant);
            found.is_some_and(|given| given.grant.to.id() == *by && given.grant.rights.contains(right))
        };
        let void = rights.void().find(|(grant, _)| is_of(grant));
        Ok(void.map_or(Lack::NeverGiven, |(_, why)| Lack::Void(why)))
    }

    fn grant_case(&self, site: &SiteCode, given: &Given, why: Void) -> Result<StaffCase, HubError> {
        let Given { id: entry, at, place: _, grant } = given;
        let id = self.keys.grant_case(entry);
        let lack = Lack::VoidGrant(why);
        let pos = self.store.staff_fact_pos(site, entry)?.map_or(0, |(_, pos)| pos);
        Ok(StaffCase {
            id,
            site: *site,
            who: grant.to.id(),
            name: grant.to.name.clone(),
            card: Some(grant.to.card),
            rights: grant.rights.clone(),
            blame: self.blame(site, &lack, (pos, entry.seq))?,
            lack,
            first: *entry,
            at: *at,
            deeds: 0,
            opened: self.store.staff_case_opened(&id)?.unwrap_or_default(),
        })
    }

    /// Whether the site could have known when it wrote the first deed, which stands here in the journal: a row is of one
    /// actor.
    fn blame(&self, site: &SiteCode, lack: &Lack, (deed, seq): (u64, u32)) -> Result<Blame, HubError> {
        let (by, place) = match lack {
            Lack::Withdrawn { by, place, .. } => (by, *place),
            // Everything that it takes to see these stands in the grant itself.
            Lack::Expired | Lack::NeverGiven => return Ok(Blame::Could),
            Lack::Void(why) | Lack::VoidGrant(why) => {
                return Ok(match why {
                    Void::NoGiver | Void::BadSignature | Void::WrongCard | Void::TooLong => Blame::Could,
                    Void::GiverMayNot | Void::GiverWasWithdrawn => Blame::Unknown,
                });
            }
        };
        let Some((_, pos)) = self.store.staff_fact_pos(site, by)? else { return Ok(Blame::Unknown) };
        Ok(match place {
            Place::Desk if deed < pos => Blame::CouldNot,
            Place::Desk => Blame::Unknown,
            // One life of one store writes one log, and sends it in its order.
            Place::Site if self.store.journal_line(deed)? != self.store.journal_line(pos)? => Blame::Unknown,
            Place::Site if (deed, seq) < (pos, by.seq) => Blame::CouldNot,
            Place::Site => Blame::Could,
        })
    }
}
