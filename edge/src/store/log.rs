//! Reading the site's own log.

use rusqlite::{Connection, OptionalExtension, Row, types::Type};
use shared::ids::{ActorId, ChangeHash, DocId, EntryId};
use shared::rules::stock::Stock;
use shared::sync::edge::LogPos;

use super::{Chain, Committed, Store, StoreError, all, day_number, day_of, failed, hashes, one, parsed, shape};
use chrono::NaiveDate;

/// A row of the log with the name that its chain gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRow {
    pub(crate) pos: LogPos,
    pub(crate) id: EntryId,
    pub(crate) day: NaiveDate,
    pub(crate) hash: ChangeHash,
    pub(crate) programme: i64,
    /// The stock of its programme behind it.
    pub(crate) stock: Stock,
    pub(crate) withdrawn: bool,
    /// By the entry at this position.
    pub(crate) withdrawn_by: Option<LogPos>,
    pub(crate) bytes: Vec<u8>,
}

/// A row of the log alone, whatever stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawRow {
    pub(crate) pos: LogPos,
    pub(crate) hash: ChangeHash,
    pub(crate) entry: Vec<u8>,
}

/// The stock of one programme.
pub(crate) type OpeningStock = (i64, Stock);

/// The columns that [`LogRow`] needs; `chain` is found by the caller.
const COLUMNS: &str = "SELECT log.pos, hash, programme, adult, child, entry, withdrawn.by
    FROM log LEFT JOIN withdrawn ON withdrawn.pos = log.pos";
const CHAIN: &str = "SELECT first, doc, day, actor, seq, op, deps, counted FROM chain";

impl Store {
    /// The number of entries.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn log_len(&self) -> Result<LogPos, StoreError> {
        let read = |row: &Row<'_>| pos(row, 0);
        let last = one(&self.conn, "SELECT coalesce(max(pos), 0) FROM log", [], read);
        Ok(last.map_err(failed("count the log"))?.unwrap_or(0))
    }

    /// The chain that holds a position.
    pub(crate) fn chain_at(&self, at: LogPos) -> Result<Option<Chain>, StoreError> {
        let sql = format!("{CHAIN} WHERE first <= ?1 ORDER BY first DESC LIMIT 1");
        one(&self.conn, &sql, [at.cast_signed()], chain).map_err(failed("find a chain"))
    }

    /// The chains of a document, in the order of the log.
    pub(crate) fn chains_of_doc(&self, doc: DocId) -> Result<Vec<Chain>, StoreError> {
        let sql = format!("{CHAIN} WHERE doc = ?1 ORDER BY first");
        all(&self.conn, &sql, [doc.to_string()], chain).map_err(failed("find a document's chains"))
    }

    /// Every chain, in the order of the log.
    pub(crate) fn chains(&self) -> Result<Vec<Chain>, StoreError> {
        all(&self.conn, &format!("{CHAIN} ORDER BY first"), [], chain).map_err(failed("read the chains"))
    }

    /// Rows of the log as they lie there, behind a position.
    pub(crate) fn raw_rows(&self, after: LogPos, count: usize) -> Result<Vec<RawRow>, StoreError> {
        let sql = "SELECT pos, hash, entry FROM log WHERE pos > ?1 ORDER BY pos LIMIT ?2";
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let read = |row: &Row<'_>| Ok(RawRow { pos: pos(row, 0)?, hash: ChangeHash(row.get(1)?), entry: row.get(2)? });
        all(&self.conn, sql, [after.cast_signed(), limit], read).map_err(failed("read the log"))
    }

    /// The newest chains with their last positions.
    pub(crate) fn newest_chains(&self, count: usize) -> Result<Vec<(Chain, LogPos)>, StoreError> {
        let sql = format!("{CHAIN} ORDER BY first DESC LIMIT ?1");
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let chains = all(&self.conn, &sql, [limit], chain).map_err(failed("find the newest chains"))?;
        chains.into_iter().map(|chain| self.chain_end(chain.first).map(|end| (chain, end))).collect()
    }

    /// Whether other lives of this store wrote any of the log.
    pub(crate) fn has_others_chains(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM chain WHERE counted NOT NULL)";
        let found = one(&self.conn, sql, [], |row| row.get(0)).map_err(failed("look for chains of other lives"))?;
        Ok(found.unwrap_or(false))
    }

    /// The chains that the hub gave back, in the order of the log.
    pub(crate) fn chains_given_back(&self) -> Result<Vec<Chain>, StoreError> {
        let sql = format!("{CHAIN} WHERE counted >= 0 ORDER BY first");
        all(&self.conn, &sql, [], chain).map_err(failed("find what the hub gave back"))
    }

    /// The last position of the chain that begins at `first`.
    pub(crate) fn chain_end(&self, first: LogPos) -> Result<LogPos, StoreError> {
        let sql = "SELECT coalesce((SELECT min(first) - 1 FROM chain WHERE first > ?1), (SELECT max(pos) FROM log), 0)";
        let end = one(&self.conn, sql, [first.cast_signed()], |row| pos(row, 0));
        Ok(end.map_err(failed("find a chain's end"))?.unwrap_or(0))
    }

    /// The position and the hash of an entry of this log.
    pub(crate) fn find(&self, id: &EntryId) -> Result<Option<(LogPos, ChangeHash)>, StoreError> {
        let sql = "SELECT first, seq FROM chain WHERE actor = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1";
        let read = |row: &Row<'_>| Ok((pos(row, 0)?, row.get::<_, u32>(1)?));
        let found = one(&self.conn, sql, (id.actor.0, id.seq), read).map_err(failed("find an actor"))?;
        let Some((first, seq)) = found else {
            return Ok(None);
        };
        let at = first.saturating_add(u64::from(id.seq.saturating_sub(seq)));
        if at > self.chain_end(first)? {
            return Ok(None);
        }
        Ok(self.hash_at(at)?.map(|hash| (at, hash)))
    }

    /// The name of the entry at a position.
    pub(crate) fn id_at(&self, at: LogPos) -> Result<Option<EntryId>, StoreError> {
        let sql = "SELECT first, actor, seq FROM chain WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
        let read = |row: &Row<'_>| {
            let seq = seq(at, pos(row, 0)?, row.get(2)?)?;
            Ok(EntryId { actor: ActorId(row.get(1)?), seq })
        };
        one(&self.conn, sql, [at.cast_signed()], read).map_err(failed("find an entry's actor"))
    }

    /// The hash of the entry at a position.
    pub(crate) fn hash_at(&self, at: LogPos) -> Result<Option<ChangeHash>, StoreError> {
        let sql = "SELECT hash FROM log WHERE pos = ?1";
        let read = |row: &Row<'_>| row.get(0).map(ChangeHash);
        one(&self.conn, sql, [at.cast_signed()], read).map_err(failed("read a hash"))
    }

    /// An entry that is on the disk.
    pub(crate) fn row(&self, at: LogPos) -> Result<Option<Committed<LogRow>>, StoreError> {
        let deed = failed("read an entry");
        let sql = format!("{COLUMNS} WHERE log.pos = ?1");
        let Some(chain) = self.chain_at(at)? else {
            return Ok(None);
        };
        let row = one(&self.conn, &sql, [at.cast_signed()], |row| log_row(row, &chain)).map_err(deed)?;
        Ok(row.map(Committed::read_back))
    }

    /// Entries of one chain behind a position, at most `count` of at most `bytes` together; the hash of each.
    pub(crate) fn rows_of(
        &self,
        chain: &Chain,
        after: LogPos,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<(ChangeHash, Vec<u8>)>, StoreError> {
        let end = self.chain_end(chain.first)?;
        take(&self.conn, after, end, count, bytes).map_err(failed("read a run of the log"))
    }

    /// Walks the log from its end, or forward behind `after`, until `visit` says stop.
    pub(crate) fn walk(&self, way: Way, mut visit: impl FnMut(LogRow) -> bool) -> Result<(), StoreError> {
        let (sql, from) = match way {
            Way::Back => (format!("{COLUMNS} ORDER BY log.pos DESC"), 0),
            Way::Forward { after } => (format!("{COLUMNS} WHERE log.pos > ?1 ORDER BY log.pos"), after),
        };
        let mut statement = self.conn.prepare_cached(&sql).map_err(failed("walk the log"))?;
        let params: &[&dyn rusqlite::ToSql] = match way {
            Way::Back => &[],
            Way::Forward { .. } => &[&from.cast_signed()],
        };
        let mut rows = statement.query(params).map_err(failed("walk the log"))?;
        let mut known: Option<(Chain, LogPos)> = None;
        while let Some(row) = rows.next().map_err(failed("walk the log"))? {
            let at = pos(row, 0).map_err(failed("walk the log"))?;
            let chain = match known.take().filter(|(chain, end)| (chain.first..=*end).contains(&at)) {
                Some(found) => found,
                None => self.chain_and_end(at)?,
            };
            let entry = log_row(row, &chain.0).map_err(failed("walk the log"))?;
            known = Some(chain);
            if !visit(entry) {
                break;
            }
        }
        Ok(())
    }

    fn chain_and_end(&self, at: LogPos) -> Result<(Chain, LogPos), StoreError> {
        let chain = self.chain_at(at)?.ok_or_else(|| failed("find a chain")(shape(0, Type::Integer, "a chain")))?;
        let end = self.chain_end(chain.first)?;
        Ok((chain, end))
    }

    /// The first position of the days from `day` on.
    pub(crate) fn first_since(&self, day: NaiveDate) -> Result<Option<LogPos>, StoreError> {
        let sql = "SELECT first FROM chain WHERE day >= ?1 ORDER BY first LIMIT 1";
        one(&self.conn, sql, [day_number(day)], |row| pos(row, 0)).map_err(failed("find a day"))
    }

    /// Request keys behind a position, oldest first.
    pub(crate) fn requests_behind(&self, after: LogPos) -> Result<Vec<(String, LogPos)>, StoreError> {
        let sql = "SELECT request, pos FROM log WHERE pos > ?1 AND request IS NOT NULL ORDER BY pos";
        let read = |row: &Row<'_>| Ok((row.get(0)?, pos(row, 1)?));
        all(&self.conn, sql, [after.cast_signed()], read).map_err(failed("read request keys"))
    }

    /// The stock of every programme behind the last entry.
    pub(crate) fn stocks(&self) -> Result<Vec<OpeningStock>, StoreError> {
        stocks(&self.conn).map_err(failed("read the stock"))
    }
}

/// Which way to walk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// Newest first.
    Back,
    /// Oldest first.
    Forward {
        /// Behind this position.
        after: LogPos,
    },
}

fn take(
    conn: &Connection,
    after: LogPos,
    end: LogPos,
    count: usize,
    bytes_max: usize,
) -> rusqlite::Result<Vec<(ChangeHash, Vec<u8>)>> {
    let mut statement =
        conn.prepare_cached("SELECT hash, entry FROM log WHERE pos > ?1 AND pos <= ?2 ORDER BY pos LIMIT ?3")?;
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let mut rows = statement.query([after.cast_signed(), end.cast_signed(), limit])?;
    let (mut out, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let entry: Vec<u8> = row.get(1)?;
        bytes += entry.len();
        if bytes > bytes_max {
            break;
        }
        out.push((ChangeHash(row.get(0)?), entry));
    }
    Ok(out)
}

fn stocks(conn: &Connection) -> rusqlite::Result<Vec<OpeningStock>> {
    let last = conn.prepare_cached("SELECT max(first) FROM chain")?.query_row([], |row| row.get(0)).optional()?;
    let Some(first) = last.flatten() else {
        return Ok(Vec::new());
    };
    let first: i64 = first;
    let read = |row: &Row<'_>| Ok((row.get(0)?, Stock { adult: row.get(1)?, child: row.get(2)? }));
    let opening = "SELECT programme, adult, child FROM opening WHERE first = ?1";
    let since = "SELECT programme, adult, child FROM log WHERE pos >= ?1 ORDER BY pos";
    let mut out = std::collections::BTreeMap::new();
    out.extend(all(conn, opening, [first], read)?);
    out.extend(all(conn, since, [first], read)?);
    Ok(out.into_iter().collect())
}

pub(super) fn pos(row: &Row<'_>, column: usize) -> rusqlite::Result<LogPos> {
    let at: i64 = row.get(column)?;
    u64::try_from(at).map_err(|_| shape(column, Type::Integer, "a position"))
}

fn chain(row: &Row<'_>) -> rusqlite::Result<Chain> {
    let deps: Vec<u8> = row.get(6)?;
    Ok(Chain {
        first: pos(row, 0)?,
        doc: parsed(row, 1, "a document")?,
        day: day_of(row, 2)?,
        actor: ActorId(row.get(3)?),
        seq: row.get(4)?,
        op: pos(row, 5)?,
        deps: hashes(&deps, 6)?,
        counted: row.get::<_, Option<i64>>(7)?.and_then(|counted| u64::try_from(counted).ok()),
    })
}

/// The sequence number of a position in the chain that begins at `first` with `seq`.
fn seq(at: LogPos, first: LogPos, seq: u32) -> rusqlite::Result<u32> {
    let seq = at.checked_sub(first).and_then(|before| u32::try_from(before).ok()?.checked_add(seq));
    seq.ok_or_else(|| shape(0, Type::Integer, "a position in the chain"))
}

fn log_row(row: &Row<'_>, chain: &Chain) -> rusqlite::Result<LogRow> {
    let at = pos(row, 0)?;
    let withdrawn_by = row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned);
    Ok(LogRow {
        pos: at,
        id: EntryId { actor: chain.actor, seq: seq(at, chain.first, chain.seq)? },
        day: chain.day,
        hash: ChangeHash(row.get(1)?),
        programme: row.get(2)?,
        stock: Stock { adult: row.get(3)?, child: row.get(4)? },
        bytes: row.get(5)?,
        withdrawn: withdrawn_by.is_some(),
        withdrawn_by,
    })
}
