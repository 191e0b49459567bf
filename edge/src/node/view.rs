//! What screens show: 最近購買紀錄 (M15), the shelf (M17-M19) and the state of the machine.

use shared::entry::{Entry, Fact};
use shared::ids::ProgrammeId;

use super::ask::{Movement, MovementKind, Recent, Shelf, Status, TakenBack};
use super::withdrawal::change;
use super::write::decoded;
use super::{Node, NodeError};
use crate::clock::Reading;
use crate::store::{LogRow, Way};

impl Node {
    /// The last sales, newest first (M15).
    ///
    /// # Errors
    /// Where the store fails.
    pub fn recent(&self, limit: usize) -> Result<Vec<Recent>, NodeError> {
        let mut out = Vec::new();
        self.newest(limit, |node, row, entry| {
            out.extend(node.recent_line(row, entry)?);
            Ok(out.len())
        })?;
        Ok(out)
    }

    /// The last movements of the stock, newest first (decision 9).
    ///
    /// # Errors
    /// Where the store fails.
    pub fn movements(&self, programme: Option<&ProgrammeId>, limit: usize) -> Result<Vec<Movement>, NodeError> {
        let mut out = Vec::new();
        self.newest(limit, |node, row, entry| {
            let movement = node.movement(row, entry)?;
            out.extend(movement.filter(|movement| programme.is_none_or(|wanted| *wanted == movement.programme)));
            Ok(out.len())
        })?;
        Ok(out)
    }

    /// One programme's shelf.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn shelf(&mut self, programme: &ProgrammeId, reading: Reading) -> Result<Shelf, NodeError> {
        let (_, today) = self.today(reading);
        let arrived_today = match self.programmes.known(programme) {
            Some(number) => self.arrivals.of(&self.store, today, number)?,
            None => None,
        };
        let version = self.rules.versions.in_force(programme, today);
        Ok(Shelf {
            programme: programme.clone(),
            stock: self.stock_of(programme),
            expected: self.deliveries.get(&(today, programme.clone())).copied(),
            allotment: version.map(|version| version.allotment),
            arrived_today,
            version: version.map(|version| version.name.clone()),
        })
    }

    /// All shelves: of every programme that is in force, was stocked, or is expected.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn shelves(&mut self, reading: Reading) -> Result<Vec<Shelf>, NodeError> {
        let (_, today) = self.today(reading);
        let stocked = self.stocks.keys().filter(|programme| !self.is_shelf_of_rows(programme));
        let mut programmes: std::collections::BTreeSet<ProgrammeId> = stocked.cloned().collect();
        let versions = self.versions();
        programmes.extend(versions.programmes().filter(|it| versions.in_force(it, today).is_some()).cloned());
        programmes.extend(self.deliveries.keys().filter(|(day, _)| *day == today).map(|(_, it)| it.clone()));
        programmes.iter().map(|programme| self.shelf(programme, reading)).collect()
    }

    /// How the node is.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn status(&mut self, reading: Reading) -> Result<Status, NodeError> {
        let (now, today) = self.today(reading);
        Ok(Status {
            site: self.site,
            name: self.name.clone(),
            incarnation: self.incarnation,
            now,
            today,
            mark: self.mark_now(now, reading),
            beacon_seen: self.clock.beacon_seen(),
            beacon_age_s: self.clock.beacon_age_s(reading),
            entries: self.len,
            acked: self.line.count_had(self.len),
            watermark: self.line.feed,
            known: self.known(now, reading),
            lagging: self.lagging_today().len(),
            unheard: self.unheard(),
            down: self.line.down,
            quarantined: self.line.quarantined.len(),
            over: self.over.len(),
            shelves: self.shelves(reading)?,
            stopped: self.stopped.clone(),
        })
    }

    /// Walks the log from its end until `show` has made `limit` lines.
    fn newest(
        &self,
        limit: usize,
        mut show: impl FnMut(&Self, &LogRow, &Entry) -> Result<usize, NodeError>,
    ) -> Result<(), NodeError> {
        let mut failed = None;
        if limit == 0 {
            return Ok(());
        }
        self.store.walk(Way::Back, |row| match decoded(&row).and_then(|entry| show(self, &row, &entry)) {
            Ok(lines) => lines < limit,
            Err(error) => {
                failed = Some(error);
                false
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn recent_line(&self, row: &LogRow, entry: &Entry) -> Result<Option<Recent>, NodeError> {
        let Fact::Sale(sale) = &entry.fact else {
            return Ok(None);
        };
        Ok(Some(Recent {
            id: row.id,
            site_name: self.name.clone(),
            masked: self.keys.open(&row.id, 0, &sale.document)?.masked(),
            second: sale.instant(entry.at).second,
            mark: self.mark_then(entry, sale),
            pieces: sale.pieces,
            programme: sale.programme.clone(),
            version: sale.version.clone(),
            recorded: sale.happened.is_some(),
            withdrawn: row.withdrawn,
            over: self.over.contains(&row.id),
            acked: self.line.has(row.pos),
            covered: self.line.covers(row.pos),
            by: entry.by.name.clone(),
        }))
    }

    fn movement(&self, row: &LogRow, entry: &Entry) -> Result<Option<Movement>, NodeError> {
        let (kind, (adult, child), reason) = match &entry.fact {
            Fact::Arrival(arrival) => (MovementKind::Arrival, change(TakenBack::Sale(arrival.counted)), ""),
            Fact::Sale(sale) => (MovementKind::Sale, change(TakenBack::Arrival(sale.pieces)), ""),
            Fact::Correction(it) => {
                (MovementKind::Correction, (i64::from(it.adult), i64::from(it.child)), it.reason.as_str())
            }
            Fact::Withdrawal(it) => {
                let taken = self.taken_back(&it.of)?;
                (MovementKind::Withdrawal, taken.map_or((0, 0), change), it.reason.as_str())
            }
            Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Dispute(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Access(_)
            | Fact::Notice(_)
            | Fact::Booking(_) => return Ok(None),
        };
        Ok(Some(Movement {
            id: row.id,
            at: entry.at,
            programme: self.programme_of(row)?,
            kind,
            adult,
            child,
            stock: row.stock,
            withdrawn: row.withdrawn,
            reason: reason.to_owned(),
            by: entry.by.name.clone(),
        }))
    }
}
