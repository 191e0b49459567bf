//! When a page or an answer cannot be given.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use crate::disputes::BadDecision;
use crate::hub::HubError;
use crate::identities::BadRequest;
use crate::mailbox::Stopped;
use crate::operators::{BadAccount, Role};

/// Why not.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No such page, case or site.
    Missing,
    /// Parameters that say nothing.
    Asked(String),
    /// The hub or its store.
    Hub,
    /// Nobody has signed in.
    SignIn,
    /// There is no account at all.
    NoAccount,
    /// Who has signed in may not.
    Role(Role),
    /// Not from our own pages.
    Foreign,
    /// Too many sign in at once.
    Busy,
    /// What was asked for is not done; why, in both languages.
    Refused(StatusCode, String),
}

/// How the first account is made.
const FIRST: &str = "atoll-hub --data DIR operator add NAME --role supervisor";

impl From<Stopped> for Trouble {
    fn from(_: Stopped) -> Self {
        Self::Hub
    }
}

impl From<HubError> for Trouble {
    fn from(cause: HubError) -> Self {
        tracing::error!(error = &cause as &dyn std::error::Error, "the console cannot read");
        Self::Hub
    }
}

impl From<askama::Error> for Trouble {
    fn from(cause: askama::Error) -> Self {
        tracing::error!(%cause, "a page cannot be rendered");
        Self::Hub
    }
}

impl From<BadRequest> for Trouble {
    fn from(bad: BadRequest) -> Self {
        let status = match bad {
            BadRequest::Unknown => StatusCode::NOT_FOUND,
            BadRequest::Reason | BadRequest::Personal => StatusCode::UNPROCESSABLE_ENTITY,
            BadRequest::Already | BadRequest::Judged | BadRequest::Expired => StatusCode::CONFLICT,
            BadRequest::Own | BadRequest::NotApproved => StatusCode::FORBIDDEN,
        };
        Self::Refused(status, bad.to_string())
    }
}

impl From<BadDecision> for Trouble {
    fn from(bad: BadDecision) -> Self {
        let status = match bad {
            BadDecision::Unknown => StatusCode::NOT_FOUND,
            BadDecision::Words { .. } | BadDecision::Name { .. } | BadDecision::Personal => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        };
        Self::Refused(status, bad.to_string())
    }
}

impl From<BadAccount> for Trouble {
    fn from(bad: BadAccount) -> Self {
        let status = match bad {
            BadAccount::Unknown => StatusCode::NOT_FOUND,
            BadAccount::Exists | BadAccount::LastSupervisor | BadAccount::Many | BadAccount::Disabled => {
                StatusCode::CONFLICT
            }
            BadAccount::Password(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::Refused(status, bad.to_string())
    }
}

/// What a refusal says in Chinese, and what behind it in English.
fn both(text: &str) -> (String, String) {
    let end = text.char_indices().rfind(|(_, c)| !c.is_ascii()).map_or(0, |(at, c)| at + c.len_utf8());
    let (zh, en) = text.split_at(end);
    (if zh.is_empty() { en } else { zh }.trim().to_owned(), en.trim().to_owned())
}

impl Trouble {
    fn parts(&self) -> (StatusCode, &'static str, String, String) {
        let (status, code, zh, en) = match self {
            Self::Missing => (StatusCode::NOT_FOUND, "missing", "查無資料", "there is no such thing here".to_owned()),
            Self::Asked(why) => (StatusCode::BAD_REQUEST, "request", "查詢條件有誤", why.clone()),
            Self::Hub => (
                StatusCode::SERVICE_UNAVAILABLE,
                "trouble",
                "系統暫時無法回應，請稍後再試",
                "the hub cannot answer now; try again later".to_owned(),
            ),
            Self::SignIn => {
                (StatusCode::UNAUTHORIZED, "sign-in", "請先登入", "sign in first, or send a token".to_owned())
            }
            Self::NoAccount => (
                StatusCode::FORBIDDEN,
                "no-account",
                "尚無任何帳號，請於中心主機建立第一個主管帳號",
                format!("there is no account yet; make the first one at the hub itself: {FIRST}"),
            ),
            Self::Role(role) => (
                StatusCode::FORBIDDEN,
                "role",
                "您的帳號無此權限",
                format!("this needs the role {} or more", role.name()),
            ),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "origin",
                "此要求不是由本站畫面送出，未作任何變更",
                "the request did not come from this console's own pages; nothing was changed".to_owned(),
            ),
            Self::Busy => {
                let en = "too many sign in at once; try again".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "busy", "登入人數過多，請稍後再試", en)
            }
            Self::Refused(status, why) => {
                let (zh, en) = both(why);
                return (*status, "refused", zh, en);
            }
        };
        (status, code, zh.to_owned(), en)
    }

    /// The asker's way.
    pub(super) fn say(&self, api: bool) -> Response {
        if api { self.json() } else { self.page() }
    }

    /// For programs.
    pub(super) fn json(&self) -> Response {
        let (status, code, zh, en) = self.parts();
        (status, Json(json!({ "error": { "code": code, "zh-TW": zh, "en": en } }))).into_response()
    }

    /// For people.
    pub(super) fn page(&self) -> Response {
        let (status, _, zh, en) = self.parts();
        let en = en.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!doctype html><html lang=\"zh-Hant-TW\"><meta charset=\"utf-8\"><title>{zh} · Atoll</title>\
             <link rel=\"stylesheet\" href=\"/style.css\"><main><h1>{zh}</h1><p class=\"en\">{en}</p>\
             <p><a href=\"/\">回總覽 <span class=\"en\">back to the overview</span></a></main></html>"
        );
        (status, Html(page)).into_response()
    }
}

/// Everything that no route knows.
pub(super) async fn not_found(uri: Uri) -> Response {
    Trouble::Missing.say(uri.path().starts_with("/api/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_split_into_its_two_languages() {
        let split = |text: &str| both(text);
        assert_eq!(split("查無此帳號 there is none"), ("查無此帳號".to_owned(), "there is none".to_owned()));
        assert_eq!(
            split("請填寫（上限 9 位元組） at most 9"),
            ("請填寫（上限 9 位元組）".to_owned(), "at most 9".to_owned())
        );
        assert_eq!(split("only this").0, "only this");
    }
}
