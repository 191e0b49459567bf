//! What is said of rights, in both languages.

use shared::rules::calendar::roc_minute;
use shared::rules::programme::Text;

use super::{Blame, Lack};

impl Lack {
    /// A stable name for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired => "expired",
            Self::NeverGiven => "never-given",
            Self::Void(_) => "void",
            Self::VoidGrant(_) => "void-grant",
        }
    }

    /// For people.
    #[must_use]
    pub fn words(&self) -> Text {
        let (zh, en) = match self {
            Self::Withdrawn { at, reason, .. } => {
                let when = roc_minute(at.second);
                (format!("權限已於 {when} 收回：{reason}"), format!("the right was taken back at {when}: {reason}"))
            }
            Self::Expired => ("權限已到期".to_owned(), "the right had expired".to_owned()),
            Self::NeverGiven => ("從未獲得此權限".to_owned(), "nobody ever gave this right".to_owned()),
            Self::Void(why) => {
                (format!("所獲授權無效：{}", why.zh()), format!("the grant gives nothing: {}", why.en()))
            }
            Self::VoidGrant(why) => (format!("授權無效：{}", why.zh()), format!("a grant gives nothing: {}", why.en())),
        };
        Text { zh, en }
    }
}

impl Blame {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Could => "could-have-known",
            Self::CouldNot => "could-not-have-known",
            Self::Unknown => "unknown",
        }
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> Text {
        let (zh, en) = match self {
            Self::Could => {
                ("首筆當時該站應可得知", "at the first of them the site could have known: its own ledger says so")
            }
            Self::CouldNot => (
                "首筆當時該站無從得知，不歸責該站",
                "at the first of them the site could not have known: the right was taken back afterwards",
            ),
            Self::Unknown => (
                "無法查證該站是否已收到收回通知，不歸責該站",
                "whether the site had heard of it cannot be verified: it is not blamed",
            ),
        };
        Text { zh: zh.to_owned(), en: en.to_owned() }
    }
}
