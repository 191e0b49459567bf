//! `issuer`, `crl`: whose cards count, and which of them are revoked.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use shared::rules::access::card::CardKind;
use shared::rules::calendar::roc_minute;

use super::{Desk, operator, read};
use crate::audit::deeds;
use crate::rights::{LIST_BYTES_MAX, PinnedIssuer};
use crate::view;

/// So much of a fingerprint is shown in a list, in hexadecimal digits.
const PRINT_CHARS: usize = 16;

#[derive(Debug, Subcommand)]
pub(super) enum IssuerCommand {
    /// Publish an authority whose cards count, to every edge.
    Add {
        /// The certificate of the authority that signs the cards themselves, PEM or DER.
        file: PathBuf,
        /// Which cards: professional, institution, citizen, government. May be given several times.
        #[arg(long = "card", value_name = "CARD", required = true)]
        cards: Vec<CardKind>,
    },
    /// Take an authority back: nobody signs in any more with a card that it signed.
    Remove {
        /// The fingerprint of its certificate, or enough of its beginning.
        fingerprint: String,
    },
    /// List the authorities and how old their lists are.
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum CrlCommand {
    /// Take an issuer's list of revoked certificates and tell every site what concerns its people.
    Import {
        /// The list, PEM or DER.
        file: PathBuf,
    },
}

pub(super) fn run(desk: &Desk, command: &IssuerCommand) -> anyhow::Result<()> {
    match command {
        IssuerCommand::Add { file, cards } => add(desk, file, cards),
        IssuerCommand::Remove { fingerprint } => remove(desk, fingerprint),
        IssuerCommand::List => list(desk),
    }
}

fn add(desk: &Desk, file: &Path, cards: &[CardKind]) -> anyhow::Result<()> {
    let bytes = read(file)?;
    let (_, mut hub) = desk.open()?;
    let name = file.display().to_string();
    let deed = (deeds::ISSUER_ADDED, name.as_str(), "");
    let second = desk.clock.second();
    let added = desk.recorded(&mut hub, deed, |hub| hub.add_issuer(&bytes, cards, &operator(), second))?;
    let pinned = added.with_context(|| file.display().to_string())?;
    let text = format!("已公布 published\n{}", in_words(&pinned));
    desk.out.say(&json!({ "published": view::issuer(&pinned, None) }), &text)
}

fn remove(desk: &Desk, fingerprint: &str) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let deed = (deeds::ISSUER_REMOVED, fingerprint, "");
    let second = desk.clock.second();
    let pinned = desk.recorded(&mut hub, deed, |hub| hub.remove_issuer(fingerprint, &operator(), second))??;
    let text = format!("已撤銷 taken back\n{}", in_words(&pinned));
    desk.out.say(&json!({ "removed": view::issuer(&pinned, None) }), &text)
}

fn list(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let (issuers, lists) = (hub.issuers()?, hub.card_lists()?);
    let mut text = String::new();
    let mut values: Vec<Value> = Vec::new();
    for pinned in &issuers {
        let list = lists.iter().find(|list| list.issuer == pinned.key);
        text.push_str(&in_words(pinned));
        // Writing to a String cannot fail.
        let _ = match list {
            None => writeln!(text, "    尚無廢止清冊 no list was imported"),
            Some(list) => writeln!(
                text,
                "    廢止清冊 list of {}: {} 張 cards{}",
                roc_minute(list.as_of),
                list.cards,
                next_words(list.next, desk.clock.second())
            ),
        };
        values.push(view::issuer(pinned, list));
    }
    let _ = writeln!(text, "{} 個憑證機構 issuers", issuers.len());
    desk.out.say(&json!({ "issuers": values }), &text)
}

fn in_words(pinned: &PinnedIssuer) -> String {
    let print: String = data_encoding::HEXLOWER.encode(&pinned.fingerprint).chars().take(PRINT_CHARS).collect();
    let zh: Vec<&str> = pinned.issuer.cards.iter().map(|card| card.zh()).collect();
    let en: Vec<&str> = pinned.issuer.cards.iter().map(|card| card.en()).collect();
    let standing = if pinned.issuer.holds { "有效 holds" } else { "已撤銷 taken back" };
    let until = roc_minute(pinned.expires);
    format!("{print}  {}\n    {} {}  至 until {until}  {standing}\n", pinned.name, zh.join("、"), en.join(", "))
}

fn next_words(next: Option<i64>, now: i64) -> String {
    match next {
        None => String::new(),
        Some(next) if next < now => format!("；應於 {} 更新，已逾期 the next was due then: bring it", roc_minute(next)),
        Some(next) => format!("；下一份 the next is due {}", roc_minute(next)),
    }
}

/// `crl import`.
pub(super) fn run_crl(desk: &Desk, command: &CrlCommand) -> anyhow::Result<()> {
    let CrlCommand::Import { file } = command;
    let name = || file.display().to_string();
    let length = std::fs::metadata(file).with_context(|| format!("讀不到檔案 read {}", name()))?.len();
    if length > LIST_BYTES_MAX {
        bail!("{}: 檔案過大 {length} bytes; a list has at most {LIST_BYTES_MAX}", name());
    }
    let bytes = read(file)?;
    let (_, mut hub) = desk.open()?;
    let now = desk.clock.second();
    let about = name();
    let deed = (deeds::LIST_IMPORTED, about.as_str(), "");
    let done = desk.recorded(&mut hub, deed, |hub| hub.import_card_list(&bytes, now))?.with_context(name)?;
    let next = next_words(done.next, now);
    let text = format!(
        "已匯入廢止清冊 list of {} imported: {}\n{} 張已廢止卡片 revoked cards{next}\n\
         {} 個機構有該憑證機構的人員 sites have people of this issuer; {} 張其人員卡片已廢止 of their cards are revoked\n",
        roc_minute(done.as_of),
        done.issuer,
        done.cards,
        done.sites,
        done.revoked,
    );
    let value = json!({
        "issuer": done.issuer, "as_of": done.as_of, "next": done.next, "cards": done.cards, "sites": done.sites,
        "revoked": done.revoked,
    });
    desk.out.say(&value, &text)
}
