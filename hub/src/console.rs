//! The console: what the operators who reconcile look at, as pages and as JSON.
//!
//! Server-rendered, zh-TW with English, no script. There is no sign-in yet, so it listens on
//! loopback and answers only to the names it was given (RELIABILITY T14); identity numbers are
//! masked before they reach it.

mod api;
mod guard;
mod operation;
mod pages;
mod trouble;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::clock::WallClock;
use crate::counters::Counters;
use crate::mailbox::HubHandle;

/// What the console needs.
#[derive(Debug, Clone)]
pub struct Console {
    /// Whom it asks.
    pub hub: HubHandle,
    /// For `/metrics`.
    pub counters: Arc<Counters>,
    /// The time on the pages.
    pub clock: WallClock,
    /// The names (with port, lower case) by which it may be asked.
    pub hosts: Arc<[String]>,
}

/// Every page and door of the console.
#[must_use = "a router serves nothing by itself"]
pub fn app(console: Console) -> Router {
    Router::new()
        .route("/", get(pages::overview))
        .route("/cases", get(pages::cases))
        .route("/cases/{id}", get(pages::case))
        .route("/disputes/{id}", get(pages::dispute))
        .route("/sites", get(pages::sites))
        .route("/style.css", get(pages::style))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/cases", get(api::cases))
        .route("/api/v1/cases/{id}", get(api::case))
        .route("/api/v1/disputes", get(api::disputes))
        .route("/api/v1/disputes/{id}", get(api::dispute))
        .route("/api/v1/clocks", get(api::clocks))
        .route("/api/v1/sites", get(api::sites))
        .route("/api/v1/programmes", get(api::programmes))
        .route("/healthz", get(operation::healthz))
        .route("/readyz", get(operation::readyz))
        .route("/metrics", get(operation::metrics))
        .fallback(trouble::not_found)
        .layer(from_fn_with_state(console.clone(), guard::guard))
        .with_state(console)
}
