//! The journal under the hub's signature: a hash rolls over every row, and each transaction signs where it has come
//! (T13). Whoever removes, changes or reorders rows behind the hub's back is found by `verify`.

use aws_lc_rs::digest;
use shared::ids::{ActorId, SiteCode};

use crate::hub::{Hub, HubError};
use crate::store::{SignedRow, WholeRow};

/// Rows read at once.
const ROWS_AT_ONCE: usize = 1_024;

/// A hash over all rows of the journal up to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Roll(pub(crate) [u8; 32]);

/// What the hash covers of a row.
#[derive(Debug)]
pub(crate) struct Rolled<'a> {
    pub(crate) pos: u64,
    pub(crate) actor: &'a ActorId,
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) prev: Option<u64>,
    pub(crate) received: i64,
    pub(crate) site: Option<&'a SiteCode>,
    pub(crate) run: &'a [u8],
}

impl Roll {
    /// With one more row.
    pub(crate) fn with(self, row: &Rolled<'_>) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&self.0);
        hash.update(&row.pos.to_be_bytes());
        hash.update(&row.actor.0);
        hash.update(&row.first.to_be_bytes());
        hash.update(&row.count.to_be_bytes());
        hash.update(&row.prev.unwrap_or(0).to_be_bytes());
        hash.update(&row.received.to_be_bytes());
        // Ten bytes, whoever wrote.
        hash.update(row.site.map_or("-hub-hub-h", SiteCode::as_str).as_bytes());
        hash.update(row.run);
        let mut out = [0; 32];
        out.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(out)
    }
}

impl<'a> From<&'a WholeRow> for Rolled<'a> {
    fn from(row: &'a WholeRow) -> Self {
        Self {
            pos: row.pos,
            actor: &row.actor,
            first: row.first,
            count: row.count,
            prev: row.prev,
            received: row.received,
            site: row.site.as_ref(),
            run: &row.run,
        }
    }
}

impl Hub {
    /// Where the hash stands, and up to where it is signed: usually as read, else rolled over what came since (a
    /// journal of the first version has no signature at all).
    pub(crate) fn find_roll(&self) -> Result<(Roll, u64), HubError> {
        let last = self.store.last_signed()?;
        let (mut roll, signed) = last.map_or((Roll::default(), 0), |row| (Roll(row.roll), row.pos));
        self.each_whole_row(signed, |row| {
            roll = roll.with(&row.into());
            Ok(())
        })?;
        Ok((roll, signed))
    }

    /// Every row behind a position, whole.
    pub(crate) fn each_whole_row(
        &self,
        after: u64,
        see: impl FnMut(&WholeRow) -> Result<(), HubError>,
    ) -> Result<(), HubError> {
        let (mut after, mut see) = (after, see);
        loop {
            let rows = self.store.whole_rows(after, ROWS_AT_ONCE)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.pos;
            rows.iter().try_for_each(&mut see)?;
        }
    }

    /// Signs the journal as far as this transaction takes it. One that is shorter than its signature has lost rows:
    /// that signature is the evidence and stays.
    pub(crate) fn sign_journal(&mut self) -> Result<(), HubError> {
        let pos = self.memory.journal;
        if pos <= self.memory.signed {
            return Ok(());
        }
        let roll = self.memory.roll.0;
        let signature = self.signer.sign_journal(pos, &roll);
        self.store.put_signed(&SignedRow { pos, roll, signature })?;
        self.memory.signed = pos;
        Ok(())
    }
}
