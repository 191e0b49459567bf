//! The hub's ledgers as they came down: the nation's and this site's desk.

use rusqlite::{Row, params};
use shared::ids::{ActorId, ChangeHash, DocId, EntryId};
use shared::ledger::chain::Link;

use super::{Store, StoreError, all, failed, joined, one};

/// An entry of the hub, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DownRow<'a> {
    pub(crate) link: Link,
    pub(crate) deps: Vec<ChangeHash>,
    pub(crate) bytes: &'a [u8],
}

/// An entry of the hub, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptRow {
    pub(crate) doc: DocId,
    pub(crate) link: Link,
    pub(crate) deps: Vec<ChangeHash>,
    pub(crate) bytes: Vec<u8>,
}

impl Store {
    /// The last sequence number that is held of an actor of the hub; 0 for none.
    pub(crate) fn down_last(&self, doc: DocId, actor: ActorId) -> Result<u32, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM down WHERE doc = ?1 AND actor = ?2";
        let last = one(&self.conn, sql, (doc.to_string(), actor.0), |row| row.get(0));
        Ok(last.map_err(failed("look for the hub's entries"))?.unwrap_or(0))
    }

    /// The hash of an entry of the hub.
    pub(crate) fn down_hash(&self, doc: DocId, link: &Link) -> Result<Option<ChangeHash>, StoreError> {
        let sql = "SELECT hash FROM down WHERE doc = ?1 AND actor = ?2 AND seq = ?3";
        let key = (doc.to_string(), link.id.actor.0, link.id.seq);
        one(&self.conn, sql, key, |row| row.get(0).map(ChangeHash)).map_err(failed("look for the hub's entries"))
    }

    /// Keeps entries of the hub and its journal position behind them.
    pub(crate) fn put_down(&mut self, doc: DocId, at: u64, rows: &[DownRow<'_>]) -> Result<(), StoreError> {
        self.all_or_nothing("keep the hub's entries", |conn| {
            let name = doc.to_string();
            for row in rows {
                conn.prepare_cached("INSERT INTO down VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(params![
                    name,
                    row.link.id.actor.0,
                    row.link.id.seq,
                    row.link.op.cast_signed(),
                    joined(&row.deps),
                    row.link.hash.0,
                    at.cast_signed(),
                    row.bytes
                ])?;
            }
            conn.prepare_cached("UPDATE self SET down = max(down, ?1)")?.execute([at.cast_signed()])
        })?;
        Ok(())
    }

    /// All entries of the hub in the order in which it journalled them, those of its earlier lives first.
    pub(crate) fn down_entries(&self) -> Result<Vec<KeptRow>, StoreError> {
        let sql = "SELECT doc, actor, seq, op, deps, hash, entry FROM down ORDER BY at, doc, actor, seq";
        let read = |row: &Row<'_>| {
            let id = EntryId { actor: ActorId(row.get(1)?), seq: row.get(2)? };
            let deps: Vec<u8> = row.get(4)?;
            let link = Link { id, op: row.get::<_, i64>(3)?.cast_unsigned(), hash: ChangeHash(row.get(5)?) };
            let doc = super::parsed(row, 0, "a document")?;
            Ok(KeptRow { doc, link, deps: super::hashes(&deps, 4)?, bytes: row.get(6)? })
        };
        all(&self.conn, sql, [], read).map_err(failed("read the hub's entries"))
    }
}
