//! The command line, as a program.

#[cfg(test)]
#[path = "commands/program.rs"]
mod program;

#[cfg(test)]
#[path = "commands/audit.rs"]
mod audit;

#[cfg(test)]
#[path = "commands/lan.rs"]
mod lan;

#[cfg(test)]
#[path = "commands/slips.rs"]
mod slips;
