//! What other lives of this site's store wrote and the hub gave back, the hub's receipts, and the secrets of machines
//! that wrote for the site before.

use rusqlite::{Connection, Row, params};
use shared::ids::{ActorId, ChangeHash, EntryId};
use shared::seal::KeyMark;
use shared::sign::{PublicKey, Receipt, Signature};

use super::commit::{Write, put};
use super::{Store, StoreError, all, failed};

/// The hub's word that it held an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReceiptRow {
    pub(crate) id: EntryId,
    pub(crate) hash: ChangeHash,
    /// Who gave it.
    pub(crate) hub: PublicKey,
    pub(crate) receipt: Receipt,
}

/// A sealed secret of the site with its number.
pub(crate) type SealedSecret = (KeyMark, u8, Vec<u8>);

impl Store {
    /// Keeps entries of other lives and the hub's journal position behind them, all or none.
    pub(crate) fn put_own(&mut self, at: u64, writes: &[Write<'_>]) -> Result<(), StoreError> {
        self.all_or_nothing("keep what another life of this store wrote", |conn| {
            for write in writes {
                put(conn, write)?;
            }
            conn.prepare_cached("UPDATE self SET own = max(own, ?1)")?.execute([at.cast_signed()])
        })?;
        Ok(())
    }

    /// The newest receipt of every actor.
    pub(crate) fn receipts(&self) -> Result<Vec<ReceiptRow>, StoreError> {
        let sql = "SELECT actor, seq, hash, hub, journal, second, signature FROM receipt ORDER BY actor";
        let read = |row: &Row<'_>| {
            let id = EntryId { actor: ActorId(row.get(0)?), seq: row.get(1)? };
            let (journal, signature) = (row.get::<_, i64>(4)?.cast_unsigned(), Signature(row.get(6)?));
            let receipt = Receipt { journal, second: row.get(5)?, signature };
            Ok(ReceiptRow { id, hash: ChangeHash(row.get(2)?), hub: PublicKey(row.get(3)?), receipt })
        };
        all(&self.conn, sql, [], read).map_err(failed("read the hub's receipts"))
    }

    /// Keeps a secret that another machine of the site brought.
    pub(crate) fn put_secret(&mut self, (mark, number, sealed): &SealedSecret) -> Result<(), StoreError> {
        let put = self.conn.prepare_cached("INSERT OR REPLACE INTO past_key VALUES (?1, ?2, ?3)");
        let put = put.and_then(|mut put| put.execute(params![mark.0, number, sealed]));
        put.map(drop).map_err(failed("keep a secret of the site"))
    }

    /// The secrets that other machines of the site brought.
    pub(crate) fn secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        let read = |row: &Row<'_>| Ok((KeyMark(row.get(0)?), row.get(1)?, row.get(2)?));
        let sql = "SELECT mark, number, sealed FROM past_key ORDER BY mark";
        all(&self.conn, sql, [], read).map_err(failed("read the secrets of the site"))
    }
}

/// Keeps receipts; an older one of the same actor goes.
pub(super) fn put_receipts(conn: &Connection, receipts: &[ReceiptRow]) -> rusqlite::Result<()> {
    for row in receipts {
        let mut put = conn.prepare_cached("INSERT OR REPLACE INTO receipt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        put.execute(params![
            row.id.actor.0,
            row.id.seq,
            row.hash.0,
            row.hub.0,
            row.receipt.journal.cast_signed(),
            row.receipt.second,
            row.receipt.signature.0
        ])?;
    }
    Ok(())
}
