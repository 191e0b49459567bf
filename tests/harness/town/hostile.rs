//! A site that lies: runs that no honest edge sends, under its own certificate. Each must be kept
//! aside, and nothing else may change.

use anyhow::{Result, ensure};
use hub::ingest::{Outcome, Upload};
use shared::entry::{Entry, Fact, Instant, Published, Staff};
use shared::ids::{ActorId, ChangeHash, DocId, Incarnation};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::wire::v1::entry;

use super::Town;
use super::site::bytes;

impl Town {
    /// One lie, delivered.
    pub(super) fn lie(&mut self, at: usize) -> Result<()> {
        let Some(run) = self.forged(at)? else { return Ok(()) };
        let site = self.sites[at].code;
        // Under its own incarnation a lie may confuse the liar's own line, and nobody else's.
        let own = self.sites[at].stamp();
        let incarnation = if self.dice.once_in(2) { own } else { Incarnation(bytes(&mut self.dice)) };
        let second = self.second();
        let hub = self.hub()?;
        let before = (hub.journal_position()?, hub.feed_position()?, hub.canonical()?);
        let outcomes = hub.ingest(&[Upload { site, incarnation, run: run.clone() }], second)?;
        let aside = matches!(outcomes.as_slice(), [Outcome::Quarantined { .. }]);
        ensure!(aside, "S9: a forged run in {} is taken: {run:?}", run.doc);
        let after = (hub.journal_position()?, hub.feed_position()?, hub.canonical()?);
        ensure!(before == after, "S9: a forged run in {} changed something", run.doc);
        let listed = hub.quarantine(1_000)?;
        ensure!(listed.iter().any(|aside| aside.site == site), "L2: a forged run is not shown to the operator");
        self.lies += 1;
        Ok(())
    }

    fn forged(&mut self, at: usize) -> Result<Option<Run>> {
        let code = self.sites[at].code;
        let which = self.dice.below(8);
        let own = which != 0 && which != 5;
        let from = |upload: &&Upload| (upload.site == code) == own;
        let known: Vec<Run> = self.uploads.iter().filter(from).map(|upload| upload.run.clone()).collect();
        if known.is_empty() {
            return Ok(None);
        }
        let mut run = self.dice.pick(&known).clone();
        let end = run.entries.len() - 1;
        match which {
            // Somebody else's ledger, as it is.
            0 => {}
            // A hash that is not that of the facts.
            1 => run.last = ChangeHash(bytes(&mut self.dice)),
            // The same names for another content.
            2 => {
                if let Some(last) = run.entries.last_mut().and_then(|entry| entry.last_mut()) {
                    *last ^= 1;
                }
                seal(&mut run)?;
            }
            // A gap that is never filled.
            3 => self.alone(&mut run, 3, end)?,
            // Bytes that are no entry.
            4 => {
                run.entries[end] = bytes::<24>(&mut self.dice).to_vec();
                self.alone(&mut run, 1, end)?;
            }
            // A document that another site sealed.
            5 => {
                let sealed = run
                    .entries
                    .iter()
                    .position(|bytes| entry::decode(bytes).is_ok_and(|entry| matches!(entry.fact, Fact::Sale(_))));
                let Some(sealed) = sealed else { return Ok(None) };
                let DocId::Site { day, .. } = run.doc else { return Ok(None) };
                run.doc = DocId::Site { site: code, day };
                self.alone(&mut run, 1, sealed)?;
            }
            // What only the hub says.
            6 => {
                let by = Staff { name: "liar".to_owned(), verified: true, id: None };
                let fact = Fact::Programme(Published { text: "name = \"mine\"".to_owned() });
                run.entries[end] = entry::encode(&Entry { at: Instant { second: 0, doubt_s: 0 }, by, fact });
                self.alone(&mut run, 1, end)?;
            }
            // Behind changes that nobody wrote.
            _ => {
                run.start.deps = vec![ChangeHash(bytes(&mut self.dice))];
                run.start.id.actor = ActorId(bytes(&mut self.dice));
                (run.start.id.seq, run.start.op) = (1, 9);
                seal(&mut run)?;
            }
        }
        Ok(Some(run))
    }

    /// Only the entry at `keep`, under an actor of its own, from this sequence number on.
    fn alone(&mut self, run: &mut Run, seq: u32, keep: usize) -> Result<()> {
        run.entries = vec![run.entries[keep].clone()];
        run.start.id.actor = ActorId(bytes(&mut self.dice));
        (run.start.id.seq, run.start.op) = (seq, u64::from(seq));
        run.start.deps.clear();
        seal(run)
    }
}

/// Gives a changed run the hash that its facts have.
fn seal(run: &mut Run) -> Result<()> {
    run.joints.clear();
    let mut tip = Tip { doc: run.doc, next: run.start.clone() };
    for entry in &run.entries {
        run.last = tip.append(entry)?.hash;
    }
    Ok(())
}
