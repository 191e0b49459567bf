//! The part of the canonical dump that is about booked places.

use std::collections::HashMap;
use std::fmt::Write as _;

use shared::entry::booking::Shown;
use shared::ids::{EntryId, SiteCode};

use crate::hub::{Hub, HubError};
use crate::store::{BookingRow, LeaseRow, NumbersRow};

impl Hub {
    pub(crate) fn booking_lines(&self, out: &mut String) -> Result<std::fmt::Result, HubError> {
        let mut lines = Vec::new();
        for row in self.store.rounds()? {
            lines.push(format!("round {} {} {} bytes", row.name, row.programme, row.text.len()));
        }
        for published in self.venues()? {
            let venue = published.venue;
            let site = venue.site.map_or_else(|| "-".to_owned(), |site| site.to_string());
            lines.push(format!("venue {} {site} {} {}", venue.id, venue.holds, venue.name));
        }
        for status in self.slots()? {
            let account = status.account;
            lines.push(format!(
                "slot {} holds {} closed {} lent {} booked {} granted {}",
                status.slot, account.capacity, status.closed, account.lent, account.booked_of_lent, account.granted
            ));
        }
        let mut names = HashMap::new();
        for lease in self.store.leases()? {
            lines.push(lease_line(&lease));
            names.insert(lease.number.0, lease.id);
        }
        for NumbersRow { first, count, site, life, next } in self.store.all_numbers()? {
            lines.push(format!("numbers {first} {count} {site} {life} next {next}"));
        }
        for row in self.store.bookings()? {
            lines.push(booking_line(&row, row.lease.and_then(|lease| names.get(&lease.0))));
        }
        for answer in self.store.answers()? {
            let given = answer.given.map_or(0, |(_, serial)| serial);
            lines.push(format!("answer to {} gives {given} {} at {}", answer.wish, answer.why, answer.second));
        }
        for row in self.store.all_cancelled()? {
            let by = row.site.as_ref().map_or("the hub", SiteCode::as_str);
            lines.push(format!("cancelled {} by {by} {} at {} {:?}", row.of, row.id, row.second, row.reason));
        }
        for (of, site, id) in self.store.all_amended()? {
            lines.push(format!("amended {of} at {site} by {id}"));
        }
        for row in self.store.all_attended()? {
            lines.push(format!(
                "attended {} {} {} {} {} {:?}",
                row.of, row.site, row.id, row.second, row.what, row.detail
            ));
        }
        Ok(lines.iter().try_for_each(|line| writeln!(out, "{line}")))
    }
}

fn lease_line(lease: &LeaseRow) -> String {
    let LeaseRow { id, site, life, slot, places, until, returned, spent, .. } = lease;
    format!("lease {id} {site} {life} {slot} {places} until {until} returned {returned} spent {spent}")
}

fn booking_line(row: &BookingRow, lease: Option<&EntryId>) -> String {
    let BookingRow { id, tag, programme, site, at, round, watermark, .. } = row;
    let what = if row.wish { "wish" } else { "booking" };
    let shown = match row.shown {
        Shown::Age => "age",
        Shown::List => "list",
        Shown::Unseen => "unseen",
    };
    let slot = row.slot.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let serial = row.given.map_or(0, |(_, serial)| serial);
    let lease = lease.map_or_else(|| "-".to_owned(), ToString::to_string);
    let (reading, standing) = (row.reading.code(), row.standing.code());
    format!(
        "{what} {tag} {programme} {id} {site} {} {} {reading} {round} {slot} {serial} {lease} {shown} {watermark} {standing}",
        at.second, at.doubt_s
    )
}
