//! Statements for the projection of sales and withdrawals.

use rusqlite::Row;
use shared::entry::{Pieces, Reading, Sealed};
use shared::ids::{ActorId, EntryId, PersonTag, ProgrammeId, SiteCode, VersionName};

use super::read::{bytes, damaged, entry_id, parsed, signed, site, unsigned};
use super::{Store, StoreError};
use crate::conflict::Effect;
use crate::project::Since;

const COLUMNS: &str = "actor, seq, site, instant, doubt, typed, recorded, version, adult, child, watermark, document, \
    effect, stale, pos, fed, ahead";

/// Whether a sale may have happened on another business day than the one written down, as
/// `Timed::is_doubtful` has it. Days are counted from long before any entry: SQLite rounds towards nought.
const IN_DOUBT: &str = "doubt > 0 AND (instant - doubt + 8640000028800) / 86400 <> \
    (instant + doubt + 8640000028800) / 86400";

/// A sale that was later at its site than at the hub: its clock was wrong, and did not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AheadSale {
    /// The sale.
    pub id: EntryId,
    /// Where.
    pub site: SiteCode,
    /// When, as the site knew it, seconds since 1970.
    pub instant: i64,
    /// How far that may be off, as the site knew it, in seconds.
    pub doubt_s: u32,
    /// When the hub received it.
    pub received: i64,
}

/// A sale as projected; person and programme stand beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SaleRow {
    pub(crate) id: EntryId,
    pub(crate) site: SiteCode,
    pub(crate) instant: i64,
    pub(crate) doubt_s: u32,
    pub(crate) reading: Reading,
    pub(crate) recorded: bool,
    pub(crate) version: VersionName,
    pub(crate) pieces: Pieces,
    pub(crate) watermark: u64,
    /// As in the entry.
    pub(crate) document: Sealed,
    pub(crate) effect: Effect,
    pub(crate) stale: bool,
    /// Its run in the journal.
    pub(crate) pos: u64,
    /// Where the feed told the nation of it.
    pub(crate) fed: Option<u64>,
    /// It reached the hub before it was made.
    pub(crate) ahead: bool,
}

/// A sale that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) id: EntryId,
    pub(crate) instant: i64,
    pub(crate) pieces: Pieces,
}

/// A withdrawal as projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WithdrawalRow {
    pub(crate) of: EntryId,
    pub(crate) site: SiteCode,
    pub(crate) id: EntryId,
    pub(crate) waits: bool,
}

impl Store {
    pub(crate) fn put_sale(&self, programme: &ProgrammeId, tag: &PersonTag, sale: &SaleRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO sale VALUES \
            (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
        let row = rusqlite::params![
            &tag.0,
            programme.as_str(),
            &sale.id.actor.0,
            sale.id.seq,
            sale.site.as_str(),
            sale.instant,
            sale.doubt_s,
            sale.reading == Reading::Typed,
            sale.recorded,
            sale.version.as_str(),
            sale.pieces.adult,
            sale.pieces.child,
            signed(sale.watermark),
            &sale.document.0,
            sale.effect.code(),
            sale.stale,
            signed(sale.pos),
            sale.fed.map(signed),
            sale.ahead,
        ];
        self.run(SQL, row, "keep a sale").map(|_| ())
    }

    /// Keeps what a new look at the person found of a sale.
    pub(crate) fn set_effect(
        &self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        sale: &SaleRow,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE sale SET effect = ?5, stale = ?6, fed = ?7 \
            WHERE tag = ?1 AND programme = ?2 AND actor = ?3 AND seq = ?4";
        let fed = sale.fed.map(signed);
        let id = sale.id;
        let row = (&tag.0, programme.as_str(), &id.actor.0, id.seq, sale.effect.code(), sale.stale, fed);
        self.run(SQL, row, "keep a sale's standing").map(|_| ())
    }

    /// A person's sales in a programme, by entry id.
    pub(crate) fn sales(&self, programme: &ProgrammeId, tag: &PersonTag) -> Result<Vec<SaleRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM sale WHERE tag = ?1 AND programme = ?2 ORDER BY actor, seq");
        self.all(&sql, (&tag.0, programme.as_str()), "read a person's sales", |row| sale(row, 0))
    }

    /// A person's sales that count from an instant on, the newest first. None where they have
    /// more sales than `most`, of whatever effect.
    pub(crate) fn counted_since(
        &self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        since: i64,
        most: u32,
    ) -> Result<Option<Vec<Counted>>, StoreError> {
        const SQL: &str = "SELECT actor, seq, effect, instant, adult, child FROM sale \
            WHERE tag = ?1 AND programme = ?2 LIMIT ?3";
        let row = (&tag.0, programme.as_str(), most.saturating_add(1));
        let mut sales = self.all(SQL, row, "read what counts of a person", |row| {
            let counts = row.get::<_, i64>(2)? == Effect::Counts.code();
            let pieces = Pieces { adult: row.get(4)?, child: row.get(5)? };
            Ok((counts, Counted { id: entry_id(row, 0)?, instant: row.get(3)?, pieces }))
        })?;
        if u32::try_from(sales.len()).is_ok_and(|len| len > most) {
            return Ok(None);
        }
        sales.retain(|(counts, sale)| *counts && sale.instant >= since);
        sales.sort_unstable_by_key(|(_, sale)| std::cmp::Reverse((sale.instant, sale.id)));
        Ok(Some(sales.into_iter().map(|(_, sale)| sale).collect()))
    }

    /// A person's sales from a place on, and those before it that count from an instant on, by entry id.
    pub(crate) fn sales_since(
        &self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        since: Since,
        reach: i64,
    ) -> Result<Vec<SaleRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sale WHERE tag = ?1 AND programme = ?2 AND instant >= ?3 \
             AND (effect = 1 OR (instant, typed, site, actor, seq) >= (?4, ?5, ?6, ?7, ?8)) ORDER BY actor, seq"
        );
        let (instant, typed, site, actor, seq) = match &since {
            Since::Sale(instant, reading, site, id) => {
                (*instant, *reading == Reading::Typed, site.as_str(), &id.actor.0[..], id.seq)
            }
            Since::Beginning | Since::End => (since.instant(), false, "", &[][..], 0),
        };
        let row = (&tag.0, programme.as_str(), reach, instant, typed, site, actor, seq);
        self.all(&sql, row, "read a person's sales", |row| sale(row, 0))
    }

    /// Whether a sale of a person that counts may have happened on another business day.
    pub(crate) fn is_in_doubt(&self, programme: &ProgrammeId, tag: &PersonTag) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM sale WHERE tag = ?1 AND programme = ?2 AND effect = 1 AND {IN_DOUBT} LIMIT 1");
        Ok(self.one(&sql, (&tag.0, programme.as_str()), "look for a doubtful time", |_| Ok(()))?.is_some())
    }

    /// A person's sales that count, at most so many: first those that may have happened on another day, then the earliest.
    pub(crate) fn sales_for_doubt(
        &self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        most: u32,
    ) -> Result<Vec<SaleRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sale WHERE tag = ?1 AND programme = ?2 AND effect = 1 \
             ORDER BY ({IN_DOUBT}) DESC, instant, actor, seq LIMIT ?3"
        );
        self.all(&sql, (&tag.0, programme.as_str(), most), "read a person's sales", |row| sale(row, 0))
    }

    /// Sales that reached the hub before they were made, those received last first.
    pub(crate) fn sales_ahead(&self, most: u32) -> Result<Vec<AheadSale>, StoreError> {
        const SQL: &str = "SELECT sale.actor, sale.seq, sale.site, sale.instant, sale.doubt, journal.received \
            FROM sale JOIN journal ON journal.pos = sale.pos WHERE sale.ahead = 1 \
            ORDER BY sale.pos DESC, sale.actor, sale.seq LIMIT ?1";
        self.all(SQL, [most], "look for sales of the future", |row| {
            Ok(AheadSale {
                id: entry_id(row, 0)?,
                site: site(row, 2)?,
                instant: row.get(3)?,
                doubt_s: row.get(4)?,
                received: row.get(5)?,
            })
        })
    }

    /// People with a sale in `programme` at or after an instant, or under the version `name`.
    pub(crate) fn people_since(
        &self,
        programme: &ProgrammeId,
        instant: i64,
        name: &VersionName,
    ) -> Result<Vec<PersonTag>, StoreError> {
        const SQL: &str = "SELECT DISTINCT tag FROM sale WHERE programme = ?1 AND (instant >= ?2 OR version = ?3)";
        let row = (programme.as_str(), instant, name.as_str());
        self.all(SQL, row, "look for whom a version concerns", |row| bytes(row, 0).map(PersonTag))
    }

    /// Every sale in the order of person, programme and entry.
    pub(crate) fn each_sale(&self, mut see: impl FnMut(&PersonTag, &ProgrammeId, &SaleRow)) -> Result<(), StoreError> {
        let sql = format!("SELECT tag, programme, {COLUMNS} FROM sale ORDER BY tag, programme, actor, seq");
        self.all(&sql, [], "read every sale", |row| {
            see(&PersonTag(bytes(row, 0)?), &parsed(row, 1)?, &sale(row, 2)?);
            Ok(())
        })
        .map(|_| ())
    }

    /// Keeps a withdrawal.
    pub(crate) fn put_withdrawal(&self, row: &WithdrawalRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO withdrawal VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (of, id) = (row.of, row.id);
        let row = (&of.actor.0, of.seq, row.site.as_str(), &id.actor.0, id.seq, row.waits);
        self.run(SQL, row, "keep a withdrawal").map(|_| ())
    }

    /// Whether a site has taken an entry back already.
    pub(crate) fn is_withdrawn(&self, of: &EntryId, site: &SiteCode) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM withdrawal WHERE of_actor = ?1 AND of_seq = ?2 AND site = ?3";
        Ok(self.one(SQL, (&of.actor.0, of.seq, site.as_str()), "look for a withdrawal", |_| Ok(()))?.is_some())
    }

    /// What a withdrawal waited for has come.
    pub(crate) fn withdrawal_came(&self, of: &EntryId, site: &SiteCode) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE withdrawal SET waits = 0 WHERE of_actor = ?1 AND of_seq = ?2 AND site = ?3";
        self.run(SQL, (&of.actor.0, of.seq, site.as_str()), "note that a withdrawal's entry came").map(|_| ())
    }

    /// Withdrawals of entries that have not come yet.
    pub(crate) fn waiting_withdrawals(&self) -> Result<Vec<(EntryId, SiteCode)>, StoreError> {
        const SQL: &str = "SELECT of_actor, of_seq, site FROM withdrawal WHERE waits = 1";
        self.all(SQL, [], "read the withdrawals that wait", |row| Ok((entry_id(row, 0)?, site(row, 2)?)))
    }

    /// Every withdrawal in the order of what it takes back.
    pub(crate) fn withdrawals(&self) -> Result<Vec<WithdrawalRow>, StoreError> {
        const SQL: &str = "SELECT of_actor, of_seq, site, actor, seq, waits FROM withdrawal \
            ORDER BY of_actor, of_seq, site, actor, seq";
        self.all(SQL, [], "read the withdrawals", |row| {
            Ok(WithdrawalRow { of: entry_id(row, 0)?, site: site(row, 2)?, id: entry_id(row, 3)?, waits: row.get(5)? })
        })
    }
}

/// An actor's bytes are the key's tail, so rows of one person lie together.
fn sale(row: &Row<'_>, at: usize) -> rusqlite::Result<SaleRow> {
    let effect: i64 = row.get(at + 12)?;
    let typed: bool = row.get(at + 5)?;
    Ok(SaleRow {
        id: EntryId { actor: ActorId(bytes(row, at)?), seq: row.get(at + 1)? },
        site: site(row, at + 2)?,
        instant: row.get(at + 3)?,
        doubt_s: row.get(at + 4)?,
        reading: if typed { Reading::Typed } else { Reading::Card },
        recorded: row.get(at + 6)?,
        version: parsed(row, at + 7)?,
        pieces: Pieces { adult: row.get(at + 8)?, child: row.get(at + 9)? },
        watermark: unsigned(row, at + 10)?,
        document: Sealed(row.get(at + 11)?),
        effect: Effect::from_code(effect)
            .ok_or_else(|| damaged(at + 12, StoreError::Damaged(format!("effect {effect}"))))?,
        stale: row.get(at + 13)?,
        pos: unsigned(row, at + 14)?,
        fed: row.get::<_, Option<i64>>(at + 15)?.map(i64::unsigned_abs),
        ahead: row.get(at + 16)?,
    })
}
