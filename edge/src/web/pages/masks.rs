//! 防疫口罩管控系統_購買: 資格審核, 購買, the dialog, 清除 (M1-M5, M10-M17, M20-M23).

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::rules::refusal::Refusal;

mod view;

use super::{Message, Web, back, bad_form, count, failed, name_or_counter, page, unwell};
use crate::cards::failure::CardFailure;
use crate::counter::{Basket, Counter, OutOfTurn, Typed};
use crate::fault::Fault;
use crate::node::ask::{Examine, SaleRequest};
use crate::web::answer;
use crate::web::body::programme;
use crate::web::cards::{self, chosen};
use crate::web::session::{RefusedScreen, Screen, Seat, random_key};

const PATH: &str = "/masks";

/// Whether somebody just came in by the menu.
#[derive(Deserialize)]
pub(in crate::web) struct Entering {
    #[serde(default)]
    entering: String,
}

/// 資格審核.
#[derive(Deserialize)]
pub(in crate::web) struct CheckForm {
    kind: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    birth: String,
    #[serde(default)]
    programme: String,
    /// The card in a reader that the form was filled from.
    #[serde(default)]
    insertion: Option<u64>,
}

/// 購買.
#[derive(Deserialize)]
pub(in crate::web) struct BuyForm {
    #[serde(default)]
    adult: String,
    #[serde(default)]
    child: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    manager: String,
    #[serde(default)]
    proxy_kind: String,
    #[serde(default)]
    proxy_number: String,
    #[serde(default)]
    proxy_birth: String,
}

/// GET /masks.
pub(in crate::web) async fn show(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    entering: Result<Query<Entering>, QueryRejection>,
) -> Response {
    let seat = web.screens.seat(&headers);
    let asks = entering.is_ok_and(|Query(entering)| !entering.entering.is_empty());
    match view::masks(&web, &seat, chosen(&headers).as_deref(), asks).await {
        Ok(masks) => page(&masks, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

/// POST /masks/entered: 確定 under M17's question.
pub(in crate::web) async fn entered(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    match web.desk.status().await {
        Ok(status) => {
            web.screens.with(&seat, |screen| screen.stock_asked = Some(status.today));
            back(PATH, &seat)
        }
        Err(fault) => unwell(&fault),
    }
}

/// POST /masks/check: 資格審核.
pub(in crate::web) async fn check(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<CheckForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    if let Err(out_of_turn) = web.screens.with(&seat, |screen| screen.counter.may_examine()) {
        return say(&web, &seat, out_of_turn.message());
    }
    let typed = match form.document(&web) {
        Ok(typed) => typed,
        Err(failure) => {
            let fault = Fault::new(failure.code(), failure.zh(), failure.en());
            return say(&web, &seat, Message::fault(PATH, &fault));
        }
    };
    let programme = match programme(Some(&form.programme)) {
        Ok(programme) => programme,
        Err(fault) => return say(&web, &seat, Message::fault(PATH, &fault)),
    };
    let ask = Examine { programme, document: (&typed).into() };
    let found = match web.desk.examine(ask).await {
        Ok(found) => found,
        Err(fault) => return failed(&web, &seat, PATH, &fault),
    };
    web.screens.with(&seat, |screen| {
        screen.programme = form.programme;
        screen.refused = None;
        // M10: who qualifies sees no message at all.
        screen.message = match found {
            Ok(found) => screen.counter.examined(typed, found).err().map(|out_of_turn| out_of_turn.message()),
            Err(refusal) => {
                screen.refused = refused(&refusal, &typed, &screen.programme);
                screen.typed = typed;
                Some(Message::refused(PATH, &refusal))
            }
        };
    });
    back(PATH, &seat)
}

/// POST /masks/buy: 購買 opens the dialog.
pub(in crate::web) async fn buy(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<BuyForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| {
        screen.by = form.by.clone();
        screen.message = match form.basket() {
            Ok(basket) => screen.counter.ask(basket).err().map(|out_of_turn| out_of_turn.message()),
            Err(fault) => Some(Message::fault(PATH, &fault)),
        };
    });
    back(PATH, &seat)
}

/// POST /masks/confirm: 確定.
pub(in crate::web) async fn confirm(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let ask = web.screens.with(&seat, |screen| sale(screen));
    let ask = match ask {
        Ok(Some(ask)) => ask,
        Ok(None) => return back(PATH, &seat),
        Err(out_of_turn) => return say(&web, &seat, out_of_turn.message()),
    };
    let request = ask.request.clone().unwrap_or_default();
    let sold = match web.desk.sell(ask).await {
        Ok(sold) => sold,
        // The dialog stays open under the same key: 確定 again is the same sale.
        Err(fault) => return failed(&web, &seat, PATH, &fault),
    };
    web.screens.with(&seat, |screen| match sold {
        Ok(sold) => {
            let (mark_zh, mark_en) = answer::marked(sold.mark);
            let zh = format!("已完成購買，應收 {} 元{mark_zh}", sold.price_ntd);
            let en = format!("bought; NT${}{mark_en}", sold.price_ntd);
            screen.counter.sold(&request, sold);
            screen.message = Some(Message::done(PATH, &zh, &en));
        }
        // Somebody else may stand there by now.
        Err(refusal) if screen.counter.asks(&request) => {
            screen.counter.cancel();
            if let Counter::Examined { typed, found } = &screen.counter {
                screen.refused = refused(&refusal, typed, found.programme.as_str());
            }
            screen.message = Some(Message::refused(PATH, &refusal));
        }
        Err(_) => {}
    });
    back(PATH, &seat)
}

/// POST /masks/cancel: 取消.
pub(in crate::web) async fn cancel(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| {
        screen.counter.cancel();
        screen.message = None;
    });
    back(PATH, &seat)
}

/// POST /masks/clear: 清除.
pub(in crate::web) async fn clear(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| {
        screen.counter.clear();
        screen.refused = None;
        screen.typed = Typed::default();
        screen.message = None;
    });
    back(PATH, &seat)
}

/// What 確定 asks of the node; nothing where it was pressed twice, or beside 取消.
fn sale(screen: &Screen) -> Result<Option<SaleRequest>, OutOfTurn> {
    if let Counter::Sold { .. } | Counter::Examined { .. } = &screen.counter {
        return Ok(None);
    }
    let (typed, found, basket) = screen.counter.to_confirm()?;
    Ok(Some(SaleRequest {
        request: Some(basket.request.clone()),
        programme: Some(found.programme.clone()),
        document: typed.into(),
        adult: basket.adult,
        child: basket.child,
        proxy: basket.proxy.as_ref().map(Into::into),
        by: name_or_counter(&screen.by),
        manager: basket.manager.clone(),
    }))
}

/// Only what was bought can be disputed.
fn refused(refusal: &Refusal, typed: &Typed, programme: &str) -> Option<RefusedScreen> {
    matches!(refusal, Refusal::Bought { .. }).then(|| RefusedScreen::new(typed.clone(), programme.to_owned()))
}

fn say(web: &Web, seat: &Seat, message: Message) -> Response {
    web.screens.with(seat, |screen| screen.message = Some(message));
    back(PATH, seat)
}

impl CheckForm {
    /// What was typed, or read from the card that is in the reader.
    fn document(&self, web: &Web) -> Result<Typed, CardFailure> {
        let typed = Typed { kind: self.kind.clone(), number: self.number.clone(), birth: self.birth.clone() };
        cards::typed(web, typed, self.insertion)
    }
}

impl BuyForm {
    fn basket(&self) -> Result<Basket, Fault> {
        let proxy =
            Typed { kind: self.proxy_kind.clone(), number: self.proxy_number.clone(), birth: self.proxy_birth.clone() };
        let there = !proxy.number.trim().is_empty() || !proxy.birth.trim().is_empty();
        Ok(Basket {
            request: random_key(),
            adult: count(&self.adult)?,
            child: count(&self.child)?,
            proxy: there.then_some(proxy),
            manager: Some(self.manager.trim().to_owned()).filter(|name| !name.is_empty()),
        })
    }
}

impl OutOfTurn {
    fn message(self) -> Message {
        match self {
            Self::Refused(refusal) => Message::refused(PATH, &refusal),
            Self::NobodyExamined => {
                Message::fault(PATH, &Fault::new("nobody-examined", "請先執行 資格審核", "press Check first"))
            }
        }
    }
}
