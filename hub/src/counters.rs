//! A few plain counters for `/metrics`, kept without locks.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// More; gives the number before.
    pub fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed)
    }

    /// Fewer.
    pub fn sub(&self, fewer: u64) {
        self.0.fetch_sub(fewer, Ordering::Relaxed);
    }

    /// Exactly.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the hub counts since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Lines that are open now.
    pub lines: Counter,
    /// Handshakes under way now.
    pub half_open: Counter,
    /// Knocks that were not answered: too many at once.
    pub knocks_ignored: Counter,
    /// Lines that were opened.
    pub lines_total: Counter,
    /// Lines ended by the hub because of what came over them.
    pub refused: Counter,
    /// Sites enrolled.
    pub enrolled: Counter,
    /// Enrolments refused.
    pub enrolments_refused: Counter,
    /// Durable commits of uploads.
    pub batches: Counter,
    /// Runs acknowledged.
    pub runs: Counter,
    /// Entries in them; a run sent again counts again.
    pub entries: Counter,
    /// Runs quarantined.
    pub quarantined: Counter,
    /// Questions about somebody that were answered.
    pub confirmed: Counter,
    /// Questions to which nothing could be said.
    pub not_confirmed: Counter,
    /// 1 while the last commit failed.
    pub trouble: Counter,
}

impl Counters {
    /// Prometheus text, version 0.0.4.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = [
            ("atoll_hub_lines", "gauge", "Lines open now.", &self.lines),
            ("atoll_hub_half_open", "gauge", "Handshakes under way now.", &self.half_open),
            ("atoll_hub_knocks_ignored_total", "counter", "Handshakes put off.", &self.knocks_ignored),
            ("atoll_hub_lines_total", "counter", "Lines opened.", &self.lines_total),
            ("atoll_hub_lines_refused_total", "counter", "Lines ended because of what came over them.", &self.refused),
            ("atoll_hub_enrolled_total", "counter", "Sites enrolled.", &self.enrolled),
            ("atoll_hub_enrolments_refused_total", "counter", "Enrolments refused.", &self.enrolments_refused),
            ("atoll_hub_batches_total", "counter", "Durable commits of uploads.", &self.batches),
            ("atoll_hub_runs_total", "counter", "Runs acknowledged.", &self.runs),
            ("atoll_hub_entries_total", "counter", "Entries in acknowledged runs.", &self.entries),
            ("atoll_hub_quarantined_total", "counter", "Runs quarantined.", &self.quarantined),
            ("atoll_hub_confirmed_total", "counter", "Questions about somebody answered.", &self.confirmed),
            ("atoll_hub_not_confirmed_total", "counter", "Questions that got no answer.", &self.not_confirmed),
            ("atoll_hub_trouble", "gauge", "1 while the last commit failed.", &self.trouble),
        ];
        let mut out = String::new();
        for (name, kind, help, counter) in lines {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {}", counter.get());
        }
        out
    }
}
