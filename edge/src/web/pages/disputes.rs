//! 說明單 and 異議: what a refused person takes away, what the counter files, how it stands (docs/disputes.md).

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use shared::entry::{Found, Source};
use shared::rules::calendar::{roc_date, roc_minute, taipei_time};
use shared::rules::programme::Text;

use super::{Frame, Message, Web, bad_form, frame, name_or_counter, page, told, unwell};
use crate::counter::Typed;
use crate::fault::Blame;
use crate::node::ask::{DisputeLine, DisputeRequest, DocumentText, Examine, Slip};
use crate::web::answer::dispute_state;
use crate::web::body::programme;
use crate::web::session::{RefusedScreen, Screen, random_key};

const PATH: &str = "/disputes";
const MASKS: &str = "/masks";
/// Lines on the page.
const LINES_MAX: usize = 100;
/// Of a request's key on the slip.
const SLIP_KEY_CHARS: usize = 8;

/// What a screen offers to somebody who was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    /// Nothing: nobody was, or for another reason.
    Nothing,
    /// 說明單; the dispute is filed.
    Slip,
    /// 說明單 and 異議.
    SlipAndDispute,
}

/// 提出異議.
#[derive(Deserialize)]
pub(in crate::web) struct DisputeForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    by: String,
}

#[derive(Template)]
#[template(path = "disputes.html")]
struct DisputesPage {
    frame: Frame,
    lines: Vec<Line>,
}

/// A dispute as the page shows it.
struct Line {
    number: String,
    time: String,
    masked: String,
    programme: String,
    found: Vec<Text>,
    reason: String,
    by: String,
    acked: bool,
    state: Text,
    is_waiting: bool,
    /// The operator's words, who and when.
    decided: Option<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "slip.html")]
struct SlipPage {
    code: String,
    name: String,
    rehearsal: bool,
    number: String,
    title: Text,
    time: String,
    mark: Option<Text>,
    masked: String,
    found: Vec<Text>,
    next: Option<NaiveDate>,
    dispute: Option<Line>,
}

/// GET /disputes.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    let frame = match frame(&web, &screen, PATH).await {
        Ok(frame) => frame,
        Err(fault) => return unwell(&fault),
    };
    match web.desk.disputes(LINES_MAX).await {
        Ok(lines) => page(&DisputesPage { frame, lines: lines.iter().map(Line::from).collect() }, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

/// GET /masks/slip: of whoever was refused on this screen.
pub(in crate::web) async fn slip(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let Some(refused) = web.screens.with(&seat, |screen| screen.refused.clone()) else {
        return super::back(MASKS, &seat);
    };
    let message = match web.desk.slip(refused.ask()).await {
        Ok(Ok(slip)) => return page(&SlipPage::new(&web, &refused, slip), Some(&seat)),
        Ok(Err(refusal)) => Message::refused(MASKS, &refusal),
        Err(fault) if fault.blame == Blame::Caller => Message::fault(MASKS, &fault),
        Err(fault) => return unwell(&fault),
    };
    web.screens.with(&seat, |screen| screen.message = Some(message));
    super::back(MASKS, &seat)
}

/// POST /masks/dispute: 提出異議 for whoever was refused on this screen.
pub(in crate::web) async fn dispute(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<DisputeForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let Some(refused) = web.screens.with(&seat, |screen| screen.refused.clone()) else {
        return super::back(MASKS, &seat);
    };
    let Examine { programme, document } = refused.ask();
    let (request, by) = (Some(refused.request.clone()), name_or_counter(&form.by));
    let ask = DisputeRequest { request, programme, document, reason: form.reason, by };
    told(&web, &seat, MASKS, web.desk.dispute(ask).await, |done| {
        web.screens.with(&seat, |screen| {
            if let Some(filed) = screen.refused.as_mut().filter(|now| now.request == refused.request) {
                filed.filed = true;
            }
        });
        Text::new(
            &format!("已登錄異議，編號 {}；裁定結果請見「異議」頁", done.id),
            &format!("the dispute is filed under {}; the decision will stand on the page Disputes", done.id),
        )
    })
}

impl RefusedScreen {
    /// Somebody who has just been refused; the key makes it one dispute however often the button is pressed.
    pub(super) fn new(typed: Typed, programme: String) -> Self {
        Self { typed, programme, request: random_key(), filed: false }
    }

    fn ask(&self) -> Examine {
        let Typed { kind, number, birth } = self.typed.clone();
        // It named a programme when the person was examined, or none.
        Examine {
            programme: programme(Some(&self.programme)).ok().flatten(),
            document: DocumentText { kind, number, birth },
        }
    }
}

/// What the screen offers, as long as it shows an answer to the person who was refused.
pub(super) fn offered(screen: &Screen, frame: &Frame) -> Offered {
    match screen.refused.as_ref().filter(|_| frame.message.is_some()) {
        None => Offered::Nothing,
        Some(refused) if refused.filed => Offered::Slip,
        Some(_) => Offered::SlipAndDispute,
    }
}

impl SlipPage {
    fn new(web: &Web, refused: &RefusedScreen, slip: Slip) -> Self {
        let key: String = refused.request.chars().take(SLIP_KEY_CHARS).collect();
        Self {
            code: web.site.code.to_string(),
            name: web.site.name.clone(),
            rehearsal: web.desk.rehearsal().is_on(),
            number: format!("{}-{key}", taipei_time(slip.at.second).format("%Y%m%d")),
            time: roc_minute(slip.at.second),
            mark: slip.mark.is_doubtful().then(|| Text { zh: slip.mark.zh(), en: slip.mark.en() }),
            found: slip.found.iter().map(found_words).collect(),
            next: slip.next,
            dispute: slip.dispute.as_ref().map(Line::from),
            masked: slip.masked,
            title: slip.title,
        }
    }
}

impl From<&DisputeLine> for Line {
    fn from(line: &DisputeLine) -> Self {
        let decided = |decided: &crate::node::ask::Decided| {
            (decided.words.clone(), decided.by.clone(), roc_minute(decided.second))
        };
        let (_, zh, en) = dispute_state(line.decided.as_ref());
        Self {
            number: line.id.to_string(),
            time: roc_minute(line.at.second),
            masked: line.masked.clone(),
            programme: line.programme.to_string(),
            found: line.found.iter().map(found_words).collect(),
            reason: line.reason.clone(),
            by: line.by.clone(),
            acked: line.acked,
            state: Text::new(zh, en),
            is_waiting: line.decided.is_none(),
            decided: line.decided.as_ref().map(decided),
        }
    }
}

/// When, and whose word it is. Where it was is told to nobody: the site does not know it.
fn found_words(found: &Found) -> Text {
    let (zh, en) = match found.source {
        Source::Own => ("本站售出", "sold here"),
        Source::Nation => ("全國購買名單", "the nation's list"),
    };
    Text { zh: format!("{} {zh}", roc_date(found.day)), en: format!("{} {en}", found.day) }
}

/// A date as slips show it, for the template.
fn date(day: &NaiveDate) -> String {
    roc_date(*day)
}
