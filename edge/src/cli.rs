//! The command line: parsed here, given meaning in the rooms beneath.
//!
//! A command that asks the node something is one request to the API: sent to the `serve` that
//! holds the folder, or answered by the same router in this process. Exit code 0: done,
//! 1: refused, 2: an error.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset};
use clap::{Args, Parser, Subcommand};

mod call;
mod deeds;
mod doctor;
mod enrol;
mod keys;
mod output;
mod serve;
mod verify;

pub use keys::{KeyArgs, KeysCommand, KeysFrom};
pub use output::Outcome;

use crate::fault::Fault;

/// Where the pages are served unless told otherwise.
const LISTEN: &str = "127.0.0.1:8750";

/// Atoll's node at a pharmacy or health station: sells by the rules with the line down.
#[derive(Debug, Parser)]
#[command(name = "atoll-edge", version)]
pub struct Cli {
    /// The site's data folder.
    #[arg(long, global = true, env = "ATOLL_EDGE_DATA", default_value = "atoll-edge-data", value_name = "DIR")]
    pub data: PathBuf,
    /// Answers for machines: one JSON object.
    #[arg(long, global = true)]
    pub json: bool,
    /// Rehearsals only: take this for the present time. Marked loudly everywhere.
    #[arg(long, global = true, value_name = "RFC3339", value_parser = DateTime::parse_from_rfc3339)]
    pub rehearsal_clock: Option<DateTime<FixedOffset>>,
    /// Where the key file lies and what opens it.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set a new data folder up for a site.
    Init {
        /// 醫事機構代碼, ten characters.
        #[arg(long, value_name = "CODE")]
        site: String,
        /// 院所簡稱; the hub's name replaces it at enrolment.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Get this site's certificate from the hub.
    Enrol {
        /// The hub, host:port.
        #[arg(long, value_name = "ADDR")]
        hub: String,
        /// The one-time token that the hub printed.
        #[arg(long)]
        token: String,
    },
    /// Serve the counter's pages and keep the line to the hub.
    Serve {
        /// Where to listen, on this computer alone.
        #[arg(long, default_value = LISTEN, value_name = "IP:PORT")]
        listen: SocketAddr,
        /// For counters on other computers of the shop: this computer's address there. TLS, and browsers that are paired.
        #[arg(long, value_name = "IP:PORT")]
        lan: Option<SocketAddr>,
        /// Another name under which browsers of the site reach this page.
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
        /// What holds the card readers: `atoll-card`.
        #[arg(long, value_name = "PROGRAM")]
        card_helper: Option<PathBuf>,
        /// No real readers: cards of these people are put in from the page. Only in a rehearsal.
        #[arg(long, value_name = "PEOPLE", requires = "card_helper")]
        demonstration_cards: Option<PathBuf>,
        /// What reads certificate cards: a PKCS#11 module of their maker's. `atoll-card` loads it, nothing else does.
        #[arg(long, value_name = "FILE", requires = "card_helper", conflicts_with = "demonstration_cards")]
        card_module: Vec<PathBuf>,
    },
    /// 口罩到貨: count goods in.
    Arrive {
        /// How many.
        #[command(flatten)]
        pieces: PiecesArgs,
        /// By whom, under which key.
        #[command(flatten)]
        deed: DeedArgs,
    },
    /// 資格審核: may this person buy?
    Check {
        /// Whose.
        #[command(flatten)]
        document: DocumentArgs,
        /// Which programme, where several are in force.
        #[arg(long)]
        programme: Option<String>,
    },
    /// 購買: sell.
    Sell {
        /// Whose.
        #[command(flatten)]
        document: DocumentArgs,
        /// How many.
        #[command(flatten)]
        pieces: PiecesArgs,
        /// Who carried it.
        #[command(flatten)]
        proxy: ProxyArgs,
        /// Who else stands for it, where the rules want a second person: not the seller.
        #[arg(long, value_name = "NAME")]
        manager: Option<String>,
        /// By whom, under which key.
        #[command(flatten)]
        deed: DeedArgs,
    },
    /// Take a sale or an arrival of today back.
    Withdraw {
        /// Its number, as printed.
        entry: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// By whom, under which key.
        #[command(flatten)]
        deed: DeedArgs,
    },
    /// Write down a sale that already happened (power cut, paper list).
    Record {
        /// Whose.
        #[command(flatten)]
        document: DocumentArgs,
        /// How many.
        #[command(flatten)]
        pieces: PiecesArgs,
        /// Who carried it.
        #[command(flatten)]
        proxy: ProxyArgs,
        /// When, in Taipei: "109/02/06 10:30" or "2020-02-06 10:30".
        #[arg(long, value_name = "TIME")]
        at: String,
        /// By whom, under which key.
        #[command(flatten)]
        deed: DeedArgs,
    },
    /// Correct the stock: so many more or fewer.
    Correct {
        /// How many.
        #[command(flatten)]
        pieces: PiecesArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// By whom, under which key.
        #[command(flatten)]
        deed: DeedArgs,
    },
    /// 提出異議: somebody who is refused as having bought says that it is wrong.
    Dispute {
        /// Whose.
        #[command(flatten)]
        document: DocumentArgs,
        /// What the person says.
        #[arg(long)]
        reason: String,
        /// By whom, under which key.
        #[command(flatten)]
        deed: DeedArgs,
    },
    /// This site's disputes and what was decided on them.
    Disputes,
    /// 最近購買紀錄.
    Recent {
        /// How many at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Whether the text of a booking slip holds, without a line: by the hub's key that is kept here.
    VerifySlip {
        /// What was scanned: ATOLL1.…
        text: String,
    },
    /// 電腦設定檢查: what stands between this computer and a working counter, and what to do.
    Doctor,
    /// How site, stock, line and clock stand.
    Status,
    /// The whole ledger as one JSON object a line, documents masked.
    Export,
    /// Who looked up whom and who signed in, a record a line, linked.
    Audit,
    /// Name every entry that is missing, changed, or not the one that the hub signed for.
    Verify,
    /// Put the key file under a passphrase, or take it out again.
    Keys {
        /// Which.
        #[command(subcommand)]
        what: KeysCommand,
    },
    /// Rehearsals: cut or heal the line.
    Line {
        /// Which.
        #[command(subcommand)]
        what: LineCommand,
    },
}

/// Cut or heal.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum LineCommand {
    /// Hang up and do not dial.
    Cut,
    /// Dial again.
    Heal,
}

/// A document.
#[derive(Debug, Args)]
pub struct DocumentArgs {
    /// 身分別: 01 to 05.
    #[arg(long, default_value = "01")]
    pub kind: String,
    /// 證號.
    #[arg(long)]
    pub number: String,
    /// 出生日期: 19860315, 1986-03-15 or 75/03/15.
    #[arg(long)]
    pub birth: String,
}

/// Who carried the card (M20).
#[derive(Debug, Args)]
pub struct ProxyArgs {
    /// The proxy's 身分別.
    #[arg(long, default_value = "01")]
    pub proxy_kind: String,
    /// The proxy's 證號.
    #[arg(long, requires = "proxy_birth")]
    pub proxy_number: Option<String>,
    /// The proxy's 出生日期.
    #[arg(long, requires = "proxy_number")]
    pub proxy_birth: Option<String>,
}

/// Pieces; the rules judge them, not the command line.
#[derive(Debug, Args)]
pub struct PiecesArgs {
    /// 成人片數.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true, value_name = "N")]
    pub adult: i64,
    /// 兒童片數.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true, value_name = "N")]
    pub child: i64,
}

/// Of every deed.
#[derive(Debug, Args)]
pub struct DeedArgs {
    /// Who does it (not proven: signing in comes later).
    #[arg(long = "as", value_name = "NAME", default_value = "")]
    pub by: String,
    /// The same key again is the same deed, done once.
    #[arg(long, value_name = "KEY")]
    pub request: Option<String>,
    /// Which programme, where several are in force.
    #[arg(long)]
    pub programme: Option<String>,
}

/// Runs one command; `serve` until the process is told to stop.
///
/// # Errors
/// Where the machine, the folder or the request is at fault; a refusal is an [`Outcome`].
pub fn run(cli: &Cli) -> Result<Outcome, Fault> {
    let folder = keys::folder(cli)?;
    match &cli.command {
        Command::Init { site, name } => deeds::init(&folder, site, name),
        Command::Enrol { hub, token } => enrol::enrol(&folder, hub, token),
        Command::Keys { what } => keys::run(&folder, what),
        Command::Line { what } => deeds::line(&folder, *what),
        Command::Verify => verify::verify(&folder),
        Command::Doctor => doctor::doctor(&folder, cli.rehearsal_clock),
        Command::Serve { listen, lan, host, card_helper, demonstration_cards, card_module } => {
            let readers = serve::Readers {
                helper: card_helper.clone(),
                people: demonstration_cards.clone(),
                modules: card_module.clone(),
            };
            let doors = serve::Doors { listen: *listen, lan: *lan, names: host, readers };
            serve::serve(&folder, cli.rehearsal_clock, &doors).map(|()| Outcome::silent())
        }
        Command::Arrive { .. }
        | Command::Check { .. }
        | Command::Sell { .. }
        | Command::Withdraw { .. }
        | Command::Record { .. }
        | Command::Correct { .. }
        | Command::Dispute { .. }
        | Command::Disputes
        | Command::VerifySlip { .. }
        | Command::Recent { .. }
        | Command::Status
        | Command::Export
        | Command::Audit => {
            let call = deeds::call(&cli.command);
            call::ask(&folder, cli.rehearsal_clock, &call)
        }
    }
}

/// Prints what came of a command and gives the exit code.
#[must_use]
pub fn finish(json: bool, ended: Result<Outcome, Fault>) -> u8 {
    output::finish(json, ended)
}

#[cfg(test)]
mod tests;
