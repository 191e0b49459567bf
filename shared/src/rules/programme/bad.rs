//! What is wrong with a version file, and on which line: an operator mends it
//! with an editor, at night.

use super::super::calendar::roc_date;
use chrono::NaiveDate;

/// The first fault of a version file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, field {field}: {}", .why.en())]
pub struct BadVersion {
    /// Counted from 1; of a missing field the line where its table begins.
    pub line: usize,
    /// The field's dotted name; `(toml)` where the text is no TOML.
    pub field: String,
    /// What is wrong with it.
    pub why: Why,
}

impl BadVersion {
    /// In Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        format!("第 {} 行，欄位 {}：{}", self.line, self.field, self.why.zh())
    }

    /// In English: the same as `Display`.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }
}

/// Why a field cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It must be there and is not.
    Missing,
    /// Nobody knows it: a slip of the pen would else be a rule that silently does not apply.
    Unknown,
    /// The text is no TOML; the parser's words.
    Syntax(String),
    /// Another type of value.
    Shape(Shape),
    /// A number out of bounds.
    Range {
        /// The least that makes sense.
        low: i64,
        /// The most that makes sense.
        high: i64,
        /// What it is; `None` where it is too big to hold.
        is: Option<i64>,
    },
    /// Not a day written as 2020-02-06; what it is, cut short.
    Day(String),
    /// Not a moment written as 2021-07-13T10:00; what it is, cut short.
    Moment(String),
    /// Not a name of 1 to 40 of a-z, 0-9 and hyphen; what it is, cut short.
    Name(String),
    /// Not one of the values that exist.
    Choice {
        /// Those values.
        one_of: &'static str,
        /// What it is, cut short.
        is: String,
    },
    /// Nothing in it.
    Empty,
    /// Too long.
    TooLong {
        /// Characters, or entries of a list.
        most: usize,
    },
    /// Must lie after another day.
    NotAfter(NaiveDate),
    /// Contradicts another field.
    Contradicts {
        /// In Chinese.
        zh: &'static str,
        /// In English.
        en: &'static str,
    },
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text in quotation marks.
    Text,
    /// A whole number.
    Number,
    /// true or false.
    Flag,
    /// A table.
    Table,
    /// A list.
    List,
}

impl Shape {
    fn zh(self) -> &'static str {
        match self {
            Self::Text => "文字（以引號括起）",
            Self::Number => "整數",
            Self::Flag => "true 或 false",
            Self::Table => "表格",
            Self::List => "清單",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::Text => "a text in quotation marks",
            Self::Number => "a whole number",
            Self::Flag => "true or false",
            Self::Table => "a table",
            Self::List => "a list",
        }
    }
}

impl Why {
    /// In Chinese, without line and field.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Missing => "缺少此欄位".to_owned(),
            Self::Unknown => "沒有這個欄位，請確認拼字".to_owned(),
            Self::Syntax(words) => format!("不是正確的 TOML（{words}）"),
            Self::Shape(shape) => format!("須為{}", shape.zh()),
            Self::Range { low, high, is: Some(is) } => format!("須為 {low} 至 {high}，現為 {is}"),
            Self::Range { low, high, is: None } => format!("須為 {low} 至 {high}"),
            Self::Moment(is) => format!("須為日期與時間，例如 2021-07-13T10:00，現為 {is:?}"),
            Self::Day(is) => format!("須為日期，例如 2020-02-06，現為 {is:?}"),
            Self::Name(is) => format!("須為 1 至 40 個小寫英文、數字或連字號，現為 {is:?}"),
            Self::Choice { one_of, is } => format!("須為 {one_of} 之一，現為 {is:?}"),
            Self::Empty => "不可空白".to_owned(),
            Self::TooLong { most } => format!("過長，最多 {most}"),
            Self::NotAfter(day) => format!("須晚於 {day}（{}）", roc_date(*day)),
            Self::Contradicts { zh, en: _ } => (*zh).to_owned(),
        }
    }

    /// In English, without line and field.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::Missing => "is missing".to_owned(),
            Self::Unknown => "does not exist: check the spelling".to_owned(),
            Self::Syntax(words) => format!("is not TOML ({words})"),
            Self::Shape(shape) => format!("must be {}", shape.en()),
            Self::Range { low, high, is: Some(is) } => format!("must be {low} to {high}, is {is}"),
            Self::Range { low, high, is: None } => format!("must be {low} to {high}"),
            Self::Moment(is) => format!("must be a moment such as 2021-07-13T10:00, is {is:?}"),
            Self::Day(is) => format!("must be a day such as 2020-02-06, is {is:?}"),
            Self::Name(is) => format!("must be 1 to 40 of a-z, 0-9 and hyphen, is {is:?}"),
            Self::Choice { one_of, is } => format!("must be one of {one_of}, is {is:?}"),
            Self::Empty => "must not be empty".to_owned(),
            Self::TooLong { most } => format!("is too long: at most {most}"),
            Self::NotAfter(day) => format!("must be after {day}"),
            Self::Contradicts { zh: _, en } => (*en).to_owned(),
        }
    }
}
