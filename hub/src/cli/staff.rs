//! `staff`: who may do what at a site, and what was done by somebody who might not.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::entry::access::{Right, ServiceStanding};
use shared::ids::{ServiceName, SiteCode};
use shared::rules::access::ServiceNow;
use shared::rules::access::card::CardKind;
use shared::rules::calendar::roc_minute;

use super::{Desk, operator, read, unknown_site};
use crate::audit::deeds;
use crate::rights::{NewGrant, StaffMember, StaffRight, has_certificate};
use crate::view;

/// A column that names a file is never longer than this and holds no more than one line.
const PATH_CHARS_MAX: usize = 255;
/// Most lines of one import.
const LINES_MAX: usize = 50_000;
/// So many bad lines are named.
const BAD_LINES_SHOWN: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Give somebody rights at a site: the representative, or staff by default (S17, S20).
    Grant(GrantArgs),
    /// Take rights back. Entries of before stand; what is done later is flagged when the ledgers meet.
    Revoke(RevokeArgs),
    /// Everybody with rights at a site: until when, by whom, withdrawn, void and why.
    List {
        /// Its ten-digit code.
        site: SiteCode,
    },
    /// Give many people rights at many sites (S20) from a CSV file: site,name,card,right,until,certificate.
    Import {
        /// The file. Several rights have a semicolon between them; a certificate is a file beside it, or base64.
        file: PathBuf,
    },
    /// Say yes or no to a service at a site (S18, S21); without --approve or --refuse: where it stands.
    Service(ServiceArgs),
    /// What was done by somebody without the right to it, and grants that give nothing.
    Flagged {
        /// Only this site's.
        site: Option<SiteCode>,
    },
}

#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// The site's ten-digit code.
    site: SiteCode,
    /// Their name.
    #[arg(long)]
    name: String,
    /// Which card: institution, government, professional or citizen.
    #[arg(long)]
    card: CardKind,
    /// The card's certificate, PEM or DER. An NHI card has none: it is entered at its site.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// What: representative, manager, service:masks, service:booking. May be given several times.
    #[arg(long = "right", value_name = "RIGHT", required = true)]
    rights: Vec<Right>,
    /// The last day; one year from now, or as long as the card is valid, where none is given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The site's ten-digit code.
    site: SiteCode,
    /// Who, by the id that `staff list` shows, or enough of its beginning.
    staff: String,
    /// What. May be given several times.
    #[arg(long = "right", value_name = "RIGHT", required = true)]
    rights: Vec<Right>,
    /// Why; it stands in the ledger and is told at the counter.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// The site's ten-digit code.
    site: SiteCode,
    /// Which: masks or booking.
    service: ServiceName,
    /// Yes.
    #[arg(long, conflicts_with = "refuse", requires = "reason")]
    approve: bool,
    /// No: nobody there may use it.
    #[arg(long, requires = "reason")]
    refuse: bool,
    /// Why; it stands in the ledger and is told at the counter.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) fn run(desk: &Desk, command: &StaffCommand) -> anyhow::Result<()> {
    match command {
        StaffCommand::Grant(args) => grant(desk, args),
        StaffCommand::Revoke(args) => revoke(desk, args),
        StaffCommand::List { site } => list(desk, site),
        StaffCommand::Service(args) => service(desk, args),
        StaffCommand::Import { file } => import(desk, file),
        StaffCommand::Flagged { site } => flagged(desk, site.as_ref()),
    }
}

fn grant(desk: &Desk, args: &GrantArgs) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let certificate = match &args.certificate {
        Some(path) if has_certificate(args.card) => read(path)?,
        None if has_certificate(args.card) => bail!("請附憑證檔 the card's certificate is needed: --certificate FILE"),
        // The hub says who can enter such a card.
        Some(_) | None => Vec::new(),
    };
    let (site, name) = (args.site, args.name.clone());
    let new = NewGrant { site, name, card: args.card, certificate, rights: args.rights.clone(), until: args.until };
    let deed = (deeds::STAFF_GRANTED, args.site.as_str(), args.name.as_str());
    let second = desk.clock.second();
    let ids = match desk.recorded(&mut hub, deed, |hub| hub.grant(std::slice::from_ref(&new), &operator(), second))? {
        Ok(ids) => ids,
        Err(bad) => {
            return Err(bad.into_iter().next().map_or_else(|| anyhow!("nothing to grant"), |(_, bad)| bad.into()));
        }
    };
    let id = ids.first().context("nobody was given anything")?;
    let member = hub.staff(&site)?.into_iter().find(|member| member.id == *id).context("the grant is not there")?;
    let today = desk.clock.day();
    let text = format!("已授權 granted at {site}\n{}", in_words(&member, today, &|giver| giver.to_owned()));
    desk.out.say(&json!({ "site": site.as_str(), "granted": view::staff_member(&member, today) }), &text)
}

fn revoke(desk: &Desk, args: &RevokeArgs) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let (who, why) = ((args.staff.as_str(), args.rights.as_slice()), (args.reason.as_str(), operator()));
    let deed = (deeds::STAFF_REVOKED, args.site.as_str(), args.reason.as_str());
    let second = desk.clock.second();
    let id = desk.recorded(&mut hub, deed, |hub| hub.revoke_rights(&args.site, who, (why.0, &why.1), second))??;
    let (zh, en) = view::rights_words(&args.rights);
    let text = format!("{} {id}: 已收回 {zh} taken back: {en}\n", args.site);
    let rights: Vec<String> = args.rights.iter().map(Right::to_string).collect();
    desk.out.say(&json!({ "site": args.site.as_str(), "staff": id.to_string(), "revoked": rights }), &text)
}

fn service(desk: &Desk, args: &ServiceArgs) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    if args.approve || args.refuse {
        let standing = if args.approve { ServiceStanding::Approved } else { ServiceStanding::Refused };
        let (reason, by) = (args.reason.as_deref().unwrap_or_default(), operator());
        let note = format!("{} {}", args.service, standing.code());
        let deed = (deeds::SERVICE_ANSWERED, args.site.as_str(), note.as_str());
        let (what, why, second) = ((&args.service, standing), (reason, by.as_str()), desk.clock.second());
        desk.recorded(&mut hub, deed, |hub| hub.answer_service(&args.site, what, why, second))??;
    }
    let ServiceNow { decided, applied } = hub.service(&args.site, &args.service)?;
    let standing = decided.as_ref().map_or("open", |word| word.standing.code());
    let reason = decided.as_ref().map_or("", |word| word.reason.as_str());
    let asked = applied.map(|at| roc_minute(at.second));
    let waits = asked.as_ref().map_or(String::new(), |at| format!("，已申請 asked for {at}"));
    let text = format!("{} {}: {standing} {reason}{waits}\n", args.site, args.service);
    let value = json!({
        "site": args.site.as_str(), "service": args.service.as_str(), "standing": standing, "reason": reason,
        "applied": applied.map(|at| at.second),
    });
    desk.out.say(&value, &text)
}

fn list(desk: &Desk, site: &SiteCode) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let record = hub.site(site)?.ok_or_else(|| unknown_site(site))?;
    let (staff, today) = (hub.staff(site)?, desk.clock.day());
    let giver_name = |id: &str| {
        let giver = staff.iter().find(|member| member.id.to_string() == id);
        giver.map_or_else(|| id.to_owned(), |giver| view::masked_name(&giver.name))
    };
    let mut text = format!("{} {}\n", record.code, record.name);
    for member in &staff {
        text.push_str(&in_words(member, today, &giver_name));
    }
    let _ = writeln!(text, "{} 人 people", staff.len());
    let value: Vec<Value> = staff.iter().map(|member| view::staff_member(member, today)).collect();
    desk.out.say(&json!({ "site": site.as_str(), "staff": value }), &text)
}

/// Writing to a String cannot fail.
fn in_words(member: &StaffMember, today: NaiveDate, giver_name: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    let card = member.card;
    let _ = writeln!(text, "{}  {}  {} {}", member.id, view::masked_name(&member.name), card.zh(), card.en());
    if let Some(since) = member.revoked {
        let _ = writeln!(text, "    卡片已廢止 the issuer revoked this card at {}", roc_minute(since));
    }
    for StaffRight { right, holding: held, withdrawn } in &member.rights {
        let by = held.giver.map_or_else(|| "中心 hub".to_owned(), |giver| giver_name(&giver.to_string()));
        let standing = match withdrawn {
            Some((second, reason)) => format!("已收回 taken back {}：{reason}", roc_minute(*second)),
            None if held.until < today => "已到期 expired".to_owned(),
            None => "有效 holds".to_owned(),
        };
        let (zh, en, until) = (right.zh(), right.en(), held.until);
        let _ = writeln!(text, "    {zh} {en}  至 until {until}  授權 by {by}  {standing}");
    }
    for (grant, why, rights) in &member.void {
        let (zh, en) = view::rights_words(rights);
        let _ = writeln!(text, "    無效授權 void grant {grant} ({zh} {en}): {} {}", why.zh(), why.en());
    }
    text
}

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    site: String,
    name: String,
    card: String,
    right: String,
    until: Option<NaiveDate>,
    certificate: String,
}

fn import(desk: &Desk, file: &Path) -> anyhow::Result<()> {
    let bytes = read(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let (grants, lines, mut bad) = grants_of(&bytes, folder)?;
    let (_, mut hub) = desk.open()?;
    let line = |place: usize| lines.get(place).copied().unwrap_or_default();
    let now = desk.clock.second();
    let (name, count) = (file.display().to_string(), format!("{} lines", grants.len()));
    let deed = (deeds::STAFF_GRANTED, name.as_str(), count.as_str());
    bad.extend(hub.bad_grants(&grants, now)?.into_iter().map(|(place, why)| (line(place), why.to_string())));
    bad.sort_unstable();
    if !bad.is_empty() {
        let shown: Vec<String> =
            bad.iter().take(BAD_LINES_SHOWN).map(|(line, why)| format!("  line {line}: {why}")).collect();
        let (name, count) = (file.display(), bad.len());
        bail!("{name}: {count} 行有誤，未作任何變更 bad lines, nothing was granted:\n{}", shown.join("\n"));
    }
    let written = desk.recorded(&mut hub, deed, |hub| hub.grant(&grants, &operator(), now))?;
    let ids = written.map_err(|_| anyhow!("憑證機構在此期間有變更 the issuers changed meanwhile: try again"))?;
    let text = format!("已授權 {} 人次 grants written from {}\n", ids.len(), file.display());
    desk.out.say(&json!({ "granted": ids.len() }), &text)
}

/// The grants of a file, the line of each, and what is wrong with the other lines.
type Parsed = (Vec<NewGrant>, Vec<u64>, Vec<(u64, String)>);

fn grants_of(bytes: &[u8], folder: &Path) -> anyhow::Result<Parsed> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let head = reader.headers().context("read the first line")?.clone();
    let wanted = ["site", "name", "card", "right", "until", "certificate"];
    if let Some(missing) = wanted.iter().find(|column| !head.iter().any(|name| name == **column)) {
        bail!("缺少欄位 no column {missing:?} in the first line; the columns are {}", wanted.join(","));
    }
    let (mut grants, mut lines, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    for (place, record) in reader.records().enumerate() {
        if place >= LINES_MAX {
            bail!("檔案過長 more than {LINES_MAX} lines: split the file");
        }
        let line =
            record.as_ref().ok().and_then(csv::StringRecord::position).map_or(place as u64 + 2, csv::Position::line);
        let parsed = record
            .and_then(|record| record.deserialize::<Line>(Some(&head)))
            .map_err(anyhow::Error::from)
            .and_then(|parsed| new_grant(parsed, folder));
        match parsed {
            Ok(grant) => {
                grants.push(grant);
                lines.push(line);
            }
            Err(why) => bad.push((line, format!("{why:#}"))),
        }
    }
    if grants.is_empty() && bad.is_empty() {
        bail!("檔案沒有資料 no line in it");
    }
    Ok((grants, lines, bad))
}

fn new_grant(line: Line, folder: &Path) -> anyhow::Result<NewGrant> {
    let rights = line.right.split(';').map(|right| right.trim().parse::<Right>()).collect::<Result<_, _>>()?;
    let card: CardKind = line.card.parse()?;
    let certificate = if has_certificate(card) { certificate_of(&line.certificate, folder)? } else { Vec::new() };
    Ok(NewGrant { site: line.site.parse()?, name: line.name, card, certificate, rights, until: line.until })
}

/// A file beside the list, or the certificate itself in base64.
fn certificate_of(text: &str, folder: &Path) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(text);
    if text.chars().count() <= PATH_CHARS_MAX && path.is_file() {
        return read(&path);
    }
    if text.len() < PATH_CHARS_MAX {
        return Err(anyhow!("讀不到憑證檔 no certificate file {text:?}"));
    }
    Ok(text.as_bytes().to_vec())
}

fn flagged(desk: &Desk, site: Option<&SiteCode>) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    if let Some(site) = site {
        hub.site(site)?.ok_or_else(|| unknown_site(site))?;
    }
    let lines = view::staff_cases(&hub, site, usize::MAX)?;
    let value: Vec<Value> = lines.iter().map(view::staff_case).collect();
    let text = format!("{}{} 件 found\n", flagged_in_lines(&lines), lines.len());
    desk.out.say(&json!({ "staff_cases": value }), &text)
}

/// Three lines a case.
pub(super) fn flagged_in_lines(lines: &[view::StaffCaseLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let case = &line.case;
        let card = case.card.map(|card| format!("{} {}", card.zh(), card.en())).unwrap_or_default();
        let (id, site, who) = (case.id, case.site, case.who);
        let _ = writeln!(text, "{id}  權限 rights  {site} {}  {} {who}  {card}", line.site_name, line.name);
        let _ = writeln!(text, "    {}\n    {}", line.words.zh, line.words.en);
        let _ = writeln!(text, "    {} / {}  entry {}", line.blame.zh, line.blame.en, case.first);
    }
    text
}
