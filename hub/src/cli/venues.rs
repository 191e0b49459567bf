//! `venue`, `slot`: where and when people go, and how many.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::entry::booking::{Capacity, Slot, Start, VenueId};

use super::{Desk, operator, read, unknown_site};
use crate::audit::deeds;
use crate::booking::{SlotStatus, read_slots, read_venues};
use crate::view;

#[derive(Debug, Subcommand)]
pub(super) enum VenueCommand {
    /// Publish venues from a CSV file: id,name,county,district,address,phone,site.
    Import {
        /// The file. The site is whose edge keeps the venue's day; it and the telephone may be empty.
        file: PathBuf,
    },
    /// List the venues.
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum SlotCommand {
    /// Say how many slots hold, from a CSV file: venue,date,start,brands,places. What was closed stays closed.
    Import {
        /// The file. Several vaccines are in quotation marks: "MO,AZ".
        file: PathBuf,
    },
    /// List the slots: what they hold, what is free, lent and booked.
    List {
        /// Only this venue's.
        #[arg(long)]
        venue: Option<VenueId>,
        /// Only of this day.
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<NaiveDate>,
    },
    /// Nothing more is given away there; who is booked has to be called.
    Close(At),
    /// Open it again.
    Open(At),
    /// Whom to call of those who are booked there: telephone numbers are shown, and the audit says so.
    Called(At),
}

/// A venue's day, perhaps one hour of it.
#[derive(Debug, Args)]
pub(super) struct At {
    /// The venue, as `venue list` names it.
    venue: VenueId,
    /// The day.
    #[arg(value_name = "YYYY-MM-DD")]
    date: NaiveDate,
    /// The hour, such as 10:00; the whole day where none is given.
    start: Option<Start>,
}

impl At {
    fn words(&self) -> String {
        let start = self.start.map(|start| format!(" {start}")).unwrap_or_default();
        format!("{} {}{start}", self.venue, self.date)
    }
}

pub(super) fn run(desk: &Desk, command: &VenueCommand) -> anyhow::Result<()> {
    match command {
        VenueCommand::Import { file } => import_venues(desk, file),
        VenueCommand::List => list_venues(desk),
    }
}

pub(super) fn run_slot(desk: &Desk, command: &SlotCommand) -> anyhow::Result<()> {
    match command {
        SlotCommand::Import { file } => import_slots(desk, file),
        SlotCommand::List { venue, date } => list_slots(desk, venue.as_ref(), *date),
        SlotCommand::Close(at) => close(desk, at, true),
        SlotCommand::Open(at) => close(desk, at, false),
        SlotCommand::Called(at) => called(desk, at),
    }
}

fn import_venues(desk: &Desk, file: &Path) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let venues = read_venues(read(file)?.as_slice()).with_context(|| name.clone())?;
    let (_, mut hub) = desk.open()?;
    for site in venues.iter().filter_map(|venue| venue.site) {
        hub.site(&site)?.ok_or_else(|| unknown_site(&site))?;
    }
    let (count, second) = (format!("{} venues", venues.len()), desk.clock.second());
    let deed = (deeds::VENUES, name.as_str(), count.as_str());
    let done = desk.recorded(&mut hub, deed, |hub| hub.put_venues(&venues, &operator(), second))?;
    done.map_err(|(place, bad)| anyhow!("{name}: venue {}: {bad}", place + 1))?;
    let text = format!("已公布 {} 個施打地點 venues published from {name}\n", venues.len());
    desk.out.say(&json!({ "published": venues.len() }), &text)
}

fn list_venues(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let venues = hub.venues()?;
    let mut text = String::new();
    for published in &venues {
        let venue = &published.venue;
        let site = venue.site.map(|site| format!("  {site}")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{}  {}  {}{}  {}{site}", venue.id, venue.name, venue.county, venue.district, venue.phone);
    }
    let _ = writeln!(text, "{} 個施打地點 venues", venues.len());
    let value: Vec<Value> = venues.iter().map(view::booking::venue).collect();
    desk.out.say(&json!({ "venues": value }), &text)
}

fn import_slots(desk: &Desk, file: &Path) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let mut capacities: Vec<Capacity> = read_slots(read(file)?.as_slice()).with_context(|| name.clone())?;
    let (_, mut hub) = desk.open()?;
    let known: HashMap<Slot, bool> =
        hub.slots()?.into_iter().filter(|status| status.offered).map(|status| (status.slot, status.closed)).collect();
    for capacity in &mut capacities {
        capacity.closed = known.get(&capacity.slot).copied().unwrap_or(false);
    }
    let (count, second) = (format!("{} slots", capacities.len()), desk.clock.second());
    let deed = (deeds::SLOTS, name.as_str(), count.as_str());
    let done = desk.recorded(&mut hub, deed, |hub| hub.put_capacities(&capacities, &operator(), second))?;
    done.map_err(|(place, bad)| anyhow!("{name}: slot {}: {bad}", place + 1))?;
    let text = format!("已公布 {} 個時段 slots published from {name}\n", capacities.len());
    desk.out.say(&json!({ "published": capacities.len() }), &text)
}

fn list_slots(desk: &Desk, venue: Option<&VenueId>, date: Option<NaiveDate>) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let mut slots = hub.slots()?;
    slots.retain(|status| {
        venue.is_none_or(|venue| *venue == status.slot.venue) && date.is_none_or(|date| date == status.slot.date)
    });
    let mut text = String::new();
    for SlotStatus { slot, closed, account, offered } in &slots {
        let mark = match (closed, offered, account.is_oversold()) {
            (_, _, true) => "  超額 OVERSOLD",
            (_, false, _) => "  未開放 never offered",
            (true, true, _) => "  停止預約 closed",
            (false, true, _) => "",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{slot}  名額 holds {}  可用 free {}  外借 lent {}  已約 booked {}{mark}",
            account.capacity,
            account.free(),
            account.unspent(),
            account.booked()
        );
    }
    let _ = writeln!(text, "{} 個時段 slots", slots.len());
    let value: Vec<Value> = slots.iter().map(view::booking::slot).collect();
    desk.out.say(&json!({ "slots": value }), &text)
}

fn close(desk: &Desk, at: &At, closed: bool) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let (about, note) = (at.words(), if closed { "closed" } else { "opened" });
    let (which, second) = ((&at.venue, at.date, at.start), desk.clock.second());
    let deed = (deeds::SLOTS, about.as_str(), note);
    let count = desk.recorded(&mut hub, deed, |hub| hub.close_slots(which, closed, &operator(), second))??;
    let booked = hub.bookings_at(&at.venue, at.date, at.start)?.len();
    let text = if closed {
        format!("已停止預約 {count} 個時段 slots closed；已約 booked {booked}：`atoll-hub slot called {about}`\n")
    } else {
        format!("已恢復預約 {count} 個時段 slots opened again\n")
    };
    desk.out.say(&json!({ "slots": count, "closed": closed, "booked": booked }), &text)
}

fn called(desk: &Desk, at: &At) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let people = hub.to_call(&at.venue, at.date, at.start)?;
    // Before anything is shown.
    desk.looked(&mut hub, (deeds::CALLED, &at.words(), &format!("{} people", people.len())))?;
    let mut text = String::new();
    for called in &people {
        let number = called.booking.given.as_ref().map(|(_, number)| number.to_string()).unwrap_or_default();
        let span = called.booking.given.as_ref().map(|(slot, _)| slot.start.span()).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{span}  {number}  {}  {}  {}", called.name, called.document, called.mobile);
    }
    let _ = writeln!(text, "{} 人 people to call", people.len());
    let value: Vec<Value> = people.iter().map(view::booking::called).collect();
    desk.out.say(&json!({ "called": value }), &text)
}
