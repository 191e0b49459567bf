//! The home page: the two jobs of the manual's menu (S26), the recent purchases, how all stands.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
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
}

/// GET /.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    match home(&web, &screen).await {
        Ok(home) => page(&home, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

async fn home(web: &Web, screen: &Screen) -> Result<Home, Fault> {
    Ok(Home {
        frame: frame(web, screen, "/").await?,
        shelves: web.desk.shelves().await?,
        versions: web.desk.versions().await?,
    })
}
