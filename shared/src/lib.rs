//! Atoll's functional core: what an entry is, what the rules say of it, how a
//! ledger holds it and how two ends exchange it.
//!
//! **Invariant: nothing here touches a socket, a file, a clock, the environment
//! or a source of randomness.** Time, chance and bytes come in as arguments.
//!
//! Direction: `ids ← entry ← rules ← ledger ← sync`, with `wire`, `seal` and `sign` beside them.

pub mod entry;
pub mod ids;
pub mod ledger;
pub mod rules;
pub mod seal;
pub mod sign;
pub mod sync;
pub mod wire;
