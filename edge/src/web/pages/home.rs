//! 首頁 and 我的首頁 (S8, S9, S19, S22, S23, S26): what the hub tells every counter, the jobs that whoever has signed in
//! may use, how the shelf stands.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use shared::entry::notice::{Notice, NoticeKind};
use shared::rules::calendar::roc_date;
use shared::rules::programme::Versions;

use super::{Frame, Web, frame, page, unwell};
use crate::fault::Fault;
use crate::node::ask::Shelf;
use crate::web::session::Screen;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    shelves: Vec<Shelf>,
    versions: Arc<Versions>,
    /// Which tab is open.
    open: NoticeKind,
    notices: Vec<Notice>,
}

/// Which tab is asked for.
#[derive(Deserialize)]
pub(in crate::web) struct Tab {
    #[serde(default)]
    tab: String,
}

/// GET /.
pub(in crate::web) async fn show(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    tab: Result<Query<Tab>, QueryRejection>,
) -> Response {
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    let open = tab.ok().and_then(|Query(tab)| NoticeKind::from_code(&tab.tab)).unwrap_or(NoticeKind::Announcement);
    match home(&web, &screen, open).await {
        Ok(home) => page(&home, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

async fn home(web: &Web, screen: &Screen, open: NoticeKind) -> Result<Home, Fault> {
    let mut notices = web.desk.access().await?.notices;
    notices.sort_by(|one, other| other.from.cmp(&one.from).then_with(|| one.name.cmp(&other.name)));
    Ok(Home {
        frame: frame(web, screen, "/").await?,
        shelves: web.desk.shelves().await?,
        versions: web.desk.versions().await?,
        open,
        notices,
    })
}

impl Home {
    /// The notices of a kind, newest first.
    fn of(&self, kind: &NoticeKind) -> Vec<&Notice> {
        self.notices.iter().filter(|notice| notice.kind == *kind).collect()
    }
}

/// A day as the page shows it.
fn roc(day: &NaiveDate) -> String {
    roc_date(*day)
}
