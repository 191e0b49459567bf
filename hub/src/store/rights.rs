//! Statements for rights: grants and revocations, deeds, what was found of them, issuers, lists, notices.

use rusqlite::Row;
use shared::entry::Instant;
use shared::entry::access::{Certificate, Right};
use shared::ids::{ActorId, CaseId, EntryId, SiteCode, StaffId};
use shared::rules::access::Place;
use shared::rules::access::misuse::{Deed, Misuse};

use super::read::{bytes, damaged, entry_id, parsed, signed, site, unsigned};
use super::{Store, StoreError};

/// Deeds of one actor's ledger in one row, at most.
const PART_DEEDS: u32 = 512;
const DEED_BYTES: usize = 16;

/// A grant or a revocation as projected.
pub(crate) struct StaffFactRow {
    pub(crate) site: SiteCode,
    pub(crate) id: EntryId,
    pub(crate) place: Place,
    pub(crate) pos: u64,
    /// The entry's bytes.
    pub(crate) entry: Vec<u8>,
    /// Of a grant.
    pub(crate) certificate: Option<Certificate>,
}

/// An issuer's list as it was imported.
pub(crate) struct CardListRow {
    pub(crate) issuer: [u8; 32],
    pub(crate) as_of: i64,
    pub(crate) next: Option<i64>,
    pub(crate) imported: i64,
    pub(crate) cards: Vec<u8>,
}

/// When a list was made, when the next one is due, when it was imported, how many bytes its cards take.
pub(crate) type CardListHead = ([u8; 32], i64, Option<i64>, i64, u64);

impl Store {
    pub(crate) fn put_staff_fact(&self, row: &StaffFactRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO staff_fact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let StaffFactRow { site, id, place, pos, entry, certificate } = row;
        let (issuer, serial) = certificate.as_ref().map(|of| (of.issuer, &of.serial)).unzip();
        let desk = *place == Place::Desk;
        let row = (site.as_str(), &id.actor.0, id.seq, desk, signed(*pos), entry, issuer, serial);
        self.run(SQL, row, "keep a grant or a revocation").map(|_| ())
    }

    /// The grants and revocations of a site and its desk, by entry.
    pub(crate) fn staff_facts(&self, of: &SiteCode) -> Result<Vec<StaffFactRow>, StoreError> {
        const SQL: &str = "SELECT site, actor, seq, desk, pos, entry, issuer, serial FROM staff_fact \
            WHERE site = ?1 ORDER BY actor, seq";
        self.all(SQL, [of.as_str()], "read the rights of a site", |row| {
            let issuer = row.get::<_, Option<[u8; 32]>>(6)?;
            let serial = row.get::<_, Option<Vec<u8>>>(7)?;
            Ok(StaffFactRow {
                site: site(row, 0)?,
                id: entry_id(row, 1)?,
                place: if row.get(3)? { Place::Desk } else { Place::Site },
                pos: unsigned(row, 4)?,
                entry: row.get(5)?,
                certificate: issuer.zip(serial).map(|(issuer, serial)| Certificate { issuer, serial }),
            })
        })
    }

    pub(crate) fn count_staff_facts(&self, of: &SiteCode) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM staff_fact WHERE site = ?1";
        let count = self.one(SQL, [of.as_str()], "count the rights of a site", |row| unsigned(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    /// Where a grant or a revocation lies in the journal.
    pub(crate) fn staff_fact_pos(&self, of: &SiteCode, id: &EntryId) -> Result<Option<(Place, u64)>, StoreError> {
        const SQL: &str = "SELECT desk, pos FROM staff_fact WHERE site = ?1 AND actor = ?2 AND seq = ?3";
        self.one(SQL, (of.as_str(), &id.actor.0, id.seq), "look for a revocation", |row| {
            Ok((if row.get(0)? { Place::Desk } else { Place::Site }, unsigned(row, 1)?))
        })
    }

    /// Every site with grants, revocations or people who were signed in.
    pub(crate) fn sites_with_rights(&self) -> Result<Vec<SiteCode>, StoreError> {
        const SQL: &str = "SELECT DISTINCT site FROM staff_fact UNION SELECT DISTINCT site FROM deed ORDER BY 1";
        self.all(SQL, [], "look for sites with rights", |row| site(row, 0))
    }

    /// The sites that have people of an issuer.
    pub(crate) fn sites_of_issuer(&self, issuer: &[u8; 32]) -> Result<Vec<SiteCode>, StoreError> {
        const SQL: &str = "SELECT DISTINCT site FROM staff_fact WHERE issuer = ?1 ORDER BY site";
        self.all(SQL, [issuer], "look for an issuer's people", |row| site(row, 0))
    }

    /// Deeds of one actor's ledger, in its order, behind those that are kept.
    pub(crate) fn add_deeds(&self, of: &SiteCode, deeds: &[Deed]) -> Result<(), StoreError> {
        const GET: &str = "SELECT deeds FROM deed \
            WHERE site = ?1 AND staff = ?2 AND needs = ?3 AND actor = ?4 AND part = ?5";
        const PUT: &str = "INSERT OR REPLACE INTO deed VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let part = |deed: &Deed| (deed.by, deed.right.clone(), deed.id.actor, deed.id.seq / PART_DEEDS);
        for chunk in deeds.chunk_by(|a, b| part(a) == part(b)) {
            let Some((staff, right, actor, part)) = chunk.first().map(part) else { continue };
            let right = right.to_string();
            let key = (of.as_str(), &staff.0, &right, &actor.0, part);
            let kept = self.one(GET, key, "read what somebody did", |row| row.get::<_, Vec<u8>>(0))?;
            let mut all = kept.unwrap_or_default();
            chunk.iter().for_each(|deed| push_deed(&mut all, deed));
            let row = (of.as_str(), &staff.0, &right, &actor.0, part, all);
            self.run(PUT, row, "keep what somebody did")?;
        }
        Ok(())
    }

    /// Everything that was done at a site by somebody who was signed in, some hundred deeds at a time.
    pub(crate) fn each_deeds(&self, of: &SiteCode, mut see: impl FnMut(Vec<Deed>)) -> Result<(), StoreError> {
        const SQL: &str = "SELECT staff, needs, actor, deeds FROM deed WHERE site = ?1 \
            ORDER BY staff, needs, actor, part";
        self.all(SQL, [of.as_str()], "read what people did", |row| {
            see(deeds(row)?);
            Ok(())
        })
        .map(|_| ())
    }

    /// Replaces what was found of a site's deeds.
    pub(crate) fn set_misuses(&self, of: &SiteCode, misuses: &[Misuse]) -> Result<(), StoreError> {
        self.run("DELETE FROM misuse WHERE site = ?1", [of.as_str()], "forget what was found of deeds")?;
        misuses.iter().try_for_each(|misuse| self.put_misuse(of, misuse))
    }

    pub(crate) fn put_misuse(&self, of: &SiteCode, misuse: &Misuse) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO misuse VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let Misuse { by, right, revocation, withdrawn: _, first, at, deeds } = misuse;
        let row = rusqlite::params![
            of.as_str(),
            &by.0,
            right.to_string(),
            name_of(*revocation),
            &first.actor.0,
            first.seq,
            at.second,
            at.doubt_s,
            signed(*deeds),
        ];
        self.run(SQL, row, "keep what was found of deeds").map(|_| ())
    }

    /// What was found of a site's deeds; when a right was withdrawn stands in the revocation.
    pub(crate) fn misuses(&self, of: &SiteCode) -> Result<Vec<Misuse>, StoreError> {
        const SQL: &str = "SELECT staff, needs, revocation, actor, seq, instant, doubt, deeds FROM misuse \
            WHERE site = ?1 ORDER BY staff, needs, revocation";
        self.all(SQL, [of.as_str()], "read what was found of deeds", misuse)
    }

    /// What was found of one person's deeds behind one revocation.
    pub(crate) fn misuse(
        &self,
        of: &SiteCode,
        (staff, right, revocation): (&StaffId, &Right, Option<EntryId>),
    ) -> Result<Option<Misuse>, StoreError> {
        const SQL: &str = "SELECT staff, needs, revocation, actor, seq, instant, doubt, deeds FROM misuse \
            WHERE site = ?1 AND staff = ?2 AND needs = ?3 AND revocation = ?4";
        let key = (of.as_str(), &staff.0, right.to_string(), name_of(revocation));
        self.one(SQL, key, "look for what was found of deeds", misuse)
    }

    /// Replaces which grants of a site give nothing.
    pub(crate) fn set_void_grants(&self, of: &SiteCode, grants: &[EntryId]) -> Result<(), StoreError> {
        self.run("DELETE FROM void_grant WHERE site = ?1", [of.as_str()], "forget which grants give nothing")?;
        for grant in grants {
            let row = (of.as_str(), &grant.actor.0, grant.seq);
            self.run("INSERT INTO void_grant VALUES (?1, ?2, ?3)", row, "note that a grant gives nothing")?;
        }
        Ok(())
    }

    /// Every site of whose people anything was found.
    pub(crate) fn flagged_sites(&self) -> Result<Vec<SiteCode>, StoreError> {
        const SQL: &str = "SELECT DISTINCT site FROM misuse UNION SELECT DISTINCT site FROM void_grant ORDER BY 1";
        self.all(SQL, [], "look for sites of whose people anything was found", |row| site(row, 0))
    }

    /// Notes when a case was noticed first; says whether it is new.
    pub(crate) fn open_staff_case(&self, id: &CaseId, second: i64) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO staff_case VALUES (?1, ?2)";
        Ok(self.run(SQL, (&id.0, second), "open a case of somebody's rights")? > 0)
    }

    pub(crate) fn staff_case_opened(&self, id: &CaseId) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT opened FROM staff_case WHERE id = ?1";
        self.one(SQL, [&id.0], "read a case of somebody's rights", |row| row.get(0))
    }

    pub(crate) fn put_issuer(&self, id: &[u8; 32], entry: &[u8]) -> Result<(), StoreError> {
        self.run("INSERT OR REPLACE INTO issuer VALUES (?1, ?2)", (id, entry), "keep an issuer").map(|_| ())
    }

    /// The entries of issuers, by certificate.
    pub(crate) fn issuers(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.all("SELECT entry FROM issuer ORDER BY id", [], "read the issuers", |row| row.get(0))
    }

    pub(crate) fn put_card_list(&self, row: &CardListRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO card_list VALUES (?1, ?2, ?3, ?4, ?5)";
        let CardListRow { issuer, as_of, next, imported, cards } = row;
        self.run(SQL, (issuer, as_of, next, imported, cards), "keep an issuer's list").map(|_| ())
    }

    pub(crate) fn card_list(&self, issuer: &[u8; 32]) -> Result<Option<CardListRow>, StoreError> {
        const SQL: &str = "SELECT issuer, as_of, next, imported, cards FROM card_list WHERE issuer = ?1";
        self.one(SQL, [issuer], "read an issuer's list", |row| {
            Ok(CardListRow {
                issuer: bytes(row, 0)?,
                as_of: row.get(1)?,
                next: row.get(2)?,
                imported: row.get(3)?,
                cards: row.get(4)?,
            })
        })
    }

    pub(crate) fn card_list_heads(&self) -> Result<Vec<CardListHead>, StoreError> {
        const SQL: &str = "SELECT issuer, as_of, next, imported, length(cards) FROM card_list ORDER BY issuer";
        self.all(SQL, [], "read the issuers' lists", |row| {
            Ok((bytes(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?, unsigned(row, 4)?))
        })
    }

    pub(crate) fn set_told_cards(&self, of: &SiteCode, issuer: &[u8; 32], entry: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO told_cards VALUES (?1, ?2, ?3)";
        self.run(SQL, (of.as_str(), issuer, entry), "note which cards a site was told of").map(|_| ())
    }

    pub(crate) fn told_cards(&self, of: &SiteCode, issuer: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        const SQL: &str = "SELECT entry FROM told_cards WHERE site = ?1 AND issuer = ?2";
        self.one(SQL, (of.as_str(), issuer), "read which cards a site was told of", |row| row.get(0))
    }

    pub(crate) fn all_told_cards(&self) -> Result<Vec<(SiteCode, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT site, entry FROM told_cards ORDER BY site, issuer";
        self.all(SQL, [], "read which cards sites were told of", |row| Ok((site(row, 0)?, row.get(1)?)))
    }

    pub(crate) fn put_notice(&self, name: &str, entry: &[u8]) -> Result<(), StoreError> {
        self.run("INSERT OR REPLACE INTO notice VALUES (?1, ?2)", (name, entry), "keep a notice").map(|_| ())
    }

    /// The entries of notices, by name.
    pub(crate) fn notices(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.all("SELECT entry FROM notice ORDER BY name", [], "read the notices", |row| row.get(0))
    }
}

fn name_of(revocation: Option<EntryId>) -> Vec<u8> {
    revocation.map(|id| [id.actor.0.as_slice(), &id.seq.to_be_bytes()].concat()).unwrap_or_default()
}

fn push_deed(out: &mut Vec<u8>, deed: &Deed) {
    out.extend_from_slice(&deed.id.seq.to_be_bytes());
    out.extend_from_slice(&deed.at.doubt_s.to_be_bytes());
    out.extend_from_slice(&deed.at.second.to_be_bytes());
}

fn deeds(row: &Row<'_>) -> rusqlite::Result<Vec<Deed>> {
    let (by, right) = (StaffId(bytes(row, 0)?), parsed::<Right>(row, 1)?);
    let actor = ActorId(bytes(row, 2)?);
    let (all, _) = row.get_ref(3)?.as_blob().map_err(|cause| damaged(3, cause))?.as_chunks::<DEED_BYTES>();
    let deed = |bytes: &[u8; DEED_BYTES]| {
        let [s0, s1, s2, s3, d0, d1, d2, d3, second @ ..] = *bytes;
        let id = EntryId { actor, seq: u32::from_be_bytes([s0, s1, s2, s3]) };
        let at = Instant { second: i64::from_be_bytes(second), doubt_s: u32::from_be_bytes([d0, d1, d2, d3]) };
        Deed { id, at, by, right: right.clone() }
    };
    Ok(all.iter().map(deed).collect())
}

fn misuse(row: &Row<'_>) -> rusqlite::Result<Misuse> {
    let name = row.get_ref(2)?.as_blob().map_err(|cause| damaged(2, cause))?;
    let revocation = match name.split_first_chunk::<16>() {
        Some((actor, seq)) => {
            let seq: [u8; 4] = seq.try_into().map_err(|cause| damaged(2, cause))?;
            Some(EntryId { actor: ActorId(*actor), seq: u32::from_be_bytes(seq) })
        }
        None => None,
    };
    Ok(Misuse {
        by: StaffId(bytes(row, 0)?),
        right: parsed(row, 1)?,
        revocation,
        withdrawn: None,
        first: entry_id(row, 3)?,
        at: Instant { second: row.get(5)?, doubt_s: row.get(6)? },
        deeds: unsigned(row, 7)?,
    })
}
