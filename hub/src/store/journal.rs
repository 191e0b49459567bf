//! Statements for the journal, the ends of the actors' chains, and what comes down to sites.

use rusqlite::Row;
use shared::ids::{ActorId, ChangeHash, DocId, ProgrammeId, SiteCode, VersionName};

use super::read::{bytes, hash, parsed, parsed_opt, signed, unsigned};
use super::{Store, StoreError};

/// A run in the journal.
pub(crate) struct JournalRow {
    pub(crate) actor: ActorId,
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) prev: Option<u64>,
    pub(crate) received: i64,
    pub(crate) run: Vec<u8>,
}

/// A run on its way into the journal.
pub(crate) struct AppendRow<'a> {
    pub(crate) actor: &'a ActorId,
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) prev: Option<u64>,
    pub(crate) line: Option<i64>,
    pub(crate) received: i64,
    pub(crate) run: &'a [u8],
}

/// The end of an actor's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TipRow {
    pub(crate) doc: DocId,
    /// None where the hub itself writes.
    pub(crate) site: Option<SiteCode>,
    pub(crate) seq: u32,
    pub(crate) op: u64,
    pub(crate) hash: ChangeHash,
    /// Its last row in the journal.
    pub(crate) pos: u64,
}

/// A published version.
pub(crate) struct ProgrammeRow {
    pub(crate) pos: u64,
    pub(crate) programme: ProgrammeId,
    pub(crate) name: VersionName,
    pub(crate) text: String,
    pub(crate) author: String,
    pub(crate) second: i64,
}

impl Store {
    /// The position behind the last run.
    pub(crate) fn journal_position(&self) -> Result<u64, StoreError> {
        let pos = self.one("SELECT max(pos) FROM journal", [], "read the journal's position", |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        Ok(pos.flatten().map_or(0, i64::unsigned_abs))
    }

    pub(crate) fn append(&self, pos: u64, row: &AppendRow<'_>) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let prev = row.prev.map(signed);
        let row = (signed(pos), &row.actor.0, row.first, row.count, prev, row.line, row.received, row.run);
        self.run(SQL, row, "append to the journal").map(|_| ())
    }

    pub(crate) fn journal(&self, pos: u64) -> Result<Option<JournalRow>, StoreError> {
        const SQL: &str = "SELECT actor, first, count, prev, received, run FROM journal WHERE pos = ?1";
        self.one(SQL, [signed(pos)], "read the journal", |row| {
            Ok(JournalRow {
                actor: ActorId(bytes(row, 0)?),
                first: row.get(1)?,
                count: row.get(2)?,
                prev: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
                received: row.get(4)?,
                run: row.get(5)?,
            })
        })
    }

    /// Which life of a site's store sent a row; none where the hub itself wrote it.
    pub(crate) fn journal_line(&self, pos: u64) -> Result<Option<i64>, StoreError> {
        let line =
            self.one("SELECT line FROM journal WHERE pos = ?1", [signed(pos)], "read who sent a run", |row| {
                row.get::<_, Option<i64>>(0)
            })?;
        Ok(line.flatten())
    }

    /// A row's first sequence, and the same actor's row before it.
    pub(crate) fn journal_link(&self, pos: u64) -> Result<Option<(u32, Option<u64>)>, StoreError> {
        const SQL: &str = "SELECT first, prev FROM journal WHERE pos = ?1";
        self.one(SQL, [signed(pos)], "walk back in the journal", |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(i64::unsigned_abs)))
        })
    }

    /// Positions behind `after`, with their runs, at most `limit`.
    pub(crate) fn journal_after(&self, after: u64, limit: usize) -> Result<Vec<(u64, i64, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT pos, received, run FROM journal WHERE pos > ?1 ORDER BY pos LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(SQL, (signed(after), limit), "read the journal", |row| {
            Ok((unsigned(row, 0)?, row.get(1)?, row.get(2)?))
        })
    }

    pub(crate) fn tip(&self, actor: &ActorId) -> Result<Option<TipRow>, StoreError> {
        const SQL: &str = "SELECT doc, site, seq, op, hash, pos FROM actor WHERE actor = ?1";
        self.one(SQL, [&actor.0], "read the end of a chain", |row| tip(row, 0))
    }

    pub(crate) fn set_tip(&self, actor: &ActorId, tip: &TipRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO actor VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET \
            seq = excluded.seq, op = excluded.op, hash = excluded.hash, pos = excluded.pos";
        let site = tip.site.as_ref().map(SiteCode::as_str);
        let row = (&actor.0, tip.doc.to_string(), site, tip.seq, signed(tip.op), &tip.hash.0, signed(tip.pos));
        self.run(SQL, row, "keep the end of a chain").map(|_| ())
    }

    /// Everybody who wrote in a document.
    pub(crate) fn tips(&self, doc: &DocId) -> Result<Vec<(ActorId, TipRow)>, StoreError> {
        const SQL: &str = "SELECT actor, doc, site, seq, op, hash, pos FROM actor WHERE doc = ?1 ORDER BY actor";
        self.all(SQL, [doc.to_string()], "read who wrote in a ledger", |row| {
            Ok((ActorId(bytes(row, 0)?), tip(row, 1)?))
        })
    }

    /// Everybody who ever wrote.
    pub(crate) fn all_tips(&self) -> Result<Vec<(ActorId, TipRow)>, StoreError> {
        const SQL: &str = "SELECT actor, doc, site, seq, op, hash, pos FROM actor ORDER BY actor";
        self.all(SQL, [], "read who ever wrote", |row| Ok((ActorId(bytes(row, 0)?), tip(row, 1)?)))
    }

    pub(crate) fn put_down(&self, reader: &str, pos: u64) -> Result<(), StoreError> {
        self.run("INSERT OR IGNORE INTO down VALUES (?1, ?2)", (reader, signed(pos)), "note what comes down")
            .map(|_| ())
    }

    /// The next position behind `after` that this site reads.
    pub(crate) fn next_down(&self, site: &SiteCode, after: u64) -> Result<Option<u64>, StoreError> {
        const SQL: &str = "SELECT min(pos) FROM (SELECT min(pos) AS pos FROM down WHERE reader = '' AND pos > ?2 \
            UNION ALL SELECT min(pos) FROM down WHERE reader = ?1 AND pos > ?2)";
        let pos = self
            .one(SQL, (site.as_str(), signed(after)), "look for what comes down", |row| row.get::<_, Option<i64>>(0))?;
        Ok(pos.flatten().map(i64::unsigned_abs))
    }

    pub(crate) fn put_programme(&self, row: &ProgrammeRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO programme VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let row = (signed(row.pos), row.programme.as_str(), row.name.as_str(), &row.text, &row.author, row.second);
        self.run(SQL, row, "keep a version").map(|_| ())
    }

    /// All versions in the order of their publication.
    pub(crate) fn programmes(&self) -> Result<Vec<ProgrammeRow>, StoreError> {
        const SQL: &str = "SELECT pos, programme, name, text, author, second FROM programme ORDER BY pos";
        self.all(SQL, [], "read the versions", |row| {
            Ok(ProgrammeRow {
                pos: unsigned(row, 0)?,
                programme: parsed(row, 1)?,
                name: parsed(row, 2)?,
                text: row.get(3)?,
                author: row.get(4)?,
                second: row.get(5)?,
            })
        })
    }
}

fn tip(row: &Row<'_>, column: usize) -> rusqlite::Result<TipRow> {
    Ok(TipRow {
        doc: parsed(row, column)?,
        site: parsed_opt(row, column + 1)?,
        seq: row.get(column + 2)?,
        op: unsigned(row, column + 3)?,
        hash: hash(row, column + 4)?,
        pos: unsigned(row, column + 5)?,
    })
}
