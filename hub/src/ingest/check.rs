//! Everything that is asked of a run before it enters the journal (T4, T5, T7, T9, T10).

use shared::entry::access::{Access, ServiceStanding};
use shared::entry::booking::Booking;
use shared::entry::{Entry, Fact, Sealed};
use shared::ids::{DocId, EntryId, SiteCode};
use shared::ledger::chain::Link;
use shared::ledger::run::Run;
use shared::rules::identity::Document;
use shared::sign::PublicKey;
use shared::wire::v1::entry;

use super::{Fault, Upload};
use crate::hub::{BUYER, Hub, HubError, PROXY};
use crate::rights::FACTS_MAX;
use crate::store::TipRow;

/// What a run turned out to be.
pub(crate) enum Checked {
    /// Wholly known: acknowledged again, without effect.
    Known,
    /// New, as far as it is left after cutting off what was known.
    Fresh(Fresh),
    /// Not to be taken.
    Bad(Fault),
}

/// A run that may enter the journal.
pub(crate) struct Fresh {
    pub(crate) run: Run,
    pub(crate) links: Vec<Link>,
    pub(crate) entries: Vec<Opened>,
}

/// An entry that was read, with the person whom it is about: a sale's buyer, or who disputes.
pub(crate) struct Opened {
    pub(crate) id: EntryId,
    pub(crate) entry: Entry,
    pub(crate) buyer: Option<Document>,
}

/// A fault of the site inside, one of the machine outside.
type Answer<T> = Result<Result<T, Fault>, HubError>;

impl Hub {
    /// Looks at a run from everywhere; `signer` is the key of the life that sent it.
    pub(crate) fn check(&mut self, upload: &Upload, signer: Option<PublicKey>) -> Result<Checked, HubError> {
        Ok(match self.examine(upload, signer)? {
            Ok(Some(fresh)) => Checked::Fresh(fresh),
            Ok(None) => Checked::Known,
            Err(fault) => Checked::Bad(fault),
        })
    }

    /// None where everything in the run is known.
    fn examine(&mut self, upload: &Upload, signer: Option<PublicKey>) -> Answer<Option<Fresh>> {
        let run = &upload.run;
        if let Err(fault) = check_owner(upload.site, run.doc) {
            return Ok(Err(fault));
        }
        let links = match run.links() {
            Ok(links) => links,
            Err(bad) => return Ok(Err(bad.into())),
        };
        if let Err(fault) = check_signature(run, signer) {
            return Ok(Err(fault));
        }
        let tip = self.tip(&run.start.id.actor)?;
        let known = match self.count_known(upload, &links, tip.as_ref())? {
            Ok(known) => known,
            Err(fault) => return Ok(Err(fault)),
        };
        let (run, links) = match known {
            0 => (run.clone(), links),
            known => match run.clone().without_first(known, &links) {
                Some(rest) => (rest, links.into_iter().skip(known).collect()),
                None => return Ok(Ok(None)),
            },
        };
        if let Err(fault) = self.check_lineage(&run, tip.as_ref())? {
            return Ok(Err(fault));
        }
        let entries = match self.open_entries(&upload.site, &run)? {
            Ok(entries) => entries,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(Ok(Some(Fresh { run, links, entries })))
    }

    /// Whether entries before the run are still missing: said without looking into the run.
    pub(crate) fn is_gap(&self, run: &Run) -> Result<bool, HubError> {
        let have = self.tip(&run.start.id.actor)?.map_or(0, |tip| tip.seq);
        Ok(run.start.id.seq > have.saturating_add(1))
    }

    /// How many of the run's first entries are in the journal already, and are the same.
    fn count_known(&self, upload: &Upload, links: &[Link], tip: Option<&TipRow>) -> Answer<usize> {
        let run = &upload.run;
        let EntryId { actor, seq: first } = run.start.id;
        let have = tip.map_or(0, |tip| tip.seq);
        if tip.is_some_and(|tip| tip.doc != run.doc || tip.site != Some(upload.site)) {
            return Ok(Err(Fault::Elsewhere { actor }));
        }
        if first > have.saturating_add(1) {
            return Ok(Err(Fault::Gap { actor, have, first }));
        }
        let known = usize::try_from(have + 1 - first).unwrap_or(usize::MAX).min(links.len());
        let Some(last_known) = known.checked_sub(1).and_then(|at| links.get(at)) else {
            return Ok(Ok(0));
        };
        let held = match tip {
            Some(tip) if tip.seq == last_known.id.seq => Some(tip.hash),
            Some(_) | None => self.hash_of(&last_known.id)?,
        };
        Ok(if held == Some(last_known.hash) { Ok(known) } else { Err(Fault::OtherHistory(last_known.id)) })
    }

    pub(super) fn open_entries(&self, site: &SiteCode, run: &Run) -> Answer<Vec<Opened>> {
        let mut out = Vec::with_capacity(run.entries.len());
        for (seq, bytes) in (run.start.id.seq..).zip(&run.entries) {
            let id = EntryId { seq, ..run.start.id };
            let entry = match entry::decode(bytes) {
                Ok(entry) => entry,
                Err(cause) => return Ok(Err(Fault::Entry { id, cause })),
            };
            match self.open_entry(site, id, entry)? {
                Ok(opened) => out.push(opened),
                Err(fault) => return Ok(Err(fault)),
            }
        }
        Ok(Ok(out))
    }

    fn open_entry(&self, site: &SiteCode, id: EntryId, entry: Entry) -> Answer<Opened> {
        if matches!(entry.fact, Fact::Access(_)) && self.store.count_staff_facts(site)? >= FACTS_MAX {
            return Ok(Err(Fault::Rights(id)));
        }
        let buyer = match &entry.fact {
            Fact::Sale(sale) => {
                if let Some(proxy) = &sale.proxy
                    && let Err(fault) = self.open_document(site, id, PROXY, proxy)?
                {
                    return Ok(Err(fault));
                }
                match self.open_document(site, id, BUYER, &sale.document)? {
                    Ok(document) => Some(document),
                    Err(fault) => return Ok(Err(fault)),
                }
            }
            Fact::Dispute(dispute) => match self.open_document(site, id, BUYER, &dispute.document)? {
                Ok(document) => Some(document),
                Err(fault) => return Ok(Err(fault)),
            },
            Fact::Access(Access::Grant(grant)) => {
                if let Some(document) = &grant.to.document
                    && let Err(fault) = self.open_document(site, id, BUYER, document)?
                {
                    return Ok(Err(fault));
                }
                None
            }
            Fact::Access(Access::Service(word)) if word.standing != ServiceStanding::Applied => {
                return Ok(Err(Fault::HubFact(id)));
            }
            Fact::Arrival(_)
            | Fact::Withdrawal(_)
            | Fact::Correction(_)
            | Fact::Access(Access::Revocation(_) | Access::Service(_)) => None,
            Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Access(Access::Issuer(_) | Access::Revoked(_))
            | Fact::Notice(_) => return Ok(Err(Fault::HubFact(id))),
            Fact::Booking(booking) => match self.open_booking(site, id, booking)? {
                Ok(document) => document,
                Err(fault) => return Ok(Err(fault)),
            },
        };
        Ok(Ok(Opened { id, entry, buyer }))
    }

    /// What of booked places a site may write, and whose booking or wish it is.
    fn open_booking(&self, site: &SiteCode, id: EntryId, booking: &Booking) -> Answer<Option<Document>> {
        if !booking.is_of_sites() {
            return Ok(Err(Fault::HubFact(id)));
        }
        let person = booking.booker();
        let amended = if let Booking::Amended(amended) = booking { Some(&amended.contact) } else { None };
        let Some(contact) = person.map(|person| &person.contact).or(amended) else { return Ok(Ok(None)) };
        if let Err(cause) = self.unseal_contact(site, &id, contact)? {
            return Ok(Err(Fault::Sealed { id, cause }));
        }
        match person {
            Some(person) => Ok(self.open_document(site, id, BUYER, &person.document)?.map(Some)),
            None => Ok(Ok(None)),
        }
    }

    fn open_document(&self, site: &SiteCode, id: EntryId, slot: u8, sealed: &Sealed) -> Answer<Document> {
        Ok(self.unseal(site, &id, slot, sealed)?.map_err(|cause| Fault::Sealed { id, cause }))
    }
}

/// Only a site itself writes in its day's ledger.
fn check_owner(site: SiteCode, doc: DocId) -> Result<(), Fault> {
    match doc {
        DocId::Site { site: owner, day: _ } if owner == site => Ok(()),
        DocId::Site { .. } | DocId::Desk { .. } | DocId::Nation { .. } => Err(Fault::Owner { site, doc }),
    }
}

/// A life that has named its key signs every batch with it.
fn check_signature(run: &Run, signer: Option<PublicKey>) -> Result<(), Fault> {
    let head = run.head();
    match (signer, &run.signature) {
        (None, _) => Ok(()),
        (Some(key), Some(signature)) if key.signed_head(&head, signature) => Ok(()),
        (Some(_), _) => Err(Fault::Signature(head.id)),
    }
}
