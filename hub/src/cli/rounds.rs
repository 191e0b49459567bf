//! `round`, `list`: when may be booked, and by whom.

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use serde_json::{Value, json};
use shared::rules::booking::round::Round;
use shared::rules::calendar::roc_minute;
use shared::rules::programme::{VERSION_BYTES_MAX, shipped_rounds};

use super::{Desk, operator, read};
use crate::audit::deeds;
use crate::view;

#[derive(Debug, Subcommand)]
pub(super) enum RoundCommand {
    /// Publish a round of booking to every edge; of one name the last word counts.
    Publish {
        /// A round's file, or the name of a shipped one such as vaccine-2021-r1.
        round: String,
    },
    /// List what has been published and what is shipped.
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum ListCommand {
    /// Take who may book in a round from a CSV file: kind,number,birth,category,registered,brands,doses,last_dose,last_brand.
    Import {
        /// Which round.
        #[arg(long, value_name = "NAME")]
        round: String,
        /// The file; only the first three columns must be there. Several brands have a bar between them: AZ|MO.
        file: PathBuf,
        /// Leave bad lines out, and take the others.
        #[arg(long)]
        skip_bad: bool,
    },
    /// Which lists there are, and how many people are on each.
    Status,
}

pub(super) fn run(desk: &Desk, command: &RoundCommand) -> anyhow::Result<()> {
    match command {
        RoundCommand::Publish { round } => publish(desk, round),
        RoundCommand::List => list(desk),
    }
}

pub(super) fn run_list(desk: &Desk, command: &ListCommand) -> anyhow::Result<()> {
    match command {
        ListCommand::Import { round, file, skip_bad } => import(desk, round, file, *skip_bad),
        ListCommand::Status => status(desk),
    }
}

fn publish(desk: &Desk, named: &str) -> anyhow::Result<()> {
    let text = text_of(named)?;
    let wrong = || format!("期別檔有誤 round file {named}");
    let round = Round::parse(&text).with_context(wrong)?;
    let (_, mut hub) = desk.open()?;
    let (name, second) = (round.name.to_string(), desk.clock.second());
    let deed = (deeds::ROUND, name.as_str(), "");
    desk.recorded(&mut hub, deed, |hub| hub.publish_round(&text, &operator(), second))?.with_context(wrong)?;
    let say = format!(
        "已公布 published {} ({} {}), 開放預約 open {} – {}\n",
        round.name, round.title.zh, round.title.en, round.opens, round.closes
    );
    desk.out.say(&json!({ "published": round.name.as_str() }), &say)
}

/// A file's text, or the shipped round of that name.
fn text_of(named: &str) -> anyhow::Result<String> {
    let path = Path::new(named);
    if !path.exists() {
        let shipped = shipped_rounds().iter().find(|(name, _)| *name == named);
        let names: Vec<&str> = shipped_rounds().iter().map(|(name, _)| *name).collect();
        let unknown =
            || anyhow!("查無此期別 no file and no shipped round {named:?}; shipped are: {}", names.join(", "));
        return shipped.map(|(_, text)| (*text).to_owned()).ok_or_else(unknown);
    }
    let bytes = read(path)?;
    if bytes.len() > VERSION_BYTES_MAX {
        return Err(anyhow!("{named}: {} bytes; a round's file has at most {VERSION_BYTES_MAX}", bytes.len()));
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("{named} is not UTF-8 text"))
}

fn list(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let rounds = hub.rounds()?;
    let mut text = String::new();
    for published in &rounds {
        let round = &published.round;
        let (opens, closes) = (round.opens, round.closes);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}  {} {}  預約 open {opens} – {closes}  接種 days {} – {}",
            round.name, round.title.zh, round.title.en, round.first_day, round.last_day
        );
    }
    if rounds.is_empty() {
        text.push_str("尚未公布任何期別 nothing has been published\n");
    }
    let names: Vec<&str> = shipped_rounds().iter().map(|(name, _)| *name).collect();
    let _ = writeln!(text, "內附期別 shipped: {}", names.join(", "));
    let value: Vec<Value> = rounds.iter().map(view::booking::round).collect();
    desk.out.say(&json!({ "rounds": value, "shipped": names }), &text)
}

fn import(desk: &Desk, round: &str, file: &Path, skip_bad: bool) -> anyhow::Result<()> {
    let opened = File::open(file).with_context(|| format!("讀不到檔案 read {}", file.display()))?;
    let (_, mut hub) = desk.open()?;
    let (name, second) = (file.display().to_string(), desk.clock.second());
    let deed = (deeds::BOOK_LIST, round, name.as_str());
    let import = |hub: &mut crate::hub::Hub| hub.import_list(round, BufReader::new(opened), skip_bad, second);
    let done = desk.recorded(&mut hub, deed, import)?.with_context(|| file.display().to_string())?;
    let mut text = format!(
        "已匯入 {} 行 lines taken from {}；名冊共 people on the list {}；{} bytes\n",
        done.taken,
        file.display(),
        done.people,
        done.bytes
    );
    if done.bad.count > 0 {
        let _ = writeln!(text, "{} 行有誤未匯入 bad lines were left out:", done.bad.count);
        for (line, why) in &done.bad.shown {
            let _ = writeln!(text, "  line {line}: {why}");
        }
    }
    let value = json!({
        "round": done.round.as_str(), "taken": done.taken, "bad": done.bad.count, "people": done.people,
        "bytes": done.bytes,
    });
    desk.out.say(&value, &text)
}

fn status(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let lists = hub.round_lists()?;
    let mut text = String::new();
    for list in &lists {
        let when = roc_minute(list.imported);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}  {}  {} 人 people  匯入 imported {when}  {} bytes",
            list.round, list.day, list.people, list.bytes
        );
    }
    let _ = writeln!(text, "{} 份名冊 lists", lists.len());
    desk.out.say(&json!({ "lists": lists.iter().map(view::booking::list).collect::<Vec<_>>() }), &text)
}
