//! `/sites`: the register with what each site last said, found by county and by text.

use std::collections::BTreeSet;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use shared::rules::calendar::roc_minute;

use super::super::Console;
use super::super::door::Me;
use super::super::trouble::Trouble;
use super::{ROWS, Shell, show};
use crate::registry::{SiteStatus, SiteStock};
use crate::view;

/// What was asked for.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Find {
    #[serde(default)]
    q: String,
    #[serde(default)]
    county: String,
    #[serde(default)]
    enrolled: String,
    #[serde(default)]
    from: usize,
}

#[derive(Template)]
#[template(path = "sites.html")]
struct Sites {
    shell: Shell,
    query: Find,
    counties: BTreeSet<String>,
    rows: Vec<Row>,
    total: usize,
    first: usize,
    last: usize,
    previous: Option<String>,
    next: Option<String>,
}

struct Row {
    code: String,
    name: String,
    address: String,
    tel: String,
    enrolled: bool,
    contact: String,
    entries: u64,
    quarantined: u64,
    stock: Vec<SiteStock>,
}

impl From<&SiteStatus> for Row {
    fn from(site: &SiteStatus) -> Self {
        Self {
            code: site.record.code.to_string(),
            name: site.record.name.clone(),
            address: site.record.address.clone(),
            tel: site.record.tel.clone(),
            enrolled: site.enrolled,
            contact: site.last_contact.map(roc_minute).unwrap_or_default(),
            entries: site.entries,
            quarantined: site.quarantined,
            stock: site.stock.clone(),
        }
    }
}

/// `/sites`.
pub(in crate::console) async fn sites(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(find): Query<Find>,
) -> Response {
    show(page(&console, &me, find).await)
}

async fn page(console: &Console, me: &Me, find: Find) -> Result<Sites, Trouble> {
    let all = console.hub.call(|hub| hub.sites()).await??;
    let counties: BTreeSet<String> = all.iter().filter_map(|site| view::county(&site.record)).collect();
    let mut found: Vec<&SiteStatus> = all.iter().filter(|site| fits(site, &find)).collect();
    // Those that take part before those that are only on the list, the latest heard first.
    found.sort_by_key(|site| (!site.enrolled, std::cmp::Reverse(site.last_contact), site.record.code));
    let rows: Vec<Row> = found.iter().skip(find.from).take(ROWS).map(|site| Row::from(*site)).collect();
    let (total, from, last) = (found.len(), find.from, find.from.saturating_add(rows.len()));
    Ok(Sites {
        shell: Shell::new("sites", console, Some(me)),
        previous: (from > 0).then(|| link(&find, from.saturating_sub(ROWS))),
        next: (last < total).then(|| link(&find, last)),
        first: from.saturating_add(1),
        query: find,
        counties,
        rows,
        total,
        last,
    })
}

fn fits(site: &SiteStatus, find: &Find) -> bool {
    let county = find.county.is_empty() || view::county(&site.record).as_deref() == Some(&find.county);
    county && (find.enrolled != "yes" || site.enrolled) && view::site_matches(&site.record, &find.q)
}

fn link(find: &Find, from: usize) -> String {
    let (q, county, enrolled) = (escape(&find.q), escape(&find.county), escape(&find.enrolled));
    format!("/sites?q={q}&county={county}&enrolled={enrolled}&from={from}")
}

/// For a query string: everything but letters and digits as percent codes.
fn escape(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_carries_any_text() {
        assert_eq!(escape("台 a&<"), "%E5%8F%B0%20a%26%3C");
    }
}
