//! `programme publish`, `programme list`, `delivery`: what the hub tells the edges.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::json;
use shared::entry::{Delivery, Pieces};
use shared::ids::ProgrammeId;
use shared::rules::programme::{VERSION_BYTES_MAX, Version, shipped, shipped_text};
use shared::wire::v1::entry::PIECES_MAX;

use super::{DeliveryArgs, Desk, operator, read, unknown_site};
use crate::audit::deeds;
use crate::hub::Hub;
use crate::view;

/// `programme publish`.
pub(super) fn publish(desk: &Desk, named: &str) -> anyhow::Result<()> {
    let text = text_of(named)?;
    let wrong = || format!("版本檔有誤 version file {named}");
    let version = Version::parse(&text).with_context(wrong)?;
    let (_, mut hub) = desk.open()?;
    let (name, second) = (version.name.to_string(), desk.clock.second());
    let deed = (deeds::PUBLISH, name.as_str(), "");
    desk.recorded(&mut hub, deed, |hub| hub.publish_programme(&text, &operator(), second))?.with_context(wrong)?;
    let say = format!(
        "已公布 published {} ({} {}), 自 {} 起 in force from then\n",
        version.name, version.title.zh, version.title.en, version.from
    );
    desk.out.say(&json!({ "published": view::version(&version) }), &say)
}

/// A file's text, or the shipped version of that name.
fn text_of(named: &str) -> anyhow::Result<String> {
    let path = Path::new(named);
    if !path.exists() {
        let names: Vec<&str> = shipped().iter().map(|(name, _)| *name).collect();
        return shipped_text(named).map(str::to_owned).ok_or_else(|| {
            anyhow!("查無此版本 no file and no shipped version {named:?}; shipped are: {}", names.join(", "))
        });
    }
    let bytes = read(path)?;
    if bytes.len() > VERSION_BYTES_MAX {
        return Err(anyhow!("{named}: {} bytes; a version file has at most {VERSION_BYTES_MAX}", bytes.len()));
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("{named} is not UTF-8 text"))
}

/// `programme list`.
pub(super) fn list(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let today = desk.clock.day();
    let versions = view::versions(hub.programmes()?);
    let mut text = String::new();
    let mut listed = Vec::new();
    for version in versions.iter() {
        let now = versions.in_force(&version.programme, today).is_some_and(|now| now.name == version.name);
        let mark = if now { "  現行 in force" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {}  {} {}{mark}", version.name, version.from, version.title.zh, version.title.en);
        listed.push(view::version(version));
    }
    if listed.is_empty() {
        text.push_str("尚未公布任何版本 nothing has been published\n");
    }
    let names: Vec<&str> = shipped().iter().map(|(name, _)| *name).collect();
    let _ = writeln!(text, "內附版本 shipped: {}", names.join(", "));
    desk.out.say(&json!({ "published": listed, "shipped": names }), &text)
}

/// `delivery`.
pub(super) fn announce(desk: &Desk, args: &DeliveryArgs) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let record = hub.site(&args.site)?.ok_or_else(|| unknown_site(&args.site))?;
    let programme = match &args.programme {
        Some(programme) => programme.clone(),
        None => only_programme(&hub)?,
    };
    let day = args.day.unwrap_or_else(|| desk.clock.day());
    let (adult, child) = (pieces("--adult", args.adult)?, pieces("--child", args.child)?);
    let text =
        format!("{} {}: {day} 預定到貨 delivery announced, {programme} {adult} + {child}\n", record.code, record.name);
    let value = json!({
        "site": args.site.as_str(), "programme": programme.as_str(), "day": day, "adult": adult, "child": child,
    });
    let delivery = Delivery { programme, day, pieces: Pieces { adult, child } };
    let deed = (deeds::DELIVERY, args.site.as_str(), "");
    let second = desk.clock.second();
    desk.recorded(&mut hub, deed, |hub| hub.announce_delivery(&args.site, &delivery, &operator(), second))?;
    desk.out.say(&value, &text)
}

fn pieces(option: &str, count: u32) -> anyhow::Result<u32> {
    if count <= PIECES_MAX {
        return Ok(count);
    }
    Err(anyhow!("數量過大 {option} {count}: one delivery has at most {PIECES_MAX}"))
}

fn only_programme(hub: &Hub) -> anyhow::Result<ProgrammeId> {
    let versions = view::versions(hub.programmes()?);
    let mut programmes = versions.programmes();
    match (programmes.next(), programmes.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => Err(anyhow!("尚未公布任何版本 no programme has been published yet")),
        (Some(_), Some(_)) => Err(anyhow!("有多個計畫 several programmes: name one with --programme")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_file_or_a_shipped_name() {
        assert!(text_of("mask-2020-02-06").unwrap().contains("mask"));
        assert!(text_of("no-such").unwrap_err().to_string().contains("mask-2020-02-06"));
        assert!(text_of("/").is_err());
    }
}
