//! What edges and hubs of each version said to each other, and the folders that they left: recorded by `atoll-record`,
//! kept in `tests/versions`, played against the programs of this version.

pub mod enrolment;
pub mod folder;
pub mod line;
pub mod play;
pub mod read;
pub mod shapes;
pub mod story;
pub mod tap;
