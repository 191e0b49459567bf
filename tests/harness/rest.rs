//! Looking for people in everything that lies on a disk: known numbers, birth dates, names and phones
//! in every form in which a program could have let them fall.

mod people;
mod scan;

pub use people::{Known, Turn, people};
pub use scan::{Found, Looked, Scanner};
