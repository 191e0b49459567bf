//! Every refusal: a code for machines, words for the two people at the counter,
//! and the next day where the manual asks for it (M9). One variant, one reason;
//! of several the first in the order of decision 15 is shown.

use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};

use super::calendar::roc_date;
use super::evidence::Evidence;
use super::identity::{BadDocument, DocumentKind};
use super::knowledge::Heard;
use super::programme::{BornFrom, Text};
use super::quota::Allowance;
use super::stock::Stock;

/// Why somebody may not have it, now: an answer, not a fault of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The document itself (M3-M6).
    Document(BadDocument),
    /// The programme does not take this kind of document (M6, 待議).
    KindOff(DocumentKind),
    /// No version of the programme is in force today, as far as is known here.
    NoProgramme,
    /// The version sells nothing while the time is so doubtful (docs/clocks.md).
    Clock {
        /// How far it may be off, in seconds; `u32::MAX` where nobody knows.
        doubt_s: u32,
    },
    /// The version sells nothing on knowledge of the nation that is so old.
    KnowledgeTooOld {
        /// How old.
        heard: Heard,
    },
    /// It is the other digits' day (M7).
    Turn {
        /// Whose day it is.
        today: TurnDay,
        /// The next day on which this document may come.
        own: Option<NaiveDate>,
    },
    /// 不符購買資格: the window is used up (M9).
    Bought {
        /// 下次購買起日, where it is known.
        next: Option<NaiveDate>,
        /// What says so, as far as whoever was asked could tell.
        evidence: Vec<Evidence>,
    },
    /// Child goods for somebody who is no child (M12).
    Child {
        /// What they are called; `None` where the programme sells none.
        goods: Option<Text>,
        /// Whom they are for.
        born_from: Option<BornFrom>,
    },
    /// The proxy has carried as many cards as one may (M20).
    Proxy {
        /// So many a day.
        most: u32,
    },
    /// The proxy named is the buyer.
    ProxyIsBuyer,
    /// More than the card may have now (M13).
    Limit {
        /// What it may have.
        most: Allowance,
    },
    /// On knowledge of the nation that is so old the version sells one piece at a time.
    OnePiece {
        /// How old.
        heard: Heard,
    },
    /// Nothing was asked for.
    NothingAsked,
    /// Not enough on the shelf (M18).
    Stock {
        /// What there is.
        have: Stock,
    },
    /// On knowledge of the nation that is so old the version wants a second person's word; all else speaks for it.
    AskManager {
        /// How old.
        heard: Heard,
    },
    /// There is no such entry to take back.
    Unknown,
    /// The entry was taken back already.
    AlreadyWithdrawn,
    /// A withdrawal belongs to the day of the entry (decision 12).
    NotSameDay {
        /// That day.
        day: NaiveDate,
    },
    /// A second 資格審核 without 清除 (M16).
    ClearFirst,
}

/// Whose day it is by the last digit (M7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnDay {
    /// 1, 3, 5, 7, 9.
    Odd,
    /// 0, 2, 4, 6, 8.
    Even,
    /// Neither: nothing is sold by number today.
    Nobody,
}

impl Refusal {
    /// The reason's name, for machines: stable, shared by variants that mean the same to them.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(_) | Self::KindOff(_) => "document",
            Self::NoProgramme => "programme",
            Self::Clock { .. } => "clock",
            Self::KnowledgeTooOld { .. } => "knowledge",
            Self::Turn { .. } => "turn",
            Self::Bought { .. } => "bought",
            Self::Child { .. } => "child",
            Self::Proxy { .. } | Self::ProxyIsBuyer => "proxy",
            Self::Limit { .. } | Self::OnePiece { .. } | Self::NothingAsked => "limit",
            Self::Stock { .. } => "stock",
            Self::AskManager { .. } => "manager",
            Self::Unknown | Self::AlreadyWithdrawn => "unknown",
            Self::NotSameDay { .. } => "day",
            Self::ClearFirst => "clear",
        }
    }

    /// 下次購買起日: only with `bought`.
    #[must_use]
    pub fn next(&self) -> Option<NaiveDate> {
        match self {
            Self::Bought { next, .. } => *next,
            Self::Document(_)
            | Self::KindOff(_)
            | Self::NoProgramme
            | Self::Clock { .. }
            | Self::KnowledgeTooOld { .. }
            | Self::OnePiece { .. }
            | Self::AskManager { .. }
            | Self::Turn { .. }
            | Self::Child { .. }
            | Self::Proxy { .. }
            | Self::ProxyIsBuyer
            | Self::Limit { .. }
            | Self::NothingAsked
            | Self::Stock { .. }
            | Self::Unknown
            | Self::AlreadyWithdrawn
            | Self::NotSameDay { .. }
            | Self::ClearFirst => None,
        }
    }

    /// What says that somebody has bought already; nothing for any other reason.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        if let Self::Bought { evidence, .. } = self { evidence } else { &[] }
    }

    /// The same refusal, resting on this; each thing once. Only a purchase needs evidence.
    #[must_use]
    pub fn resting_on(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        if let Self::Bought { evidence: all, .. } = &mut self {
            for evidence in evidence {
                if !all.contains(&evidence) {
                    all.push(evidence);
                }
            }
        }
        self
    }

    /// For the people at the counter, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Document(bad) => bad.zh(),
            Self::KindOff(kind) => format!("目前不受理「{}」，請改用其他身分證件", kind.label_zh()),
            Self::NoProgramme => "今日沒有實施中的購買規定，請先連線更新".to_owned(),
            Self::Clock { doubt_s } => {
                format!("本機時間無法確認（{}），請先連線至中心校時；已依紙本售出者可事後補登", off_zh(*doubt_s))
            }
            Self::KnowledgeTooOld { heard } => {
                format!("{}，依規定停止販售；請先連線至中心更新；已依紙本售出者可事後補登", known_zh(*heard))
            }
            Self::Turn { today, own } => turn_zh(*today, *own),
            Self::Bought { next: Some(next), .. } => {
                format!("不符購買資格，期間內已購買。下次購買起日：{}", roc_date(*next))
            }
            Self::Bought { next: None, .. } => "不符購買資格，本輪已購買，請等候公告下一輪日期".to_owned(),
            Self::Child { goods, born_from } => child_zh(goods.as_ref(), *born_from),
            Self::Proxy { most: 0 } => "目前不開放代購，請本人持卡購買".to_owned(),
            Self::Proxy { most } => format!("代購人今日已達代購上限（{most} 張卡），請改由他人代購或本人購買"),
            Self::ProxyIsBuyer => "代購人與購買人為同一人，本人購買請勿填代購人".to_owned(),
            Self::Limit { most } => limit_zh(*most),
            Self::OnePiece { heard } => {
                format!("{}，依規定每次限購 1 片，請減少數量，或先連線至中心更新", known_zh(*heard))
            }
            Self::NothingAsked => "請輸入購買數量".to_owned(),
            Self::Stock { have } => {
                format!("庫存不足（現有成人 {}、兒童 {}），請減少數量，或先辦理到貨確認", have.adult, have.child)
            }
            Self::AskManager { heard } => format!(
                "{}，依規定須主管同意：請主管（不得為經手人本人）具名後再購買，或先連線至中心更新",
                known_zh(*heard)
            ),
            Self::Unknown => "查無此筆紀錄，請核對最近購買紀錄".to_owned(),
            Self::AlreadyWithdrawn => "此筆紀錄已撤銷，不需再次撤銷".to_owned(),
            Self::NotSameDay { day } => {
                format!("此筆紀錄為 {}，僅能於當日撤銷；庫存請改以更正處理", roc_date(*day))
            }
            Self::ClearFirst => "換個案購買時請先按 清除 後再重新執行 資格審核".to_owned(),
        }
    }

    /// For the people at the counter, in English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::Document(bad) => bad.en(),
            Self::KindOff(kind) => format!("{} is not accepted at present: use another document", kind.label_en()),
            Self::NoProgramme => "no rules are in force today: connect to fetch them".to_owned(),
            Self::Clock { doubt_s } => format!(
                "the time of this computer is not certain ({}): connect to the hub to have it checked; what was sold on paper can be recorded afterwards",
                off_en(*doubt_s)
            ),
            Self::KnowledgeTooOld { heard } => format!(
                "{}, and the rules sell nothing then: connect to the hub first; what was sold on paper can be recorded afterwards",
                known_en(*heard)
            ),
            Self::Turn { today, own } => turn_en(*today, *own),
            Self::Bought { next: Some(next), .. } => format!("bought already; next {next}"),
            Self::Bought { next: None, .. } => "bought already; wait for the next round to be announced".to_owned(),
            Self::Child { goods, born_from } => child_en(goods.as_ref(), *born_from),
            Self::Proxy { most: 0 } => "nobody may carry another's card at present: come in person".to_owned(),
            Self::Proxy { most } => format!("the proxy may carry at most {most} of other people's cards a day"),
            Self::ProxyIsBuyer => "proxy and buyer are the same person: leave the proxy empty".to_owned(),
            Self::Limit { most } => limit_en(*most),
            Self::OnePiece { heard } => format!(
                "{}, and the rules sell one piece at a time then: ask for one, or connect to the hub first",
                known_en(*heard)
            ),
            Self::NothingAsked => "nothing asked for: enter how many".to_owned(),
            Self::Stock { have } => format!(
                "not enough in stock (adult {}, child {}): ask for less, or confirm the arrival first",
                have.adult, have.child
            ),
            Self::AskManager { heard } => format!(
                "{}, and the rules want a manager's word then: have one named who is not the seller, or connect to the hub first",
                known_en(*heard)
            ),
            Self::Unknown => "no such entry: look at the recent purchases".to_owned(),
            Self::AlreadyWithdrawn => "this entry was withdrawn already".to_owned(),
            Self::NotSameDay { day } => {
                format!("this entry is of {day} and could be withdrawn on that day only: correct the stock instead")
            }
            Self::ClearFirst => "press Clear before checking the next customer".to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

impl From<BadDocument> for Refusal {
    fn from(bad: BadDocument) -> Self {
        Self::Document(bad)
    }
}

/// How far a time may be off, in words.
#[must_use]
pub fn off_zh(doubt_s: u32) -> String {
    match doubt_s {
        u32::MAX => "誤差不明".to_owned(),
        0..=5_400 => format!("可能誤差 {} 分鐘", doubt_s.div_ceil(60)),
        5_401..=172_800 => format!("可能誤差 {} 小時", doubt_s.div_ceil(3_600)),
        _ => format!("可能誤差 {} 天", doubt_s.div_ceil(86_400)),
    }
}

/// How far a time may be off, in words.
#[must_use]
pub fn off_en(doubt_s: u32) -> String {
    match doubt_s {
        u32::MAX => "nobody knows how far it is off".to_owned(),
        0..=5_400 => format!("it may be off by {} min", doubt_s.div_ceil(60)),
        5_401..=172_800 => format!("it may be off by {} h", doubt_s.div_ceil(3_600)),
        _ => format!("it may be off by {} days", doubt_s.div_ceil(86_400)),
    }
}

/// How old the knowledge of the nation is, in words.
#[must_use]
pub fn known_zh(heard: Heard) -> String {
    match heard {
        Heard::Never => "從未取得全國資料".to_owned(),
        Heard::Now => "全國資料即時".to_owned(),
        Heard::Ago { age_s, doubt_s: u32::MAX } => format!("全國資料為 {}前（時鐘未確認，可能更久）", span_zh(age_s)),
        Heard::Ago { age_s, doubt_s } => {
            let (age, most) = (span_zh(age_s), span_zh(age_s.saturating_add(u64::from(doubt_s))));
            if age == most {
                format!("全國資料為 {age}前")
            } else {
                format!("全國資料為 {age}前（最久 {most}）")
            }
        }
    }
}

/// How old the knowledge of the nation is, in words.
#[must_use]
pub fn known_en(heard: Heard) -> String {
    match heard {
        Heard::Never => "nothing is known of the nation yet".to_owned(),
        Heard::Now => "the nation is known to the second".to_owned(),
        Heard::Ago { age_s, doubt_s: u32::MAX } => {
            format!("the nation is known as of {} ago (or longer: the clock is in doubt)", span_en(age_s))
        }
        Heard::Ago { age_s, doubt_s } => {
            let (age, most) = (span_en(age_s), span_en(age_s.saturating_add(u64::from(doubt_s))));
            let known = format!("the nation is known as of {age} ago");
            if age == most { known } else { format!("{known} (at most {most})") }
        }
    }
}

fn span_zh(seconds: u64) -> String {
    match seconds {
        0..=5_400 => format!("{} 分鐘", seconds / 60),
        5_401..=172_800 => format!("{} 小時", seconds / 3_600),
        _ => format!("{} 天", seconds / 86_400),
    }
}

fn span_en(seconds: u64) -> String {
    match seconds {
        0..=5_400 => format!("{} min", seconds / 60),
        5_401..=7_199 => "1 hour".to_owned(),
        7_200..=172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn turn_zh(today: TurnDay, own: Option<NaiveDate>) -> String {
    let whose = match today {
        TurnDay::Odd => "今日為證號末碼單號者（1、3、5、7、9）購買日",
        TurnDay::Even => "今日為證號末碼雙號者（0、2、4、6、8）購買日",
        TurnDay::Nobody => "今日不販售",
    };
    match own {
        Some(day) => format!("{whose}，請於 {}（{}）起購買", roc_date(day), weekday_zh(day.weekday())),
        None => whose.to_owned(),
    }
}

fn turn_en(today: TurnDay, own: Option<NaiveDate>) -> String {
    let whose = match today {
        TurnDay::Odd => "today is for odd numbers",
        TurnDay::Even => "today is for even numbers",
        TurnDay::Nobody => "today is for nobody",
    };
    own.map_or_else(|| whose.to_owned(), |day| format!("{whose}; come on {day} ({})", day.weekday()))
}

fn weekday_zh(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "星期一",
        Weekday::Tue => "星期二",
        Weekday::Wed => "星期三",
        Weekday::Thu => "星期四",
        Weekday::Fri => "星期五",
        Weekday::Sat => "星期六",
        Weekday::Sun => "星期日",
    }
}

fn child_zh(goods: Option<&Text>, born_from: Option<BornFrom>) -> String {
    let Some(goods) = goods else {
        return "本項目沒有兒童用品，請改購一般數量".to_owned();
    };
    let whom = match born_from {
        Some(BornFrom::Year(year)) => format!("民國 {} 年（含）以後出生者", year.saturating_sub(1911)),
        Some(BornFrom::Day(day)) => format!("民國 {}（含）以後出生者", roc_date(day)),
        None => "兒童".to_owned(),
    };
    format!("{}僅限{whom}購買，請改購成人用", goods.zh)
}

fn child_en(goods: Option<&Text>, born_from: Option<BornFrom>) -> String {
    let Some(goods) = goods else {
        return "no child goods are sold here: ask for the ordinary ones".to_owned();
    };
    let whom = match born_from {
        Some(BornFrom::Year(year)) => format!("people born in {year} or later"),
        Some(BornFrom::Day(day)) => format!("people born on {day} or later"),
        None => "children".to_owned(),
    };
    format!("{} only for {whom}: take the adult kind", goods.en.to_lowercase())
}

fn limit_zh(most: Allowance) -> String {
    match most {
        Allowance { adult, child: 0, mixed: _ } => format!("超過購買上限，本次最多可購買 {adult}，請減少數量"),
        Allowance { adult, child, mixed } => {
            format!("超過購買上限，本次最多可購買成人 {adult} 或兒童 {child}，合購時合計 {mixed}，請減少數量")
        }
    }
}

fn limit_en(most: Allowance) -> String {
    match most {
        Allowance { adult, child: 0, mixed: _ } => format!("over the limit; at most {adult} now"),
        Allowance { adult, child, mixed } => {
            format!("over the limit; at most {adult} adult, {child} child, {mixed} of both together now")
        }
    }
}

#[cfg(test)]
mod tests;
