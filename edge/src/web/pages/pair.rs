//! 配對: all that a browser in the shop's network sees before it is paired. It stands on nothing else: no screen, no
//! status, no name of anybody's, for whoever asks may be anybody.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use shared::rules::programme::Text;

use super::{Web, bad_form, unwell};
use crate::fault::{Blame, Fault};
use crate::lan::{Lan, Tried, checked_name};
use crate::web::{guard, paired};

#[derive(Template)]
#[template(path = "pair.html")]
struct PairPage {
    message: Option<Text>,
}

/// 代碼 and 櫃檯名稱.
#[derive(Deserialize)]
pub(in crate::web) struct PairForm {
    code: String,
    name: String,
}

/// GET /pair.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    if paired::is_paired(&web, &headers) {
        return Redirect::to("/").into_response();
    }
    shown(StatusCode::OK, None)
}

/// POST /pair.
pub(in crate::web) async fn pair(State(web): State<Arc<Web>>, form: Result<Form<PairForm>, FormRejection>) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let Some(lan) = &web.lan else { return guard::no_such_page().await };
    match paired_now(&web, lan, &form).await {
        Ok(key) => ([(header::SET_COOKIE, paired::kept(&key))], Redirect::to("/")).into_response(),
        Err(Fault { blame: Blame::Caller, zh, en, .. }) => shown(StatusCode::FORBIDDEN, Some(Text { zh, en })),
        Err(fault) => unwell(&fault),
    }
}

async fn paired_now(web: &Web, lan: &Lan, form: &PairForm) -> Result<String, Fault> {
    let name = checked_name(&form.name)?;
    match lan.pairing.try_code(&form.code, Instant::now()) {
        Tried::Right => {
            web.desk.note("pair", name.clone(), String::new()).await?;
            tracing::info!("a counter is paired");
            lan.pairing.pair(&name, web.desk.access().await?.today)
        }
        Tried::Wrong { left } => {
            web.desk.note("pair-failed", name, format!("{left} left")).await?;
            tracing::warn!(left, "a wrong code for pairing");
            Err(wrong(left))
        }
        // Not in the audit: whoever is in the network could fill the disk with it.
        Tried::NoCode => Err(no_code()),
    }
}

fn shown(status: StatusCode, message: Option<Text>) -> Response {
    match (PairPage { message }).render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(cause) => unwell(&Fault::new("page", "畫面無法產生", "the page cannot be made").because(cause)),
    }
}

fn wrong(left: u32) -> Fault {
    if left == 0 {
        let (zh, en) = (
            "代碼錯誤次數過多，此代碼已作廢；請在本機的「櫃檯電腦」重新產生",
            "too many wrong tries, the code is burned: make a new one at the edge's computer",
        );
        return Fault::asked("code-burned", zh, en);
    }
    Fault::asked(
        "wrong-code",
        format!("代碼錯誤，還可再試 {left} 次"),
        format!("this is not the code; {left} more tries"),
    )
}

fn no_code() -> Fault {
    Fault::asked(
        "no-code",
        "目前沒有可用的代碼；請在本機的「櫃檯電腦」產生代碼，10 分鐘內輸入",
        "there is no code to be typed now: make one at the edge's computer and type it within ten minutes",
    )
}
