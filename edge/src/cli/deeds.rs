//! What each command asks, and the ones that need no node.

use serde_json::{Map, Value, json};

use super::{Command, DeedArgs, DocumentArgs, LineCommand, Outcome, PiecesArgs, ProxyArgs};
use crate::config::Folder;
use crate::fault::Fault;
use crate::open;

/// One request to the API.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// With its query.
    pub(super) path: String,
    /// A body makes it a POST.
    pub(super) body: Option<Value>,
}

/// The request of a command; those that need no node ask for the status, harmlessly.
pub(super) fn call(command: &Command) -> Call {
    match command {
        Command::Arrive { pieces, deed } => post("arrive", [counted(pieces), done(deed)]),
        Command::Check { document, programme } => {
            post("check", [buyer(document), optional("programme", programme.as_deref())])
        }
        Command::Sell { document, pieces, proxy, manager, deed } => {
            let manager = optional("manager", manager.as_deref());
            post("sell", [buyer(document), counted(pieces), carried(proxy), manager, done(deed)])
        }
        Command::Withdraw { entry, reason, deed } => {
            post("withdraw", [object(json!({ "of": entry, "reason": reason })), done(deed)])
        }
        Command::Record { document, pieces, proxy, at, deed } => {
            post("record", [buyer(document), counted(pieces), carried(proxy), object(json!({ "at": at })), done(deed)])
        }
        Command::Correct { pieces, reason, deed } => {
            post("correct", [counted(pieces), object(json!({ "reason": reason })), done(deed)])
        }
        Command::Dispute { document, reason, deed } => {
            post("disputes", [buyer(document), object(json!({ "reason": reason })), done(deed)])
        }
        Command::Disputes => get("disputes"),
        Command::VerifySlip { text } => post("booking/verify-slip", [object(json!({ "text": text }))]),
        Command::Recent { limit } => get(&format!("recent?limit={limit}")),
        Command::Export => get("export"),
        Command::Audit => get("audit"),
        Command::Status
        | Command::Doctor
        | Command::Verify
        | Command::Init { .. }
        | Command::Enrol { .. }
        | Command::Serve { .. }
        | Command::Keys { .. }
        | Command::Line { .. } => get("status"),
    }
}

fn get(what: &str) -> Call {
    Call { path: format!("/api/v1/{what}"), body: None }
}

fn post<const N: usize>(what: &str, parts: [Map<String, Value>; N]) -> Call {
    let body = parts.into_iter().flatten().collect();
    Call { path: format!("/api/v1/{what}"), body: Some(Value::Object(body)) }
}

fn buyer(document: &DocumentArgs) -> Map<String, Value> {
    let DocumentArgs { kind, number, birth } = document;
    object(json!({ "document": { "kind": kind, "number": number, "birth": birth } }))
}

fn carried(proxy: &ProxyArgs) -> Map<String, Value> {
    match (&proxy.proxy_number, &proxy.proxy_birth) {
        (Some(number), Some(birth)) => {
            object(json!({ "proxy": { "kind": proxy.proxy_kind, "number": number, "birth": birth } }))
        }
        (Some(_) | None, _) => Map::new(),
    }
}

fn counted(pieces: &PiecesArgs) -> Map<String, Value> {
    object(json!({ "adult": pieces.adult, "child": pieces.child }))
}

fn done(deed: &DeedArgs) -> Map<String, Value> {
    let mut out = object(json!({ "by": deed.by }));
    out.extend(optional("request", deed.request.as_deref()));
    out.extend(optional("programme", deed.programme.as_deref()));
    out
}

fn optional(name: &str, value: Option<&str>) -> Map<String, Value> {
    value.map(|value| (name.to_owned(), Value::from(value))).into_iter().collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// `init`.
pub(super) fn init(folder: &Folder, code: &str, name: &str) -> Result<Outcome, Fault> {
    let code: shared::ids::SiteCode = code.trim().parse().map_err(|cause: shared::ids::BadId| {
        Fault::new(
            "site",
            "醫事機構代碼須為十碼數字或大寫英文，請核對後重新輸入",
            "a site code is ten digits or capital letters: check it and try again",
        )
        .because(cause)
    })?;
    // Cut short before the keys: go on. Never where a ledger was sealed under keys that are lost.
    let begun = folder.site().ok().filter(|_| !folder.keys().exists() && !folder.store_file().exists());
    let site = match begun.filter(|site| site.code == code) {
        Some(site) => site,
        None => folder.init(code, name)?,
    };
    open::make_keys(folder)?;
    let mut zh = format!("已為機構 {} {} 建立資料夾 {}", site.code, site.name, folder.path().display());
    let mut en = format!("set {} up for site {} {}", folder.path().display(), site.code, site.name);
    if !code.check_digit_fits() {
        zh.push_str("\n注意：代碼檢查碼不符，請再核對（仍可使用）");
        en.push_str("\nnote: the code's check digit does not fit: look at it again (it can be used all the same)");
    }
    let json = json!({
        "verdict": "initialised",
        "site": site.code.as_str(),
        "name": site.name,
        "check_digit_fits": code.check_digit_fits(),
    });
    Ok(Outcome::done(&zh, &en, json))
}

/// `line cut` and `line heal`: a running `serve` looks at the file twice a second.
pub(super) fn line(folder: &Folder, what: LineCommand) -> Result<Outcome, Fault> {
    folder.site()?;
    let file = folder.line_cut_file();
    match what {
        LineCommand::Cut => {
            folder.write(&file, b"")?;
            let zh = "線路已切斷（演練）；恢復請執行 line heal";
            Ok(Outcome::done(
                zh,
                "the line is cut for a rehearsal; heal it with: line heal",
                json!({ "verdict": "cut" }),
            ))
        }
        LineCommand::Heal => {
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
                Err(cause) => {
                    let (zh, en) = (
                        "無法移除斷線記號；請檢查資料夾權限",
                        "cannot remove the file line-cut: check the folder's permissions",
                    );
                    return Err(Fault::new("folder", zh, en).because(cause));
                }
            }
            Ok(Outcome::done(
                "線路已恢復，會自動重新連線",
                "the line is healed; it reconnects by itself",
                json!({ "verdict": "healed" }),
            ))
        }
    }
}
