//! `atoll-hub`: parse, build, run, drain.

use std::process::ExitCode;

use clap::Parser;
use hub::cli::{self, Cli};

fn main() -> ExitCode {
    hub::crash::leave_nothing_behind();
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            cli::complain(&cause);
            ExitCode::from(cli::FAILED)
        }
    }
}
