//! The readers on the pages and in the API: what is in them, told as it changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use data_encoding::HEXLOWER_PERMISSIVE;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::rules::identity::Document;

use super::Web;
use super::session::cookie;
use crate::cards::failure::CardFailure;
use crate::cards::lines::Ask;
use crate::cards::readers::{Card, Readers};
use crate::cards::runner::Cards;
use crate::counter::Typed;

/// Reloads the purchase page when a card comes or goes; no page of anybody else's is asked.
const SCRIPT: &str = include_str!("../../templates/cards.js");
/// A line to a page says so often that it stands.
const ALIVE: Duration = Duration::from_secs(15);

/// What the purchase page shows of the readers, and reloads for when it changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Shown {
    /// Changes with everything that is shown.
    pub(super) token: String,
    /// The card in this counter's reader, where it was read.
    pub(super) read: Option<ReadCard>,
    /// Why no card is read, where there is something to do about it.
    pub(super) failure: Option<CardFailure>,
    /// A card is being read.
    pub(super) is_reading: bool,
    /// Readers that should be looked at.
    pub(super) suspects: Vec<String>,
    /// All readers, where a counter has to say which of several is its own, or may say otherwise.
    pub(super) choices: Vec<Choice>,
}

/// A reader that a counter may take for its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) reader: String,
    /// It is this counter's.
    pub(super) is_ours: bool,
}

/// The cookie by which a counter's browser remembers its reader, for a year.
const COOKIE: &str = "reader";
const COOKIE_S: u32 = 365 * 24 * 3_600;

/// Which reader a counter has chosen.
pub(super) fn chosen(headers: &HeaderMap) -> Option<String> {
    let name = HEXLOWER_PERMISSIVE.decode(cookie(headers, COOKIE)?.as_bytes()).ok()?;
    String::from_utf8(name).ok()
}

/// POST /cards/choose: this counter's reader, so that it never shows the card in another's.
#[derive(Deserialize)]
pub(super) struct ChooseForm {
    reader: String,
    #[serde(default)]
    back: String,
}

/// POST /cards/choose.
pub(super) async fn choose(State(web): State<Arc<Web>>, Form(form): Form<ChooseForm>) -> Response {
    let Some(cards) = &web.cards else { return no_readers() };
    if !cards.readers().borrow().all().any(|(name, _, _)| name == form.reader) {
        return no_readers();
    }
    let name = HEXLOWER_PERMISSIVE.encode(form.reader.as_bytes());
    let kept = format!("{COOKIE}={name}; Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=Strict");
    ([(header::SET_COOKIE, kept)], Redirect::to(page_of(&form.back))).into_response()
}

/// A card as the form is filled from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadCard {
    pub(super) insertion: u64,
    pub(super) number: String,
    pub(super) birth: String,
    pub(super) name: String,
    pub(super) name_is_certain: bool,
}

/// Whose 健保卡 is in this counter's reader.
pub(super) fn read_here(readers: &Readers, chosen: Option<&str>) -> Result<Document, CardFailure> {
    let insertion = match shown(readers, chosen) {
        Shown { read: Some(card), .. } => card.insertion,
        Shown { failure: Some(failure), .. } => return Err(failure),
        Shown { .. } => return Err(CardFailure::NoCard),
    };
    readers.record(insertion).map(|record| record.document.clone())
}

/// Of the readers as they are now, at a counter that has chosen one. Of several none is anybody's who has not.
pub(super) fn shown(readers: &Readers, chosen: Option<&str>) -> Shown {
    let all: Vec<(&str, Option<u64>, &Card)> = readers.all().collect();
    let ours = match all.as_slice() {
        [only] if chosen.is_none_or(|name| name == only.0) => Some(only),
        several => several.iter().find(|(name, _, _)| Some(*name) == chosen),
    };
    let mut shown = Shown { failure: readers.trouble(), ..Shown::default() };
    if shown.failure.is_none() && ours.is_none() && chosen.is_some() {
        shown.failure = Some(CardFailure::NoReader);
    }
    if all.len() > 1 || ours.is_none() {
        let choice = |(name, _, _): &(&str, Option<u64>, &Card)| Choice {
            reader: (*name).to_owned(),
            is_ours: ours.is_some_and(|(ours, _, _)| ours == name),
        };
        shown.choices = all.iter().map(choice).collect();
    }
    let card = ours.and_then(|(_, insertion, card)| Some(((*insertion)?, *card)));
    if let Some((insertion, card)) = card {
        match card {
            Card::None => {}
            Card::Reading => shown.is_reading = true,
            Card::Failed(failure) => shown.failure = Some(*failure),
            Card::Read(record) => {
                shown.read = Some(ReadCard {
                    insertion,
                    number: record.document.number().to_owned(),
                    birth: record.document.birth().format("%Y%m%d").to_string(),
                    name: record.name.text().to_owned(),
                    name_is_certain: record.name.is_certain(),
                });
            }
        }
    }
    let is_here = |name: &str| all.iter().any(|(here, _, _)| *here == name);
    let suspects = readers.health().iter().filter(|(name, health)| health.is_suspect() && is_here(name));
    shown.suspects = suspects.map(|(name, _)| name.clone()).collect();
    let card = card.map_or(0, |(insertion, _)| insertion);
    let failure = shown.failure.map_or("", CardFailure::code);
    let names: String = all.iter().map(|(name, _, _)| HEXLOWER_PERMISSIVE.encode(name.as_bytes()) + ".").collect();
    let (reading, read, worn) = (shown.is_reading, shown.read.is_some(), shown.suspects.len());
    shown.token = format!("{card}-{reading}-{read}-{failure}-{worn}-{names}");
    shown
}

/// GET /cards/events: the page's token, now and whenever it changes; ends with the program.
pub(super) async fn events(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let Some(cards) = &web.cards else { return no_readers() };
    let start = (cards.readers(), chosen(&headers), true);
    let stream = unfold(start, |(mut readers, chosen, is_first)| async move {
        if !is_first {
            readers.changed().await.ok()?;
        }
        let token = shown(&readers.borrow_and_update(), chosen.as_deref()).token;
        Some((Ok::<_, Infallible>(Event::default().data(token)), (readers, chosen, false)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

/// GET /cards.js.
pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

/// GET /api/v1/cards.
pub(super) async fn api(State(web): State<Arc<Web>>) -> Response {
    let Some(cards) = &web.cards else { return no_readers() };
    Json(json(&cards.readers().borrow())).into_response()
}

fn json(readers: &Readers) -> Value {
    let failure = |failure: CardFailure| json!({ "code": failure.code(), "zh-TW": failure.zh(), "en": failure.en() });
    let card = |(reader, insertion, card): (&str, Option<u64>, &Card)| {
        let (state, why, masked) = match card {
            Card::None => ("empty", None, None),
            Card::Reading => ("reading", None, None),
            Card::Read(record) => ("read", None, Some(record.document.masked())),
            Card::Failed(why) => ("failed", Some(failure(*why)), None),
        };
        json!({ "reader": reader, "insertion": insertion, "state": state, "failure": why, "masked": masked })
    };
    let health: Vec<Value> = readers
        .health()
        .iter()
        .map(|(reader, health)| {
            let failures: Vec<Value> =
                health.failures.iter().map(|(why, times)| json!({ "code": why.code(), "times": times })).collect();
            json!({
                "reader": reader, "reads": health.reads, "failures": failures, "ms_mean": health.ms_mean(),
                "ms_worst": health.ms_worst, "suspect": health.is_suspect(),
            })
        })
        .collect();
    json!({
        "trouble": readers.trouble().map(failure), "demonstration": readers.is_demonstration(),
        "readers": readers.all().map(card).collect::<Vec<_>>(), "health": health,
    })
}

/// Of a demonstration: somebody's card goes into a reader.
#[derive(Deserialize)]
pub(super) struct InsertForm {
    reader: String,
    person: usize,
    #[serde(default)]
    back: String,
}

/// Of a demonstration: a reader is emptied.
#[derive(Deserialize)]
pub(super) struct PullForm {
    reader: String,
    #[serde(default)]
    back: String,
}

/// POST /cards/insert.
pub(super) async fn insert(State(web): State<Arc<Web>>, Form(form): Form<InsertForm>) -> Response {
    demonstrate(&web, Ask::Insert { reader: form.reader, person: form.person }, &form.back)
}

/// POST /cards/pull.
pub(super) async fn pull(State(web): State<Arc<Web>>, Form(form): Form<PullForm>) -> Response {
    demonstrate(&web, Ask::Pull { reader: form.reader }, &form.back)
}

fn demonstrate(web: &Web, ask: Ask, back: &str) -> Response {
    let is_demonstration = |cards: &&Cards| cards.readers().borrow().is_demonstration();
    let Some(cards) = web.cards.as_ref().filter(is_demonstration) else { return no_readers() };
    cards.ask(ask);
    Redirect::to(page_of(back)).into_response()
}

/// The page from which something was asked of the readers.
fn page_of(back: &str) -> &'static str {
    ["/login", "/staff", "/booking"].into_iter().find(|page| *page == back).unwrap_or("/masks")
}

/// What was typed; where the form was filled from a card, that card must still be in a reader and say what the form
/// shows: a number of an insertion alone could be that of another card behind a restart.
pub(super) fn typed(web: &Web, typed: Typed, insertion: Option<u64>) -> Result<Typed, CardFailure> {
    let (Some(insertion), Some(cards)) = (insertion, &web.cards) else { return Ok(typed) };
    let readers = cards.readers();
    let readers = readers.borrow();
    let document = &readers.record(insertion)?.document;
    let (kind, birth) = (document.kind().code().to_owned(), document.birth().format("%Y%m%d").to_string());
    if (typed.number.as_str(), typed.birth.as_str()) != (document.number(), birth.as_str()) {
        return Err(CardFailure::Removed);
    }
    Ok(Typed { kind, number: document.number().to_owned(), birth })
}

fn no_readers() -> Response {
    (StatusCode::NOT_FOUND, "no card readers here").into_response()
}
