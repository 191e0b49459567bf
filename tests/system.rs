//! Everything that needs both an edge and a hub, the benches of faults, and the walls of the code base: one program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod at_rest;
mod booked;
mod booking;
mod cards;
mod certificates;
mod cgroup;
mod clocks;
mod crash;
mod crash_lives;
mod crash_migrate;
mod crash_points;
mod crash_restore;
mod crash_sync;
mod disk;
mod disputes;
mod doctor;
mod doubles;
mod feed;
mod fuzz;
mod keys;
mod lives;
mod panics;
mod power;
mod replay;
mod sign_in;
mod simulation;
mod slow_line;
mod smart;
mod tidy;
mod versions;
