//! The bytes of notices; an end of an earlier version does not read them.

use chrono::Datelike;
use minicbor::{Decode, Encode};

use super::{REASON_BYTES_MAX, WireError, name, numbered_day, text};
use crate::entry::notice::{Notice, NoticeKind};

/// Longest text of a notice, in bytes.
pub const NOTICE_BYTES_MAX: usize = 4 * 1024;

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireNotice {
    #[n(0)]
    name: String,
    #[n(1)]
    kind: String,
    #[n(2)]
    title: String,
    #[n(3)]
    body: String,
    #[n(4)]
    from: i32,
    #[n(5)]
    until: Option<i32>,
    #[n(6)]
    holds: bool,
}

impl From<&Notice> for WireNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            name: notice.name.to_string(),
            kind: notice.kind.code().to_owned(),
            title: notice.title.clone(),
            body: notice.body.clone(),
            from: notice.from.num_days_from_ce(),
            until: notice.until.map(|day| day.num_days_from_ce()),
            holds: notice.holds,
        }
    }
}

impl TryFrom<WireNotice> for Notice {
    type Error = WireError;

    fn try_from(wire: WireNotice) -> Result<Self, WireError> {
        let kind = NoticeKind::from_code(&wire.kind);
        Ok(Self {
            name: name(&wire.name)?,
            kind: kind
                .ok_or_else(|| WireError::limit("kind of notice", wire.kind.chars().take(40).collect::<String>()))?,
            title: text("title", wire.title, REASON_BYTES_MAX)?,
            body: text("text", wire.body, NOTICE_BYTES_MAX)?,
            from: numbered_day(wire.from)?,
            until: wire.until.map(numbered_day).transpose()?,
            holds: wire.holds,
        })
    }
}
