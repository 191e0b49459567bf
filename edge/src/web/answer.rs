//! The API's answers as JSON: numbered by verdicts, in both languages.
//!
//! 200 with a verdict is an answer, a refusal too; 400 is a request that cannot be meant, 503 a
//! machine that cannot answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde_json::{Value, json};
use shared::entry::{Found, Pieces};
use shared::rules::calendar::{roc_date, roc_minute};
use shared::rules::evidence::Evidence;
use shared::rules::knowledge::Allowed;
use shared::rules::quota::Allowance;
use shared::rules::refusal::Refusal;
use shared::rules::stock::Stock;

pub mod booking;

use super::known;
use crate::fault::Fault;
use crate::node::Standing;
use crate::node::ask::{
    Arrived, Corrected, Decided, DisputeLine, Disputed, Examined, Mark, Movement, MovementKind, Recent, Shelf, Sold,
    TakenBack, Withdrawn,
};
use crate::verify::Verified;

/// Taipei's distance from UTC, in seconds.
const TAIPEI_S: i32 = 8 * 3600;

/// A fault with its status.
#[must_use]
pub fn fault_json(status: StatusCode, fault: &Fault) -> Response {
    let error = json!({ "code": fault.code, "zh-TW": fault.zh, "en": fault.en });
    (status, Json(json!({ "error": error }))).into_response()
}

/// The machine cannot answer.
#[must_use]
pub fn unwell(fault: &Fault) -> Response {
    tracing::error!(code = fault.code, causes = %fault.causes(), "{fault}");
    fault_json(StatusCode::SERVICE_UNAVAILABLE, fault)
}

/// The request cannot be meant.
#[must_use]
pub fn bad_request(fault: &Fault) -> Response {
    fault_json(StatusCode::BAD_REQUEST, fault)
}

/// 不符: which reason, from when on, in words.
#[must_use]
pub fn refused(refusal: &Refusal) -> Value {
    json!({
        "verdict": "refused",
        "reason": refusal.code(),
        "next": refusal.next().map(|day| day.to_string()),
        "evidence": refusal.evidence().iter().map(evidence).collect::<Vec<_>>(),
        "message": message(&refusal.zh(), &refusal.en()),
    })
}

/// One thing that a refusal rests on.
fn evidence(evidence: &Evidence) -> Value {
    let (at, day) = match evidence {
        Evidence::Own { second } => (rfc3339(*second), None),
        Evidence::Nation { day, list: _ } => (None, Some(day.to_string())),
    };
    json!({ "kind": evidence.code(), "at": at, "day": day, "zh-TW": evidence.zh(), "en": evidence.en() })
}

/// Where a sale stands.
fn standing(standing: Standing) -> Value {
    json!({ "code": standing.code(), "zh-TW": standing.zh(), "en": standing.en() })
}

/// Both languages.
fn message(zh: &str, en: &str) -> Value {
    json!({ "zh-TW": zh, "en": en })
}

/// A second as RFC 3339, in Taipei's time.
#[must_use]
pub fn rfc3339(second: i64) -> Option<String> {
    let taipei = FixedOffset::east_opt(TAIPEI_S)?;
    let time = DateTime::from_timestamp(second, 0)?.with_timezone(&taipei);
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, false))
}

fn pieces(pieces: Pieces) -> Value {
    json!({ "adult": pieces.adult, "child": pieces.child })
}

fn stock(stock: Stock) -> Value {
    json!({ "adult": stock.adult, "child": stock.child })
}

fn allowance(allowance: Allowance) -> Value {
    json!({ "adult": allowance.adult, "child": allowance.child, "mixed": allowance.mixed, "most": allowance.most() })
}

/// What is said of a time; null where nothing is.
#[must_use]
pub fn mark(mark: Mark) -> Value {
    match mark {
        Mark::None => Value::Null,
        Mark::Doubtful { doubt_s, beacon_age_s } => json!({
            "doubt_s": (doubt_s != u32::MAX).then_some(doubt_s),
            "beacon_age_s": beacon_age_s,
            "zh-TW": mark.zh(),
            "en": mark.en(),
        }),
    }
}

/// A mark at the end of a message; empty where nothing is said.
#[must_use]
pub fn marked(mark: Mark) -> (String, String) {
    if mark.is_doubtful() { (format!("；{}", mark.zh()), format!("; {}", mark.en())) } else { Default::default() }
}

/// 資格審核 passed.
#[must_use]
pub fn examined(found: &Examined) -> Value {
    let most = found.allowance.most();
    let (wants_zh, wants_en) = match found.allowed {
        Allowed::Sell | Allowed::OnePiece | Allowed::Refuse => ("", ""),
        Allowed::Manager => ("；須主管同意", "; a manager's word is needed"),
    };
    json!({
        "verdict": "qualified",
        "programme": found.programme.as_str(),
        "version": found.version.as_str(),
        "title": message(&found.title.zh, &found.title.en),
        "today": found.today.to_string(),
        "masked": found.masked,
        "is_child": found.is_child,
        "allowance": allowance(found.allowance),
        "price_ntd_per_piece": found.price_ntd_per_piece,
        "time_in_doubt": mark(found.mark),
        "allowed": known::allowed_code(found.allowed),
        "stock": stock(found.stock),
        "message": message(
            &format!("{} 符合購買資格，可購買片數 {most}{wants_zh}", found.masked),
            &format!("{} may buy; at most {most} pieces now{wants_en}", found.masked),
        ),
    })
}

/// Bought, or recorded as bought.
#[must_use]
pub fn sold(site_name: &str, sale: &Sold) -> Value {
    let (verdict, zh, en) = match sale.happened {
        Some(_) => ("recorded", "已補登", "recorded"),
        None => ("sold", "已售出", "sold"),
    };
    let (before_zh, before_en) =
        if sale.replayed { ("（先前已登錄，未重複）", " (written before, not again)") } else { ("", "") };
    let Pieces { adult, child } = sale.pieces;
    let when = sale.happened.unwrap_or(sale.at).second;
    let (mark_zh, mark_en) = marked(sale.mark);
    json!({
        "verdict": verdict,
        "sale": sale.id.to_string(),
        "replayed": sale.replayed,
        "receipt": {
            "site_name": site_name,
            "masked": sale.masked,
            "proxy_masked": sale.proxy_masked,
            "date": roc_minute(when),
            "at": rfc3339(when),
            "written": rfc3339(sale.at.second),
            "doubt_s": sale.at.doubt_s,
            "time_in_doubt": mark(sale.mark),
            "programme": sale.programme.as_str(),
            "version": sale.version.as_str(),
            "adult": adult,
            "child": child,
            "price_ntd": sale.price_ntd,
            "watermark": sale.watermark,
            "approved_by": sale.approved_by,
        },
        "stock": stock(sale.stock),
        "message": message(
            &format!("{zh}{before_zh} {} 成人 {adult}、兒童 {child}，{} 元；編號 {}；庫存 {}{mark_zh}", sale.masked, sale.price_ntd, sale.id, stock_zh(sale.stock)),
            &format!("{en}{before_en} {} adult {adult}, child {child}, NT${}; number {}; {}{mark_en}", sale.masked, sale.price_ntd, sale.id, stock_en(sale.stock)),
        ),
    })
}

/// 口罩到貨 confirmed.
#[must_use]
pub fn arrived(arrival: &Arrived) -> Value {
    let Pieces { adult, child } = arrival.counted;
    json!({
        "verdict": "arrived",
        "arrival": arrival.id.to_string(),
        "replayed": arrival.replayed,
        "programme": arrival.programme.as_str(),
        "counted": pieces(arrival.counted),
        "advised": arrival.advised.map(pieces),
        "stock": stock(arrival.stock),
        "message": message(
            &format!("口罩到貨 成人 {adult}、兒童 {child}；編號 {}；庫存 {}", arrival.id, stock_zh(arrival.stock)),
            &format!("arrived adult {adult}, child {child}; number {}; {}", arrival.id, stock_en(arrival.stock)),
        ),
    })
}

/// The stock was corrected.
#[must_use]
pub fn corrected(correction: &Corrected) -> Value {
    let Corrected { adult, child, .. } = correction;
    json!({
        "verdict": "corrected",
        "correction": correction.id.to_string(),
        "replayed": correction.replayed,
        "programme": correction.programme.as_str(),
        "adult": adult,
        "child": child,
        "stock": stock(correction.stock),
        "message": message(
            &format!("庫存更正 成人 {adult:+}、兒童 {child:+}；庫存 {}", stock_zh(correction.stock)),
            &format!("corrected adult {adult:+}, child {child:+}; {}", stock_en(correction.stock)),
        ),
    })
}

/// Taken back.
#[must_use]
pub fn withdrawn(withdrawal: &Withdrawn) -> Value {
    let (what, back) = match withdrawal.taken {
        TakenBack::Sale(back) => ("sale", back),
        TakenBack::Arrival(back) => ("arrival", back),
    };
    json!({
        "verdict": "withdrawn",
        "withdrawal": withdrawal.id.to_string(),
        "of": withdrawal.of.to_string(),
        "what": what,
        "replayed": withdrawal.replayed,
        "programme": withdrawal.programme.as_str(),
        "pieces": pieces(back),
        "stock": stock(withdrawal.stock),
        "message": message(
            &format!("已撤銷 {}；庫存 {}", withdrawal.of, stock_zh(withdrawal.stock)),
            &format!("withdrew {}; {}", withdrawal.of, stock_en(withdrawal.stock)),
        ),
    })
}

/// A line of 最近購買紀錄.
#[must_use]
pub fn recent(line: &Recent) -> Value {
    json!({
        "sale": line.id.to_string(),
        "site_name": line.site_name,
        "masked": line.masked,
        "date": roc_minute(line.second),
        "at": rfc3339(line.second),
        "adult": line.pieces.adult,
        "child": line.pieces.child,
        "programme": line.programme.as_str(),
        "version": line.version.as_str(),
        "recorded": line.recorded,
        "time_in_doubt": mark(line.mark),
        "withdrawn": line.withdrawn,
        "over": line.over,
        "acked": line.acked,
        "standing": line.standing().map(standing),
        "by": line.by,
    })
}

/// One programme's shelf.
#[must_use]
pub fn shelf(shelf: &Shelf) -> Value {
    json!({
        "programme": shelf.programme.as_str(),
        "version": shelf.version.as_ref().map(|name| name.as_str().to_owned()),
        "stock": stock(shelf.stock),
        "expected": shelf.expected.map(pieces),
        "allotment": shelf.allotment.map(pieces),
        "arrived_today": shelf.arrived_today.map(pieces),
    })
}

/// A line of the stock ledger.
#[must_use]
pub fn movement(line: &Movement) -> Value {
    json!({
        "entry": line.id.to_string(),
        "at": rfc3339(line.at.second),
        "date": roc_minute(line.at.second),
        "programme": line.programme.as_str(),
        "kind": movement_code(line.kind),
        "adult": line.adult,
        "child": line.child,
        "stock": stock(line.stock),
        "withdrawn": line.withdrawn,
        "reason": line.reason,
        "by": line.by,
    })
}

/// A stable name for machines.
#[must_use]
pub fn movement_code(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Arrival => "arrival",
        MovementKind::Sale => "sale",
        MovementKind::Withdrawal => "withdrawal",
        MovementKind::Correction => "correction",
    }
}

/// What a verification came to.
#[must_use]
pub fn verified(verified: &Verified) -> Value {
    let findings: Vec<Value> = verified
        .findings
        .iter()
        .map(|finding| {
            let (zh, en) = finding.what.words();
            let entry = finding.entry.map(|entry| entry.to_string());
            json!({ "pos": finding.pos, "entry": entry, "what": finding.what.name(), "zh-TW": zh, "en": en })
        })
        .collect();
    json!({
        "entries": verified.entries, "signed": verified.signed, "down": verified.down,
        "audit": verified.audit, "findings": findings,
    })
}

/// A dispute is filed.
#[must_use]
pub fn disputed(dispute: &Disputed) -> Value {
    json!({
        "verdict": "disputed",
        "dispute": dispute.id.to_string(),
        "replayed": dispute.replayed,
        "programme": dispute.programme.as_str(),
        "masked": dispute.masked,
        "found": dispute.found.iter().map(found).collect::<Vec<_>>(),
        "message": message(
            &format!("已登錄異議，編號 {}", dispute.id),
            &format!("the dispute is filed under {}", dispute.id),
        ),
    })
}

/// A dispute and how it stands.
#[must_use]
pub fn dispute_line(line: &DisputeLine) -> Value {
    let decided = line.decided.as_ref();
    let (state, zh, en) = dispute_state(decided);
    json!({
        "dispute": line.id.to_string(),
        "at": rfc3339(line.at.second),
        "date": roc_minute(line.at.second),
        "programme": line.programme.as_str(),
        "masked": line.masked,
        "found": line.found.iter().map(found).collect::<Vec<_>>(),
        "reason": line.reason,
        "by": line.by,
        "acked": line.acked,
        "state": state,
        "state_words": message(zh, en),
        "words": decided.map(|decided| decided.words.clone()),
        "decided_by": decided.map(|decided| decided.by.clone()),
        "decided_at": decided.and_then(|decided| rfc3339(decided.second)),
    })
}

/// A stable name for machines, and words.
pub(super) fn dispute_state(decided: Option<&Decided>) -> (&'static str, &'static str, &'static str) {
    match decided {
        None => ("waiting", "待裁定", "waiting"),
        Some(Decided { granted: true, .. }) => ("granted", "異議成立", "granted"),
        Some(Decided { granted: false, .. }) => ("rejected", "異議不成立", "rejected"),
    }
}

fn found(found: &Found) -> Value {
    json!({ "day": found.day.to_string(), "source": found.source.code() })
}

/// A date in both calendars.
#[must_use]
pub fn day(day: chrono::NaiveDate) -> Value {
    json!({ "date": day.to_string(), "roc": roc_date(day) })
}

fn stock_zh(stock: Stock) -> String {
    format!("成人 {}、兒童 {}", stock.adult, stock.child)
}

fn stock_en(stock: Stock) -> String {
    format!("in stock adult {}, child {}", stock.adult, stock.child)
}

/// A version known here.
#[must_use]
pub fn version(version: &shared::rules::programme::Version) -> Value {
    let notices: Vec<Value> = version.notices.iter().map(|notice| message(&notice.zh, &notice.en)).collect();
    json!({
        "programme": version.programme.as_str(),
        "version": version.name.as_str(),
        "from": day(version.from),
        "title": message(&version.title.zh, &version.title.en),
        "price_ntd_per_piece": version.price_ntd_per_piece,
        "allotment": pieces(version.allotment),
        "notices": notices,
    })
}
