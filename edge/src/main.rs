//! `atoll-edge`: parse → build → run → drain.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use edge::cli::{self, Cli, Command};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    edge::crash::leave_nothing_behind();
    let cli = Cli::parse();
    let quiet = if matches!(cli.command, Command::Serve { .. }) { "info,refinery_core=warn" } else { "error" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    ExitCode::from(cli::finish(cli.json, cli::run(&cli)))
}
