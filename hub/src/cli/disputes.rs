//! `disputes`, `decide`: people who say that they were refused wrongly.

use std::fmt::Write;

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};
use shared::ids::CaseId;

use super::{Desk, operator};
use crate::disputes::{DisputeDetail, DisputeFilter, Verdict};
use crate::hub::Hub;
use crate::view::{self, DisputeLine, DisputePage};

/// A decision.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    /// The dispute's case, or enough of its beginning.
    case: String,
    /// The person was right: what was found does not count, at any edge, from its next sync on.
    #[arg(long, required_unless_present = "reject")]
    grant: bool,
    /// The person stays refused.
    #[arg(long, conflicts_with = "grant")]
    reject: bool,
    /// What the counter is told.
    #[arg(long)]
    words: String,
    /// Who decides; who is at the keyboard where nobody is named.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// `disputes`.
pub(super) fn list(desk: &Desk, decided_too: bool) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let disputes = hub.disputes(&DisputeFilter { decided_too, limit: 0 })?;
    let json: Vec<Value> = disputes.iter().map(view::dispute_summary).collect();
    let lines: Vec<DisputeLine> = disputes.iter().map(DisputeLine::from).collect();
    let text = format!("{}{} 件異議 disputes\n", in_lines(&lines), lines.len());
    desk.out.say(&json!({ "disputes": json }), &text)
}

/// One line a dispute.
pub(super) fn in_lines(lines: &[DisputeLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let (badge, title) = (&line.badge.text, &line.title);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}  異議 dispute  {} {}  {}  {}  {}  {} {}",
            line.id, title.zh, title.en, line.person, line.time, line.site, badge.zh, badge.en
        );
    }
    text
}

/// `decide`.
pub(super) fn decide(desk: &Desk, args: &DecideArgs) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let unknown = || anyhow!("查無此異議 unknown dispute {:?}; `atoll-hub disputes` lists them", args.case);
    let case = find(&hub, &args.case)?.ok_or_else(unknown)?;
    let verdict = if args.grant { Verdict::Grant } else { Verdict::Reject };
    let by = args.by.clone().unwrap_or_else(operator);
    let (about, second) = (case.to_string(), desk.clock.second());
    let deed = (verdict.deed(), about.as_str(), by.as_str());
    desk.recorded(&mut hub, deed, |hub| hub.decide(&case, verdict, (&args.words, &by), second))??;
    let detail = hub.dispute(&case)?.ok_or_else(unknown)?;
    desk.out.say(&view::dispute(&detail), &in_words(&detail))
}

/// The dispute with this case, or the only one whose case begins so.
pub(super) fn find(hub: &Hub, id: &str) -> anyhow::Result<Option<CaseId>> {
    let all = hub.disputes(&DisputeFilter { decided_too: true, limit: 0 })?;
    let fits = |case: &CaseId| !id.is_empty() && case.to_string().starts_with(id);
    let mut fitting = all.iter().map(|dispute| dispute.id).filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(_), Some(_)) => Err(anyhow!("多個案件以此開頭 several cases begin with {id:?}: give more of the id")),
        (only, _) => Ok(only),
    }
}

/// The dispute with its evidence.
pub(super) fn in_words(dispute: &DisputeDetail) -> String {
    let page = DisputePage::from(dispute);
    let (line, badge) = (&page.line, &page.line.badge.text);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "異議 dispute {}  {} {}", line.id, badge.zh, badge.en);
    let _ = writeln!(text, "{} {}  {}  {}", line.title.zh, line.title.en, line.person, page.kind.zh);
    let _ = writeln!(text, "{}\n{}", page.summary.zh, page.summary.en);
    let _ = writeln!(text, "當事人表示 the person says: {}", page.reason);
    let _ = writeln!(
        text,
        "{} {}  讀取 read {} {}  經手 by {}  編號 number {}",
        line.time, line.site, page.reading.zh, page.reading.en, page.by, page.entry
    );
    for (receipt, sale) in page.receipts.iter().zip(&dispute.sales) {
        let badge = &receipt.badge.text;
        let _ = writeln!(text, "\n[{}] {} {}", receipt.number, badge.zh, badge.en);
        let _ = writeln!(text, "    {}\n    {}", sale.text.zh, sale.text.en);
        let _ = writeln!(text, "    收到於 received {}  entry {}", receipt.received, receipt.entry);
    }
    for decision in &page.decisions {
        let badge = &decision.badge.text;
        let _ = writeln!(text, "\n{} {}  {}  {}", badge.zh, badge.en, decision.time, decision.by);
        let _ = writeln!(text, "    {}", decision.words);
    }
    text
}
