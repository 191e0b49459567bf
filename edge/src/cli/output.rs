//! What a command prints: plain lines for people, Chinese then English, or one JSON object.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::deeds::Call;
use crate::fault::Fault;

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    exit: Exit,
    people: Vec<String>,
    machines: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Refused = 1,
    Failed = 2,
}

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Outcome {
    pub(super) fn done(zh: &str, en: &str, json: Value) -> Self {
        let people = zh.lines().chain(en.lines()).map(str::to_owned).collect();
        Self { exit: Exit::Done, people, machines: json.to_string() }
    }

    pub(super) fn failed(zh: &str, en: &str, json: Value) -> Self {
        Self { exit: Exit::Failed, ..Self::done(zh, en, json) }
    }

    pub(super) fn silent() -> Self {
        Self { exit: Exit::Done, people: Vec::new(), machines: json!({}).to_string() }
    }

    /// What the API answered, in words.
    pub(super) fn of(call: &Call, reply: Reply) -> Self {
        if (call.path.ends_with("/export") || call.path.ends_with("/audit")) && reply.status == 200 {
            let people = reply.body.lines().map(str::to_owned).collect();
            return Self { exit: Exit::Done, people, machines: reply.body.trim_end().to_owned() };
        }
        let answer: Value = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
        let exit = match (reply.status, text(&answer, "/verdict").as_str()) {
            (200, "refused") => Exit::Refused,
            (200, _) if text(&answer, "/state") == "bad" => Exit::Refused,
            (200, _) => Exit::Done,
            _ => Exit::Failed,
        };
        Self { exit, people: words(call, &answer, &reply), machines: reply.body }
    }
}

/// Prints, and gives the exit code: 0 done, 1 refused, 2 an error.
pub(super) fn finish(json: bool, ended: Result<Outcome, Fault>) -> u8 {
    let (code, written) = match ended {
        Ok(outcome) => {
            let lines = if json { vec![outcome.machines] } else { outcome.people };
            let failed = outcome.exit == Exit::Failed && !json;
            let written =
                if failed { print(&mut io::stderr().lock(), &lines) } else { print(&mut io::stdout().lock(), &lines) };
            (outcome.exit as u8, written)
        }
        Err(fault) if json => {
            let error =
                json!({ "error": { "code": fault.code, "zh-TW": fault.zh, "en": fault.en, "cause": fault.causes() } });
            (Exit::Failed as u8, print(&mut io::stdout().lock(), &[error.to_string()]))
        }
        Err(fault) => (Exit::Failed as u8, print(&mut io::stderr().lock(), &of_fault(&fault))),
    };
    // Whoever read the output may have gone (`| head`): what was done is done.
    if written.is_ok() || code != 0 { code } else { Exit::Failed as u8 }
}

fn of_fault(fault: &Fault) -> Vec<String> {
    let mut lines = vec![format!("錯誤：{}", fault.zh), format!("error: {}", fault.en)];
    let causes = fault.causes();
    if !causes.is_empty() {
        lines.push(format!("  ({causes})"));
    }
    lines
}

fn print(out: &mut impl Write, lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn words(call: &Call, answer: &Value, reply: &Reply) -> Vec<String> {
    if let Some(error) = answer.get("error") {
        return vec![format!("錯誤：{}", text(error, "/zh-TW")), format!("error: {}", text(error, "/en"))];
    }
    if answer.get("message").is_some() {
        let mut lines = vec![text(answer, "/message/zh-TW"), text(answer, "/message/en")];
        let evidence = answer.get("evidence").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        lines.extend(
            evidence.iter().map(|it| format!("  依據 known from: {} / {}", text(it, "/zh-TW"), text(it, "/en"))),
        );
        return lines;
    }
    if call.path.contains("/recent") {
        return recent(answer);
    }
    if call.path.ends_with("/disputes") {
        return disputes(answer);
    }
    if call.path.ends_with("/doctor") {
        return checks(answer);
    }
    if call.path.ends_with("/status") {
        return status(answer);
    }
    vec![
        format!("錯誤：無法辨識的回應（{}）", reply.status),
        format!("error: an answer that cannot be read ({})", reply.status),
    ]
}

fn recent(answer: &Value) -> Vec<String> {
    let mut lines = vec!["院所簡稱  身分證號  購買日期  成人購買數量  兒童購買數量  狀態  編號".to_owned()];
    let found = answer.get("recent").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for line in found {
        let mut state = Vec::new();
        if let Some(standing) = line.get("standing").filter(|standing| !standing.is_null()) {
            state.push(format!("{} {}", text(standing, "/zh-TW"), text(standing, "/en")));
        }
        for (flag, words) in
            [("/withdrawn", "已撤銷 withdrawn"), ("/recorded", "補登 recorded"), ("/acked", "已上傳 sent")]
        {
            if line.pointer(flag).and_then(Value::as_bool).unwrap_or(false) {
                state.push(words.to_owned());
            }
        }
        let mark = line.pointer("/time_in_doubt/zh-TW").and_then(Value::as_str);
        state.extend(mark.map(str::to_owned));
        let (site, masked, date) = (text(line, "/site_name"), text(line, "/masked"), text(line, "/date"));
        let (adult, child, sale) = (text(line, "/adult"), text(line, "/child"), text(line, "/sale"));
        lines.push(format!("{site}  {masked}  {date}  {adult}  {child}  {}  {sale}", state.join("、")));
    }
    if found.is_empty() {
        lines.push("尚無購買紀錄 / no purchases yet".to_owned());
    }
    lines
}

fn disputes(answer: &Value) -> Vec<String> {
    let found = answer.get("disputes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut lines = Vec::new();
    for line in found {
        let at = |pointer: &str| text(line, pointer);
        let (zh, en) = (at("/state_words/zh-TW"), at("/state_words/en"));
        lines.push(format!("{}  {}  {zh} {en}  {}", at("/date"), at("/masked"), at("/dispute")));
        lines.push(format!("  當事人說明 the person says: {}", at("/reason")));
        if at("/state") != "waiting" {
            lines.push(format!("  裁定 decided: {}（{}）", at("/words"), at("/decided_by")));
        }
    }
    if found.is_empty() {
        lines.push("尚無異議 / no disputes yet".to_owned());
    }
    lines
}

fn checks(answer: &Value) -> Vec<String> {
    let found = answer.get("checks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let line = |check: &Value| {
        let at = |pointer: &str| text(check, pointer);
        let mark = match at("/state").as_str() {
            "good" => "✓",
            "attention" => "!",
            _ => "✗",
        };
        [format!("{mark} {}：{}", at("/title/zh-TW"), at("/zh-TW")), format!("    {}: {}", at("/title/en"), at("/en"))]
    };
    found.iter().flat_map(line).collect()
}

fn status(answer: &Value) -> Vec<String> {
    let at = |pointer: &str| text(answer, pointer);
    let mut lines = Vec::new();
    if answer.pointer("/rehearsal").and_then(Value::as_bool).unwrap_or(false) {
        lines.push("*** 演練模式：時間非真實 / REHEARSAL: this is not the real time ***".to_owned());
    }
    lines.push(format!("機構 / site: {} {}", at("/site"), at("/name")));
    lines.push(format!("時間 / time: {}（{}）", at("/now"), at("/today/roc")));
    if answer.pointer("/clock/in_doubt").is_some_and(|mark| !mark.is_null()) {
        lines.push(format!("  {} / {}", at("/clock/in_doubt/zh-TW"), at("/clock/in_doubt/en")));
    }
    lines.push(format!("線路 / line: {} / {}", at("/line/zh-TW"), at("/line/en")));
    if let Some(since) = answer.pointer("/line/connected_since").and_then(Value::as_str) {
        lines.push(format!("  自 / since {since}"));
    }
    if answer.pointer("/line/last_failure").is_some_and(|failure| !failure.is_null()) {
        lines.push(format!("  {} / {}", at("/line/last_failure/zh-TW"), at("/line/last_failure/en")));
    }
    lines.push(format!("全國資料 / nation: {} / {}", at("/nation/known/zh-TW"), at("/nation/known/en")));
    if let Some(sites) = answer.pointer("/nation/unheard_sites").and_then(Value::as_u64).filter(|sites| *sites > 0) {
        lines.push(format!(
            "  {sites} 個機構自某日結束後尚未回報 / {sites} sites have not been heard since a day's end"
        ));
    }
    lines.push(format!("最後同步 / last sync: {}", at("/line/last_success")));
    lines.push(format!("紀錄 / entries: {}，未上傳 / unsent: {}", at("/ledger/entries"), at("/ledger/unsent")));
    lines.push(format!("重複購買爭議 / contested sales: {}", at("/ledger/over")));
    for shelf in answer.pointer("/stock").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        let (adult, child) = (text(shelf, "/stock/adult"), text(shelf, "/stock/child"));
        lines.push(format!("庫存 / stock {}: 成人 adult {adult}，兒童 child {child}", text(shelf, "/programme")));
    }
    lines
}

/// The text at a place, empty where there is none.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(path: &str, status: u16, body: &Value) -> Outcome {
        let call = Call { path: path.to_owned(), body: None };
        Outcome::of(&call, Reply { status, body: body.to_string() })
    }

    #[test]
    fn a_refusal_is_exit_1_and_an_error_exit_2() {
        let message = json!({ "zh-TW": "不符購買資格", "en": "bought already" });
        let refused = outcome("/api/v1/sell", 200, &json!({ "verdict": "refused", "message": message }));
        assert_eq!(
            (refused.exit as u8, refused.people),
            (1, vec!["不符購買資格".to_owned(), "bought already".to_owned()])
        );
        let sold = outcome("/api/v1/sell", 200, &json!({ "verdict": "sold", "message": message }));
        assert_eq!(sold.exit as u8, 0);
        let error = json!({ "error": { "code": "shape", "zh-TW": "格式", "en": "shape" } });
        let failed = outcome("/api/v1/sell", 400, &error);
        assert_eq!((failed.exit as u8, failed.people[1].as_str()), (2, "error: shape"));
        assert_eq!(outcome("/api/v1/sell", 502, &Value::Null).exit as u8, 2);
        let fault = Fault::new("x", "錯", "wrong").because("disk full");
        assert_eq!(of_fault(&fault), ["錯誤：錯", "error: wrong", "  (disk full)"]);
    }

    #[test]
    fn a_refusal_says_what_it_rests_on() {
        let evidence = json!([{ "kind": "own", "zh-TW": "本站 109/02/06 10:32 的購買紀錄", "en": "this site's sale" }]);
        let message = json!({ "zh-TW": "不符購買資格", "en": "bought already" });
        let body = json!({ "verdict": "refused", "message": message, "evidence": evidence });
        let refused = outcome("/api/v1/sell", 200, &body);
        assert_eq!(refused.people[2], "  依據 known from: 本站 109/02/06 10:32 的購買紀錄 / this site's sale");
    }

    #[test]
    fn recent_sales_say_where_they_stand() {
        let line = |standing: Value| json!({ "recent": [{ "site_name": "淡水藥局", "standing": standing }] });
        let contested = json!({ "code": "contested", "zh-TW": "有爭議", "en": "contested" });
        assert!(outcome("/api/v1/recent", 200, &line(contested)).people[1].contains("有爭議 contested"));
        assert!(!outcome("/api/v1/recent", 200, &line(Value::Null)).people[1].contains("null"));
    }

    #[test]
    fn the_status_says_how_old_the_knowledge_of_the_nation_is() {
        let known = json!({ "zh-TW": "離線，全國資料為 3 小時前", "en": "line down" });
        let said = outcome("/api/v1/status", 200, &json!({ "nation": { "known": known } }));
        assert!(said.people.contains(&"全國資料 / nation: 離線，全國資料為 3 小時前 / line down".to_owned()));
        assert!(!said.people.iter().any(|line| line.contains("尚未回報")));
        let said = outcome("/api/v1/status", 200, &json!({ "nation": { "unheard_sites": 12 } }));
        assert!(said.people.iter().any(|line| line.starts_with("  12 個機構自某日結束後尚未回報 / 12 sites have not")));
    }

    #[test]
    fn the_doctor_s_findings_are_listed_and_what_is_bad_is_no_success() {
        let check = |state: &str| {
            json!({
                "check": "line", "state": state, "title": { "zh-TW": "連線", "en": "line" }, "zh-TW": "不通", "en": "silent",
            })
        };
        let said = outcome("/api/v1/doctor", 200, &json!({ "state": "bad", "checks": [check("bad"), check("good")] }));
        assert_eq!(said.people, ["✗ 連線：不通", "    line: silent", "✓ 連線：不通", "    line: silent"]);
        assert_eq!(said.exit as u8, 1);
        let fine = json!({ "state": "attention", "checks": [check("attention")] });
        assert_eq!(outcome("/api/v1/doctor", 200, &fine).exit as u8, 0);
    }

    #[test]
    fn disputes_are_listed_with_the_operators_words() {
        let line = |state: &str| {
            json!({
                "date": "109/02/06 10:00", "masked": "B12****780", "dispute": "ab-1", "reason": "沒買過", "state": state,
                "state_words": { "zh-TW": "異議不成立", "en": "rejected" }, "words": "查明", "decided_by": "陳",
            })
        };
        let said = outcome("/api/v1/disputes", 200, &json!({ "disputes": [line("rejected"), line("waiting")] }));
        assert_eq!(said.people[0], "109/02/06 10:00  B12****780  異議不成立 rejected  ab-1");
        assert_eq!((said.people.len(), said.people[2].as_str()), (5, "  裁定 decided: 查明（陳）"));
        assert_eq!(outcome("/api/v1/disputes", 200, &json!({ "disputes": [] })).people, ["尚無異議 / no disputes yet"]);
    }

    #[test]
    fn the_status_is_marked_in_a_rehearsal() {
        let said = outcome("/api/v1/status", 200, &json!({ "rehearsal": true, "site": "5931102274" }));
        assert!(said.people[0].contains("REHEARSAL"));
        assert!(said.people[1].contains("5931102274"));
    }
}
