//! `audit export`, `audit verify`: what everybody did, for those who look after it.

use std::fmt::Write;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::Desk;
use crate::audit::{AuditVerified, deeds};

/// Records read at once.
const AT_ONCE: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Print the records as JSON, one a line; anybody can check them (docs/operating.md).
    Export {
        /// From this record on.
        #[arg(long, value_name = "N", default_value_t = 1)]
        from: u64,
    },
    /// Name the first record that was changed, taken out or put in.
    Verify,
}

/// `audit …`.
pub(super) fn run(desk: &Desk, command: &AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::Export { from } => export(desk, *from),
        AuditCommand::Verify => verify(desk),
    }
}

/// Its own record stands at its end.
fn export(desk: &Desk, from: u64) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let note = format!("from {from}");
    desk.looked(&mut hub, (deeds::AUDIT_EXPORTED, "", &note))?;
    let mut after = from.saturating_sub(1);
    loop {
        let (mut before, records) = hub.audit(after, AT_ONCE)?;
        let Some(last) = records.last() else { return Ok(()) };
        after = last.record.number;
        let mut text = String::new();
        for record in &records {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", record.json_line(before));
            before = record.link;
        }
        desk.out.print(&text)?;
    }
}

fn verify(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let AuditVerified { records, link, broken } = hub.verify_audit()?;
    let value = json!({
        "records": records, "link": link.to_string(), "broken": broken.map(|broken| broken.number),
    });
    let text = match broken {
        Some(broken) => format!("第 {0} 筆與原紀錄不符 record {0} is not the one that was written\n", broken.number),
        None => format!("已核對 verified: {records} records, last link {link}\n"),
    };
    desk.out.say(&value, &text)?;
    if let Some(broken) = broken {
        bail!("稽核紀錄與原紀錄不符 {broken}");
    }
    Ok(())
}
