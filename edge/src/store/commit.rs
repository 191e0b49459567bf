//! The one transaction that makes an entry: durable before visible.

use rusqlite::{Connection, params};
use shared::ids::{ActorId, ChangeHash, DocId, PersonTag};
use shared::rules::stock::Stock;
use shared::sync::edge::LogPos;

use super::{Store, StoreError, day_number, joined};
use chrono::NaiveDate;

/// Proof that something is on the disk. Only the store makes one: by its commit, or by reading back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    /// What is on the disk.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What is on the disk, for good.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The same entry said in other words.
    pub(crate) fn try_map<U, E>(self, say: impl FnOnce(T) -> Result<U, E>) -> Result<Committed<U>, E> {
        say(self.0).map(Committed)
    }

    pub(super) fn read_back(value: T) -> Self {
        Self(value)
    }
}

/// Everything that one entry changes.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    /// The chain that begins with this entry.
    pub(crate) chain: Option<NewChain<'a>>,
    /// The row of the log.
    pub(crate) entry: Entry<'a>,
    /// A sale's row of the quota.
    pub(crate) quota: Option<Quota>,
    /// Of a sale with a proxy.
    pub(crate) carried: Option<Carried>,
    /// The entry that this one takes back.
    pub(crate) withdraws: Option<LogPos>,
}

/// A new chain with the stock before it.
type NewChain<'a> = (&'a Chain, &'a [(i64, Stock)]);

/// Consecutive entries of one actor in one document, which are consecutive rows of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The position of the first.
    pub(crate) first: LogPos,
    /// The document.
    pub(crate) doc: DocId,
    /// Its business day.
    pub(crate) day: NaiveDate,
    /// Who.
    pub(crate) actor: ActorId,
    /// Which of the actor's entries is the first.
    pub(crate) seq: u32,
    /// The number of the first operation.
    pub(crate) op: u64,
    /// What the first change depends on.
    pub(crate) deps: Vec<ChangeHash>,
    /// Another life of this store wrote them and the hub gave them back: its feed counts them at this position.
    pub(crate) counted: Option<u64>,
}

/// A row of the log to be written.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) pos: LogPos,
    pub(crate) hash: ChangeHash,
    pub(crate) programme: i64,
    pub(crate) stock: Stock,
    pub(crate) request: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// A row of the quota to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) tag: PersonTag,
    pub(crate) day: NaiveDate,
    pub(crate) pieces: shared::entry::Pieces,
}

/// A card that a proxy carried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carried {
    pub(crate) proxy: PersonTag,
    pub(crate) card: PersonTag,
    pub(crate) day: NaiveDate,
}

impl Store {
    /// Puts an entry on the disk, whole or not at all; `answer` is what may be said of it afterwards.
    ///
    /// # Errors
    /// Where SQLite fails. What is on the disk is not known then: stop and start again.
    pub(crate) fn commit<T>(&mut self, write: &Write<'_>, answer: T) -> Result<Committed<T>, StoreError> {
        self.all_or_nothing("commit an entry", |conn| put(conn, write))?;
        Ok(Committed(answer))
    }
}

pub(super) fn put(conn: &Connection, write: &Write<'_>) -> rusqlite::Result<()> {
    if let Some((chain, stocks)) = write.chain {
        put_chain(conn, chain, stocks)?;
    }
    let entry = &write.entry;
    conn.prepare_cached("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(params![
        entry.pos.cast_signed(),
        entry.hash.0,
        entry.programme,
        entry.stock.adult,
        entry.stock.child,
        entry.request,
        entry.bytes
    ])?;
    if let Some(quota) = &write.quota {
        conn.prepare_cached("INSERT INTO quota VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
            quota.tag.0,
            entry.pos.cast_signed(),
            entry.programme,
            day_number(quota.day),
            quota.pieces.adult,
            quota.pieces.child
        ])?;
    }
    if let Some(carried) = &write.carried {
        let day = day_number(carried.day);
        conn.prepare_cached("INSERT INTO carried VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            carried.proxy.0,
            day,
            entry.pos.cast_signed(),
            carried.card.0
        ])?;
    }
    if let Some(of) = write.withdraws {
        conn.prepare_cached("INSERT INTO withdrawn VALUES (?1, ?2)")?
            .execute([of.cast_signed(), entry.pos.cast_signed()])?;
    }
    Ok(())
}

fn put_chain(conn: &Connection, chain: &Chain, stocks: &[(i64, Stock)]) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO chain VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(params![
        chain.first.cast_signed(),
        chain.doc.to_string(),
        day_number(chain.day),
        chain.actor.0,
        chain.seq,
        chain.op.cast_signed(),
        joined(&chain.deps),
        chain.counted.map(u64::cast_signed)
    ])?;
    for (programme, stock) in stocks {
        conn.prepare_cached("INSERT INTO opening VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            chain.first.cast_signed(),
            programme,
            stock.adult,
            stock.child
        ])?;
    }
    Ok(())
}

#[cfg(test)]
impl Store {
    /// As a full or broken disk does.
    pub(crate) fn break_writes(&self) {
        self.conn.pragma_update(None, "query_only", true).unwrap();
    }
}
