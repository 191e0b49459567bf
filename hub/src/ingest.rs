//! Taking what the edges send: check → journal → project → conflict → feed, one durable
//! transaction for a whole batch; the outcomes are told after the commit, never before.
//!
//! A run that cannot be taken is kept aside with its reason and disturbs nothing else. One that
//! only waits for others (a gap, a change not yet known) is taken by itself when they come, so
//! that the order of delivery does not matter.

mod check;
mod fault;
mod ledgers;
mod lineage;
mod owed;

use aws_lc_rs::digest;
use shared::ids::{DocId, EntryId, Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::planted;
use shared::sign::Receipt;
use shared::wire::v1::run::encode_run;

use crate::hub::{Hub, HubError, Line};
use crate::project::Batch;
use crate::signed::Rolled;
use crate::store::{AppendRow, QuarantineRow, TipRow};

pub(crate) use check::Opened;
use check::{Checked, Fresh};
pub use fault::Fault;
pub(crate) use lineage::Graph;

/// Most runs of one site that are kept aside.
const QUARANTINED_MAX: u64 = 1024;
/// No more is kept aside of a site once it is so many bytes.
const QUARANTINED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A run as it came from an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The site that the certificate names.
    pub site: SiteCode,
    /// The life of its store.
    pub incarnation: Incarnation,
    /// What it sent.
    pub run: Run,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the disk, and counted at this position of the feed.
    Ingested {
        /// The run's last entry.
        id: EntryId,
        /// The feed's position behind it.
        feed: u64,
        /// The hub's word for it.
        receipt: Receipt,
    },
    /// It was kept aside.
    Quarantined {
        /// The run's last entry.
        id: EntryId,
        /// What is wrong.
        why: String,
    },
}

/// What became of a run, before the feed's position is known.
enum Taken {
    Ingested,
    Quarantined(String),
    /// Neither taken nor kept aside: the edge has to keep it.
    NotKept(String),
}

impl Hub {
    /// Takes a batch of runs in one durable transaction; one outcome a run, in their order.
    ///
    /// # Errors
    /// Where the machine fails: then nothing of the batch was taken.
    pub fn ingest(&mut self, uploads: &[Upload], received: i64) -> Result<Vec<Outcome>, HubError> {
        if uploads.is_empty() {
            return Ok(Vec::new());
        }
        let (taken, feed) = self.transact(|hub| {
            hub.write_contacts(received)?;
            let mut batch = Batch::new(received);
            let mut taken = Vec::with_capacity(uploads.len());
            for upload in uploads {
                taken.push(hub.take(upload, &mut batch)?);
            }
            hub.take_waiting(&mut batch)?;
            hub.settle(batch)?;
            hub.hear_again(received)?;
            Ok((taken, hub.memory.feed))
        })?;
        let outcome = |(upload, taken): (&Upload, Taken)| {
            let head = upload.run.head();
            let id = head.id;
            match taken {
                Taken::Ingested => {
                    let receipt = self.signer.receipt(&head, self.memory.journal, received);
                    Outcome::Ingested { id, feed, receipt }
                }
                Taken::Quarantined(why) | Taken::NotKept(why) => Outcome::Quarantined { id, why },
            }
        };
        Ok(uploads.iter().zip(taken).map(outcome).collect())
    }

    fn take(&mut self, upload: &Upload, batch: &mut Batch) -> Result<Taken, HubError> {
        self.heard_life(&upload.site, &upload.incarnation, batch.received);
        let line = self.line(upload, batch.received)?;
        let taken = match self.check(upload, line.signer)? {
            Checked::Known => {
                let again = planted!(NoDedupe).then(|| self.open_entries(&upload.site, &upload.run)).transpose()?;
                for opened in again.and_then(Result::ok).into_iter().flatten() {
                    self.project(&upload.site, self.memory.journal, opened, batch)?;
                }
                Taken::Ingested
            }
            Checked::Fresh(fresh) => {
                self.accept(upload, fresh, line.number, batch)?;
                Taken::Ingested
            }
            Checked::Bad(fault) => self.keep_aside(upload, &fault, batch.received)?,
        };
        self.move_line(line.number, upload, &taken, batch.received)?;
        Ok(taken)
    }

    /// The line that an upload came over.
    fn line(&mut self, upload: &Upload, received: i64) -> Result<Line, HubError> {
        let name = (upload.site, upload.incarnation);
        if let Some(line) = self.memory.lines.get(&name) {
            return Ok(*line);
        }
        let number = self.store.touch_line(&upload.site, &upload.incarnation, received)?;
        let signer = self.store.life(&upload.site, &upload.incarnation)?.and_then(|life| life.signer);
        let line = Line { number, signer };
        self.memory.remember_line(name, line);
        Ok(line)
    }

    /// Journals a run that passed every check, and projects its entries.
    fn accept(&mut self, upload: &Upload, fresh: Fresh, line: i64, batch: &mut Batch) -> Result<(), HubError> {
        let site = Some(upload.site);
        let pos = self.journal_run(&fresh.run, &fresh.links, site, Some(line), batch.received)?;
        self.memory.last_of.borrow_mut().insert(upload.site, pos);
        self.grow_graph(&fresh.run)?;
        if !self.memory.waiting_docs.is_empty() {
            batch.grown.insert(fresh.run.doc);
        }
        for taken in fresh.entries {
            self.project(&upload.site, pos, taken, batch)?;
        }
        Ok(())
    }

    /// Appends a run to the journal and moves its actor's chain on; gives its position.
    pub(crate) fn journal_run(
        &mut self,
        run: &Run,
        links: &[shared::ledger::chain::Link],
        site: Option<SiteCode>,
        line: Option<i64>,
        received: i64,
    ) -> Result<u64, HubError> {
        let (Some(first), Some(last)) = (links.first(), links.last()) else {
            return Err(HubError::Damaged("an empty run on its way into the journal".to_owned()));
        };
        let actor = last.id.actor;
        let prev = self.tip(&actor)?.map(|tip| tip.pos);
        let pos = self.memory.journal + 1;
        let count = last.id.seq - first.id.seq + 1;
        let bytes = encode_run(run);
        let row = AppendRow { actor: &actor, first: first.id.seq, count, prev, line, received, run: &bytes };
        self.store.append(pos, &row)?;
        let (first, site_code) = (first.id.seq, site.as_ref());
        let rolled = Rolled { pos, actor: &actor, first, count, prev, received, site: site_code, run: &bytes };
        self.memory.roll = self.memory.roll.with(&rolled);
        self.memory.journal = pos;
        let tip = TipRow { doc: run.doc, site, seq: last.id.seq, op: last.op, hash: last.hash, pos };
        self.store.set_tip(&actor, &tip)?;
        self.remember_tip(actor, tip);
        Ok(pos)
    }

    /// Keeps a run aside, once, as long as there is room.
    fn keep_aside(&mut self, upload: &Upload, fault: &Fault, second: i64) -> Result<Taken, HubError> {
        let why = fault.to_string();
        let run = encode_run(&upload.run);
        let hash = hash(upload, &run);
        if self.store.is_quarantined(&hash)? {
            return Ok(Taken::Quarantined(why));
        }
        let (runs, bytes) = match self.memory.aside.get(&upload.site) {
            Some(known) => *known,
            None => self.store.quarantined_of(&upload.site)?,
        };
        self.memory.aside.insert(upload.site, (runs, bytes));
        if runs >= QUARANTINED_MAX || bytes >= QUARANTINED_BYTES_MAX {
            tracing::warn!(site = %upload.site, "the quarantine of a site is full");
            return Ok(Taken::NotKept(format!("{why} (and not kept: the quarantine of this site is full)")));
        }
        let doc = upload.run.doc;
        tracing::warn!(site = %upload.site, %doc, why, "a run is kept aside");
        if fault.waits() {
            self.memory.waiting_docs.insert(doc);
        }
        if planted!(QuarantineForgotten) && !fault.waits() {
            return Ok(Taken::Quarantined(why));
        }
        let size = u64::try_from(run.len()).unwrap_or(u64::MAX);
        self.memory.aside.insert(upload.site, (runs + 1, bytes.saturating_add(size)));
        self.store.put_quarantine(&QuarantineRow {
            hash,
            site: upload.site,
            incarnation: upload.incarnation,
            doc,
            why: why.clone(),
            second,
            waits: fault.waits(),
            run,
        })?;
        Ok(Taken::Quarantined(why))
    }

    /// Takes runs that waited for what has just come, until none more can be taken.
    fn take_waiting(&mut self, batch: &mut Batch) -> Result<(), HubError> {
        while let Some(doc) = batch.grown.pop_first() {
            if self.memory.waiting_docs.contains(&doc) && !planted!(WaitingForgotten) {
                self.take_waiting_in(&doc, batch)?;
            }
        }
        Ok(())
    }

    fn take_waiting_in(&mut self, doc: &DocId, batch: &mut Batch) -> Result<(), HubError> {
        let mut still = 0;
        let mut waiting = Vec::new();
        for row in self.store.waiting(doc)? {
            let upload = Upload { site: row.site, incarnation: row.incarnation, run: self.decode(0, &row.run)? };
            waiting.push((row.hash, upload));
        }
        if let DocId::Site { site, .. } = doc {
            self.memory.aside.remove(site);
        }
        // Operation numbers grow along dependencies: so one comes after what it waits for.
        waiting.sort_by_key(|(hash, upload)| (upload.run.start.op, *hash));
        for (hash, upload) in waiting {
            if self.is_gap(&upload.run)? {
                still += 1;
                continue;
            }
            let line = self.line(&upload, batch.received)?;
            match self.check(&upload, line.signer)? {
                // What is taken may be what another waits for: `accept` puts the document on the list again.
                Checked::Fresh(fresh) => {
                    self.accept(&upload, fresh, line.number, batch)?;
                    self.store.end_waiting(&hash, None)?;
                }
                Checked::Known => self.store.end_waiting(&hash, None)?,
                Checked::Bad(fault) if fault.waits() => still += 1,
                Checked::Bad(fault) => self.store.end_waiting(&hash, Some(&fault.to_string()))?,
            }
        }
        if still == 0 {
            self.memory.waiting_docs.remove(doc);
        }
        Ok(())
    }
}

fn hash(upload: &Upload, run: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(upload.site.as_str().as_bytes());
    context.update(run);
    let mut out = [0; 32];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    out
}
