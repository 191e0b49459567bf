//! The harness of the system tests: scenarios, the replay, the oracle that judges what it says, the
//! benchmarks, and the real binaries as processes.

pub mod bench;
pub mod fleet;
pub mod oracle;
pub mod replay;
pub mod scenario;
