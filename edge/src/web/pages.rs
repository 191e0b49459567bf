//! The counter's pages: server-rendered, POST → redirect → GET, without any script.
//!
//! zh-TW in the manual's own words, English small beside it (REQUIREMENTS M1-M23).

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use shared::entry::access::Right;
use shared::rules::access::card::CardKind;
use shared::rules::access::{BOOKING, MASKS};
use shared::rules::calendar::roc_date;
use shared::rules::programme::{Text, Versions};
use shared::rules::refusal::Refusal;

pub(super) mod booking;
pub(super) mod counters;
pub(super) mod disputes;
pub(super) mod doctor;
pub(super) mod home;
pub(super) mod login;
pub(super) mod masks;
pub(super) mod pair;
pub(super) mod recent;
pub(super) mod staff;
pub(super) mod stock;

use super::Web;
use super::session::{Message, Screen, Seat, Tone};
use super::status::{self, StatusLine};
use crate::desk::Told;
use crate::fault::{Blame, Fault};
use crate::node::access::Acting;
use crate::node::ask::Shelf;

/// What stands around every page.
#[derive(Debug)]
pub(super) struct Frame {
    /// 醫事機構代碼.
    pub(super) code: String,
    /// 院所簡稱.
    pub(super) name: String,
    /// Today, ROC.
    pub(super) today: String,
    /// The business day.
    pub(super) day: NaiveDate,
    /// How everything stands.
    pub(super) status: StatusLine,
    /// The last answer.
    pub(super) message: Option<Message>,
    /// Who has signed in.
    pub(super) signed: Option<String>,
    /// Whether somebody has to sign in here who has not.
    pub(super) asks: bool,
    /// Whether the jobs of the counter are theirs who stand here (S19).
    pub(super) uses: bool,
    /// Whether the bookings are, where there are any.
    pub(super) books: bool,
    /// Whether they look after the people of this site (S16).
    pub(super) manages: bool,
    /// Whether they say which other computers are counters.
    pub(super) pairs: bool,
    /// Whether they came in by the code of a sealed envelope.
    pub(super) broken_glass: bool,
}

impl Frame {
    fn is_refused(&self) -> bool {
        matches!(&self.message, Some(Message { tone: Tone::Refused, .. }))
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    name: &'a str,
    zh: &'a str,
    en: &'a str,
}

/// The frame of a page for this screen; another page's message is not this one's.
async fn frame(web: &Web, screen: &Screen, page: &str) -> Result<Frame, Fault> {
    let whole = status::whole(web).await?;
    let access = web.desk.access().await?;
    let (signed, rights) = match web.desk.acting() {
        Acting::Folder | Acting::Shell => (None, None),
        Acting::Nobody => (None, Some(Vec::new()).filter(|_| !access.rights.is_empty())),
        Acting::Person { id, name } => {
            let card = access.rights.holder(&id).map(|holder| holder.card);
            (Some((name, card)), Some(access.rights.of(&id, access.today)))
        }
    };
    let may_use = |service: &str| {
        let right = Right::service(service);
        let is_guarded = right.as_ref().is_some_and(|right| access.rights.guards(right));
        !is_guarded || rights.as_ref().is_none_or(|rights| rights.iter().any(|held| Some(held) == right.as_ref()))
    };
    Ok(Frame {
        code: web.site.code.to_string(),
        name: web.site.name.clone(),
        today: roc_date(whole.node.today),
        day: whole.node.today,
        status: whole.line_for_pages(),
        message: screen.message.clone().filter(|message| message.page == page),
        asks: signed.is_none() && rights.is_some(),
        broken_glass: signed.as_ref().is_some_and(|(_, card)| *card == Some(CardKind::Envelope)),
        signed: signed.map(|(name, _)| name),
        uses: may_use(MASKS),
        books: may_use(BOOKING) && web.desk.has_bookings().await?,
        manages: rights.as_ref().is_some_and(|rights| rights.iter().any(is_manager)),
        pairs: counters::may_pair(web, &access),
    })
}

/// Whether who has this right looks after a site's people (S16).
fn is_manager(right: &Right) -> bool {
    matches!(right, Right::Representative | Right::Manager)
}

/// A rendered page, with the cookie where the browser has none yet.
fn page(template: &impl Template, seat: Option<&Seat>) -> Response {
    match template.render() {
        Ok(html) => with_cookie(Html(html).into_response(), seat),
        Err(cause) => {
            let (zh, en) = ("畫面無法產生；請查看記錄檔", "the page cannot be made: look at the log");
            fault_page(StatusCode::INTERNAL_SERVER_ERROR, &Fault::new("page", zh, en).because(cause))
        }
    }
}

/// Back to a page after a deed.
fn back(path: &str, seat: &Seat) -> Response {
    with_cookie(Redirect::to(path).into_response(), Some(seat))
}

fn with_cookie(mut response: Response, seat: Option<&Seat>) -> Response {
    let cookie = seat.and_then(Seat::cookie).and_then(|cookie| cookie.parse().ok());
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A page for what cannot be shown otherwise.
fn fault_page(status: StatusCode, fault: &Fault) -> Response {
    tracing::error!(code = fault.code, causes = %fault.causes(), "{fault}");
    let page = FaultPage { name: fault.code, zh: &fault.zh, en: &fault.en };
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (status, fault.to_string()).into_response(),
    }
}

fn unwell(fault: &Fault) -> Response {
    match fault.blame {
        Blame::Caller => fault_page(StatusCode::FORBIDDEN, fault),
        Blame::Machine => fault_page(StatusCode::SERVICE_UNAVAILABLE, fault),
    }
}

/// What a page shows of what was sold: nothing to whoever may not look; the rest of the page says so.
fn seen<T>(found: Result<Vec<T>, Fault>) -> Result<Vec<T>, Fault> {
    match found {
        Err(fault) if fault.blame == Blame::Caller => Ok(Vec::new()),
        other => other,
    }
}

fn bad_form(cause: FormRejection) -> Response {
    let (zh, en) = (
        "表單內容不完整，未作任何變更；請回上一頁重試",
        "the form is incomplete; nothing was changed: go back and try again",
    );
    fault_page(StatusCode::BAD_REQUEST, &Fault::asked("form", zh, en).because(cause))
}

impl Message {
    fn refused(page: &'static str, refusal: &Refusal) -> Self {
        let evidence = refusal.evidence().iter().map(|it| Text { zh: it.zh(), en: it.en() }).collect();
        Self { page, tone: Tone::Refused, text: Text { zh: refusal.zh(), en: refusal.en() }, evidence }
    }

    fn fault(page: &'static str, fault: &Fault) -> Self {
        let text = Text { zh: fault.zh.clone(), en: fault.en.clone() };
        Self { page, tone: Tone::Refused, text, evidence: Vec::new() }
    }

    fn done(page: &'static str, zh: &str, en: &str) -> Self {
        Self { page, tone: Tone::Done, text: Text::new(zh, en), evidence: Vec::new() }
    }
}

/// Writes the answer on the screen and goes back to the page that shows it.
fn told<T>(web: &Web, seat: &Seat, path: &'static str, told: Told<T>, done: impl FnOnce(T) -> Text) -> Response {
    let message = match told {
        Ok(Ok(answer)) => Message { page: path, tone: Tone::Done, text: done(answer), evidence: Vec::new() },
        Ok(Err(refusal)) => Message::refused(path, &refusal),
        Err(fault) => return failed(web, seat, path, &fault),
    };
    web.screens.with(seat, |screen| screen.message = Some(message));
    back(path, seat)
}

/// The answer where a deed failed: what is the caller's to mend is told on the page, what is the machine's on one of
/// its own.
fn failed(web: &Web, seat: &Seat, path: &'static str, fault: &Fault) -> Response {
    match fault.blame {
        Blame::Caller => {
            web.screens.with(seat, |screen| screen.message = Some(Message::fault(path, fault)));
            back(path, seat)
        }
        Blame::Machine => unwell(fault),
    }
}

/// What a programme is called: its version's title, its name where no version is in force.
fn programme_title(versions: &Versions, shelf: &Shelf, day: &NaiveDate) -> String {
    let version = versions.in_force(&shelf.programme, *day);
    version.map_or_else(|| shelf.programme.to_string(), |version| version.title.zh.clone())
}

/// A typed number of pieces; an empty field is nought.
fn count(text: &str) -> Result<i64, Fault> {
    let text: String = text.trim().chars().map(half_width_digit).collect();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Fault::asked("count", "數量須為整數，請重新輸入", "the number of pieces is a whole number: type it again")
    })
}

/// Input methods leave full-width digits behind.
fn half_width_digit(c: char) -> char {
    match c {
        '\u{FF10}'..='\u{FF19}' | '\u{FF0B}' | '\u{FF0D}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    }
}

/// Nobody said who they are: the entry says that much.
fn name_or_counter(by: &str) -> String {
    let by = by.trim();
    if by.is_empty() { "counter".to_owned() } else { by.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_counts_are_whole_numbers() {
        for (text, want) in [("", 0), (" 2 ", 2), ("２", 2), ("-3", -3), ("+4", 4), ("－５", -5)] {
            assert_eq!(count(text).unwrap(), want, "{text}");
        }
        for text in ["x", "1.5", "99999999999999999999", "1 2"] {
            assert_eq!(count(text).unwrap_err().code, "count", "{text}");
        }
    }
}
