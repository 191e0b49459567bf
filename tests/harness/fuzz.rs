//! Fuzz targets: what must hold for any bytes (docs/fuzzing.md).
//!
//! A target takes bytes and panics where a property does not hold. `tests/fuzz.rs` gives each the kept inputs and
//! some thousand changed ones, always the same; `scripts/fuzz` lets libFuzzer look for others.

mod card;
mod certificate;
mod choices;
mod console;
pub mod corpus;
mod digest;
mod door;
mod enrol;
mod identity;
mod mutate;
mod node;
mod said;
mod sessions;
mod versions;
mod web;
mod wire;

pub use mutate::mutated;

/// What must hold.
#[derive(Debug)]
pub struct Target {
    /// Its name, also of its corpus.
    pub name: &'static str,
    /// Panics where it does not hold.
    pub holds: fn(&[u8]),
    /// Inputs to begin with, made by our own writers.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Changed inputs in the short run: a few seconds of them.
    pub rounds: u64,
}

/// All of them.
pub const TARGETS: [Target; 19] = [
    Target { name: "frame", holds: wire::frames, seeds: wire::frame_seeds, rounds: 800 },
    Target { name: "message", holds: wire::messages, seeds: wire::message_seeds, rounds: 20_000 },
    Target { name: "entry", holds: wire::entries, seeds: entry_seeds, rounds: 20_000 },
    Target { name: "feed", holds: wire::feed, seeds: wire::feed_seeds, rounds: 20_000 },
    Target { name: "digest", holds: digest::holds, seeds: digest::seeds, rounds: 10_000 },
    Target { name: "enrol", holds: enrol::holds, seeds: enrol::seeds, rounds: 4_000 },
    Target { name: "identity", holds: identity::typed, seeds: typed_seeds, rounds: 10_000 },
    Target { name: "document", holds: identity::kept, seeds: identity::kept_seeds, rounds: 10_000 },
    Target { name: "card", holds: card::holds, seeds: card::seeds, rounds: 20_000 },
    Target { name: "certificate", holds: certificate::holds, seeds: certificate::seeds, rounds: 20_000 },
    Target { name: "names", holds: identity::names, seeds: identity::name_seeds, rounds: 20_000 },
    Target { name: "version", holds: versions::holds, seeds: versions::seeds, rounds: 1_000 },
    Target { name: "edge_session", holds: sessions::edge, seeds: sessions::seeds, rounds: 20_000 },
    Target { name: "hub_session", holds: sessions::hub, seeds: sessions::seeds, rounds: 20_000 },
    Target { name: "both_sessions", holds: sessions::pair, seeds: sessions::seeds, rounds: 1_000 },
    Target { name: "door", holds: door::holds, seeds: door::seeds, rounds: 150 },
    Target { name: "node", holds: node::holds, seeds: node::seeds, rounds: 300 },
    Target { name: "edge_web", holds: web::edge, seeds: web::edge_seeds, rounds: 300 },
    Target { name: "hub_web", holds: console::holds, seeds: console::seeds, rounds: 1_000 },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The honest site's entries, rules, and what is written of a dispute.
fn entry_seeds() -> Vec<Vec<u8>> {
    let rules = web::published().entries.clone();
    let day = door::honest().iter().flat_map(|(upload, _)| upload.run.entries.clone());
    day.chain(rules).chain(door::disputed()).collect()
}

fn typed_seeds() -> Vec<Vec<u8>> {
    (0..5u8).map(|kind| vec![kind, 0, 1, 1, kind, kind, 1, 2, 3, 4, 5, 6, 7, 8, 0]).collect()
}
