//! 預約登錄結果, 前次預約登錄結果, 取消預約, and the sheet of paper (V10-V15).

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::calendar::taipei_time;
use shared::rules::programme::Text;

use super::super::{Frame, Message, Web, back, bad_form, failed, frame, name_or_counter, page, unwell};
use super::{BookingScreen, PATH};
use crate::fault::Fault;
use crate::node::ask::{AmendRequest, Booked, BookedState, BookingRef, CancelRequest};
use crate::web::session::{Seat, Tone};

/// 前次預約登錄結果 of whoever's card was read at this counter.
pub(super) const PREVIOUS: &str = "/booking/previous";

#[derive(Template)]
#[template(path = "booking_result.html")]
struct ResultPage {
    frame: Frame,
    booked: Booked,
    of: String,
    /// It is shown because the card was read again.
    is_previous: bool,
    asks_cancel: bool,
    /// Names the person that this page shows, so that nothing is done to the next one.
    key: String,
}

#[derive(Template)]
#[template(path = "booking_slip.html")]
struct SlipPage {
    name: String,
    rehearsal: bool,
    booked: Booked,
    back: String,
    qr: Option<Qr>,
}

/// A QR code: the length of its side with the quiet zone, and the path of its dark modules.
struct Qr {
    side: i32,
    path: String,
}

/// What a page of 前次預約登錄結果 sends: whose it was, and another 手機號碼.
#[derive(Deserialize)]
pub(in crate::web) struct HasForm {
    #[serde(default)]
    key: String,
    #[serde(default)]
    mobile: String,
}

type Sent = Result<Form<HasForm>, FormRejection>;

/// Where a booking of this site is shown.
pub(super) fn path_of(booked: &Booked) -> String {
    format!("{PATH}/result/{}", of(booked))
}

/// How an address names a booking: by its serial number, a wish by its entry.
fn of(booked: &Booked) -> String {
    booked.serial().map_or_else(|| booked.id.to_string(), |serial| format!("{serial:010}"))
}

fn named(of: &str) -> Option<BookingRef> {
    let is_serial = of.len() <= 10 && of.bytes().all(|c| c.is_ascii_digit());
    if is_serial { of.parse().ok().map(BookingRef::Serial) } else { of.parse().ok().map(BookingRef::Entry) }
}

/// 2021/06/25 13:06:23 (V10, V16).
fn moment(second: &i64) -> String {
    taipei_time(*second).format("%Y/%m/%d %H:%M:%S").to_string()
}

pub(super) fn date(day: &chrono::NaiveDate) -> String {
    day.format("%Y/%m/%d").to_string()
}

/// A booking of this site, or the one that this counter's screen shows.
async fn found(web: &Web, seat: &Seat, text: &str) -> Result<Option<Booked>, Fault> {
    let Some(asked) = named(text) else { return Ok(None) };
    if let Some(booked) = web.desk.booking(asked).await? {
        return Ok(Some(booked));
    }
    let shown = web.screens.with(seat, |screen| screen.booking.has.clone());
    Ok(shown.map(|(booked, _)| *booked).filter(|booked| of(booked) == text))
}

/// GET /booking/result/{of}.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap, Path(of): Path<String>) -> Response {
    let seat = web.screens.seat(&headers);
    match found(&web, &seat, &of).await {
        Ok(Some(booked)) => result(&web, &seat, (booked, of), None).await,
        Ok(None) => say(&web, &seat, &BookingRefusal::Unknown),
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// GET /booking/previous.
pub(in crate::web) async fn previous(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    match web.screens.with(&seat, |screen| screen.booking.has.clone()) {
        Some((booked, key)) => {
            let of = of(&booked);
            result(&web, &seat, (*booked, of), Some(key)).await
        }
        None => back(PATH, &seat),
    }
}

/// With a key the page is that of a card that was read again.
async fn result(web: &Web, seat: &Seat, (booked, of): (Booked, String), key: Option<String>) -> Response {
    let screen = web.screens.with(seat, |screen| screen.clone());
    let is_previous = key.is_some();
    let asks_cancel = is_previous && screen.booking.asks_cancel;
    let key = key.unwrap_or_default();
    match frame(web, &screen, PREVIOUS).await {
        Ok(frame) => page(&ResultPage { frame, booked, of, is_previous, asks_cancel, key }, Some(seat)),
        Err(fault) => unwell(&fault),
    }
}

/// GET /booking/slip/{of}: the sheet.
pub(in crate::web) async fn slip(State(web): State<Arc<Web>>, headers: HeaderMap, Path(of): Path<String>) -> Response {
    let seat = web.screens.seat(&headers);
    match found(&web, &seat, &of).await {
        Ok(Some(booked)) if booked.state.holds() => {
            let shown = web.screens.with(&seat, |screen| screen.booking.has.is_some());
            let back = if shown { PREVIOUS.to_owned() } else { path_of(&booked) };
            let qr = booked.slip.as_deref().and_then(qr);
            let rehearsal = web.desk.rehearsal().is_on();
            page(&SlipPage { name: web.site.name.clone(), rehearsal, booked, back, qr }, Some(&seat))
        }
        Ok(Some(_)) => say(&web, &seat, &BookingRefusal::AlreadyCancelled),
        Ok(None) => say(&web, &seat, &BookingRefusal::Unknown),
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// The code as paths of a picture: no part of the text reaches the page.
fn qr(text: &str) -> Option<Qr> {
    const QUIET: i32 = 4;
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a String cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut path, format_args!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    Some(Qr { side: code.size() + 2 * QUIET, path })
}

/// POST /booking/cancel: 取消預約 asks first.
pub(in crate::web) async fn ask_cancel(State(web): State<Arc<Web>>, headers: HeaderMap, form: Sent) -> Response {
    asked(&web, &headers, form, true)
}

/// POST /booking/keep: 取消 under the question.
pub(in crate::web) async fn keep(State(web): State<Arc<Web>>, headers: HeaderMap, form: Sent) -> Response {
    asked(&web, &headers, form, false)
}

fn asked(web: &Web, headers: &HeaderMap, form: Sent, asks: bool) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(headers);
    if meant(web, &seat, &form.key).is_some() {
        web.screens.with(&seat, |screen| screen.booking.asks_cancel = asks);
    }
    back(PREVIOUS, &seat)
}

/// Whose booking the page showed that sent this; none where another card was read since, at another tab of this screen.
fn meant(web: &Web, seat: &Seat, key: &str) -> Option<(Box<Booked>, String)> {
    web.screens.with(seat, |screen| screen.booking.has.clone()).filter(|(_, shown)| shown == key)
}

/// POST /booking/cancel/confirm: 確定 (V14, V15).
pub(in crate::web) async fn cancel(State(web): State<Arc<Web>>, headers: HeaderMap, form: Sent) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let by = web.screens.with(&seat, |screen| screen.by.clone());
    let Some((booked, request)) = meant(&web, &seat, &form.key) else { return back(PREVIOUS, &seat) };
    let ask = CancelRequest {
        request: Some(request),
        of: BookingRef::Entry(booked.id),
        document: (&booked.document).into(),
        reason: String::new(),
        by: name_or_counter(&by),
    };
    match web.desk.cancel(ask).await {
        Ok(Ok(_)) => {
            web.screens.with(&seat, |screen| {
                screen.booking = BookingScreen::default();
                let (zh, en) = ("已取消預約；如需更改請重新讀卡登錄", "cancelled: read the card again to book anew");
                screen.message = Some(Message::done(PATH, zh, en));
            });
            back(PATH, &seat)
        }
        Ok(Err(refusal)) => say(&web, &seat, &refusal),
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// POST /booking/amend: another telephone number.
pub(in crate::web) async fn amend(State(web): State<Arc<Web>>, headers: HeaderMap, form: Sent) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let by = web.screens.with(&seat, |screen| screen.by.clone());
    let Some((mut booked, key)) = meant(&web, &seat, &form.key) else { return back(PREVIOUS, &seat) };
    let (of, mobile) = (BookingRef::Entry(booked.id), form.mobile);
    let document = (&booked.document).into();
    let ask = AmendRequest { request: None, of, document, mobile: mobile.clone(), by: name_or_counter(&by) };
    let message = match web.desk.amend(ask).await {
        Ok(Ok(_)) => {
            if let Ok(contact) = shared::rules::booking::contact::Contact::parse(booked.contact.name(), &mobile) {
                booked.contact = contact;
            }
            Message::done(PREVIOUS, "已更改手機號碼", "the telephone number is changed")
        }
        Ok(Err(refusal)) => refused(PREVIOUS, &refusal),
        Err(fault) => return failed(&web, &seat, PREVIOUS, &fault),
    };
    web.screens.with(&seat, |screen| {
        // Another card may have been read meanwhile.
        if screen.booking.has.as_ref().is_some_and(|(_, shown)| *shown == key) {
            screen.booking.has = Some((booked, key));
            screen.message = Some(message);
        }
    });
    back(PREVIOUS, &seat)
}

/// A refusal over the form (V2); what was typed there stays.
fn say(web: &Web, seat: &Seat, refusal: &BookingRefusal) -> Response {
    web.screens.with(seat, |screen| {
        screen.booking.refusal = Some(refusal.clone());
        screen.booking.asks_cancel = false;
    });
    back(PATH, seat)
}

/// A refusal above a page.
pub(super) fn refused(page: &'static str, refusal: &BookingRefusal) -> Message {
    Message { page, tone: Tone::Refused, text: Text { zh: refusal.modal(), en: refusal.en() }, evidence: Vec::new() }
}

impl ResultPage {
    fn is_waiting(&self) -> bool {
        self.booked.state == BookedState::Waiting
    }
}
