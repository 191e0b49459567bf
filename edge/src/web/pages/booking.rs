//! 登錄預約: the card is read, the fields are filled, 確認送出 (V1-V9, V16, V17).
//!
//! One form, without any script: each button sends all of it, and what was typed waits on the counter's screen. Nothing of
//! a person stands in an address.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

pub(in crate::web) mod day;
pub(in crate::web) mod enter;
pub(in crate::web) mod result;
mod screen;
mod view;

pub(crate) use screen::BookingScreen;

use super::{Message, Web, back, bad_form, failed, name_or_counter, page, unwell};
use crate::counter::Typed;
use crate::fault::{Blame, Fault};
use crate::node::ask::{BookRequest, LookUp, LookedUp};
use crate::web::body::booking::slot;
use crate::web::cards;
use crate::web::session::{Seat, random_key};

const PATH: &str = "/booking";
const PRINT: &str = include_str!("../../../templates/print.js");

/// The whole form.
#[derive(Deserialize)]
pub(in crate::web) struct BookForm {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    birth: String,
    /// The card in a reader that the form was filled from.
    #[serde(default)]
    insertion: Option<u64>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    mobile: String,
    /// County and district.
    #[serde(default)]
    area: String,
    /// A venue and its vaccines.
    #[serde(default)]
    venue: String,
    /// Date and hour.
    #[serde(default)]
    slot: String,
    #[serde(default)]
    wish: String,
    #[serde(default)]
    consent: String,
    #[serde(default)]
    by: String,
    /// The key that makes it one booking.
    #[serde(default)]
    request: String,
}

/// GET /print.js.
pub(in crate::web) async fn print_script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], PRINT).into_response()
}

/// GET /booking.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    match view::booking(&web, &seat, cards::chosen(&headers).as_deref()).await {
        Ok(booking) => page(&booking, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

/// POST /booking/choose: 請選擇. What was typed stays; the lists follow what was chosen.
pub(in crate::web) async fn choose(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<BookForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| screen.booking.keep(form));
    back(PATH, &seat)
}

/// POST /booking/read: 讀卡, or what was typed in its place (V1, V2, V13).
pub(in crate::web) async fn read(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<BookForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let typed = match form.document(&web) {
        Ok(typed) => typed,
        Err(fault) => return kept(&web, &seat, form, &fault),
    };
    let ask = LookUp { programme: None, document: (&typed).into() };
    web.screens.with(&seat, |screen| {
        screen.booking.keep(form);
        screen.booking.typed = typed;
        screen.message = None;
    });
    let found = match web.desk.look_up(ask).await {
        Ok(found) => found,
        Err(fault) => return failed(&web, &seat, PATH, &fault),
    };
    let to = web.screens.with(&seat, |screen| {
        screen.booking.refusal = None;
        match found {
            Ok(LookedUp::May(may)) => {
                screen.booking.may = Some(may);
                PATH
            }
            Ok(LookedUp::Has(booked)) => {
                screen.booking = BookingScreen { has: Some((booked, random_key())), ..BookingScreen::default() };
                result::PREVIOUS
            }
            Err(refusal) => {
                screen.booking.refusal = Some(refusal);
                PATH
            }
        }
    });
    back(to, &seat)
}

/// POST /booking/confirm: 確認送出.
pub(in crate::web) async fn confirm(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<BookForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let ask = match form.meant(&web) {
        Ok(ask) => ask,
        Err(fault) => return kept(&web, &seat, form, &fault),
    };
    web.screens.with(&seat, |screen| {
        screen.booking.keep(form);
        screen.message = None;
    });
    match web.desk.book(ask).await {
        Ok(Ok(booked)) => {
            web.screens.with(&seat, |screen| screen.booking = BookingScreen::default());
            back(&result::path_of(&booked), &seat)
        }
        Ok(Err(refusal)) => {
            web.screens.with(&seat, |screen| screen.booking.refusal = Some(refusal));
            back(PATH, &seat)
        }
        // Pressed again it is the same booking: the key stays on the screen.
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// POST /booking/dismiss: X or 確認 under 提示 (V2).
pub(in crate::web) async fn dismiss(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| screen.booking.refusal = None);
    back(PATH, &seat)
}

/// POST /booking/clear: 清除資料, and 回預約疫苗網頁.
pub(in crate::web) async fn clear(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| {
        screen.booking = BookingScreen::default();
        screen.message = None;
    });
    back(PATH, &seat)
}

/// What was typed stays on the page; what is wrong with it stands above.
fn kept(web: &Web, seat: &Seat, form: BookForm, fault: &Fault) -> Response {
    web.screens.with(seat, |screen| screen.booking.keep(form));
    match fault.blame {
        Blame::Caller => {
            web.screens.with(seat, |screen| screen.message = Some(Message::fault(PATH, fault)));
            back(PATH, seat)
        }
        Blame::Machine => failed(web, seat, PATH, fault),
    }
}

impl BookForm {
    /// What was typed, or read from the card that is in the reader.
    fn document(&self, web: &Web) -> Result<Typed, Fault> {
        let typed = Typed { kind: self.kind.clone(), number: self.number.clone(), birth: self.birth.clone() };
        let read = cards::typed(web, typed, self.insertion);
        read.map_err(|failure| Fault::asked(failure.code(), failure.zh(), failure.en()))
    }

    fn meant(&self, web: &Web) -> Result<BookRequest, Fault> {
        let (venue, brands) = self.venue.split_once(' ').unwrap_or_default();
        let place = |text: &str| {
            let (date, start) = text.split_once(' ').unwrap_or_default();
            slot(venue, date, start, brands)
        };
        let wishes = if self.wish.is_empty() { Vec::new() } else { vec![place(&self.wish)?] };
        Ok(BookRequest {
            request: Some(self.request.clone()).filter(|key| !key.is_empty()),
            document: (&self.document(web)?).into(),
            name: self.name.clone(),
            mobile: self.mobile.clone(),
            slot: place(&self.slot)?,
            consent: !self.consent.is_empty(),
            wishes,
            by: name_or_counter(&self.by),
        })
    }
}
