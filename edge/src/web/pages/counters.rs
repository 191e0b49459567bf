//! 櫃檯電腦: the code by which a browser in the shop's network is paired, and those that are. Only at the edge's own
//! computer; where this site says who may do what, only for who looks after its people.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use shared::rules::calendar::roc_date;

use super::{Frame, Message, Web, back, bad_form, failed, fault_page, frame, is_manager, page, unwell};
use crate::fault::Fault;
use crate::lan::{Lan, Paired, Shown};
use crate::node::access::Acting;
use crate::node::ask::AccessView;
use crate::web::Door;

const PATH: &str = "/counters";

#[derive(Template)]
#[template(path = "counters.html")]
struct CountersPage {
    frame: Frame,
    /// None where there is no second door.
    lan: Option<LanView>,
}

/// The second door as the page shows it.
struct LanView {
    hosts: Vec<String>,
    fingerprint: String,
    code: Option<Shown>,
    paired: Vec<Paired>,
}

impl LanView {
    fn of(lan: &Lan) -> Self {
        Self {
            hosts: lan.hosts.clone(),
            fingerprint: lan.fingerprint.clone(),
            code: lan.pairing.shown(Instant::now()),
            paired: lan.pairing.all(),
        }
    }
}

/// Which counter is to be forgotten.
#[derive(Deserialize)]
pub(in crate::web) struct ForgetForm {
    counter: String,
}

/// Whether whoever asks may say which browsers come in by the second door.
pub(super) fn may_pair(web: &Web, view: &AccessView) -> bool {
    let is_theirs = match web.desk.acting() {
        Acting::Folder | Acting::Shell => true,
        Acting::Nobody => view.rights.is_empty(),
        Acting::Person { id, .. } => view.rights.of(&id, view.today).iter().any(is_manager),
    };
    is_theirs && web.door == Door::Loopback
}

async fn check(web: &Web) -> Result<(), Response> {
    match web.desk.access().await {
        Ok(view) if may_pair(web, &view) => Ok(()),
        Ok(_) => Err(fault_page(StatusCode::FORBIDDEN, &not_theirs())),
        Err(fault) => Err(unwell(&fault)),
    }
}

/// GET /counters.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    if let Err(response) = check(&web).await {
        return response;
    }
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    match frame(&web, &screen, PATH).await {
        Ok(frame) => page(&CountersPage { frame, lan: web.lan.as_deref().map(LanView::of) }, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

/// POST /counters/code: 產生配對代碼.
pub(in crate::web) async fn code(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    if let Err(response) = check(&web).await {
        return response;
    }
    let seat = web.screens.seat(&headers);
    let made = web.lan.as_ref().ok_or_else(no_door).and_then(|lan| lan.pairing.make_code(Instant::now()));
    match made {
        Ok(()) => {
            web.screens.with(&seat, |screen| screen.message = None);
            back(PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// POST /counters/forget: 移除. It holds from the next request on.
pub(in crate::web) async fn forget(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<ForgetForm>, FormRejection>,
) -> Response {
    if let Err(response) = check(&web).await {
        return response;
    }
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    match forgotten(&web, &form.counter).await {
        Ok(name) => {
            let done = Message::done(PATH, &format!("已移除 {name}"), &format!("{name} is paired no more"));
            web.screens.with(&seat, |screen| screen.message = Some(done));
            back(PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

async fn forgotten(web: &Web, counter: &str) -> Result<String, Fault> {
    let lan = web.lan.as_ref().ok_or_else(no_door)?;
    let gone = lan.pairing.forget(counter)?.ok_or_else(no_such_counter)?;
    web.desk.note("unpair", gone.name.clone(), String::new()).await?;
    Ok(gone.name)
}

/// A day as the page shows it.
fn roc(counter: &Paired) -> String {
    roc_date(counter.day)
}

fn not_theirs() -> Fault {
    let (zh, en) = ("櫃檯電腦由機構管理者或機構代表設定", "only managers and the representative pair counters");
    Fault::asked("managers-only", zh, en)
}

fn no_door() -> Fault {
    Fault::asked(
        "no-lan",
        "尚未開放其他櫃檯；請以 serve --lan IP:埠 重新啟動",
        "there is no door for other counters: start serve again with --lan IP:PORT",
    )
}

fn no_such_counter() -> Fault {
    Fault::asked("no-such-counter", "此櫃檯已移除", "this counter is forgotten already")
}
