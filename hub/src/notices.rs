//! What the hub says to all counters in words (S6-S9, S22, S23): notices in the nation's ledger, each a TOML file.

use chrono::NaiveDate;
use serde::Deserialize;
use shared::entry::notice::{Notice, NoticeKind};
use shared::entry::{Entry, Fact};
use shared::ids::{DocId, VersionName};
use shared::wire::v1::entry::{self, NOTICE_BYTES_MAX, REASON_BYTES_MAX};

use crate::hub::{Hub, HubError};
use crate::publish::{month, signed};

/// A notice's file is never longer, in bytes.
pub const NOTICE_FILE_BYTES_MAX: usize = 3 * NOTICE_BYTES_MAX;

/// The manuals' own texts, to be published as they are or as a model: file name and text.
pub const SHIPPED: [(&str, &str); 9] = [
    ("contact.toml", include_str!("../notices/contact.toml")),
    ("contact-line.toml", include_str!("../notices/contact-line.toml")),
    ("contact-booking.toml", include_str!("../notices/contact-booking.toml")),
    ("setup.toml", include_str!("../notices/setup.toml")),
    ("first-use.toml", include_str!("../notices/first-use.toml")),
    ("maintenance.toml", include_str!("../notices/maintenance.toml")),
    ("privacy.toml", include_str!("../notices/privacy.toml")),
    ("security.toml", include_str!("../notices/security.toml")),
    ("copyright.toml", include_str!("../notices/copyright.toml")),
];

/// A file that is no notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNotice {
    /// Not such a file.
    #[error("公告檔格式不符 a notice's file has name, kind, title, body, from and perhaps until: {0}")]
    Form(String),
    /// No such kind.
    #[error("公告種類不符 no kind of notice {0:?}: announcement, setup, question, download, contact, link, policy")]
    Kind(String),
    /// No name.
    #[error("公告名稱不符 name {0:?} is not 1 to 40 of a-z, 0-9 and hyphen")]
    Name(String),
    /// A text that is empty or too long.
    #[error("{what} 為空白或過長 the {what} is empty or longer than {bytes_max} bytes")]
    Text {
        /// Which.
        what: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// Over before it begins.
    #[error("截止日早於起始日 it ends before it begins")]
    Days,
    /// Nothing of that name is shown.
    #[error("查無此公告 no notice {0:?} is published; `atoll-hub notice list` shows them")]
    Nobody(String),
}

/// A notice as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedNotice {
    /// The text.
    pub notice: Notice,
    /// By whom.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    kind: String,
    title: String,
    body: String,
    from: NaiveDate,
    until: Option<NaiveDate>,
}

/// A notice out of its file.
///
/// # Errors
/// Where the file is none.
pub fn parse(text: &str) -> Result<Notice, BadNotice> {
    let file: File = toml::from_str(text).map_err(|cause| BadNotice::Form(cause.to_string()))?;
    let kind = NoticeKind::from_code(&file.kind).ok_or(BadNotice::Kind(file.kind))?;
    let name = file.name.parse::<VersionName>().map_err(|_| BadNotice::Name(file.name))?;
    let fits = |what, text: &str, bytes_max| {
        let fits = !text.is_empty() && text.len() <= bytes_max;
        if fits { Ok(text.to_owned()) } else { Err(BadNotice::Text { what, bytes_max }) }
    };
    let title = fits("title", file.title.trim(), REASON_BYTES_MAX)?;
    let body = fits("body", file.body.trim(), NOTICE_BYTES_MAX)?;
    if file.until.is_some_and(|until| until < file.from) {
        return Err(BadNotice::Days);
    }
    Ok(Notice { name, kind, title, body, from: file.from, until: file.until, holds: true })
}

impl Hub {
    /// Publishes notices to every counter; of one name the last word counts.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn publish_notices(&mut self, notices: &[Notice], by: &str, second: i64) -> Result<(), HubError> {
        let entries: Vec<Entry> =
            notices.iter().map(|notice| signed(Fact::Notice(notice.clone()), by, second)).collect();
        self.transact(|hub| hub.write(DocId::Nation { month: month(second) }, &entries, second))
    }

    /// Takes a notice back: from now on no counter shows it.
    ///
    /// # Errors
    /// Where the machine fails; a notice that is not there is the inner error.
    pub fn withdraw_notice(
        &mut self,
        name: &str,
        by: &str,
        second: i64,
    ) -> Result<Result<Notice, BadNotice>, HubError> {
        let shown = self.notices()?.into_iter().map(|published| published.notice).filter(|notice| notice.holds);
        let Some(notice) = shown.into_iter().find(|notice| notice.name.as_str() == name) else {
            return Ok(Err(BadNotice::Nobody(name.to_owned())));
        };
        let notice = Notice { holds: false, ..notice };
        self.publish_notices(std::slice::from_ref(&notice), by, second)?;
        Ok(Ok(notice))
    }

    /// Every notice that was ever published, as the last word on it stands.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn notices(&self) -> Result<Vec<PublishedNotice>, HubError> {
        let mut all = Vec::new();
        for bytes in self.store.notices()? {
            let entry =
                entry::decode(&bytes).map_err(|cause| HubError::Damaged(format!("a published notice: {cause}")))?;
            if let Fact::Notice(notice) = entry.fact {
                all.push(PublishedNotice { notice, by: entry.by.name, second: entry.at.second });
            }
        }
        all.sort_by_key(|published| {
            let place = NoticeKind::ALL.iter().position(|kind| *kind == published.notice.kind);
            (place, published.notice.from, published.notice.name.clone())
        });
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const GOOD: &str = "name = \"a\"\nkind = \"contact\"\ntitle = \"t\"\nbody = \"b\"\nfrom = \"2020-02-06\"\n";

    #[test]
    fn every_shipped_notice_is_one_and_has_a_name_of_its_own() {
        let notices: Vec<Notice> = SHIPPED.iter().map(|(file, text)| parse(text).expect(file)).collect();
        let names: BTreeSet<_> = notices.iter().map(|notice| notice.name.clone()).collect();
        assert_eq!(names.len(), SHIPPED.len());
        let text: String = notices.iter().map(|notice| notice.body.as_str()).collect();
        for words in ["(07)231-8122", "(02)2344-3118", "02-7735-2992", "STEP.1", "STEP.3", "每日上午5:00至8:00"] {
            assert!(text.contains(words), "{words}");
        }
        for (file, text) in SHIPPED {
            assert!(text.starts_with("# Source:"), "{file} says where its text is from");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        assert!(parse(GOOD).is_ok());
        let with = |from: &str, to: &str| parse(&GOOD.replace(from, to)).unwrap_err();
        assert!(matches!(parse("garbage").unwrap_err(), BadNotice::Form(_)));
        assert!(matches!(with("from = ", "since = "), BadNotice::Form(_)));
        assert!(matches!(with("2020-02-06", "tomorrow"), BadNotice::Form(_)));
        assert_eq!(with("contact", "rumour"), BadNotice::Kind("rumour".to_owned()));
        assert_eq!(with("\"a\"", "\"A B\""), BadNotice::Name("A B".to_owned()));
        assert_eq!(with("\"b\"", "\"  \""), BadNotice::Text { what: "body", bytes_max: NOTICE_BYTES_MAX });
        let long = "x".repeat(REASON_BYTES_MAX + 1);
        assert!(matches!(with("\"t\"", &format!("{long:?}")), BadNotice::Text { what: "title", .. }));
        assert_eq!(parse(&format!("{GOOD}until = \"2020-02-05\"\n")), Err(BadNotice::Days));
    }
}
