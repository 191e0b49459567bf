//! `verify`: asked of the store itself, because a ledger that was touched is one on which no node starts; while `serve`
//! runs, of that.

use std::fmt::Write;

use serde_json::Value;

use super::Outcome;
use super::call::{self, Holder};
use super::deeds::Call;
use crate::config::Folder;
use crate::fault::Fault;
use crate::store::Store;
use crate::verify::verify as look;
use crate::{open, web};

pub(super) fn verify(folder: &Folder) -> Result<Outcome, Fault> {
    let site = folder.site()?;
    let answer = match call::holder(folder, site.code)? {
        Holder::Serve(address) => {
            let reply = call::send(folder, address, &Call { path: "/api/v1/verify".to_owned(), body: None })?;
            serde_json::from_str(&reply.body).unwrap_or(Value::Null)
        }
        Holder::Nobody(_lock) => {
            let store = Store::open(&folder.store_file()).map_err(open::bad_store)?;
            web::answer::verified(&look(&store, site.code).map_err(open::bad_store)?)
        }
    };
    Ok(outcome(&answer))
}

fn outcome(answer: &Value) -> Outcome {
    let findings = answer.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut zh, mut en) = (String::new(), String::new());
    for finding in findings {
        let (pos, entry) = (finding.get("pos").and_then(Value::as_u64).unwrap_or(0), text(finding, "entry"));
        // Writing to a String cannot fail.
        let _ = writeln!(zh, "第 {pos} 筆 {entry}：{}", text(finding, "zh-TW"));
        let _ = writeln!(en, "entry {pos} {entry}: {}", text(finding, "en"));
    }
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or(0);
    let (entries, signed) = (number("entries"), number("signed"));
    let _ = write!(zh, "已核對 {entries} 筆，中心簽收 {signed} 筆，{} 項不符", findings.len());
    let _ = write!(en, "verified {entries} entries, {signed} signed for by the hub, {} findings", findings.len());
    if findings.is_empty() && answer.get("entries").is_some() {
        Outcome::done(&zh, &en, answer.clone())
    } else {
        Outcome::failed(&zh, &en, answer.clone())
    }
}
