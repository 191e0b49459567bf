//! Smart cards: what their bytes say, and the way to the helper that holds the readers. Everything on a card is as
//! hostile as what a peer sends.
//!
//! **Invariant: nothing here talks to a reader.** Readers belong to `atoll-card`, a process of its own (decision 13):
//! a driver that hangs, crashes or is missing takes nothing else down.

pub mod apdu;
pub mod certificate;
pub mod failure;
pub mod lines;
pub mod login;
pub mod nhi;
pub mod pin;
pub mod readers;
pub mod runner;
