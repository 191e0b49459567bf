//! The command line, as a program.

#[cfg(test)]
#[path = "commands/program.rs"]
mod program;
