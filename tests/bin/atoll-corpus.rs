//! The fuzz targets' kept inputs, for `scripts/fuzz`: names, unpack, pack, one input again.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use data_encoding::HEXLOWER;
use harness::fuzz::{TARGETS, Target, corpus, target};

#[derive(Parser)]
#[command(version, about = "The kept inputs of the fuzz targets")]
struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand)]
enum Deed {
    /// Prints the targets' names.
    Names,
    /// Writes every known input of a target into a folder.
    Unpack { target: String, folder: PathBuf },
    /// Keeps a folder's inputs, the smallest first.
    Pack {
        target: String,
        folder: PathBuf,
        /// No more than so many bytes of them.
        #[arg(long, default_value_t = 24 * 1024)]
        bytes_max: usize,
    },
    /// Gives a target one input, in hexadecimal.
    Try { target: String, input: String },
}

fn main() -> Result<()> {
    let named =
        |name: &str| -> Result<&'static Target> { target(name).with_context(|| format!("{name} is no target")) };
    match Args::parse().deed {
        Deed::Names => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        Deed::Unpack { target, folder } => corpus::unpack(named(&target)?, &folder)?,
        Deed::Pack { target, folder, bytes_max } => {
            println!("{} inputs kept", corpus::pack(named(&target)?, &folder, bytes_max)?);
        }
        Deed::Try { target, input } => {
            (named(&target)?.holds)(&HEXLOWER.decode(input.as_bytes()).context("not hexadecimal")?);
            println!("holds");
        }
    }
    Ok(())
}
