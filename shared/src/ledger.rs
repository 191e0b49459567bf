//! Ledgers: Automerge documents of entries, one change an entry, one put at the root a change.
//!
//! [`schema`] alone knows what stands where in the document; [`chain`] builds changes from facts
//! without opening one; [`fold`] makes the document when somebody asks for it.

pub mod chain;
pub mod fold;
pub mod run;
pub mod schema;
