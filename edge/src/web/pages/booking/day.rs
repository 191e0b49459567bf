//! The venue's day: who is expected at which hour, who came, what was given.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use shared::entry::booking::Attendance;
use shared::rules::booking::refusal::BookingRefusal;

use super::super::{Frame, Message, Web, back, bad_form, failed, frame, name_or_counter, page};
use super::result::refused;
use crate::fault::Fault;
use crate::node::ask::{AttendRequest, Comer, ExpectedLine};
use crate::web::answer::booking::attendance_words;
use crate::web::body::booking::{Happened, day as date_of};
use crate::web::cards::chosen;
use crate::web::session::{Seat, random_key};
use crate::web::sign_in::document_here;

const PATH: &str = "/booking/day";

/// Which day.
#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    #[serde(default)]
    date: String,
}

/// What happened to somebody.
#[derive(Deserialize)]
pub(in crate::web) struct AttendForm {
    /// 預約序號, 預約編號, or what was scanned of a slip.
    #[serde(default)]
    who: String,
    /// Whoever's card is in this counter's reader.
    #[serde(default)]
    card: String,
    what: String,
    #[serde(default)]
    brand: String,
    #[serde(default)]
    lot: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    request: String,
}

#[derive(Template)]
#[template(path = "booking_day.html")]
struct DayPage {
    frame: Frame,
    date: NaiveDate,
    is_today: bool,
    has_readers: bool,
    by: String,
    hours: Vec<Hour>,
    /// Of the form above the list.
    request: String,
    came: usize,
    all: usize,
}

/// An hour and who is expected in it.
struct Hour {
    span: String,
    lines: Vec<Line>,
}

struct Line {
    serial: String,
    number: String,
    masked: String,
    name: String,
    mobile: String,
    state: (String, String),
    is_given: bool,
    brands: Vec<String>,
    request: String,
}

/// GET /booking/day.
pub(in crate::web) async fn show(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let seat = web.screens.seat(&headers);
    let date = asked.ok().map(|Query(asked)| asked.date).filter(|date| !date.is_empty());
    match day(&web, &seat, date.as_deref()).await {
        Ok(day) => page(&day, Some(&seat)),
        Err(fault) => failed(&web, &seat, super::PATH, &fault),
    }
}

async fn day(web: &Web, seat: &Seat, date: Option<&str>) -> Result<DayPage, Fault> {
    let screen = web.screens.with(seat, |screen| screen.clone());
    let frame = frame(web, &screen, PATH).await?;
    let date = date.map(date_of).transpose()?.unwrap_or(frame.day);
    let lines = web.desk.expected(date).await?;
    let (all, came) = (lines.len(), lines.iter().filter(|line| line.attended.is_some()).count());
    let mut hours: Vec<Hour> = Vec::new();
    for line in lines {
        let span = line.start.span();
        if hours.last().is_none_or(|hour| hour.span != span) {
            hours.push(Hour { span, lines: Vec::new() });
        }
        if let Some(hour) = hours.last_mut() {
            hour.lines.push(Line::from(line));
        }
    }
    let is_today = date == frame.day;
    let (has_readers, request) = (web.cards.is_some(), random_key());
    Ok(DayPage { frame, date, is_today, has_readers, by: screen.by, hours, request, came, all })
}

impl From<ExpectedLine> for Line {
    fn from(line: ExpectedLine) -> Self {
        Self {
            serial: format!("{:010}", line.number.serial),
            number: line.number.to_string(),
            masked: line.masked,
            name: line.contact.name().to_owned(),
            mobile: line.contact.mobile().to_owned(),
            state: attendance_words(line.attended.as_ref()),
            is_given: matches!(line.attended, Some(Attendance::Given { .. })),
            brands: line.slot.brands.iter().map(str::to_owned).collect(),
            request: random_key(),
        }
    }
}

/// POST /booking/day/attend.
pub(in crate::web) async fn attend(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<AttendForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| screen.by.clone_from(&form.by));
    let slip = form.who.trim().starts_with("ATOLL").then(|| form.who.clone());
    let ask = match form.meant(&web, chosen(&headers).as_deref()) {
        Ok(ask) => ask,
        Err(fault) => return failed(&web, &seat, PATH, &fault),
    };
    let message = match web.desk.attend(ask).await {
        Ok(Ok(done)) => {
            let (zh, en) = attendance_words(Some(&done.what));
            Message::done(PATH, &format!("{:010} {zh}", done.serial), &format!("{:010} {en}", done.serial))
        }
        Ok(Err(refusal)) => not_here(&web, slip, &refusal).await,
        Err(fault) => return failed(&web, &seat, PATH, &fault),
    };
    web.screens.with(&seat, |screen| screen.message = Some(message));
    back(PATH, &seat)
}

/// A slip that holds and of which the hub has not told yet: nobody is sent away without a word.
async fn not_here(web: &Web, slip: Option<String>, refusal: &BookingRefusal) -> Message {
    let Some(text) = slip.filter(|_| *refusal == BookingRefusal::Unknown) else { return refused(PATH, refusal) };
    let Ok(slip) = web.desk.verify_slip(text).await else { return refused(PATH, refusal) };
    let (number, slot) = (&slip.claim.number, &slip.claim.slot);
    let zh = format!(
        "預約單有效（{number}，{} {}），但不在本站名單上；請確認施打地點，或連線後再試",
        slot.date.format("%Y/%m/%d"),
        slot.start.span()
    );
    let en = format!(
        "the slip holds ({number}, {slot}) and is not on this site's list: look at the venue, or connect and try again"
    );
    Message::fault(PATH, &Fault::asked("not-here", zh, en))
}

impl AttendForm {
    fn meant(self, web: &Web, reader: Option<&str>) -> Result<AttendRequest, Fault> {
        let Self { who, card, what, brand, lot, reason, start, by, request } = self;
        let what = Happened { what: &what, brand: &brand, lot: &lot, reason: &reason, start: &start }.meant()?;
        let request = Some(request).filter(|key| !key.is_empty());
        let of = match card.is_empty() {
            true => comer(&who)?,
            false => Comer::Document((&document_here(web, reader)?).into()),
        };
        Ok(AttendRequest { request, of, what, by: name_or_counter(&by) })
    }
}

/// A slip, or a number with or without what stands before it.
fn comer(who: &str) -> Result<Comer, Fault> {
    let who = who.trim();
    if who.starts_with("ATOLL") {
        return Ok(Comer::Slip(who.to_owned()));
    }
    let serial = who.rsplit('-').next().unwrap_or_default();
    serial.parse().map(Comer::Serial).map_err(|_| {
        Fault::asked("serial", "請輸入預約序號，或掃描預約單條碼", "type the serial number, or scan the slip's code")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_however_it_is_typed() {
        for who in ["14637", "0000014637", " MO,AZ01-0000014637 "] {
            assert!(matches!(comer(who), Ok(Comer::Serial(14_637))), "{who}");
        }
        assert!(matches!(comer("ATOLL1.ABC"), Ok(Comer::Slip(_))));
        assert!(comer("王大明").is_err());
    }
}
