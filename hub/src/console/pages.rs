//! The pages.

mod accounts;
mod disputes;
mod find;
mod identities;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use shared::ids::CaseId;
use shared::rules::calendar::roc_minute;

use super::Console;
use super::door::Me;
use super::trouble::Trouble;
use crate::audit::deeds;
use crate::cases::CaseFilter;
use crate::clock::WallClock;
use crate::disputes::DisputeFilter;
use crate::hub::{Hub, HubError, HubStatus};
use crate::operators::Role;
use crate::view::{self, CaseLine, CasePage, DisputeLine, SiteCaseLine};

pub(super) use accounts::{audit, change, operators};
pub(super) use disputes::{decide, dispute};
pub(super) use find::sites;
use identities::{IdentityBox, identity_box};
pub(super) use identities::{ask, clear, judge, requests};

/// Rows on one page.
const ROWS: usize = 50;
/// Cases on the overview.
const LATEST: usize = 10;
/// Quarantined runs on the overview.
const QUARANTINE: usize = 10;
const STYLE: &str = include_str!("../../templates/style.css");

/// What every page shows.
pub(super) struct Shell {
    pub(super) page: &'static str,
    pub(super) rehearsal: bool,
    pub(super) now: String,
    pub(super) me: Option<Signed>,
}

/// Who is signed in.
pub(super) struct Signed {
    pub(super) name: String,
    pub(super) role_zh: &'static str,
    pub(super) role_en: &'static str,
    pub(super) judges: bool,
    pub(super) rules: bool,
}

impl Shell {
    pub(super) fn new(page: &'static str, console: &Console, me: Option<&Me>) -> Self {
        let clock = &console.clock;
        let me = me.map(|me| Signed {
            name: me.name.clone(),
            role_zh: me.role.zh(),
            role_en: me.role.name(),
            judges: me.role >= Role::Operator,
            rules: me.role >= Role::Supervisor,
        });
        Self { page, rehearsal: clock.is_rehearsal(), now: roc_minute(clock.second()), me }
    }
}

fn show<T: Template>(page: Result<T, Trouble>) -> Response {
    let rendered = page.and_then(|page| page.render().map_err(Trouble::from));
    match rendered {
        Ok(page) => Html(page).into_response(),
        Err(trouble) => trouble.page(),
    }
}

/// The style sheet.
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    status: HubStatus,
    lines: u64,
    rules: Vec<Rule>,
    latest: Vec<CaseLine>,
    quarantine: Vec<Kept>,
    sites: Vec<SiteCaseLine>,
    disputes: Vec<DisputeLine>,
}

struct Rule {
    name: String,
    title_zh: String,
    title_en: String,
    from: NaiveDate,
}

struct Kept {
    time: String,
    site: String,
    doc: String,
    why: String,
    waits: bool,
}

/// `/`.
pub(super) async fn overview(State(console): State<Console>, Extension(me): Extension<Me>) -> Response {
    show(overview_page(&console, &me).await)
}

async fn overview_page(console: &Console, me: &Me) -> Result<Overview, Trouble> {
    console.note(me, deeds::LIST, "", "overview").await?;
    let (clock, shell) = (console.clock, Shell::new("overview", console, Some(me)));
    let mut page = console.hub.call(move |hub| read_overview(hub, shell, &clock)).await??;
    page.lines = console.counters.lines.get();
    Ok(page)
}

fn read_overview(hub: &mut Hub, shell: Shell, clock: &WallClock) -> Result<Overview, HubError> {
    let today = clock.day();
    let versions = view::versions(hub.programmes()?);
    let in_force = versions.programmes().filter_map(|programme| versions.in_force(programme, today));
    let rules = in_force.map(|version| Rule {
        name: version.name.to_string(),
        title_zh: version.title.zh.clone(),
        title_en: version.title.en.clone(),
        from: version.from,
    });
    let kept = hub.quarantine(QUARANTINE)?.into_iter().map(|run| Kept {
        time: roc_minute(run.second),
        site: run.site.to_string(),
        doc: run.doc,
        why: run.why,
        waits: run.waits,
    });
    Ok(Overview {
        shell,
        status: hub.status()?,
        lines: 0,
        rules: rules.collect(),
        latest: view::case_lines(hub, &CaseFilter::default(), LATEST, 0)?.1,
        quarantine: kept.collect(),
        sites: view::site_cases(hub)?.into_iter().take(LATEST).collect(),
        disputes: view::dispute_lines(hub, &DisputeFilter { decided_too: false, limit: LATEST })?,
    })
}

#[derive(Template)]
#[template(path = "cases.html")]
struct Cases {
    shell: Shell,
    cases: Vec<CaseLine>,
    total: usize,
    first: usize,
    last: usize,
    previous: Option<String>,
    next: Option<String>,
    sites: Vec<SiteCaseLine>,
    disputes: Vec<DisputeLine>,
}

/// Which rows.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    from: usize,
}

/// `/cases`.
pub(super) async fn cases(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(query): Query<From>,
) -> Response {
    show(cases_page(&console, &me, query.from).await)
}

async fn cases_page(console: &Console, me: &Me, from: usize) -> Result<Cases, Trouble> {
    console.note(me, deeds::LIST, "", "cases").await?;
    let read = move |hub: &mut Hub| {
        let lines = view::case_lines(hub, &CaseFilter::default(), ROWS, from)?;
        let disputes = view::dispute_lines(hub, &DisputeFilter { decided_too: true, limit: ROWS })?;
        Ok::<_, HubError>((lines, view::site_cases(hub)?, disputes))
    };
    let ((total, cases), sites, disputes) = console.hub.call(read).await??;
    let link = |at: usize| format!("/cases?from={at}");
    let last = from.saturating_add(cases.len());
    Ok(Cases {
        shell: Shell::new("cases", console, Some(me)),
        first: from.saturating_add(1),
        previous: (from > 0).then(|| link(from.saturating_sub(ROWS))),
        next: (last < total).then(|| link(last)),
        last,
        total,
        cases,
        sites,
        disputes,
    })
}

#[derive(Template)]
#[template(path = "case.html")]
struct Case {
    shell: Shell,
    case: CasePage,
    identity: Option<IdentityBox>,
}

/// `/cases/{id}`; a dispute's case has a page of its own.
pub(super) async fn case(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Response {
    match case_page(&console, &me, &id).await {
        Ok(Some(page)) => show(Ok(page)),
        Ok(None) => Redirect::to(&format!("/disputes/{id}")).into_response(),
        Err(trouble) => trouble.page(),
    }
}

async fn case_page(console: &Console, me: &Me, id: &str) -> Result<Option<Case>, Trouble> {
    let id: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
    if console.hub.call(move |hub| hub.is_dispute(&id)).await?? {
        return Ok(None);
    }
    console.note(me, deeds::CASE, &id.to_string(), "").await?;
    let (asker, second) = (me.clone(), console.clock.second());
    let read = move |hub: &mut Hub| Ok::<_, HubError>((hub.case(&id)?, identity_box(hub, &id, &asker, second)?));
    let (case, identity) = console.hub.call(read).await??;
    let case = case.ok_or(Trouble::Missing)?;
    Ok(Some(Case { shell: Shell::new("cases", console, Some(me)), case: CasePage::from(&case), identity }))
}
