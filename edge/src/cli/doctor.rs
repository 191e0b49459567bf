//! `doctor` in the shell: asks a `serve` that runs; else it looks itself, and holds the folder only as long as it asks the
//! node, so that whoever wants to sell does not wait for a network that is silent.

use chrono::{DateTime, FixedOffset};

use super::Outcome;
use super::call::{Holder, holder, send};
use super::deeds::Call;
use super::output::Reply;
use crate::config::Folder;
use crate::doctor::{json, judge, known, look};
use crate::fault::Fault;
use crate::open;
use crate::uplink::LineStatus;

pub(super) fn doctor(folder: &Folder, clock: Option<DateTime<FixedOffset>>) -> Result<Outcome, Fault> {
    let call = Call { path: "/api/v1/doctor".to_owned(), body: None };
    let lock = match holder(folder, folder.site()?.code)? {
        Holder::Serve(address) => return Ok(Outcome::of(&call, send(folder, address, &call)?)),
        Holder::Nobody(lock) => lock,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| {
        Fault::new("runtime", "系統資源不足", "the system has no room for a runtime").because(cause)
    })?;
    let opened = open::open(folder, clock)?;
    let known = runtime.block_on(known(&opened.desk));
    drop(opened.desk);
    let ended = opened.thread.join();
    drop(lock);
    ended.map_err(|_| Fault::new("node", "本站節點異常結束；請查看記錄檔", "the node ended badly: look at the log"))?;
    let facts = runtime.block_on(look(folder, known?, &LineStatus::default(), None))?;
    Ok(Outcome::of(&call, Reply { status: 200, body: json(&judge(&facts)).to_string() }))
}
