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
pub(crate) mod gate;
pub mod guard;
mod known;
mod metrics;
mod pages;
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
use crate::uplink::LineStatus;

pub use metrics::Metrics;
pub use session::Screens;
pub use sessions::Sessions;

/// Longest request body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the web stands on.
#[derive(Debug)]
pub struct Web {
    /// Asks the node.
    pub desk: Desk,
    /// Whose pages these are.
    pub site: Site,
    /// How the line stands.
    pub line: watch::Receiver<LineStatus>,
    /// The names under which it answers ([`guard::hosts`]).
    pub hosts: Vec<String>,
    /// The counters.
    pub screens: Screens,
    /// Who has signed in.
    pub sessions: Sessions,
    /// What a shell on this computer shows to act for the data folder's owner.
    pub folder_token: Option<String>,
    /// Counted answers.
    pub metrics: Metrics,
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
            desk,
            site,
            line,
            hosts,
            screens: Screens::default(),
            sessions: Sessions::default(),
            folder_token: None,
            metrics: Metrics::default(),
            cards: None,
            folder: None,
            looked: Mutex::default(),
            people: Vec::new(),
        }
    }
}

/// Everything that the edge serves.
pub fn app(web: Arc<Web>) -> Router {
    let counters = Router::new()
        .nest("/api/v1", api_routes())
        .merge(page_routes())
        .merge(card_routes())
        .route_layer(middleware::from_fn_with_state(Arc::clone(&web), gate::counters));
    counters
        .merge(public_routes())
        .route("/healthz", get(metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/style.css", get(style::sheet))
        .route("/cards.js", get(cards::script))
        .fallback(guard::no_such_page)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&web), gate::who))
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
