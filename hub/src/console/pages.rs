//! The pages.

mod disputes;
mod find;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use shared::rules::calendar::roc_minute;

use super::Console;
use super::trouble::Trouble;
use crate::cases::CaseFilter;
use crate::clock::WallClock;
use crate::disputes::DisputeFilter;
use crate::hub::{Hub, HubError, HubStatus};
use crate::view::{self, CaseLine, CasePage, DisputeLine, SiteCaseLine};

pub(super) use disputes::dispute;
pub(super) use find::sites;

/// Rows on one page.
const ROWS: usize = 50;
/// Cases on the overview.
const LATEST: usize = 10;
/// Quarantined runs on the overview.
const QUARANTINE: usize = 10;
const STYLE: &str = include_str!("../../templates/style.css");

/// What every page shows.
struct Shell {
    page: &'static str,
    rehearsal: bool,
    now: String,
}

impl Shell {
    fn new(page: &'static str, clock: &WallClock) -> Self {
        Self { page, rehearsal: clock.is_rehearsal(), now: roc_minute(clock.second()) }
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
pub(super) async fn overview(State(console): State<Console>) -> Response {
    show(overview_page(&console).await)
}

async fn overview_page(console: &Console) -> Result<Overview, Trouble> {
    let clock = console.clock;
    let mut page = console.hub.call(move |hub| read_overview(hub, &clock)).await??;
    page.lines = console.counters.lines.get();
    Ok(page)
}

fn read_overview(hub: &mut Hub, clock: &WallClock) -> Result<Overview, HubError> {
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
        shell: Shell::new("overview", clock),
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
pub(super) async fn cases(State(console): State<Console>, Query(query): Query<From>) -> Response {
    show(cases_page(&console, query.from).await)
}

async fn cases_page(console: &Console, from: usize) -> Result<Cases, Trouble> {
    let read = move |hub: &mut Hub| {
        let lines = view::case_lines(hub, &CaseFilter::default(), ROWS, from)?;
        let disputes = view::dispute_lines(hub, &DisputeFilter { decided_too: true, limit: ROWS })?;
        Ok::<_, HubError>((lines, view::site_cases(hub)?, disputes))
    };
    let ((total, cases), sites, disputes) = console.hub.call(read).await??;
    let link = |at: usize| format!("/cases?from={at}");
    let last = from.saturating_add(cases.len());
    Ok(Cases {
        shell: Shell::new("cases", &console.clock),
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
}

/// `/cases/{id}`.
pub(super) async fn case(State(console): State<Console>, Path(id): Path<String>) -> Response {
    show(case_page(&console, &id).await)
}

async fn case_page(console: &Console, id: &str) -> Result<Case, Trouble> {
    let id = id.parse().map_err(|_| Trouble::Missing)?;
    let case = console.hub.call(move |hub| hub.case(&id)).await??.ok_or(Trouble::Missing)?;
    Ok(Case { shell: Shell::new("cases", &console.clock), case: CasePage::from(&case) })
}
