//! Atoll's functional core: what an entry is, what the rules say of it, how a
//! ledger holds it and how two ends exchange it.
//!
//! **Invariant: nothing here touches a socket, a file, a clock, the environment
//! or a source of randomness.** Time, chance and bytes come in as arguments.
//!
//! Direction: `ids ← entry ← rules ← ledger ← sync`, with `wire`, `seal`, `sign` and `lease` beside them;
//! `digest` stands on `seal` and `sign`, `audit` on `rules::identity` alone.

pub mod audit;
pub mod digest;
pub mod entry;
pub mod ids;
pub mod lease;
pub mod ledger;
#[cfg(feature = "plant")]
pub mod plant;
pub mod rules;
pub mod seal;
pub mod sign;
pub mod sync;
pub mod wire;

/// Whether the simulation has planted a bug here: in everything that is shipped the word `false`.
#[cfg(not(feature = "plant"))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// Whether the simulation has planted a bug here ([`plant`]).
#[cfg(feature = "plant")]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::plant::is($crate::plant::Bug::$bug)
    };
}
