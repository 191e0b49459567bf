//! Answers about booked places as JSON. What is told of a person is what their paper says: the number masked.

use serde_json::{Value, json};
use shared::entry::booking::{Attendance, Slot, Venue};
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::booking::round::Round;
use shared::rules::refusal::{known_en, known_zh};

use super::{message, rfc3339};
use crate::node::ask::{
    AmendedBooking, AttendedBooking, Booked, BookedState, BookingView, CancelledBooking, ExpectedLine, Known, LookedUp,
    MayBook, VerifiedSlip,
};

/// Not booked, not cancelled, not checked in: why.
#[must_use]
pub fn booking_refused(refusal: &BookingRefusal) -> Value {
    json!({
        "verdict": "refused", "reason": refusal.code(), "class": refusal.class().to_string(),
        "number": refusal.number(), "modal": refusal.modal(), "message": message(&refusal.zh(), &refusal.en()),
    })
}

/// A slot as machines name it.
#[must_use]
pub fn slot(slot: &Slot) -> Value {
    json!({
        "venue": slot.venue.as_str(), "date": slot.date.to_string(), "start": slot.start.to_string(),
        "brands": slot.brands.as_str(), "span": slot.start.span(),
    })
}

fn venue(venue: &Venue) -> Value {
    json!({
        "venue": venue.id.as_str(), "name": venue.name, "county": venue.county, "district": venue.district,
        "address": venue.address, "phone": venue.phone,
    })
}

fn round(round: &Round) -> Value {
    json!({
        "programme": round.programme.as_str(), "round": round.name.as_str(), "number": round.number,
        "title": message(&round.title.zh, &round.title.en), "opens": round.opens.to_string(),
        "closes": round.closes.to_string(), "first_day": round.first_day.to_string(),
        "last_day": round.last_day.to_string(), "brands": round.brands,
    })
}

/// Rounds, venues and slots.
#[must_use]
pub fn booking_view(view: &BookingView) -> Value {
    let slots = view.slots.iter().map(|line| {
        let mut out = slot(&line.slot);
        (out["places"], out["closed"], out["held"]) = (json!(line.places), json!(line.closed), json!(line.held));
        out
    });
    json!({
        "now": view.now.to_string(), "today": view.today.to_string(), "takes": view.takes,
        "open": view.open().map(|it| it.name.as_str().to_owned()).collect::<Vec<_>>(),
        "rounds": view.rounds.iter().map(round).collect::<Vec<_>>(),
        "venues": view.venues.values().map(venue).collect::<Vec<_>>(),
        "slots": slots.collect::<Vec<_>>(),
        "numbers_left": view.numbers_left, "waiting": view.waiting,
        "known": age(&view.known),
    })
}

/// How old the knowledge is by which nobody has booked for somebody elsewhere.
fn age(known: &Known) -> Value {
    json!({
        "age_s_max": known.heard.age_s_max(), "zh-TW": known_zh(known.heard), "en": known_en(known.heard),
    })
}

/// 讀卡.
#[must_use]
pub fn looked_up(found: &LookedUp) -> Value {
    match found {
        LookedUp::May(may) => may_book(may),
        LookedUp::Has(booked) => {
            let mut out = self::booked(booked);
            out["verdict"] = json!("has");
            out
        }
    }
}

fn may_book(may: &MayBook) -> Value {
    json!({
        "verdict": "may", "programme": may.programme.as_str(), "round": may.round.as_str(), "number": may.number,
        "title": message(&may.title.zh, &may.title.en), "masked": may.masked, "known": age(&may.known),
        "message": message(
            &format!("{} 可預約第 {} 期", may.masked, may.number),
            &format!("{} may book in round {}", may.masked, may.number),
        ),
    })
}

/// Booked, or wished for.
#[must_use]
pub fn booked(booked: &Booked) -> Value {
    let is_wish = matches!(booked.state, BookedState::Waiting);
    let number = booked.number.as_ref().map(ToString::to_string);
    let (zh, en) = match &number {
        Some(number) => (format!("預約編號 {number}"), format!("booked under {number}")),
        None => ("已登錄意願，待確認".to_owned(), "taken down as a wish: the hub will answer".to_owned()),
    };
    json!({
        "verdict": if is_wish { "wish" } else { "booked" },
        "booking": booked.id.to_string(), "state": booked.state.code(), "number": number,
        "serial": booked.serial(), "at": rfc3339(booked.second), "programme": booked.programme.as_str(),
        "round": booked.round.as_str(), "slot": booked.slot.as_ref().map(slot),
        "ranked": booked.ranked.iter().map(slot).collect::<Vec<_>>(), "venue": booked.venue.as_ref().map(venue),
        "printed": booked.printed(), "own": booked.is_own, "slip": booked.slip, "replayed": booked.replayed,
        "message": message(&zh, &en),
    })
}

/// 取消預約 is done.
#[must_use]
pub fn booking_cancelled(done: &CancelledBooking) -> Value {
    json!({
        "verdict": "cancelled", "cancellation": done.id.to_string(), "booking": done.of.to_string(),
        "serial": done.serial, "replayed": done.replayed, "message": message("已取消預約", "cancelled"),
    })
}

/// Another telephone number is kept.
#[must_use]
pub fn booking_amended(done: &AmendedBooking) -> Value {
    json!({
        "verdict": "amended", "amendment": done.id.to_string(), "booking": done.of.to_string(),
        "replayed": done.replayed, "message": message("已更改手機號碼", "the telephone number is changed"),
    })
}

/// What happened at the venue is written down.
#[must_use]
pub fn booking_attended(done: &AttendedBooking) -> Value {
    let (zh, en) = attendance_words(Some(&done.what));
    json!({
        "verdict": "attended", "attendance": done.id.to_string(), "booking": done.of.to_string(),
        "serial": done.serial, "what": done.what.code(), "replayed": done.replayed,
        "message": message(&format!("{:010} {zh}", done.serial), &format!("{:010} {en}", done.serial)),
    })
}

/// In words what happened to somebody.
#[must_use]
pub fn attendance_words(what: Option<&Attendance>) -> (String, String) {
    match what {
        None => ("未到".to_owned(), "expected".to_owned()),
        Some(Attendance::CheckedIn) => ("已報到".to_owned(), "checked in".to_owned()),
        Some(Attendance::Given { brand, lot }) => {
            (format!("已接種 {brand}（批號 {lot}）"), format!("given {brand}, lot {lot}"))
        }
        Some(Attendance::NotGiven { reason }) => (format!("未接種（{reason}）"), format!("not given ({reason})")),
        Some(Attendance::Later { start }) => (format!("改於當日 {}", start.span()), format!("later, {}", start.span())),
    }
}

/// Somebody on the venue's day.
#[must_use]
pub fn expected(line: &ExpectedLine) -> Value {
    json!({
        "booking": line.of.to_string(), "number": line.number.to_string(), "serial": line.number.serial,
        "slot": slot(&line.slot), "start": line.start.to_string(), "comes": line.comes, "masked": line.masked,
        "name": line.contact.name(), "mobile": line.contact.mobile(),
        "attended": line.attended.as_ref().map(Attendance::code),
    })
}

/// A slip holds.
#[must_use]
pub fn slip(slip: &VerifiedSlip) -> Value {
    let claim = &slip.claim;
    let (zh, en) = (
        format!(
            "預約單有效：{} {} {} {}（開立機構 {}）",
            claim.number,
            claim.printed,
            claim.slot.date.format("%Y/%m/%d"),
            claim.slot.start.span(),
            claim.site
        ),
        format!(
            "the slip holds: {} {} {} {} (issued by {})",
            claim.number,
            claim.printed,
            claim.slot.date,
            claim.slot.start.span(),
            claim.site
        ),
    );
    json!({
        "verdict": "valid", "number": claim.number.to_string(), "serial": claim.number.serial,
        "site": claim.site.as_str(), "slot": self::slot(&claim.slot), "at": rfc3339(claim.second), "printed": claim.printed,
        "venue": slip.venue.as_ref().map(venue), "here": slip.is_here, "message": message(&zh, &en),
    })
}
