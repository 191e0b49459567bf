//! What a replay says at its end: cases, stocks, a summary.

use std::io::Write;

use anyhow::Result;
use hub::cases::CaseFilter;
use serde_json::json;

use shared::rules::stock::Stock;

use super::town::Town;

/// Writes the ending.
///
/// # Errors
/// Where an end has a fault or the answers cannot be written.
pub fn ending(town: &mut Town, out: &mut impl Write) -> Result<()> {
    let cases = cases(town, out)?;
    let sites = stocks(town, out)?;
    for slot in town.slot_lines()? {
        writeln!(out, "{slot}")?;
    }
    let counts = town.counts;
    let summary = json!({"summary": {
        "lines": counts.lines, "sold": counts.sold, "refused": counts.refused,
        "withdrawn": counts.withdrawn, "booked": counts.booked, "cases": cases.0, "over": cases.1, "sites": sites,
    }});
    writeln!(out, "{summary}")?;
    Ok(())
}

/// A line per case that has a sale over; the numbers of cases and of sales over.
fn cases(town: &mut Town, out: &mut impl Write) -> Result<(u64, u64)> {
    let mut count = (0, 0);
    for case in town.hub.cases(&CaseFilter::default())? {
        let named = |ids: &[shared::ids::EntryId]| -> Vec<String> {
            let mut refs: Vec<String> = ids.iter().filter_map(|id| town.ref_of(id)).map(str::to_owned).collect();
            refs.sort();
            refs
        };
        if case.over.is_empty() {
            continue;
        }
        count = (count.0 + 1, count.1 + case.over.len() as u64);
        let line = json!({
            "case": case.id.to_string(), "programme": case.programme.as_str(),
            "refs": named(&[case.sales.as_slice(), &case.bookings].concat()), "over": named(&case.over),
        });
        writeln!(out, "{line}")?;
    }
    Ok(count)
}

fn stocks(town: &mut Town, out: &mut impl Write) -> Result<u64> {
    let mut sites = 0;
    for (site, node, reading) in town.nodes() {
        let mut stock = Stock::default();
        for shelf in node.shelves(reading)? {
            stock.adult += shelf.stock.adult;
            stock.child += shelf.stock.child;
        }
        writeln!(out, "{}", json!({"site": site.as_str(), "stock": {"adult": stock.adult, "child": stock.child}}))?;
        sites += 1;
    }
    Ok(sites)
}
