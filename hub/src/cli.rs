//! The operator's commands. Exit code 0: done; 2: not done, and why on standard error.

mod audit;
mod bookings;
mod cases;
mod disputes;
mod issuers;
mod keep;
mod keys;
mod notices;
mod operators;
mod output;
mod rounds;
mod rules;
mod serve;
mod sites;
mod staff;
mod venues;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, FixedOffset, NaiveDate};
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use shared::audit::Deed;
use shared::ids::{ProgrammeId, SiteCode};

use crate::authority::Authority;
use crate::clock::WallClock;
use crate::config::DataFolder;
use crate::digests::{JUMP_ITEMS, MANIFEST_EVERY_S};
use crate::hub::Hub;

use output::Output;
pub use output::complain;

/// Exit code of everything that was not done.
pub const FAILED: u8 = 2;

/// Atoll's hub: takes every ledger, finds who was served twice, explains each case.
#[derive(Debug, Parser)]
#[command(name = "atoll-hub", version, about)]
pub struct Cli {
    /// The data folder.
    #[arg(long, global = true, value_name = "DIR", env = "ATOLL_HUB_DATA")]
    data: Option<PathBuf>,
    /// Answer in JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    /// REHEARSAL ONLY: start the clock here instead of now (2020-02-06T09:00:00+08:00).
    #[arg(long, global = true, value_name = "RFC3339", value_parser = rfc3339)]
    rehearsal_clock: Option<DateTime<FixedOffset>>,
    #[command(flatten)]
    keys: keys::KeyArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the data folder: keys, certificates, an empty store.
    Init {
        /// Names and addresses by which edges reach this hub (localhost is always among them).
        #[arg(long = "name", value_name = "HOST", num_args = 1..)]
        hosts: Vec<String>,
    },
    /// List the sites, or import them.
    Sites(SitesArgs),
    /// Print a one-time token with which a site enrols.
    Enrol {
        /// Its ten-digit code.
        site: SiteCode,
        /// How long the token is good, in minutes.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=7 * 24 * 60))]
        minutes: u32,
    },
    /// Revoke a site's certificates; its lines end within seconds.
    Revoke {
        /// Its ten-digit code.
        site: SiteCode,
    },
    /// Take edges and show the console until Ctrl-C.
    Serve(ServeArgs),
    /// Publish or list the programmes' versions.
    #[command(subcommand)]
    Programme(ProgrammeCommand),
    /// Announce a delivery to a site.
    Delivery(DeliveryArgs),
    /// List the cases.
    Cases {
        /// Only this programme's.
        #[arg(long)]
        programme: Option<ProgrammeId>,
        /// Also those whose findings have gone since.
        #[arg(long)]
        all: bool,
    },
    /// List sales that reached the hub before they were made: those sites' clocks were wrong.
    Clocks,
    /// Explain one case.
    Case {
        /// Its id, or enough of its beginning.
        id: String,
    },
    /// List the disputes that wait for a decision; `case` explains one.
    Disputes {
        /// Also those that are decided.
        #[arg(long)]
        all: bool,
    },
    /// Decide a dispute, or decide it otherwise: the last decision holds.
    Decide(disputes::DecideArgs),
    /// Who may do what at a site: give rights, take them back, and see what was done without one.
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// Whose certificate cards count.
    #[command(subcommand)]
    Issuer(issuers::IssuerCommand),
    /// Which certificate cards their issuers have revoked.
    #[command(subcommand)]
    Crl(issuers::CrlCommand),
    /// When may be booked, for which days, by whom.
    #[command(subcommand)]
    Round(rounds::RoundCommand),
    /// Who may book in a round.
    #[command(subcommand)]
    List(rounds::ListCommand),
    /// Where people go.
    #[command(subcommand)]
    Venue(venues::VenueCommand),
    /// How many a venue takes in an hour.
    #[command(subcommand)]
    Slot(venues::SlotCommand),
    /// Find a booking, or take it back.
    #[command(subcommand)]
    Booking(bookings::BookingCommand),
    /// Who waits for a place.
    #[command(subcommand)]
    Wish(bookings::WishCommand),
    /// What is lent to the sites.
    #[command(subcommand)]
    Lease(bookings::LeaseCommand),
    /// Texts for every counter: announcements, contacts, questions and answers, policies.
    #[command(subcommand)]
    Notice(notices::NoticeCommand),
    /// Who may sign in at the console, and what programs ask with.
    #[command(subcommand)]
    Operator(operators::OperatorCommand),
    /// What everybody did: export it, or look whether it is what was written.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Read the whole journal and name every entry that is missing, changed, out of its place or not signed.
    Verify,
    /// Copy the store into one file, while it serves. The keys are not in it.
    Backup {
        /// The new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Bring a backup back into a folder that has the keys and no store.
    Restore {
        /// The backup.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Put the keys under a passphrase, take them out again, or bring them back from an escrow.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Write every key and certificate to one new file, under a passphrase of its own, to be kept elsewhere.
    Escrow(keys::EscrowArgs),
    /// Forget every projection and case and make them again from the journal.
    Rebuild,
}

#[derive(Debug, Args)]
struct SitesArgs {
    #[command(subcommand)]
    command: Option<SitesCommand>,
    /// Only sites whose code, name or address holds this.
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
}

#[derive(Debug, Subcommand)]
enum SitesCommand {
    /// Take the register of sites from a CSV file (.csv or .csv.gz), or the shipped one of 6,745.
    Import {
        /// The file.
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Where edges arrive (QUIC over UDP).
    #[arg(long, default_value = "127.0.0.1:7443")]
    listen: SocketAddr,
    /// Where the console listens (TCP).
    #[arg(long, default_value = "127.0.0.1:7480")]
    http: SocketAddr,
    /// Further names (with port) by which the console may be asked.
    #[arg(long, value_name = "HOST:PORT")]
    http_host: Vec<String>,
    /// How often the nation's digests are brought up to date, in seconds.
    #[arg(long, default_value_t = MANIFEST_EVERY_S, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    digests_every: i64,
    /// An edge that is so many items of the feed behind is given digests in place of them.
    #[arg(long, default_value_t = JUMP_ITEMS)]
    digests_ahead: u64,
}

#[derive(Debug, Subcommand)]
enum ProgrammeCommand {
    /// Publish a version to every edge.
    Publish {
        /// A version file, or the name of a shipped version such as mask-2020-02-06.
        version: String,
    },
    /// List what has been published and what is shipped.
    List,
}

#[derive(Debug, Args)]
struct DeliveryArgs {
    /// The site's ten-digit code.
    site: SiteCode,
    /// Pieces of the first kind (adult masks).
    #[arg(long)]
    adult: u32,
    /// Pieces of the second kind (child masks).
    #[arg(long, default_value_t = 0)]
    child: u32,
    /// For which business day; today where none is given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<NaiveDate>,
    /// Of which programme; the only one where there is one.
    #[arg(long)]
    programme: Option<ProgrammeId>,
}

fn rfc3339(text: &str) -> Result<DateTime<FixedOffset>, chrono::ParseError> {
    DateTime::parse_from_rfc3339(text)
}

/// What every command needs.
struct Desk {
    folder: DataFolder,
    clock: WallClock,
    out: Output,
}

impl Desk {
    fn open(&self) -> anyhow::Result<(Authority, Hub)> {
        let authority = self.folder.authority()?;
        let hub = self.folder.hub(&authority)?;
        Ok((authority, hub))
    }

    /// For the audit: who is at the hub's own keyboard, as the system knows them. No account is named so.
    fn who(&self) -> String {
        format!("cli:{}:{}", rustix::process::getuid().as_raw(), operator())
    }

    /// Carries a deed out with its record in one transaction.
    fn recorded<T>(
        &self,
        hub: &mut Hub,
        (deed, about, note): (&str, &str, &str),
        work: impl FnOnce(&mut Hub) -> T,
    ) -> T {
        hub.recorded(self.clock.second(), Deed { who: &self.who(), deed, about, note }, work)
    }

    /// Writes a look down.
    fn looked(&self, hub: &mut Hub, (deed, about, note): (&str, &str, &str)) -> anyhow::Result<()> {
        Ok(hub.write_down(self.clock.second(), Deed { who: &self.who(), deed, about, note })?)
    }
}

/// Does what was asked.
///
/// # Errors
/// What went wrong, for [`complain`].
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let clock = cli.rehearsal_clock.map_or_else(WallClock::system, WallClock::rehearsing);
    let folder = keys::folder(DataFolder::named(cli.data)?, &cli.keys)?;
    let desk = Desk { folder, clock, out: Output::new(cli.json) };
    if clock.is_rehearsal() {
        output::mark_rehearsal(&clock);
    }
    match cli.command {
        Command::Init { hosts } => init(&desk, &hosts),
        Command::Sites(SitesArgs { command: Some(SitesCommand::Import { file }), .. }) => {
            sites::import(&desk, file.as_deref())
        }
        Command::Sites(SitesArgs { command: None, find }) => sites::list(&desk, find.as_deref()),
        Command::Enrol { site, minutes } => sites::enrol(&desk, &site, minutes),
        Command::Revoke { site } => sites::revoke(&desk, &site),
        Command::Serve(args) => serve::run(&desk, &args),
        Command::Programme(ProgrammeCommand::Publish { version }) => rules::publish(&desk, &version),
        Command::Programme(ProgrammeCommand::List) => rules::list(&desk),
        Command::Delivery(args) => rules::announce(&desk, &args),
        Command::Cases { programme, all } => cases::list(&desk, programme.as_ref(), all),
        Command::Case { id } => cases::explain(&desk, &id),
        Command::Disputes { all } => disputes::list(&desk, all),
        Command::Decide(args) => disputes::decide(&desk, &args),
        Command::Staff(command) => staff::run(&desk, &command),
        Command::Issuer(command) => issuers::run(&desk, &command),
        Command::Crl(command) => issuers::run_crl(&desk, &command),
        Command::Notice(command) => notices::run(&desk, &command),
        Command::Round(command) => rounds::run(&desk, &command),
        Command::List(command) => rounds::run_list(&desk, &command),
        Command::Venue(command) => venues::run(&desk, &command),
        Command::Slot(command) => venues::run_slot(&desk, &command),
        Command::Booking(command) => bookings::run(&desk, &command),
        Command::Wish(command) => bookings::run_wish(&desk, &command),
        Command::Lease(command) => bookings::run_lease(&desk, &command),
        Command::Operator(command) => operators::run(&desk, &command),
        Command::Audit(command) => audit::run(&desk, &command),
        Command::Verify => keep::verify(&desk),
        Command::Backup { out } => keep::backup(&desk, &out),
        Command::Restore { from } => keep::restore(&desk, &from),
        Command::Clocks => cases::clocks(&desk),
        Command::Keys(command) => keys::run(&desk, &command),
        Command::Escrow(args) => keys::escrow(&desk, &args),
        Command::Rebuild => cases::rebuild(&desk),
    }
}

fn init(desk: &Desk, hosts: &[String]) -> anyhow::Result<()> {
    desk.folder.init(hosts)?;
    let folder = desk.folder.to_string();
    let text = format!(
        "資料夾已建立 initialised: {folder}\n\
         keys: for their owner only; `atoll-hub escrow` makes the copy that belongs elsewhere\n\
         next: atoll-hub --data {folder} sites import\n"
    );
    desk.out.say(&json!({ "initialised": folder }), &text)
}

/// Who is at the keyboard, for the entries that the hub writes.
fn operator() -> String {
    let user = std::env::var("USER").unwrap_or_default();
    let name = if user.is_empty() { "operator" } else { &user };
    name.chars().take(20).collect()
}

/// A site that the register does not have.
fn unknown_site(site: &SiteCode) -> anyhow::Error {
    let hint = if site.check_digit_fits() {
        ""
    } else {
        "; its check digit does not fit (檢查碼不符), perhaps it was mistyped"
    };
    anyhow::anyhow!("查無此醫事機構 unknown site {site}{hint}; `atoll-hub sites import` takes the register")
}

/// A file, with its name in the complaint.
fn read(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("讀不到檔案 read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
