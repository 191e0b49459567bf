//! What happens to stores as wholes: backups come back, folders are cloned, computers die and are replaced, the hub is
//! taken back to yesterday (T10; docs/lives.md).

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use edge::store::Store;
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::Pieces;
use shared::ids::{EntryId, Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::seal::Secret;

use super::ending::publish;
use super::model::{Answered, Deed};
use super::site::{Site, bytes};
use super::{Plant, Town};

/// Most nodes of a town: the first ones and their clones.
const NODES_MAX: usize = 8;

/// A backup of a node: the store, the length of its log, what it knew of its sales, and its stamp.
pub(super) struct Backup {
    store: Store,
    held: usize,
    over: BTreeSet<EntryId>,
    stamp: Incarnation,
}

impl Town {
    /// One of these, as the knobs say.
    pub(super) fn shake(&mut self, at: usize) -> Result<()> {
        if self.happens(self.knobs.restore_per_1000) {
            self.restore(at)?;
        }
        if self.happens(self.knobs.clone_per_1000) && self.sites.len() < NODES_MAX && Some(at) != self.liar {
            self.clone_node(at)?;
        }
        if self.happens(self.knobs.replace_per_1000) && Some(at) != self.liar {
            self.replace(at)?;
        }
        if self.happens(self.knobs.hub_restore_per_1000) {
            self.restore_hub()?;
        }
        Ok(())
    }

    /// An old image of a node's store is taken, or comes back, with its stamp or without. The model forgets what the
    /// image never held.
    fn restore(&mut self, at: usize) -> Result<()> {
        let book = self.model.book(at);
        let (held, over) = (book.log.len(), book.over.clone());
        let Some(backup) = self.sites[at].backup.take() else {
            let (store, stamp) = (self.sites[at].node()?.image()?, self.sites[at].stamp());
            self.sites[at].backup = Some(Backup { store, held, over, stamp });
            return Ok(());
        };
        self.last_sale = None;
        self.model.forget(at, backup.held, backup.over);
        if self.dice.once_in(2) {
            self.sites[at].set_stamp(backup.stamp);
        }
        let seed = match self.knobs.plant {
            Some(Plant::ActorReusedAfterRestore) => at as u64,
            _ => self.dice.next(),
        };
        self.shaken += 1;
        self.sites[at].crash(Some(backup.store), self.now_ms, seed)
    }

    /// The data folder is copied to a second computer, and both run.
    fn clone_node(&mut self, at: usize) -> Result<()> {
        let (store, stamp) = (self.sites[at].node()?.image()?, self.sites[at].stamp());
        let (code, secret) = (self.sites[at].code, self.sites[at].secret.clone());
        let seed = self.dice.next();
        let mut clone = Site::on(store, (code, secret), stamp, self.now_ms, seed)?;
        // Its own clock may be behind that of the computer it was copied from.
        clone.led_astray = true;
        let new = self.sites.len();
        self.sites.push(clone);
        let weather = self.knobs.weather[at];
        self.knobs.weather.push(weather);
        let book = self.model.book(at).clone();
        self.model.books.insert(new, book);
        self.shaken += 1;
        self.note(10, &new.to_le_bytes());
        Ok(())
    }

    /// The computer is dead; a new one enrols for the site, with a secret of its own and an empty store.
    fn replace(&mut self, at: usize) -> Result<()> {
        self.last_sale = None;
        self.model.forget(at, 0, BTreeSet::new());
        self.model.book(at).withdrawn.clear();
        let secret = Secret::new(bytes(&mut self.dice));
        let stamp = Incarnation(bytes(&mut self.dice));
        let code = self.sites[at].code;
        self.enrol(code, &secret)?;
        let seed = self.dice.next();
        self.sites[at] = Site::on(Store::in_memory()?, (code, secret), stamp, self.now_ms, seed)?;
        self.sites[at].turns_ms = self.now_ms;
        self.shaken += 1;
        self.note(11, &at.to_le_bytes());
        Ok(())
    }

    fn enrol(&mut self, code: SiteCode, secret: &Secret) -> Result<()> {
        self.enrolled.push((code, secret.clone()));
        let number = self.enrolled.len();
        let second = self.second();
        let enrolment = super::enrolment(number, secret, second)?;
        for hub in [self.hub.as_mut().context("a hub that is running")?, &mut self.shadow] {
            hub.register(&code, &enrolment)?.map_err(|refusal| anyhow::anyhow!("enrol {code}: {refusal}"))?;
        }
        Ok(())
    }

    /// A backup of the hub is taken, or the hub is taken back to it: what came since, it has forgotten.
    fn restore_hub(&mut self) -> Result<()> {
        let Some(backup) = self.hub_backup.take() else {
            self.hub_backup = Some(self.hub()?.image()?);
            return Ok(());
        };
        self.inbox.clear();
        for at in 0..self.sites.len() {
            self.cut(at);
        }
        let dice = super::hub_dice(self.dice.next());
        let mut hub = Hub::open(backup, &self.master, dice)?;
        self.jump(&mut hub);
        hub.begin_new_life()?;
        for name in self.published.clone() {
            if !hub.versions().iter().any(|version| version.name.as_str() == name) {
                publish(&mut hub, &self.text(name)?, self.second())?;
            }
        }
        self.uploads = uploads(&hub, self.sites.iter().map(|site| site.code).collect())?;
        for (id, feed) in std::mem::take(&mut self.model.delivered) {
            if hub.entry_hash(&id)?.is_some() {
                self.model.deliver(hub.life(), id, feed);
            }
        }
        self.model.books.values_mut().for_each(|book| book.proved = 0);
        self.hub = Some(hub);
        self.shadow = self.another_hub()?;
        for name in self.published.clone() {
            let (text, second) = (self.text(name)?, self.second());
            publish(&mut self.shadow, &text, second)?;
        }
        self.shadowed = 0;
        self.shaken += 1;
        self.note(12, &self.now_ms.to_le_bytes());
        self.hub_wrote()
    }

    /// A line greets: the hub closes an older one of another process under the same incarnation, as the gateway does.
    pub(super) fn supersede(&mut self, at: usize, incarnation: Incarnation) -> Result<()> {
        let code = self.sites[at].code;
        for other in 0..self.sites.len() {
            let same = other != at && self.sites[other].code == code;
            let line = self.sites[other].line.as_ref();
            if same && line.is_some_and(|line| line.incarnation == Some(incarnation)) {
                self.cut(other);
            }
        }
        Ok(())
    }

    /// A node has taken what another life of its store wrote.
    pub(super) fn came_back(&mut self, at: usize, run: &Run) -> Result<()> {
        for (seq, _) in (run.start.id.seq..).zip(&run.entries) {
            let id = EntryId { seq, ..run.start.id };
            if self.model.book(at).own.contains(&id) {
                continue;
            }
            let known = self.model.answered(&id).with_context(|| format!("nobody ever answered {id}"))?.clone();
            let by = self.moved_again(at, &known)?;
            let book = self.model.book(at);
            let have = book.stock.get(known.programme).copied().unwrap_or_default();
            let stock = (have.0 + by.0, have.1 + by.1);
            self.model.append(at, Answered { by, stock, ..known });
            self.came_back += 1;
        }
        let node = self.sites[at].node()?;
        let (len, have) = (node.log_len(), self.model.book(at).log.len() as u64);
        ensure!(len == have, "S1: of what came back the node holds {len}, it must be {have}");
        Ok(())
    }

    /// By how much an entry moves the stock of a node that hears of it later.
    fn moved_again(&mut self, at: usize, known: &Answered) -> Result<(i64, i64)> {
        let Deed::Withdrawal { of } = known.deed else { return Ok(known.by) };
        if !self.model.book(at).withdrawn.insert(of) {
            return Ok((0, 0));
        }
        let signed = |pieces: Pieces| (i64::from(pieces.adult), i64::from(pieces.child));
        let target = self.model.answered(&of).with_context(|| format!("nobody ever answered {of}"))?;
        Ok(match target.deed {
            Deed::Arrival { pieces } => {
                let (adult, child) = signed(pieces);
                (-adult, -child)
            }
            Deed::Sale | Deed::Withdrawal { .. } | Deed::Correction => {
                signed(self.model.sales.get(&of).context("a sale that was answered")?.pieces)
            }
        })
    }
}

/// Everything of these sites that a hub holds, as runs.
pub(super) fn uploads(hub: &Hub, sites: BTreeSet<SiteCode>) -> Result<Vec<Upload>> {
    let mut uploads = Vec::new();
    for site in sites {
        let mut after = 0;
        let nobody = Incarnation([0; 16]);
        while let Some(part) = hub.load_own(&site, after, &[])? {
            after = part.pos;
            uploads.extend(part.run.map(|run| Upload { site, incarnation: nobody, run }));
        }
    }
    Ok(uploads)
}
