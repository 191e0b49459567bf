//! The edge's web: the counter's pages and the JSON API.
//!
//! **Invariant: the web decides nothing.** It parses what came, asks the node through the [`Desk`]
//! and shows the answer; HTML and status codes are here and nowhere else.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::sync::{Mutex, watch};

pub mod answer;
mod api;
mod body;
mod cards;
mod door;
pub(crate) mod gate;
pub mod guard;
mod known;
mod metrics;
mod pages;
mod paired;
mod session;
mod sessions;
mod sign_in;
mod status;
mod style;

#[cfg(test)]
mod tests;

use crate::cards::runner::Cards;
use crate::config::{Folder, Site};
use crate::desk::Desk;
use crate::doctor::Check;
use crate::lan::Lan;
use crate::uplink::LineStatus;

pub use door::Door;
pub use metrics::Metrics;
pub use session::Screens;
pub use sessions::Sessions;

/// Longest request body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the web stands on, at one door.
#[derive(Debug)]
pub struct Web {
    /// Which.
    pub door: Door,
    /// Asks the node.
    pub desk: Desk,
    /// Whose pages these are.
    pub site: Site,
    /// How the line stands.
    pub line: watch::Receiver<LineStatus>,
    /// The names under which it answers ([`guard::hosts`]).
    pub hosts: Vec<String>,
    /// The second door, where there is one.
    pub lan: Option<Arc<Lan>>,
    /// The counters.
    pub screens: Screens,
    /// Who has signed in, at either door.
    pub sessions: Arc<Sessions>,
    /// What a shell on this computer shows to act for the data folder's owner.
    pub folder_token: Option<String>,
    /// Counted answers, of both doors.
    pub metrics: Arc<Metrics>,
    /// The card readers, where this edge has a helper for them.
    pub cards: Option<Cards>,
    /// Where everything of this edge lies, for the checks of the computer.
    pub folder: Option<Folder>,
    /// What the last look at the computer found.
    pub looked: Mutex<Option<(Instant, Vec<Check>)>>,
    /// Of a demonstration: the people whose cards can be put in, as the page names them.
    pub people: Vec<String>,
}

impl Web {
    /// Empty screens in front of this node.
    #[must_use]
    pub fn new(desk: Desk, site: Site, line: watch::Receiver<LineStatus>, hosts: Vec<String>) -> Self {
        Self {
            door: Door::Loopback,
            desk,
            site,
            line,
            hosts,
            lan: None,
            screens: Screens::default(),
            sessions: Arc::default(),
            folder_token: None,
            metrics: Arc::default(),
            cards: None,
            folder: None,
            looked: Mutex::default(),
            people: Vec::new(),
        }
    }

    /// The same node behind the second door: other names, other screens, and no shell's token.
    #[must_use]
    pub fn behind(&self, lan: &Arc<Lan>) -> Self {
        Self {
            door: Door::Lan,
            lan: Some(Arc::clone(lan)),
            sessions: Arc::clone(&self.sessions),
            metrics: Arc::clone(&self.metrics),
            cards: self.cards.clone(),
            folder: self.folder.clone(),
            people: self.people.clone(),
            ..Self::new(self.desk.clone(), self.site.clone(), self.line.clone(), lan.hosts.clone())
        }
    }
}

/// Everything that the edge serves at this door.
pub fn app(web: Arc<Web>) -> Router {
    let (behind_sign_in, public) = match web.door {
        Door::Loopback => (pairing_routes(), public_routes()),
        Door::Lan => (Router::new(), public_routes().route("/pair", get(pages::pair::show).post(pages::pair::pair))),
    };
    let counters = Router::new()
        .nest("/api/v1", api_routes())
        .merge(page_routes())
        .merge(card_routes())
        .merge(behind_sign_in)
        .route_layer(middleware::from_fn_with_state(Arc::clone(&web), gate::counters));
    let bookings = Router::new()
        .nest("/api/v1/booking", booking_api_routes())
        .merge(booking_routes())
        .route_layer(middleware::from_fn_with_state(Arc::clone(&web), gate::booking));
    counters
        .merge(bookings)
        .merge(public)
        .route("/healthz", get(metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/style.css", get(style::sheet))
        .route("/cards.js", get(cards::script))
        .route("/print.js", get(pages::booking::print_script))
        .fallback(guard::no_such_page)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&web), gate::who))
        .layer(middleware::from_fn_with_state(Arc::clone(&web), paired::only))
        .layer(middleware::from_fn_with_state(Arc::clone(&web), guard::guard))
        .with_state(web)
}

/// What anybody may see and do who stands before the screen.
fn public_routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/", get(pages::home::show))
        .route("/login", get(pages::login::show).post(pages::login::sign_in))
        .route("/logout", post(pages::login::sign_out))
        .route("/lock", post(pages::login::lock))
        .route("/doctor", get(pages::doctor::show))
        .route("/cards/insert", post(cards::insert))
        .route("/cards/pull", post(cards::pull))
}

/// Who may come in by the second door is said at the first.
fn pairing_routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/counters", get(pages::counters::show))
        .route("/counters/code", post(pages::counters::code))
        .route("/counters/forget", post(pages::counters::forget))
}

fn card_routes() -> Router<Arc<Web>> {
    Router::new().route("/cards/events", get(cards::events)).route("/cards/choose", post(cards::choose))
}

fn api_routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/status", get(api::status))
        .route("/cards", get(cards::api))
        .route("/doctor", get(pages::doctor::api))
        .route("/stock", get(api::stock))
        .route("/recent", get(api::recent))
        .route("/versions", get(api::versions))
        .route("/export", get(api::export))
        .route("/audit", get(api::audit))
        .route("/verify", get(api::verify))
        .route("/check", post(api::check))
        .route("/sell", post(api::sell))
        .route("/record", post(api::record))
        .route("/arrive", post(api::arrive))
        .route("/correct", post(api::correct))
        .route("/withdraw", post(api::withdraw))
        .route("/disputes", get(api::disputes).post(api::dispute))
}

fn booking_api_routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/view", get(api::booking::view))
        .route("/day", get(api::booking::day))
        .route("/look-up", post(api::booking::look_up))
        .route("/book", post(api::booking::book))
        .route("/cancel", post(api::booking::cancel))
        .route("/amend", post(api::booking::amend))
        .route("/attend", post(api::booking::attend))
        .route("/verify-slip", post(api::booking::verify_slip))
}

fn booking_routes() -> Router<Arc<Web>> {
    use pages::booking::{day, enter, result};
    Router::new()
        .route("/booking", get(pages::booking::show))
        .route("/booking/read", post(pages::booking::read))
        .route("/booking/choose", post(pages::booking::choose))
        .route("/booking/confirm", post(pages::booking::confirm))
        .route("/booking/dismiss", post(pages::booking::dismiss))
        .route("/booking/clear", post(pages::booking::clear))
        .route(gate::HAND_OVER, get(enter::show).post(enter::enter))
        .route("/booking/previous", get(result::previous))
        .route("/booking/result/{of}", get(result::show))
        .route("/booking/slip/{of}", get(result::slip))
        .route("/booking/cancel", post(result::ask_cancel))
        .route("/booking/keep", post(result::keep))
        .route("/booking/cancel/confirm", post(result::cancel))
        .route("/booking/amend", post(result::amend))
        .route("/booking/day", get(day::show))
        .route("/booking/day/attend", post(day::attend))
}

fn page_routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/masks", get(pages::masks::show))
        .route("/masks/entered", post(pages::masks::entered))
        .route("/masks/check", post(pages::masks::check))
        .route("/masks/buy", post(pages::masks::buy))
        .route("/masks/confirm", post(pages::masks::confirm))
        .route("/masks/cancel", post(pages::masks::cancel))
        .route("/masks/clear", post(pages::masks::clear))
        .route("/masks/slip", get(pages::disputes::slip))
        .route("/masks/dispute", post(pages::disputes::dispute))
        .route("/disputes", get(pages::disputes::show))
        .route("/staff", get(pages::staff::show))
        .route("/staff/read", post(pages::staff::read))
        .route("/staff/envelope", post(pages::staff::envelope))
        .route("/staff/apply", post(pages::staff::apply))
        .route("/staff/forget", post(pages::staff::forget))
        .route("/staff/grant", post(pages::staff::grant))
        .route("/staff/revoke", post(pages::staff::revoke))
        .route("/stock", get(pages::stock::show))
        .route("/stock/arrive", post(pages::stock::arrive))
        .route("/stock/correct", post(pages::stock::correct))
        .route("/stock/withdraw", post(pages::stock::withdraw))
        .route("/recent", get(pages::recent::show))
        .route("/recent/withdraw", post(pages::recent::withdraw))
}
