//! 防疫口罩管控系統_庫存: arrivals, corrections, today's ledger (M17-M19, decision 9).

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::entry::Pieces;
use shared::rules::programme::{Text, Versions};
use shared::rules::stock::Stock;

use super::recent::{WithdrawForm, withdraw_from};
use super::{Frame, Message, Web, back, bad_form, count, frame, name_or_counter, page, told, unwell};
use crate::fault::Fault;
use crate::node::ask::{ArriveRequest, CorrectRequest, Movement, MovementKind, Shelf};
use crate::web::body::programme;
use crate::web::session::{Seat, random_key};

const PATH: &str = "/stock";

#[derive(Template)]
#[template(path = "stock.html")]
struct StockPage {
    frame: Frame,
    shelves: Vec<Shelf>,
    versions: Arc<Versions>,
    movements: Vec<Movement>,
    by: String,
    key: String,
}

/// 口罩到貨, or a correction.
#[derive(Deserialize)]
pub(in crate::web) struct CountForm {
    programme: String,
    #[serde(default)]
    adult: String,
    #[serde(default)]
    child: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    request: String,
}

/// What the page proposes as today's delivery: the desk's announcement, else the version's allotment.
fn proposed(shelf: &Shelf) -> Pieces {
    shelf.expected.or(shelf.allotment).unwrap_or_default()
}

/// Goods may come before any rules do.
fn first_shelf() -> Option<Shelf> {
    let programme = "mask".parse().ok()?;
    let stock = Stock::default();
    Some(Shelf { programme, stock, expected: None, allotment: None, arrived_today: None, version: None })
}

fn kind_zh(kind: &MovementKind) -> &'static str {
    match kind {
        MovementKind::Arrival => "口罩到貨",
        MovementKind::Sale => "購買",
        MovementKind::Withdrawal => "撤銷",
        MovementKind::Correction => "更正",
    }
}

fn kind_en(kind: &MovementKind) -> &'static str {
    match kind {
        MovementKind::Arrival => "arrival",
        MovementKind::Sale => "sale",
        MovementKind::Withdrawal => "withdrawal",
        MovementKind::Correction => "correction",
    }
}

/// Whether the line offers 撤銷 on this page: arrivals confirmed by mistake (decision 9).
fn may_withdraw(movement: &Movement) -> bool {
    movement.kind == MovementKind::Arrival && !movement.withdrawn
}

/// GET /stock.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    match stock_page(&web, &seat).await {
        Ok(stock) => page(&stock, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

async fn stock_page(web: &Web, seat: &Seat) -> Result<StockPage, Fault> {
    let screen = web.screens.with(seat, |screen| screen.clone());
    let mut shelves = web.desk.shelves().await?;
    if shelves.is_empty() {
        shelves.extend(first_shelf());
    }
    Ok(StockPage {
        frame: frame(web, &screen, PATH).await?,
        shelves,
        versions: web.desk.versions().await?,
        movements: super::seen(web.desk.movements_today().await)?,
        by: screen.by,
        key: random_key(),
    })
}

/// POST /stock/arrive: 口罩到貨.
pub(in crate::web) async fn arrive(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<CountForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let ask = match form.arrival() {
        Ok(ask) => ask,
        Err(fault) => return wrong(&web, &seat, &fault),
    };
    web.screens.with(&seat, |screen| screen.by = form.by.clone());
    told(&web, &seat, PATH, web.desk.arrive(ask).await, |done| {
        let Pieces { adult, child } = done.counted;
        Text::new(
            &format!("口罩到貨：成人 {adult}、兒童 {child}，已加入庫存"),
            &format!("arrived: adult {adult}, child {child}"),
        )
    })
}

/// POST /stock/correct.
pub(in crate::web) async fn correct(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<CountForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let ask = match form.correction() {
        Ok(ask) => ask,
        Err(fault) => return wrong(&web, &seat, &fault),
    };
    web.screens.with(&seat, |screen| screen.by = form.by.clone());
    told(&web, &seat, PATH, web.desk.correct(ask).await, |done| {
        let (adult, child) = (done.adult, done.child);
        Text::new(
            &format!("庫存已更正：成人 {adult:+}、兒童 {child:+}"),
            &format!("corrected: adult {adult:+}, child {child:+}"),
        )
    })
}

/// POST /stock/withdraw: an arrival confirmed by mistake.
pub(in crate::web) async fn withdraw(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<WithdrawForm>, FormRejection>,
) -> Response {
    withdraw_from(&web, &headers, form, PATH).await
}

fn wrong(web: &Web, seat: &Seat, fault: &Fault) -> Response {
    web.screens.with(seat, |screen| screen.message = Some(Message::fault(PATH, fault)));
    back(PATH, seat)
}

impl CountForm {
    fn arrival(&self) -> Result<ArriveRequest, Fault> {
        Ok(ArriveRequest {
            request: (!self.request.is_empty()).then(|| self.request.clone()),
            programme: programme(Some(&self.programme))?,
            adult: count(&self.adult)?,
            child: count(&self.child)?,
            by: name_or_counter(&self.by),
        })
    }

    fn correction(&self) -> Result<CorrectRequest, Fault> {
        Ok(CorrectRequest {
            request: (!self.request.is_empty()).then(|| self.request.clone()),
            programme: programme(Some(&self.programme))?,
            adult: count(&self.adult)?,
            child: count(&self.child)?,
            reason: self.reason.clone(),
            by: name_or_counter(&self.by),
        })
    }
}
