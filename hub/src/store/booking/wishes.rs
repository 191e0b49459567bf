//! Statements for wishes: the slots that they rank, and what the hub answered.

use rusqlite::Row;
use shared::ids::{EntryId, SiteCode, VersionName};

use super::SlotNumber;
use crate::store::read::{entry_id, signed, site};
use crate::store::{Store, StoreError};

/// What the hub said to a wish.
pub(crate) struct AnswerRow {
    pub(crate) wish: EntryId,
    pub(crate) given: Option<(SlotNumber, u64)>,
    pub(crate) why: String,
    pub(crate) second: i64,
}

/// A wish that waits, in the order in which they are answered.
pub(crate) type WaitingKey = (i64, SiteCode, EntryId);

impl Store {
    /// A wish that waits would take these slots, the dearest first.
    pub(crate) fn put_ranked(&self, (second, of, id): &WaitingKey, ranked: &[SlotNumber]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO wish_slot VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        for (rank, slot) in (0i64..).zip(ranked) {
            let row = (slot.0, second, of.as_str(), &id.actor.0, id.seq, rank);
            self.run(SQL, row, "keep what a wish ranks")?;
        }
        Ok(())
    }

    pub(crate) fn ranked(&self, id: &EntryId) -> Result<Vec<SlotNumber>, StoreError> {
        const SQL: &str = "SELECT slot FROM wish_slot WHERE actor = ?1 AND seq = ?2 ORDER BY rank";
        self.all(SQL, (&id.actor.0, id.seq), "read what a wish ranks", |row| Ok(SlotNumber(row.get(0)?)))
    }

    /// A wish waits no more.
    pub(crate) fn end_ranked(&self, id: &EntryId) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM wish_slot WHERE actor = ?1 AND seq = ?2";
        self.run(SQL, (&id.actor.0, id.seq), "forget what a wish ranks").map(|_| ())
    }

    /// The next wishes that wait for a slot, behind one of them or from the first on; of rounds that the hub knows.
    pub(crate) fn waiting_for(
        &self,
        slot: SlotNumber,
        after: Option<&WaitingKey>,
        most: u32,
    ) -> Result<Vec<WaitingKey>, StoreError> {
        const KNOWN: &str = "EXISTS (SELECT 1 FROM booking JOIN round ON round.name = booking.round \
            AND round.programme = booking.programme WHERE booking.actor = wish_slot.actor AND booking.seq = wish_slot.seq)";
        const ORDER: &str = "ORDER BY instant, site, actor, seq LIMIT ?2";
        let sql = format!("SELECT instant, site, actor, seq FROM wish_slot WHERE slot = ?1 AND {KNOWN}");
        let Some((second, of, id)) = after else {
            return self.all(&format!("{sql} {ORDER}"), (slot.0, most), "look who waits for a slot", waiting);
        };
        let row = (slot.0, most, second, of.as_str(), &id.actor.0, id.seq);
        let sql = format!("{sql} AND (instant, site, actor, seq) > (?3, ?4, ?5, ?6) {ORDER}");
        self.all(&sql, row, "look who waits for a slot", waiting)
    }

    /// Wishes that wait, in the order in which they are answered.
    pub(crate) fn waiting_wishes(&self, most: usize) -> Result<Vec<WaitingKey>, StoreError> {
        const SQL: &str = "SELECT instant, site, actor, seq FROM booking WHERE stands = 0 ORDER BY instant, site, actor, seq LIMIT ?1";
        self.all(SQL, [i64::try_from(most).unwrap_or(i64::MAX)], "look who waits", waiting)
    }

    /// Wishes that wait in one of these rounds, or for slots that have all begun by a day's minute.
    pub(crate) fn waiting_in_vain(
        &self,
        over: &[VersionName],
        (date, minute): (&str, u16),
        most: usize,
    ) -> Result<Vec<WaitingKey>, StoreError> {
        const BEGUN: &str = "SELECT instant, site, actor, seq FROM booking WHERE stands = 0 AND NOT EXISTS ( \
            SELECT 1 FROM wish_slot JOIN slot ON slot.id = wish_slot.slot WHERE wish_slot.actor = booking.actor \
            AND wish_slot.seq = booking.seq AND (slot.date, slot.start) > (?1, ?2)) LIMIT ?3";
        const OVER: &str = "SELECT instant, site, actor, seq FROM booking WHERE stands = 0 AND round = ?1 LIMIT ?2";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut out = self.all(BEGUN, (date, minute, most), "look who waits in vain", waiting)?;
        for round in over {
            out.extend(self.all(OVER, (round.as_str(), most), "look who waits in vain", waiting)?);
        }
        out.sort_unstable();
        out.dedup();
        Ok(out)
    }

    /// The slots that a wish ranks are looked at again.
    pub(crate) fn look_at_ranked(&self, id: &EntryId) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE slot SET due = 1 WHERE id IN (SELECT slot FROM wish_slot WHERE actor = ?1 AND seq = ?2)";
        self.run(SQL, (&id.actor.0, id.seq), "look at a wish's slots again").map(|_| ())
    }

    /// The slots are looked at again for which somebody at a site waits.
    pub(crate) fn look_at_wishes_of(&self, of: &SiteCode) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE slot SET due = 1 WHERE id IN (SELECT slot FROM wish_slot WHERE site = ?1)";
        self.run(SQL, [of.as_str()], "look at a site's wishes again").map(|_| ())
    }

    pub(crate) fn put_answer(&self, row: &AnswerRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO wish_answer VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (slot, serial) = row.given.unzip();
        let (id, slot, serial) = (row.wish, slot.map(|slot| slot.0), serial.map(signed));
        self.run(SQL, (&id.actor.0, id.seq, slot, serial, &row.why, row.second), "keep an answer").map(|_| ())
    }

    /// What the hub said to a wish.
    pub(crate) fn answer(&self, wish: &EntryId) -> Result<Option<AnswerRow>, StoreError> {
        const SQL: &str = "SELECT actor, seq, slot, serial, why, second FROM wish_answer WHERE actor = ?1 AND seq = ?2";
        self.one(SQL, (&wish.actor.0, wish.seq), "look for an answer", answer)
    }

    /// Every answer, by wish.
    pub(crate) fn answers(&self) -> Result<Vec<AnswerRow>, StoreError> {
        const SQL: &str = "SELECT actor, seq, slot, serial, why, second FROM wish_answer ORDER BY actor, seq";
        self.all(SQL, [], "read the answers", answer)
    }
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<WaitingKey> {
    Ok((row.get(0)?, site(row, 1)?, entry_id(row, 2)?))
}

fn answer(row: &Row<'_>) -> rusqlite::Result<AnswerRow> {
    let slot = row.get::<_, Option<i64>>(2)?.map(SlotNumber);
    let serial = row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs);
    Ok(AnswerRow { wish: entry_id(row, 0)?, given: slot.zip(serial), why: row.get(4)?, second: row.get(5)? })
}
