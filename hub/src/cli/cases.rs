//! `cases`, `case`, `rebuild`: what the hub found.

use std::fmt::Write;

use anyhow::anyhow;
use serde_json::json;
use shared::ids::{CaseId, ProgrammeId};
use shared::rules::calendar::roc_minute;

use super::{Desk, disputes, staff};
use crate::audit::deeds;
use crate::cases::{CaseDetail, CaseFilter};
use crate::disputes::DisputeFilter;
use crate::hub::Hub;
use crate::view::{self, CasePage};

/// Sales that `clocks` lists.
const AHEAD_MAX: u32 = 1_000;

/// `cases`.
pub(super) fn list(desk: &Desk, programme: Option<&ProgrammeId>, closed_too: bool) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let filter = CaseFilter { programme: programme.cloned(), closed_too, ..CaseFilter::default() };
    if desk.out.is_json() {
        let cases: Vec<_> = hub.cases(&filter)?.iter().map(view::case_summary).collect();
        let sites: Vec<_> = view::site_cases(&hub)?.iter().map(view::site_case).collect();
        let disputes: Vec<_> = hub.disputes(&which(closed_too))?.iter().map(view::dispute_summary).collect();
        let staff: Vec<_> = view::staff_cases(&hub, None, usize::MAX)?.iter().map(view::staff_case).collect();
        let all = json!({ "cases": cases, "site_cases": sites, "staff_cases": staff, "disputes": disputes });
        return desk.out.say(&all, "");
    }
    let (total, cases) = view::case_lines(&hub, &filter, usize::MAX, 0)?;
    let mut text = String::new();
    for case in cases {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {} {}  {}", case.id, case.title.zh, case.title.en, case.person);
        for sale in case.sales {
            let badge = &sale.badge.text;
            let _ = writeln!(text, "    {}  {}  {} {}", sale.time, sale.site, badge.zh, badge.en);
        }
    }
    let _ = writeln!(text, "{total} 件案件 cases");
    text.push_str(&disputes::in_lines(&view::dispute_lines(&hub, &which(closed_too))?));
    for line in view::site_cases(&hub)? {
        let (site, name) = (line.case.site, &line.site_name);
        let _ = writeln!(text, "{}  {} {}  {site} {name}  {}", line.case.id, line.title.zh, line.title.en, line.time);
        let _ = writeln!(text, "    {}\n    {}", line.words.zh, line.words.en);
    }
    text.push_str(&staff::flagged_in_lines(&view::staff_cases(&hub, None, usize::MAX)?));
    desk.out.say(&json!(null), &text)
}

/// Of the disputes.
fn which(decided_too: bool) -> DisputeFilter {
    DisputeFilter { decided_too, limit: 0 }
}

/// `case`.
pub(super) fn explain(desk: &Desk, id: &str) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let unknown = || anyhow!("查無此案件 unknown case {id:?}; `atoll-hub cases` lists them");
    let found = find(&hub, id)?.map(|id| hub.case(&id)).transpose()?.flatten();
    let Some(case) = found else {
        let dispute = disputes::find(&hub, id)?.ok_or_else(unknown)?;
        let dispute = hub.dispute(&dispute)?.ok_or_else(unknown)?;
        desk.looked(&mut hub, (deeds::DISPUTE, &dispute.line.id.to_string(), ""))?;
        return desk.out.say(&view::dispute(&dispute), &disputes::in_words(&dispute));
    };
    desk.looked(&mut hub, (deeds::CASE, &case.id.to_string(), ""))?;
    desk.out.say(&view::case(&case), &in_words(&case))
}

/// The case with this id, or the only one whose id begins so.
fn find(hub: &Hub, id: &str) -> anyhow::Result<Option<CaseId>> {
    if let Ok(id) = id.parse() {
        return Ok(Some(id));
    }
    let all = hub.cases(&CaseFilter { closed_too: true, ..CaseFilter::default() })?;
    let mut fitting = all.iter().map(|case| case.id).filter(|case| case.to_string().starts_with(id));
    match (fitting.next(), fitting.next()) {
        (Some(_), Some(_)) => Err(anyhow!("多個案件以此開頭 several cases begin with {id:?}: give more of the id")),
        (only, _) => Ok(only),
    }
}

fn in_words(case: &CaseDetail) -> String {
    let page = CasePage::from(case);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "案件 case {}", page.line.id);
    let _ = writeln!(text, "{} {}  {}  {}", page.line.title.zh, page.line.title.en, page.line.person, page.kind.zh);
    let _ = writeln!(text, "{}\n{}", page.summary.zh, page.summary.en);
    for (receipt, sale) in page.receipts.iter().zip(&case.sales) {
        let badge = &receipt.badge.text;
        let _ = writeln!(text, "\n[{}] {} {}", receipt.number, badge.zh, badge.en);
        let _ = writeln!(text, "    {}\n    {}", sale.text.zh, sale.text.en);
        let _ = writeln!(text, "    收到於 received {}  entry {}", receipt.received, receipt.entry);
        let _ = writeln!(text, "    全國資料 nation: {} / {}", receipt.known.zh, receipt.known.en);
        for why in &receipt.why {
            let _ = writeln!(text, "    → {}\n      {}", why.zh, why.en);
        }
    }
    for booking in &page.bookings {
        let badge = &booking.badge.text;
        let _ = writeln!(text, "\n[預約 booking {}] {} {}", booking.number, badge.zh, badge.en);
        let _ = writeln!(text, "    {}\n    {}", booking.text.zh, booking.text.en);
        let _ = writeln!(text, "    entry {}", booking.entry);
        for why in &booking.why {
            let _ = writeln!(text, "    → {}\n      {}", why.zh, why.en);
        }
    }
    text
}

/// `clocks`.
pub(super) fn clocks(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let ahead = hub.sales_ahead(AHEAD_MAX)?;
    let mut text = String::new();
    for sale in &ahead {
        let (when, received) = (roc_minute(sale.instant), roc_minute(sale.received));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {when}  收到於 received {received}  entry {}", sale.site, sale.id);
    }
    let json = json!({ "ahead": ahead.iter().map(view::ahead).collect::<Vec<_>>() });
    let count = ahead.len();
    desk.out.say(&json, &format!("{text}{count} 筆時間晚於收到時間 sales later than they were received\n"))
}

/// `rebuild`.
pub(super) fn rebuild(desk: &Desk) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    hub.rebuild()?;
    let status = hub.status()?;
    let text = format!(
        "已由日誌重建 rebuilt from the journal: {} entries, {} open cases\n",
        status.entries, status.cases_open
    );
    desk.out.say(&json!({ "rebuilt": true, "entries": status.entries, "cases_open": status.cases_open }), &text)
}
