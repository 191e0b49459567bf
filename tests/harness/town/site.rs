//! One site of the town: a real node on a store in memory, its clocks, its line.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use edge::clock::Reading;
use edge::nation::Nation;
use edge::node::{Lives, Node, Setup};
use edge::store::Store;
use shared::ids::{Incarnation, SiteCode};
use shared::seal::Secret;

use super::line::Line;
use super::lives::Backup;
use crate::scenario::dice::Dice;

/// A site.
pub(crate) struct Site {
    pub(crate) code: SiteCode,
    pub(crate) secret: Secret,
    /// The stamp outside its database.
    stamp: Arc<Mutex<Incarnation>>,
    /// What it notes beside it of what it gave away.
    spent: Arc<Mutex<Option<(Incarnation, u64)>>>,
    /// None only while it is being started.
    node: Option<Node>,
    pub(super) line: Option<Line>,
    /// When the line comes or goes next.
    pub(super) turns_ms: i64,
    /// Off true time by this when it was set last.
    pub(crate) offset_ms: i64,
    /// Since then it has gone so much too fast, in thousandths.
    pub(super) fast_per_1000: i64,
    pub(crate) set_ms: i64,
    /// How far it was off when the node looked last.
    seen_ms: Cell<i64>,
    /// It was set back while the node was off, or an old backup has come: the node cannot know (docs/clocks.md).
    pub(super) led_astray: bool,
    booted_ms: i64,
    /// An old image, for backups that are restored.
    pub(super) backup: Option<Backup>,
}

impl Site {
    /// A node on a store.
    pub(crate) fn on(
        store: Store,
        (code, secret): (SiteCode, Secret),
        stamp: Incarnation,
        now_ms: i64,
        seed: u64,
    ) -> Result<Self> {
        let mut site = Self {
            code,
            secret,
            stamp: Arc::new(Mutex::new(stamp)),
            spent: Arc::default(),
            node: None,
            line: None,
            turns_ms: now_ms,
            offset_ms: 0,
            fast_per_1000: 0,
            set_ms: now_ms,
            seen_ms: Cell::new(0),
            led_astray: false,
            booted_ms: now_ms,
            backup: None,
        };
        site.start(store, now_ms, seed)?;
        Ok(site)
    }

    /// kill -9 and a new start; `store` in place of its own where a backup comes back.
    pub(crate) fn crash(&mut self, store: Option<Store>, now_ms: i64, seed: u64) -> Result<()> {
        let own = self.node.take().context("a node that is running")?.into_store();
        self.line = None;
        self.led_astray |= store.is_some() || self.off_ms(now_ms) < self.seen_ms.get() - 2_000;
        self.start(store.unwrap_or(own), now_ms, seed)
    }

    fn start(&mut self, store: Store, now_ms: i64, seed: u64) -> Result<()> {
        self.booted_ms = now_ms;
        let mut dice = Dice::new(seed, 0xac70);
        // As at the start of the real program: a stamp that is not the store's makes a new life.
        let stored = store.incarnation()?;
        let spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let len = store.log_len()?;
        let is_old = spent.is_some_and(|(life, pos)| stored == Some(life) && pos > len);
        if is_old || stored.is_some_and(|stored| stored != self.stamp()) {
            self.set_stamp(Incarnation(bytes(&mut dice)));
        }
        let stamp = Arc::clone(&self.stamp);
        let write = move |life| {
            *stamp.lock().unwrap_or_else(PoisonError::into_inner) = life;
            Ok(())
        };
        let spent = Arc::clone(&self.spent);
        let mark = move |life, pos| {
            *spent.lock().unwrap_or_else(PoisonError::into_inner) = Some((life, pos));
            Ok(())
        };
        let lives = Lives { stamp: Box::new(write), mark: Box::new(mark), ..Lives::in_memory(&self.secret)? };
        let setup = Setup {
            site: self.code,
            name: self.code.to_string(),
            key_number: 1,
            secret: self.secret.clone(),
            incarnation: self.stamp(),
            store,
            nation: Nation::stored(),
            lives,
            dice: Box::new(move || bytes(&mut dice)),
        };
        self.node = Some(Node::open(setup, self.reading(now_ms)).with_context(|| format!("start {}", self.code))?);
        Ok(())
    }

    pub(crate) fn stamp(&self) -> Incarnation {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_stamp(&mut self, life: Incarnation) {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = life;
    }

    /// What it notes of what it gave away comes back with the whole computer.
    pub(crate) fn note_spent(&mut self, of: &Self) {
        self.spent = Arc::new(Mutex::new(*of.spent.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    pub(crate) fn node(&mut self) -> Result<&mut Node> {
        self.node.as_mut().context("a node that is running")
    }

    /// The node and its line, where it is up.
    pub(super) fn ends(&mut self) -> Result<(&mut Node, Option<&mut Line>)> {
        Ok((self.node.as_mut().context("a node that is running")?, self.line.as_mut()))
    }

    pub(crate) fn reading(&self, now_ms: i64) -> Reading {
        let mono_ms = u64::try_from(now_ms - self.booted_ms).unwrap_or_default();
        self.seen_ms.set(self.off_ms(now_ms));
        Reading { wall_ms: now_ms + self.off_ms(now_ms), mono_ms }
    }

    /// How far the wall clock is off true time.
    fn off_ms(&self, now_ms: i64) -> i64 {
        self.offset_ms + (now_ms - self.set_ms) * self.fast_per_1000 / 1_000
    }
}

/// Random bytes.
pub(crate) fn bytes<const N: usize>(dice: &mut Dice) -> [u8; N] {
    let mut out = [0; N];
    for chunk in out.chunks_mut(8) {
        let word = dice.next().to_le_bytes();
        chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
    }
    out
}
