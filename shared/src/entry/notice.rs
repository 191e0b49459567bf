//! What the hub says to all counters in words (S6-S9, S23): announcements, contacts, questions and answers, links.

use chrono::NaiveDate;

use crate::ids::VersionName;

/// A published text; of one name the last word counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Its name.
    pub name: VersionName,
    /// Where it stands on the page.
    pub kind: NoticeKind,
    /// Its heading, at most 200 bytes.
    pub title: String,
    /// The text, at most 4 KiB; lines are kept.
    pub body: String,
    /// Shown from this day on.
    pub from: NaiveDate,
    /// The last day on which it is shown; none: until it is taken back.
    pub until: Option<NaiveDate>,
    /// Whether it is shown at all.
    pub holds: bool,
}

/// Where a notice stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum NoticeKind {
    /// 系統公告.
    Announcement,
    /// 聯絡窗口: telephone numbers and hours.
    Contact,
    /// 常見問答.
    Question,
    /// 電腦設定.
    Setup,
    /// 下載專區.
    Download,
    /// 友善連結.
    Link,
    /// 隱私權政策、資訊安全政策、著作權聲明.
    Policy,
}

impl NoticeKind {
    /// In the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Announcement, Self::Setup, Self::Question, Self::Download, Self::Contact, Self::Link, Self::Policy];

    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Announcement => "announcement",
            Self::Contact => "contact",
            Self::Question => "question",
            Self::Setup => "setup",
            Self::Download => "download",
            Self::Link => "link",
            Self::Policy => "policy",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The manual's word (S8).
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Announcement => "系統公告",
            Self::Contact => "聯絡窗口",
            Self::Question => "常見問答",
            Self::Setup => "電腦設定",
            Self::Download => "下載專區",
            Self::Link => "友善連結",
            Self::Policy => "政策聲明",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Announcement => "announcements",
            Self::Contact => "contact",
            Self::Question => "questions and answers",
            Self::Setup => "setting up the computer",
            Self::Download => "downloads",
            Self::Link => "links",
            Self::Policy => "policies",
        }
    }
}

impl Notice {
    /// Whether it is shown on this day.
    #[must_use]
    pub fn is_shown(&self, day: NaiveDate) -> bool {
        self.holds && self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}
