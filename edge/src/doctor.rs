//! 電腦設定檢查: what stands between this computer and a working counter, and what to do about each (S2-S5, S9).
//!
//! `look` asks the computer, [`judge`] is pure. Nothing here stops a sale: these are explanations, never a gate.

use std::net::SocketAddr;

use serde_json::{Value, json};
use shared::rules::programme::Text;

use crate::cards::failure::CardFailure;
use crate::fault::Fault;

mod look;

pub use look::{Known, known, look};

/// Below this the ledger may soon not be writable, in bytes.
const DISK_BYTES_MIN: u64 = 200 * 1024 * 1024;
/// Below this somebody should look, in bytes.
const DISK_BYTES_FEW: u64 = 2 * 1024 * 1024 * 1024;
/// A certificate that ends within so many days is worth a call.
const CERTIFICATE_DAYS_FEW: i64 = 14;
/// A clock that may be off by more than this should be set right, in seconds.
const CLOCK_DOUBT_S: u32 = 60;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Good,
    /// It works, and somebody should look.
    Attention,
    /// It does not work.
    Bad,
}

impl State {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Bad => "bad",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Good => "正常",
            Self::Attention => "請留意",
            Self::Bad => "異常",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A stable name for machines.
    pub code: &'static str,
    /// What it is.
    pub title: Text,
    /// How it stands.
    pub state: State,
    /// What was found, and what to do where it is not good.
    pub found: Text,
}

/// What the computer says.
#[derive(Debug)]
pub struct Facts {
    /// The hub, host and port, once enrolled.
    pub hub: Option<String>,
    /// The hub's addresses by its name.
    pub addresses: Vec<SocketAddr>,
    /// Whether the hub answers.
    pub line: Line,
    /// When the certificate ends, in days from now; none where there is none.
    pub certificate_days: Option<i64>,
    /// How far off the clock may be, in seconds; none where nobody knows.
    pub clock_doubt_s: Option<u32>,
    /// Free for the ledger, in bytes; none where the system does not say.
    pub disk_bytes: Option<u64>,
    /// Whether any rules are in force today.
    pub has_rules: bool,
    /// Why no card can be read; none where they can.
    pub cards: Cards,
    /// The printers that the system names; none where it cannot be asked.
    pub printers: Option<Vec<String>>,
}

/// Whether the hub answers.
#[derive(Debug)]
pub enum Line {
    /// A line stands.
    Connected,
    /// The hub answered a call just now.
    Answers,
    /// Cut for a rehearsal.
    Cut,
    /// It answers and refuses, or this site cannot call: the fault says it all.
    Failed(Fault),
    /// It does not answer; whether its computer does, over TCP.
    Silent {
        /// What came of the call.
        fault: Fault,
        /// Whether anything at that address answers.
        host_answers: bool,
    },
}

/// Whether cards can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cards {
    /// This edge was started without readers.
    NotAsked,
    /// A reader is there.
    Ready {
        /// One that fails too often, or is worn.
        suspect: bool,
    },
    /// Why not.
    Trouble(CardFailure),
}

/// All checks, in the order in which one needs the other.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Check> {
    vec![
        enrolled(facts),
        name(facts),
        line(&facts.line),
        certificate(facts.certificate_days),
        clock(facts.clock_doubt_s),
        rules(facts.has_rules),
        disk(facts.disk_bytes),
        cards(facts.cards),
        printer(facts.printers.as_deref()),
    ]
}

/// The checks for machines, with the worst state of all.
#[must_use]
pub fn json(checks: &[Check]) -> Value {
    let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Good);
    let line = |check: &Check| {
        json!({
            "check": check.code, "title": { "zh-TW": check.title.zh, "en": check.title.en },
            "state": check.state.code(), "zh-TW": check.found.zh, "en": check.found.en,
        })
    };
    json!({ "state": worst.code(), "checks": checks.iter().map(line).collect::<Vec<_>>() })
}

fn check(code: &'static str, title: (&str, &str), state: State, zh: impl Into<String>, en: impl Into<String>) -> Check {
    Check { code, title: Text::new(title.0, title.1), state, found: Text { zh: zh.into(), en: en.into() } }
}

fn enrolled(facts: &Facts) -> Check {
    let title = ("註冊", "enrolment");
    match &facts.hub {
        Some(hub) => check("enrolled", title, State::Good, format!("中心：{hub}"), format!("the hub is {hub}")),
        None => check(
            "enrolled",
            title,
            State::Bad,
            "尚未向中心註冊；請向主管機關索取註冊碼，並執行 atoll-edge enrol。未註冊前仍可販售，但無法與全國核對",
            "not enrolled: get a token and run `atoll-edge enrol`. Selling works before, without the nation",
        ),
    }
}

fn name(facts: &Facts) -> Check {
    let title = ("名稱解析 (DNS)", "name");
    match (&facts.hub, facts.addresses.first()) {
        (None, _) => check("name", title, State::Attention, "註冊後才能檢查", "can be looked up once enrolled"),
        (Some(_), Some(address)) => {
            check("name", title, State::Good, format!("位址 {}", address.ip()), format!("found at {}", address.ip()))
        }
        (Some(hub), None) => check(
            "name",
            title,
            State::Bad,
            format!("找不到 {hub}；請檢查 DNS 伺服器設定，或於 hosts 檔加入此名稱（電腦設定 STEP 1）"),
            format!("{hub} is not found: check the DNS server, or put the name into the hosts file"),
        ),
    }
}

fn line(line: &Line) -> Check {
    let title = ("與中心的連線 (UDP)", "line");
    match line {
        Line::Connected => check("line", title, State::Good, "已連線", "connected"),
        Line::Answers => check("line", title, State::Good, "中心有回應", "the hub answers"),
        Line::Cut => check(
            "line",
            title,
            State::Attention,
            "演練斷線中；以 atoll-edge line heal 恢復",
            "cut for a rehearsal: `atoll-edge line heal` brings it back",
        ),
        Line::Failed(fault) => check("line", title, State::Bad, fault.zh.as_str(), fault.en.as_str()),
        Line::Silent { fault, host_answers: true } => check(
            "line",
            title,
            State::Bad,
            format!("{}。該主機有回應：中心程式未執行，或 UDP 不通，請防火牆開放對該位址的 UDP 連出", fault.zh),
            format!(
                "{}. The computer answers: the hub does not run there, or UDP does not pass: open outgoing UDP to it",
                fault.en
            ),
        ),
        Line::Silent { fault, host_answers: false } => check(
            "line",
            title,
            State::Bad,
            format!("{}。請檢查網路線、VPN 與防火牆；斷線時仍可販售", fault.zh),
            format!("{}. Check the cable, the VPN and the firewall; selling works meanwhile", fault.en),
        ),
    }
}

fn certificate(days: Option<i64>) -> Check {
    let title = ("憑證", "certificate");
    match days {
        None => check("certificate", title, State::Bad, "沒有憑證；請註冊", "there is none: enrol"),
        Some(days) if days < 0 => check(
            "certificate",
            title,
            State::Bad,
            "憑證已過期；請向主管機關索取新的註冊碼並重新註冊",
            "it has expired: get a new token and enrol again",
        ),
        Some(days) if days <= CERTIFICATE_DAYS_FEW => check(
            "certificate",
            title,
            State::Attention,
            format!("憑證將於 {days} 天後到期；請及早索取新的註冊碼"),
            format!("it ends in {days} days: get a new token in time"),
        ),
        Some(days) => {
            check("certificate", title, State::Good, format!("尚有 {days} 天"), format!("{days} days are left"))
        }
    }
}

fn clock(doubt_s: Option<u32>) -> Check {
    let title = ("時鐘", "clock");
    match doubt_s {
        Some(doubt) if doubt <= CLOCK_DOUBT_S => {
            check("clock", title, State::Good, format!("誤差 {doubt} 秒以內"), format!("right to {doubt} s"))
        }
        Some(doubt) => check(
            "clock",
            title,
            State::Attention,
            format!("誤差可能達 {doubt} 秒；連線後會自動校正"),
            format!("it may be off by {doubt} s; the hub sets it right once there is a line"),
        ),
        None => check(
            "clock",
            title,
            State::Attention,
            "時間未經中心確認；請核對電腦日期與時間，連線後會自動校正",
            "the hub has not confirmed it: compare date and time, a line sets it right",
        ),
    }
}

fn rules(there: bool) -> Check {
    let title = ("今日規定", "rules");
    if there {
        return check("rules", title, State::Good, "已收到", "here");
    }
    check(
        "rules",
        title,
        State::Bad,
        "今日沒有實施中的規定；請先連線",
        "none are in force today: connect to fetch them",
    )
}

fn disk(bytes: Option<u64>) -> Check {
    let title = ("磁碟空間", "disk");
    let mib = |bytes: u64| bytes / (1024 * 1024);
    match bytes {
        None => check("disk", title, State::Attention, "系統未告知", "the system does not say"),
        Some(bytes) if bytes < DISK_BYTES_MIN => check(
            "disk",
            title,
            State::Bad,
            format!("僅剩 {} MiB；請立即清出空間，否則無法保存紀錄", mib(bytes)),
            format!("{} MiB are left: make room now, or nothing more can be kept", mib(bytes)),
        ),
        Some(bytes) if bytes < DISK_BYTES_FEW => check(
            "disk",
            title,
            State::Attention,
            format!("剩 {} MiB；請清出空間", mib(bytes)),
            format!("{} MiB are left: make room", mib(bytes)),
        ),
        Some(bytes) => {
            check("disk", title, State::Good, format!("剩 {} MiB", mib(bytes)), format!("{} MiB are free", mib(bytes)))
        }
    }
}

fn cards(cards: Cards) -> Check {
    let title = ("讀卡機", "card reader");
    match cards {
        Cards::NotAsked => check(
            "cards",
            title,
            State::Attention,
            "本站未啟用讀卡機；以 serve --card-helper 啟用",
            "started without readers: `serve --card-helper` uses them",
        ),
        Cards::Ready { suspect: false } => check("cards", title, State::Good, "可讀卡", "ready"),
        Cards::Ready { suspect: true } => check(
            "cards",
            title,
            State::Attention,
            "有讀卡機接觸不良或已使用過多，請清潔或更換",
            "a reader fails too often or is worn: clean or replace it",
        ),
        Cards::Trouble(failure) => check("cards", title, State::Bad, failure.zh(), failure.en()),
    }
}

fn printer(printers: Option<&[String]>) -> Check {
    let title = ("印表機", "printer");
    match printers {
        None => check(
            "printer",
            title,
            State::Attention,
            "系統未告知；說明單由瀏覽器列印，請試印一張",
            "the system does not say: slips are printed by the browser, try one",
        ),
        Some([]) => check(
            "printer",
            title,
            State::Attention,
            "沒有印表機；說明單可改存 PDF",
            "there is none: slips can be kept as PDF",
        ),
        Some([first, ..]) => check("printer", title, State::Good, first.as_str(), first.as_str()),
    }
}

#[cfg(test)]
mod tests;
