//! `notice`: what all counters are told in words.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use shared::entry::notice::Notice;

use super::{Desk, operator, read};
use crate::audit::deeds;
use crate::notices::{self, NOTICE_FILE_BYTES_MAX, SHIPPED};
use crate::view;

#[derive(Debug, Subcommand)]
pub(super) enum NoticeCommand {
    /// Publish a notice to every counter; it replaces the one of the same name.
    Publish {
        /// A TOML file: name, kind, title, body, from, and perhaps until.
        #[arg(required_unless_present = "shipped")]
        file: Option<PathBuf>,
        /// The manuals' own texts, all of them.
        #[arg(long, conflicts_with = "file")]
        shipped: bool,
    },
    /// Take a notice back.
    Withdraw {
        /// Its name.
        name: String,
    },
    /// List the notices.
    List,
}

pub(super) fn run(desk: &Desk, command: &NoticeCommand) -> anyhow::Result<()> {
    match command {
        NoticeCommand::Publish { file: Some(file), .. } => publish(desk, vec![from_file(file)?]),
        NoticeCommand::Publish { file: None, .. } => publish(desk, shipped()?),
        NoticeCommand::Withdraw { name } => withdraw(desk, name),
        NoticeCommand::List => list(desk),
    }
}

fn from_file(file: &Path) -> anyhow::Result<Notice> {
    let (name, bytes) = (file.display(), read(file)?);
    if bytes.len() > NOTICE_FILE_BYTES_MAX {
        bail!("{name}: {} bytes; a notice's file has at most {NOTICE_FILE_BYTES_MAX}", bytes.len());
    }
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{name} is not UTF-8 text"))?;
    notices::parse(&text).with_context(|| name.to_string())
}

fn shipped() -> anyhow::Result<Vec<Notice>> {
    SHIPPED.iter().map(|(file, text)| notices::parse(text).with_context(|| (*file).to_owned())).collect()
}

fn publish(desk: &Desk, notices: Vec<Notice>) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let names: Vec<&str> = notices.iter().map(|notice| notice.name.as_str()).collect();
    let (names, second) = (names.join(" "), desk.clock.second());
    let deed = (deeds::NOTICE, names.as_str(), "published");
    desk.recorded(&mut hub, deed, |hub| hub.publish_notices(&notices, &operator(), second))?;
    let mut text = String::new();
    for notice in &notices {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "已公布 published {}  {}  {}", notice.name, notice.kind.zh(), notice.title);
    }
    let names: Vec<&str> = notices.iter().map(|notice| notice.name.as_str()).collect();
    desk.out.say(&json!({ "published": names }), &text)
}

fn withdraw(desk: &Desk, name: &str) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let (about, second) = (name.to_string(), desk.clock.second());
    let deed = (deeds::NOTICE, about.as_str(), "withdrawn");
    let notice = desk.recorded(&mut hub, deed, |hub| hub.withdraw_notice(name, &operator(), second))??;
    let text = format!("已撤下 withdrawn {}  {}\n", notice.name, notice.title);
    desk.out.say(&json!({ "withdrawn": notice.name.as_str() }), &text)
}

fn list(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let (all, today) = (hub.notices()?, desk.clock.day());
    let mut text = String::new();
    for published in &all {
        let notice = &published.notice;
        let standing = match (notice.holds, notice.is_shown(today)) {
            (false, _) => "已撤下 withdrawn",
            (true, true) => "顯示中 shown",
            (true, false) => "未顯示 not shown today",
        };
        let until = notice.until.map(|day| format!(" – {day}")).unwrap_or_default();
        // Writing to a String cannot fail.
        let (name, kind, title, from) = (&notice.name, notice.kind, &notice.title, notice.from);
        let _ = writeln!(text, "{name}  {} {}  {from}{until}  {standing}  {title}", kind.zh(), kind.en());
    }
    let _ = writeln!(text, "{} 則公告 notices", all.len());
    let value: Vec<Value> = all.iter().map(|published| view::notice(published, today)).collect();
    desk.out.say(&json!({ "notices": value }), &text)
}
