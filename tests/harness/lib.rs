//! The harness of the system tests: scenarios, the replay, the oracle that judges what it says, the
//! benchmarks, and the real binaries as processes.

pub mod bench;
pub mod booked;
pub mod cards;
pub mod cgroup;
pub mod doubles;
pub mod fhir;
pub mod first;
pub mod fleet;
pub mod fuzz;
pub mod ledger;
pub mod oracle;
pub mod pair;
pub mod prepared;
pub mod recorder;
pub mod replay;
pub mod rest;
pub mod scenario;
pub mod siege;
pub mod slow;
pub mod softhsm;
pub mod sweep;
pub mod tables;
pub mod town;
pub mod versions;
