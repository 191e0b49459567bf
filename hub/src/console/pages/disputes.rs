//! `/disputes/{id}`: one dispute with its evidence, and the form by which an operator decides it.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use shared::ids::CaseId;

use super::{IdentityBox, Shell, identity_box, show};
use crate::audit::deeds;
use crate::console::Console;
use crate::console::door::Me;
use crate::console::trouble::Trouble;
use crate::hub::{Hub, HubError};
use crate::operators::Role;
use crate::view::DisputePage;

#[derive(Template)]
#[template(path = "dispute.html")]
struct Dispute {
    shell: Shell,
    dispute: DisputePage,
    decides: bool,
    identity: Option<IdentityBox>,
}

/// `/disputes/{id}`.
pub(in crate::console) async fn dispute(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Response {
    show(page(&console, &me, &id).await)
}

async fn page(console: &Console, me: &Me, id: &str) -> Result<Dispute, Trouble> {
    let id: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
    console.note(me, deeds::DISPUTE, &id.to_string(), "").await?;
    let (asker, second) = (me.clone(), console.clock.second());
    let read = move |hub: &mut Hub| Ok::<_, HubError>((hub.dispute(&id)?, identity_box(hub, &id, &asker, second)?));
    let (dispute, identity) = console.hub.call(read).await??;
    let dispute = DisputePage::from(&dispute.ok_or(Trouble::Missing)?);
    let decides = me.role >= Role::Operator;
    Ok(Dispute { shell: Shell::new("cases", console, Some(me)), dispute, decides, identity })
}

/// A decision; who decides is who has signed in.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Decision {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    words: String,
}

/// `POST /disputes/{id}`.
pub(in crate::console) async fn decide(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
    Form(decision): Form<Decision>,
) -> Response {
    match console.decide(&me, &id, &decision.verdict, decision.words).await {
        Ok(()) => Redirect::to(&format!("/disputes/{id}")).into_response(),
        Err(trouble) => trouble.page(),
    }
}
