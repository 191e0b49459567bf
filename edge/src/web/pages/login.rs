//! 醫事機構登入 (S11-S15): kind of reader, kind of card, where the PIN is typed; sign out, lock.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use shared::rules::access::card::{CardKind, ReaderKind};
use zeroize::Zeroizing;

use super::{Frame, Message, Web, back, bad_form, frame, page, unwell};
use crate::fault::Fault;
use crate::node::access::Acting;
use crate::web::cards::chosen;
use crate::web::gate::back_to;
use crate::web::sessions::Before;
use crate::web::sign_in::{self, Ask, TOO_MANY};

const PATH: &str = "/login";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    /// Whose counter it is, where it was left alone.
    locked: Option<String>,
    /// The card chosen in the address.
    card: CardKind,
    /// Where to go afterwards.
    back: String,
    /// Of a demonstration: readers, and whose cards can be put in.
    demonstration: Vec<(String, Vec<String>)>,
}

/// What stands in the address.
#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    #[serde(default)]
    back: String,
    #[serde(default)]
    card: String,
}

/// 登入.
#[derive(Deserialize)]
pub(in crate::web) struct LoginForm {
    reader: String,
    card: String,
    pin_source: String,
    #[serde(default)]
    pin: Zeroizing<String>,
    #[serde(default)]
    back: String,
}

/// GET /login.
pub(in crate::web) async fn show(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map_or(Asked { back: String::new(), card: String::new() }, |Query(asked)| asked);
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    let frame = match frame(&web, &screen, PATH).await {
        Ok(frame) => frame,
        Err(fault) => return unwell(&fault),
    };
    let locked = match web.sessions.before(&headers, Instant::now()) {
        Before::Locked(who) => Some(who.name),
        Before::Nobody | Before::Somebody(_) => None,
    };
    let card = asked.card.parse().unwrap_or(CardKind::Professional);
    let demonstration = demonstration(&web);
    page(&LoginPage { frame, locked, card, back: asked.back, demonstration }, Some(&seat))
}

/// Readers and people of a demonstration; empty where cards are real.
pub(super) fn demonstration(web: &Web) -> Vec<(String, Vec<String>)> {
    let Some(cards) = &web.cards else { return Vec::new() };
    let readers = cards.readers();
    let readers = readers.borrow();
    if !readers.is_demonstration() {
        return Vec::new();
    }
    readers.all().map(|(reader, _, _)| (reader.to_owned(), web.people.clone())).collect()
}

/// POST /login.
pub(in crate::web) async fn sign_in(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let (to, again) = (back_to(&form.back).unwrap_or_else(|| "/".to_owned()), again(&form));
    match proved(&web, &headers, form).await {
        Ok(cookie) => {
            let seat = web.screens.seat(&headers);
            web.screens.with(&seat, |screen| screen.message = None);
            let mut response = back(&to, &seat);
            if let Ok(cookie) = cookie.parse() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(fault) => {
            let seat = web.screens.seat(&headers);
            web.screens.with(&seat, |screen| screen.message = Some(Message::fault(PATH, &fault)));
            back(&again, &seat)
        }
    }
}

/// The same page with the same choice.
fn again(form: &LoginForm) -> String {
    let card = form.card.parse().unwrap_or(CardKind::Professional);
    let back = back_to(&form.back).map_or("", |_| form.back.as_str());
    format!("{PATH}?card={card}&back={back}")
}

async fn proved(web: &Web, headers: &HeaderMap, form: LoginForm) -> Result<String, Fault> {
    let ask = form.ask()?;
    let card = ask.card;
    let signed = sign_in::sign_in(web, ask, chosen(headers).as_deref()).await;
    let (about, note) = match &signed {
        Ok(who) => (format!("{} {}", who.name, who.id), card.to_string()),
        Err(fault) => (String::new(), format!("{card} {}", fault.code)),
    };
    let deed = match (signed.is_ok(), card == CardKind::Envelope) {
        (true, false) => "sign-in",
        (false, false) => "sign-in-failed",
        (true, true) => "break-glass",
        (false, true) => "break-glass-failed",
    };
    tracing::info!(deed, note, "sign-in");
    // Who has to wait has tried nothing: anybody could fill the disk with that.
    if !signed.as_ref().is_err_and(|fault| fault.code == TOO_MANY) {
        web.desk.note(deed, about, note).await?;
    }
    Ok(web.sessions.begin(headers, signed?, Instant::now()))
}

impl LoginForm {
    pub(super) fn ask(self) -> Result<Ask, Fault> {
        let bad = |_| Fault::asked("form", "請重新選擇讀卡機與卡片", "choose the reader and the card again");
        let typed = match self.pin_source.as_str() {
            "pad" => None,
            _ => Some(self.pin),
        };
        let reader: ReaderKind = self.reader.parse().map_err(bad)?;
        Ok(Ask { reader, card: self.card.parse().map_err(bad)?, typed })
    }
}

/// POST /logout.
pub(in crate::web) async fn sign_out(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    web.sessions.end(&headers);
    // What is on the screen is a customer's: it does not wait for whoever comes next.
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| *screen = crate::web::session::Screen::default());
    if matches!(web.desk.acting(), Acting::Person { .. })
        && let Err(fault) = web.desk.note("sign-out", String::new(), String::new()).await
    {
        return unwell(&fault);
    }
    Redirect::to("/").into_response()
}

/// POST /lock: the page stays as it is for whoever signs in next.
pub(in crate::web) async fn lock(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    web.sessions.lock_now(&headers);
    Redirect::to(PATH).into_response()
}
