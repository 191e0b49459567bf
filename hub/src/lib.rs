//! Atoll's centre: it takes every ledger, finds who was served twice, explains each case and tells
//! every edge what it needs so that it does not happen again.
//!
//! `main → cli → {gateway, console} → mailbox → hub → {ingest, project, conflict, cases, publish, registry,
//! operators, identities, audit} → store`.

pub mod audit;
pub mod authority;
pub mod booking;
pub mod cases;
pub mod cli;
pub mod clock;
pub mod config;
mod confirm;
pub mod conflict;
pub mod console;
pub mod counters;
pub mod crash;
pub mod digests;
pub mod disputes;
pub mod gateway;
pub mod hub;
pub mod identities;
pub mod ingest;
pub mod keep;
pub mod lives;
pub mod mailbox;
pub mod notices;
pub mod opendata;
pub mod operators;
mod project;
pub mod publish;
pub mod registry;
pub mod rights;
mod signed;
pub mod store;
pub mod verify;
pub mod view;

#[cfg(test)]
mod testing;
