//! How old the knowledge of the nation is, in one line for every page, the API and `status`.

use serde_json::{Value, json};
use shared::rules::knowledge::{Allowed, Heard, Step};
use shared::rules::programme::Text;
use shared::rules::refusal::{known_en, known_zh};

use crate::node::ask::Known;
use crate::uplink::LineState;

/// What is known, since when, and what the rules allow then.
pub(super) fn words(known: &Known, line: LineState) -> Text {
    let (known_zh, known_en) = (known_zh(known.heard), known_en(known.heard));
    let mut text = match (line, known.heard) {
        (_, Heard::Never) => Text { zh: known_zh, en: known_en },
        (LineState::Connected, Heard::Now) => {
            Text { zh: format!("已連線，{known_zh}"), en: format!("connected, {known_en}") }
        }
        (LineState::Connected, Heard::Ago { .. }) => Text {
            zh: format!("已連線，補收全國資料中，目前{known_zh}"),
            en: format!("connected and catching up, {known_en}"),
        },
        // The line went a moment ago.
        (_, Heard::Now) => Text {
            zh: "離線，全國資料為 1 分鐘內".to_owned(),
            en: "line down, the nation is known as of less than a minute ago".to_owned(),
        },
        (_, Heard::Ago { .. }) => Text { zh: format!("離線，{known_zh}"), en: format!("line down, {known_en}") },
    };
    let (zh, en) = match (known.allowed, known.step) {
        (Allowed::Sell, Step::Connected) => ("", ""),
        (Allowed::Sell, Step::Fresh | Step::Stale | Step::VeryStale | Step::Never) => {
            ("；可照常販售", "; selling works")
        }
        (Allowed::OnePiece, _) => ("；每次限購 1 片", "; one piece at a time is sold"),
        (Allowed::Manager, _) => ("；販售須主管同意", "; each sale needs a manager's word"),
        (Allowed::Refuse, _) => ("；依規定停止販售，請先連線", "; nothing is sold: connect to the hub first"),
    };
    text.zh.push_str(zh);
    text.en.push_str(en);
    text
}

/// The same for machines.
pub(super) fn json(known: &Known, line: LineState) -> Value {
    let (age_s, age_s_max) = match known.heard {
        Heard::Never => (None, None),
        Heard::Now => (Some(0), Some(0)),
        Heard::Ago { age_s, doubt_s: _ } => (Some(age_s), known.heard.age_s_max()),
    };
    let text = words(known, line);
    json!({
        "step": step_code(known.step), "allowed": allowed_code(known.allowed), "age_s": age_s, "age_s_max": age_s_max,
        "zh-TW": text.zh, "en": text.en,
    })
}

/// Whether the status line asks for attention.
pub(super) fn is_notable(known: &Known) -> bool {
    known.allowed > Allowed::Sell || known.step > Step::Stale
}

fn step_code(step: Step) -> &'static str {
    match step {
        Step::Connected => "connected",
        Step::Fresh => "fresh",
        Step::Stale => "stale",
        Step::VeryStale => "very-stale",
        Step::Never => "never",
    }
}

/// A stable name for machines.
pub(super) fn allowed_code(allowed: Allowed) -> &'static str {
    match allowed {
        Allowed::Sell => "sell",
        Allowed::OnePiece => "one-piece",
        Allowed::Manager => "manager",
        Allowed::Refuse => "refuse",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(heard: Heard, step: Step, allowed: Allowed) -> Known {
        Known { heard, step, allowed }
    }

    #[test]
    fn every_step_in_plain_words() {
        use LineState::{Connected, Cut, Waiting};
        let ago = |age_s| Heard::Ago { age_s, doubt_s: 0 };
        for (known, line, zh, en) in [
            (
                at(Heard::Now, Step::Connected, Allowed::Sell),
                Connected,
                "已連線，全國資料即時",
                "connected, the nation is known to the second",
            ),
            (
                at(Heard::Now, Step::Connected, Allowed::Sell),
                Waiting,
                "離線，全國資料為 1 分鐘內",
                "line down, the nation is known as of less than a minute ago",
            ),
            (
                at(ago(3 * 3_600), Step::Fresh, Allowed::Sell),
                Waiting,
                "離線，全國資料為 3 小時前；可照常販售",
                "line down, the nation is known as of 3 hours ago; selling works",
            ),
            (
                at(ago(3 * 3_600), Step::Fresh, Allowed::Sell),
                Connected,
                "已連線，補收全國資料中，目前全國資料為 3 小時前；可照常販售",
                "connected and catching up, the nation is known as of 3 hours ago; selling works",
            ),
            (
                at(ago(50 * 3_600), Step::Stale, Allowed::OnePiece),
                Cut,
                "離線，全國資料為 2 天前；每次限購 1 片",
                "line down, the nation is known as of 2 days ago; one piece at a time is sold",
            ),
            (
                at(ago(100 * 3_600), Step::VeryStale, Allowed::Manager),
                Cut,
                "離線，全國資料為 4 天前；販售須主管同意",
                "line down, the nation is known as of 4 days ago; each sale needs a manager's word",
            ),
            (
                at(Heard::Never, Step::Never, Allowed::Refuse),
                Connected,
                "從未取得全國資料；依規定停止販售，請先連線",
                "nothing is known of the nation yet; nothing is sold: connect to the hub first",
            ),
            (
                at(Heard::Never, Step::Never, Allowed::Sell),
                Waiting,
                "從未取得全國資料；可照常販售",
                "nothing is known of the nation yet; selling works",
            ),
        ] {
            assert_eq!(words(&known, line), Text::new(zh, en));
        }
    }
}
