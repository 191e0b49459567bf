//! `atoll-bare`: a QUIC server with a hub's papers that knows nothing but its lines, until killed. What the feed is
//! measured beside (`scripts/bench feed`).

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use harness::bench::feed::bare::serve;

/// Tells all lines one byte when one of them says so.
#[derive(Debug, Parser)]
struct Arguments {
    /// The hub's folder.
    #[arg(long)]
    data: PathBuf,
    /// Where to listen (UDP).
    #[arg(long)]
    listen: SocketAddr,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(arguments.data, arguments.listen))
}
