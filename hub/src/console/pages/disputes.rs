//! `/disputes/{id}`: one dispute with its evidence. It is decided with `atoll-hub decide`: nobody has signed in here.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{Shell, show};
use crate::console::Console;
use crate::console::trouble::Trouble;
use crate::view::DisputePage;

#[derive(Template)]
#[template(path = "dispute.html")]
struct Dispute {
    shell: Shell,
    dispute: DisputePage,
}

/// `/disputes/{id}`.
pub(in crate::console) async fn dispute(State(console): State<Console>, Path(id): Path<String>) -> Response {
    show(page(&console, &id).await)
}

async fn page(console: &Console, id: &str) -> Result<Dispute, Trouble> {
    let id = id.parse().map_err(|_| Trouble::Missing)?;
    let dispute = console.hub.call(move |hub| hub.dispute(&id)).await??.ok_or(Trouble::Missing)?;
    Ok(Dispute { shell: Shell::new("cases", &console.clock), dispute: DisputePage::from(&dispute) })
}
