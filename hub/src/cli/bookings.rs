//! `booking`, `wish`, `lease`: what was given away, what waits, what is lent.

use std::fmt::Write;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use shared::entry::booking::Stands;
use shared::ids::EntryId;
use shared::rules::calendar::roc_minute;

use super::{Desk, operator};
use crate::audit::deeds;
use crate::booking::BadBooking;
use crate::view;

/// Wishes in one list.
const WISHES_MAX: usize = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum BookingCommand {
    /// Show the booking with a serial number (預約序號).
    Find {
        /// The serial number.
        serial: u64,
    },
    /// Take a booking back; its site and the nation hear of it.
    Cancel {
        /// The serial number, or the entry where several bookings have one number.
        which: String,
        /// Why; it stands in the ledger.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum WishCommand {
    /// List the wishes that wait, in the order in which they are answered.
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum LeaseCommand {
    /// List what is lent and not given away; and after a restore, who has to be heard before anything is lent.
    List {
        /// Also leases of which nothing is left.
        #[arg(long)]
        all: bool,
    },
    /// Give up what is left of a lease whose holder never comes back. Slips of it may be out there: it may oversell.
    Forfeit {
        /// The lease's entry, as `lease list` shows it.
        entry: EntryId,
        /// Why; it stands in the audit.
        #[arg(long)]
        reason: String,
    },
    /// After a restore: lend again, although not everybody who may hold places was heard. It may oversell.
    Resume,
}

pub(super) fn run(desk: &Desk, command: &BookingCommand) -> anyhow::Result<()> {
    match command {
        BookingCommand::Find { serial } => find(desk, *serial),
        BookingCommand::Cancel { which, reason } => cancel(desk, which, reason),
    }
}

fn find(desk: &Desk, serial: u64) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let found = hub.bookings_of_number(serial)?;
    if found.is_empty() {
        bail!("查無此預約序號 no booking has the number {serial}");
    }
    desk.looked(&mut hub, (deeds::BOOKING, &serial.to_string(), ""))?;
    let mut text = String::new();
    for line in &found {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}\n{}\n    entry {}", line.text.zh, line.text.en, line.id);
    }
    desk.out.say(&json!({ "bookings": found.iter().map(view::booking).collect::<Vec<_>>() }), &text)
}

fn cancel(desk: &Desk, which: &str, reason: &str) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let of = match which.parse::<EntryId>() {
        Ok(entry) => entry,
        Err(_) => {
            let serial: u64 = which.parse().map_err(|_| anyhow!("{which:?} is neither a number nor an entry"))?;
            let mut found = hub.bookings_of_number(serial)?;
            found.retain(|line| line.stands != Some(Stands::Cancelled));
            match found.as_slice() {
                [] => return Err(BadBooking::Booking.into()),
                [only] => only.id,
                [_, _, ..] => return Err(BadBooking::Several.into()),
            }
        }
    };
    let (about, by, second) = (of.to_string(), operator(), desk.clock.second());
    let deed = (deeds::BOOKING_CANCELLED, about.as_str(), reason);
    desk.recorded(&mut hub, deed, |hub| hub.cancel_booking(&of, (reason, &by), second))??;
    desk.out.say(&json!({ "cancelled": about }), &format!("已取消 cancelled {which}\n"))
}

pub(super) fn run_wish(desk: &Desk, WishCommand::List: &WishCommand) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let wishes = hub.waiting_wishes(WISHES_MAX)?;
    let mut text = String::new();
    for wish in &wishes {
        let ranked: Vec<String> = wish.ranked.iter().map(ToString::to_string).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {}  {}  {}", roc_minute(wish.second), wish.site, wish.id, ranked.join(" / "));
    }
    let _ = writeln!(text, "{} 件待確認 wishes wait", wishes.len());
    let value: Vec<Value> = wishes.iter().map(view::booking::wish).collect();
    desk.out.say(&json!({ "wishes": value }), &text)
}

pub(super) fn run_lease(desk: &Desk, command: &LeaseCommand) -> anyhow::Result<()> {
    match command {
        LeaseCommand::List { all } => list(desk, *all),
        LeaseCommand::Forfeit { entry, reason } => forfeit(desk, entry, reason),
        LeaseCommand::Resume => resume(desk),
    }
}

fn list(desk: &Desk, all: bool) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let (leases, awaited) = (hub.leases(all)?, hub.awaited()?);
    let mut text = String::new();
    for lease in &leases {
        let dead = if lease.current { "" } else { "  已停用的帳本 of a life that ended" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}  {}  {}  借 lent {}  剩 left {}  至 until {}{dead}",
            lease.id,
            lease.site,
            lease.slot,
            lease.places,
            lease.left,
            roc_minute(lease.until)
        );
    }
    let _ = writeln!(text, "{} 筆配額 leases", leases.len());
    if !awaited.is_empty() {
        let _ = writeln!(text, "中心曾還原，下列站所回報前暫停外借 restored: nothing is lent until these are heard:");
        for site in &awaited {
            let greeted = if site.greeted { "  已連線，尚未傳完 greeted, not all has come" } else { "" };
            let _ = writeln!(text, "  {}{greeted}", site.site);
        }
    }
    let waits: Vec<Value> =
        awaited.iter().map(|it| json!({ "site": it.site.as_str(), "greeted": it.greeted })).collect();
    let value: Vec<Value> = leases.iter().map(view::booking::lease).collect();
    desk.out.say(&json!({ "leases": value, "awaited": waits }), &text)
}

fn forfeit(desk: &Desk, entry: &EntryId, reason: &str) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let (about, by, second) = (entry.to_string(), operator(), desk.clock.second());
    let deed = (deeds::LEASE_FORFEITED, about.as_str(), reason);
    let places = desk.recorded(&mut hub, deed, |hub| hub.forfeit_lease(entry, (reason, &by), second))??;
    let text = format!("已放棄 {places} 個名額 places given up as lost; slips of them may be out there\n");
    desk.out.say(&json!({ "lease": about, "places": places }), &text)
}

fn resume(desk: &Desk) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let (waiting, second) = (hub.awaited()?.len(), desk.clock.second());
    if waiting == 0 {
        bail!("沒有暫停 nothing is on hold");
    }
    let note = format!("{waiting} sites were not heard");
    let deed = (deeds::LEASE_RESUMED, "", note.as_str());
    let awaited = desk.recorded(&mut hub, deed, |hub| hub.resume_lending(second))?;
    let text = format!("已恢復外借 lending again, without having heard {awaited} 站所 sites\n");
    desk.out.say(&json!({ "resumed": true, "awaited": awaited }), &text)
}
