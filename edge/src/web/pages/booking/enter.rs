//! COVID-19公費疫苗接種預約: the page of the service, whose button checks once more who stands there (S24).

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::entry::access::Right;
use shared::rules::access::BOOKING;
use shared::rules::access::card::CardKind;

use super::super::login::{LoginForm, demonstration};
use super::super::{Frame, Web, back, bad_form, failed, frame, page, unwell};
use crate::fault::Fault;
use crate::node::access::Acting;
use crate::web::cards::chosen;
use crate::web::gate::{HAND_OVER, guards};
use crate::web::session::Seat;
use crate::web::sign_in::{self, TOO_MANY};

#[derive(Template)]
#[template(path = "booking_enter.html")]
struct EnterPage {
    frame: Frame,
    /// Who has to prove it again, and with which card; nobody where this site does not say who may.
    asks: Option<CardKind>,
    demonstration: Vec<(String, Vec<String>)>,
}

/// GET /booking/enter.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    match enter_page(&web, &seat).await {
        Ok(enter) => page(&enter, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

async fn enter_page(web: &Web, seat: &Seat) -> Result<EnterPage, Fault> {
    let screen = web.screens.with(seat, |screen| screen.clone());
    let asks = match (guards(web, BOOKING).await?, web.desk.acting()) {
        (true, Acting::Person { id, .. }) => {
            let access = web.desk.access().await?;
            Some(access.rights.holder(&id).map_or(CardKind::Professional, |holder| holder.card))
        }
        (true, Acting::Nobody | Acting::Folder | Acting::Shell) | (false, _) => None,
    };
    Ok(EnterPage { frame: frame(web, &screen, HAND_OVER).await?, asks, demonstration: demonstration(web) })
}

/// POST /booking/enter: 前往Covid-19公費疫苗作業平台.
pub(in crate::web) async fn enter(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let seat = web.screens.seat(&headers);
    match guards(&web, BOOKING).await {
        Ok(true) => {}
        Ok(false) => return back(super::PATH, &seat),
        Err(fault) => return unwell(&fault),
    }
    let Acting::Person { id, .. } = web.desk.acting() else { return back(super::PATH, &seat) };
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    match proved(&web, &headers, form, id).await {
        Ok(()) => {
            web.sessions.hand_over(&headers);
            web.screens.with(&seat, |screen| screen.message = None);
            back(super::PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, HAND_OVER, &fault),
    }
}

/// The same person, by their card and PIN or by their password, with the right to the service; written down either way.
async fn proved(web: &Web, headers: &HeaderMap, form: LoginForm, id: shared::ids::StaffId) -> Result<(), Fault> {
    let ask = form.ask()?;
    let card = ask.card;
    let signed = sign_in::sign_in(web, ask, chosen(headers).as_deref()).await;
    let done = match signed {
        Ok(who) if who.id == id => may_use(web, &id).await,
        Ok(_) => Err(another()),
        Err(fault) => Err(fault),
    };
    let (deed, note) = match &done {
        Ok(()) => ("hand-over", card.to_string()),
        Err(fault) => ("hand-over-failed", format!("{card} {}", fault.code)),
    };
    if !done.as_ref().is_err_and(|fault| fault.code == TOO_MANY) {
        web.desk.note(deed, BOOKING.to_owned(), note).await?;
    }
    done
}

async fn may_use(web: &Web, id: &shared::ids::StaffId) -> Result<(), Fault> {
    let view = web.desk.access().await?;
    let may = Right::service(BOOKING).is_some_and(|right| view.rights.may(id, &right, view.today).is_ok());
    if may { Ok(()) } else { Err(not_approved()) }
}

fn another() -> Fault {
    Fault::asked(
        "another-person",
        "此卡片不是目前登入者本人的卡片；請用本人的卡片，或先登出",
        "this is not the card of whoever has signed in: use your own, or sign out first",
    )
}

fn not_approved() -> Fault {
    Fault::asked(
        "not-approved",
        "身分驗證未獲核可：您沒有「Covid-19公費疫苗預約」的授權，請洽本機構的機構管理者",
        "not approved: the booking service is not yours here; ask this site's manager",
    )
}
