//! The console: what the operators who reconcile look at, as pages and as JSON.
//!
//! Server-rendered, zh-TW with English, no script. People sign in, programs bring a token (`door`); identity numbers
//! are masked before they reach it, and shown in clear by two people only. It listens on loopback and answers only to
//! the names it was given (RELIABILITY T14).

mod api;
mod deeds;
mod door;
mod guard;
mod operation;
mod pages;
mod patience;
mod sessions;
mod sign_in;
mod smart;
mod throttle;
mod trouble;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::clock::WallClock;
use crate::counters::Counters;
use crate::mailbox::HubHandle;
use door::Doors;
pub use patience::{UNREAD_MAX, closes_unread};

/// Longest form or JSON, in bytes: a version file as JSON.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What the console needs.
#[derive(Debug, Clone)]
pub struct Console {
    /// Whom it asks.
    hub: HubHandle,
    /// Whom it lets write: the hub's one owner.
    desk: HubHandle,
    /// For `/metrics`.
    counters: Arc<Counters>,
    /// The time on the pages, and in the audit.
    clock: WallClock,
    /// Sessions, codes and tokens live by the system's own time, as telephones and browsers do.
    real: WallClock,
    /// The names (with port, lower case) by which it may be asked.
    hosts: Arc<[String]>,
    doors: Arc<Doors>,
    /// What everybody may read of places.
    places: Arc<smart::Places>,
}

impl Console {
    /// A console that nobody has signed in to: `hub` is asked, `desk` writes; both may be one.
    #[must_use]
    pub fn new(
        hub: HubHandle,
        desk: HubHandle,
        counters: Arc<Counters>,
        clock: WallClock,
        hosts: Arc<[String]>,
    ) -> Self {
        let (real, doors, places) = (WallClock::system(), Arc::new(Doors::new()), Arc::default());
        Self { hub, desk, counters, clock, real, hosts, doors, places }
    }
}

/// Every page and door of the console, by who may go there.
#[must_use = "a router serves nothing by itself"]
pub fn app(console: Console) -> Router {
    let open = Router::new()
        .route("/style.css", get(pages::style))
        .route("/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/healthz", get(operation::healthz))
        .route("/readyz", get(operation::readyz))
        .route("/metrics", get(operation::metrics))
        .route("/$bulk-publish", get(smart::manifest))
        .route("/smart/location.ndjson", get(smart::locations))
        .route("/smart/schedule.ndjson", get(smart::schedules))
        .route("/smart/slot.ndjson", get(smart::slots));
    open.merge(readers().route_layer(from_fn_with_state(console.clone(), door::reader)))
        .merge(operators().route_layer(from_fn_with_state(console.clone(), door::operator)))
        .merge(supervisors().route_layer(from_fn_with_state(console.clone(), door::supervisor)))
        .fallback(trouble::not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(console.clone(), guard::guard))
        .with_state(console)
}

fn readers() -> Router<Console> {
    Router::new()
        .route("/", get(pages::overview))
        .route("/cases", get(pages::cases))
        .route("/cases/{id}", get(pages::case))
        .route("/disputes/{id}", get(pages::dispute))
        .route("/sites", get(pages::sites))
        .route("/sign-out", post(sign_in::leave))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/cases", get(api::cases))
        .route("/api/v1/cases/{id}", get(api::case))
        .route("/api/v1/disputes", get(api::disputes))
        .route("/api/v1/disputes/{id}", get(api::dispute))
        .route("/api/v1/clocks", get(api::clocks))
        .route("/api/v1/sites", get(api::sites))
        .route("/api/v1/programmes", get(api::programmes))
        .route("/api/v1/booking/rounds", get(api::booking::rounds))
        .route("/api/v1/booking/venues", get(api::booking::venues))
        .route("/api/v1/booking/slots", get(api::booking::slots))
        .route("/api/v1/booking/bookings", get(api::booking::bookings))
        .route("/api/v1/booking/wishes", get(api::booking::wishes))
        .route("/api/v1/booking/leases", get(api::booking::leases))
}

fn operators() -> Router<Console> {
    Router::new()
        .route("/disputes/{id}", post(pages::decide))
        .route("/cases/{id}/identity", post(pages::ask))
        .route("/cases/{id}/identity/show", post(pages::clear))
        .route("/requests", get(pages::requests))
        .route("/requests/{number}", post(pages::judge))
        .route("/api/v1/disputes/{id}/decision", post(api::decide))
        .route("/api/v1/cases/{id}/identity", get(api::identity).post(api::ask_identity))
        .route("/api/v1/identity-requests", get(api::requests))
        .route("/api/v1/identity-requests/{number}", post(api::judge))
}

fn supervisors() -> Router<Console> {
    Router::new()
        .route("/operators", get(pages::operators).post(pages::change))
        .route("/audit", get(pages::audit))
        .route("/api/v1/operators", get(api::operators).post(api::change_operator))
        .route("/api/v1/programmes", post(api::publish))
        .route("/api/v1/audit", get(api::audit))
}

#[cfg(test)]
mod tests;
