//! What the page 登錄預約 shows, from the counter's screen and the node's knowledge.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use shared::entry::booking::{Slot, Venue};
use shared::rules::booking::venue_title;
use shared::rules::identity::DocumentKind;
use shared::rules::programme::Text;
use shared::rules::refusal::{known_en, known_zh};

use super::super::login::demonstration;
use super::super::{Frame, Web, frame};
use super::{BookingScreen, PATH};
use crate::fault::Fault;
use crate::node::ask::{BookingView, SlotLine};
use crate::web::cards::{ReadCard, Shown, shown};
use crate::web::session::Seat;

#[derive(Template)]
#[template(path = "booking.html")]
pub(super) struct BookingPage {
    frame: Frame,
    screen: BookingScreen,
    kinds: [DocumentKind; 5],
    /// Whether anything can be booked now; else why not.
    closed: Option<Text>,
    /// What the open rounds are called.
    rounds: Vec<Text>,
    notices: Vec<Text>,
    /// Counties with their districts.
    areas: Vec<(String, Vec<String>)>,
    venues: Vec<VenueChoice>,
    address: Option<String>,
    /// Days with their hours.
    days: Vec<(String, Vec<HourChoice>)>,
    /// How old the knowledge is by which they may.
    known: Option<Text>,
    cards: Option<Shown>,
    /// Of a demonstration: readers, and whose cards can be put in.
    demonstration: Vec<(String, Vec<String>)>,
}

/// A venue with certain vaccines.
struct VenueChoice {
    value: String,
    title: String,
}

/// An hour of a day.
struct HourChoice {
    value: String,
    span: String,
    held: u32,
    is_closed: bool,
}

impl BookingPage {
    /// The card that the form is filled from: nobody has been looked up, and nothing typed.
    fn card(&self) -> Option<&ReadCard> {
        let card = self.cards.as_ref()?.read.as_ref()?;
        (self.screen.may.is_none() && self.screen.typed.number == card.number).then_some(card)
    }

    /// This counter has not said which of several readers is its own.
    fn must_choose(&self) -> bool {
        let Some(Shown { choices, failure: None, .. }) = &self.cards else { return false };
        !choices.is_empty() && !choices.iter().any(|choice| choice.is_ours)
    }
}

/// The page for one counter.
pub(super) async fn booking(web: &Web, seat: &Seat, reader: Option<&str>) -> Result<BookingPage, Fault> {
    let mut counter = web.screens.with(seat, |screen| screen.clone());
    let frame = frame(web, &counter, PATH).await?;
    let view = web.desk.booking_view().await?;
    let readers = web.cards.as_ref().map(|cards| cards.readers().borrow().clone());
    let cards = readers.as_ref().map(|readers| shown(readers, reader));
    fill(&mut counter.booking, cards.as_ref());
    let screen = counter.booking;
    let known = screen.may.as_ref().map(|may| may.known.heard);
    Ok(BookingPage {
        kinds: DocumentKind::ALL,
        closed: closed(&view),
        rounds: view.open().map(|round| round.title.clone()).collect(),
        notices: view.open().flat_map(|round| round.notices.clone()).collect(),
        areas: areas(&view),
        venues: venues(&view, &screen.area),
        address: venue_of(&view, &screen.venue).map(|venue| venue.address.clone()),
        days: days(&view, &screen.venue),
        known: known.map(|heard| Text { zh: known_zh(heard), en: known_en(heard) }),
        demonstration: demonstration(web),
        cards,
        screen,
        frame,
    })
}

/// 01 is the default, filled from the card in the reader where nothing was typed (V1).
fn fill(screen: &mut BookingScreen, cards: Option<&Shown>) {
    let card = cards.and_then(|shown| shown.read.as_ref());
    if let Some(card) = card.filter(|_| screen.typed.number.is_empty() && screen.typed.birth.is_empty()) {
        (screen.typed.number, screen.typed.birth) = (card.number.clone(), card.birth.clone());
        screen.typed.kind = DocumentKind::NhiCard.code().to_owned();
        if screen.name.is_empty() && card.name_is_certain {
            screen.name.clone_from(&card.name);
        }
    }
    if screen.typed.kind.is_empty() {
        screen.typed.kind = DocumentKind::NhiCard.code().to_owned();
    }
}

fn closed(view: &BookingView) -> Option<Text> {
    if !view.takes {
        return Some(Text::new("中心尚未受理預約登錄；請先連線", "the hub does not take bookings yet: connect first"));
    }
    if view.open().next().is_some() {
        return None;
    }
    Some(match view.next() {
        Some(round) => Text {
            zh: format!("目前非開放預約接種登記期間，下次開放：{}", round.opens.format("%Y/%m/%d %H:%M")),
            en: format!("no round is open; the next opens {}", round.opens.format("%Y-%m-%d %H:%M")),
        },
        None => Text::new("目前非開放預約接種登記期間，請等候公告", "no round is open: wait for the announcement"),
    })
}

/// Slots of rounds that are open.
fn offered(view: &BookingView) -> impl Iterator<Item = (&SlotLine, &Venue)> {
    let is_open = |slot: &Slot| view.open().any(|round| round.has(slot));
    let slots = view.slots.iter().filter(move |line| is_open(&line.slot));
    slots.filter_map(|line| Some((line, view.venues.get(&line.slot.venue)?)))
}

fn areas(view: &BookingView) -> Vec<(String, Vec<String>)> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, venue) in offered(view) {
        all.entry(&venue.county).or_default().insert(&venue.district);
    }
    let owned = |(county, districts): (&str, BTreeSet<&str>)| {
        (county.to_owned(), districts.into_iter().map(str::to_owned).collect())
    };
    all.into_iter().map(owned).collect()
}

/// V8: each venue with its vaccines behind it.
fn venues(view: &BookingView, area: &str) -> Vec<VenueChoice> {
    let here = offered(view).filter(|(_, venue)| format!("{} {}", venue.county, venue.district) == area);
    let all: BTreeMap<String, String> = here
        .map(|(line, venue)| {
            let value = format!("{} {}", line.slot.venue, line.slot.brands);
            (value, venue_title(&venue.name, &line.slot.brands))
        })
        .collect();
    all.into_iter().map(|(value, title)| VenueChoice { value, title }).collect()
}

fn venue_of<'a>(view: &'a BookingView, chosen: &str) -> Option<&'a Venue> {
    let id = chosen.split_once(' ')?.0.parse().ok()?;
    view.venues.get(&id)
}

/// V9, V16: days as 2021/07/02, hours as 10:00~11:00.
fn days(view: &BookingView, chosen: &str) -> Vec<(String, Vec<HourChoice>)> {
    let mut all: BTreeMap<String, Vec<HourChoice>> = BTreeMap::new();
    let here = offered(view).filter(|(line, _)| format!("{} {}", line.slot.venue, line.slot.brands) == chosen);
    for (SlotLine { slot, closed, held, places: _ }, _) in here {
        all.entry(slot.date.format("%Y/%m/%d").to_string()).or_default().push(HourChoice {
            value: format!("{} {}", slot.date, slot.start),
            span: slot.start.span(),
            held: *held,
            is_closed: *closed,
        });
    }
    all.into_iter().collect()
}
