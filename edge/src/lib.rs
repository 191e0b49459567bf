//! Atoll's edge: the node at a pharmacy or health station. It decides by itself, durably, in the
//! time it takes to hand over a bag; whenever any line exists it exchanges what it knows with a hub.
//!
//! Direction: `main → {web, uplink} → mailbox → node → {store, nation, clock, keys} → shared`.

pub mod cards;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counter;
pub mod crash;
pub mod desk;
pub mod doctor;
pub mod fault;
mod inquiry;
pub mod keys;
pub mod lan;
pub mod mailbox;
pub mod nation;
pub mod node;
pub mod open;
pub mod stated;
pub mod store;
#[cfg(test)]
mod trial;
pub mod uplink;
pub mod verify;
pub mod web;
