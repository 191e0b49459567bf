//! `verify`, `backup`, `restore`: the journal is what was written, and is not lost with the machine.

use std::fmt::Write;
use std::path::Path;

use anyhow::bail;
use serde_json::json;
use shared::rules::calendar::roc_minute;

use super::{Desk, complain};
use crate::audit::deeds;
use crate::verify::{Finding, Verified};

/// `verify`.
pub(super) fn verify(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let verified = hub.verify()?;
    let findings: Vec<_> = verified.findings.iter().map(value).collect();
    let value = json!({
        "rows": verified.rows, "entries": verified.entries, "signed": verified.signed, "findings": findings,
        "audit": { "records": verified.records, "broken": verified.audit.map(|broken| broken.number) },
    });
    desk.out.say(&value, &words(&verified))?;
    if !verified.findings.is_empty() {
        bail!("日誌與原紀錄不符 the journal is not the one that was written: {} findings", verified.findings.len());
    }
    if let Some(broken) = verified.audit {
        bail!("稽核紀錄與原紀錄不符 {broken}");
    }
    Ok(())
}

fn value(finding: &Finding) -> serde_json::Value {
    let entries = finding.entries.map(|(first, last)| json!({ "first": first.to_string(), "last": last.to_string() }));
    json!({ "row": finding.row, "entries": entries, "what": finding.what.name() })
}

fn words(verified: &Verified) -> String {
    let mut text = String::new();
    for finding in &verified.findings {
        let (zh, en) = finding.what.words();
        // Writing to a String cannot fail.
        let _ = write!(text, "row {}  {zh} {en}", finding.row);
        if let Some((first, last)) = finding.entries {
            let _ = write!(text, "  {first} … {}", last.seq);
        }
        text.push('\n');
    }
    let Verified { rows, entries, signed, findings, records, audit } = verified;
    let _ = writeln!(
        text,
        "已核對 verified: {rows} rows, {entries} entries, {signed} of them signed by their writers; {} 項不符 findings",
        findings.len()
    );
    let _ = match audit {
        None => writeln!(text, "稽核紀錄 audit: {records} records"),
        Some(broken) => writeln!(text, "稽核紀錄與原紀錄不符 {broken}"),
    };
    text
}

/// `backup`.
pub(super) fn backup(desk: &Desk, out: &Path) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let second = desk.clock.second();
    // A disk that takes no record any more is one of which a copy is wanted.
    if let Err(cause) = desk.looked(&mut hub, (deeds::BACKUP, "", "")) {
        complain(&cause.context("稽核紀錄寫不進去 the audit takes no record of it"));
    }
    let backup = desk.folder.back_up(&hub, out, second)?;
    let text = format!(
        "備份完成 backed up: {} ({} bytes, {} rows, {})\n\
         金鑰不在其中 the keys are not in it: keep an escrow of them too (atoll-hub escrow)\n",
        out.display(),
        backup.bytes,
        backup.rows,
        roc_minute(second)
    );
    desk.out.say(&json!({ "backup": out.display().to_string(), "bytes": backup.bytes, "rows": backup.rows }), &text)
}

/// `restore`.
pub(super) fn restore(desk: &Desk, from: &Path) -> anyhow::Result<()> {
    let authority = desk.folder.authority()?;
    let restored = desk.folder.restore(&authority, from)?;
    let text = format!(
        "已還原 restored: {} rows as of {}\n\
         各站下次連線時會補回之後的紀錄 every edge gives back what came later when it connects next\n\
         請重新廢止在備份之後廢止的憑證 revoke again what was revoked after the backup\n",
        restored.rows,
        restored.second.map_or_else(|| "?".to_owned(), roc_minute)
    );
    desk.out.say(&json!({ "restored": true, "rows": restored.rows, "as_of": restored.second }), &text)
}
