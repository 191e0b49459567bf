//! JSON under `/api/v1`.

pub(super) mod booking;
mod changes;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::ids::{BadId, CaseId};

use super::Console;
use super::door::Me;
use super::trouble::Trouble;
use crate::audit::deeds;
use crate::cases::CaseFilter;
use crate::disputes::DisputeFilter;
use crate::hub::{Hub, HubError};
use crate::view;

pub(super) use changes::{ask_identity, audit, change_operator, decide, identity, judge, operators, publish, requests};

/// Sites in one answer, where no number was asked for.
const SITES_DEFAULT: usize = 100;
/// Sites in one answer: all that there are.
const SITES_MAX: usize = 10_000;
/// Sales of the future in one answer.
const AHEAD_MAX: u32 = 100;
/// Cases of somebody's rights in one answer.
const STAFF_CASES_MAX: usize = 1_000;
/// Quarantined runs in one answer.
const QUARANTINE_MAX: usize = 50;

fn answer(result: Result<Value, Trouble>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(trouble) => trouble.json(),
    }
}

/// `GET status`.
pub(super) async fn status(State(console): State<Console>) -> Response {
    answer(status_value(&console).await)
}

async fn status_value(console: &Console) -> Result<Value, Trouble> {
    let read = console.hub.call(|hub| Ok::<_, HubError>((hub.status()?, hub.quarantine(QUARANTINE_MAX)?)));
    let (status, quarantine) = read.await??;
    let mut value = view::status(&status, &quarantine);
    value["rehearsal"] = json!(console.clock.is_rehearsal());
    value["second"] = json!(console.clock.second());
    value["lines"] = json!(console.counters.lines.get());
    Ok(value)
}

/// Which cases.
#[derive(Debug, Deserialize)]
pub(super) struct CasesQuery {
    programme: Option<String>,
    site: Option<String>,
    closed: Option<bool>,
    limit: Option<usize>,
}

impl CasesQuery {
    fn filter(&self) -> Result<CaseFilter, Trouble> {
        let programme = self.programme.as_deref().map(str::parse).transpose();
        let site = self.site.as_deref().map(str::parse).transpose();
        Ok(CaseFilter {
            programme: programme.map_err(|bad: BadId| Trouble::Asked(bad.to_string()))?,
            site: site.map_err(|bad: BadId| Trouble::Asked(bad.to_string()))?,
            closed_too: self.closed.unwrap_or(false),
            limit: self.limit.unwrap_or(0),
        })
    }
}

/// `GET cases`.
pub(super) async fn cases(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(query): Query<CasesQuery>,
) -> Response {
    answer(cases_value(&console, &me, &query).await)
}

async fn cases_value(console: &Console, me: &Me, query: &CasesQuery) -> Result<Value, Trouble> {
    let filter = query.filter()?;
    console.note(me, deeds::LIST, "", "cases").await?;
    let which = DisputeFilter { decided_too: filter.closed_too, limit: filter.limit };
    let read = move |hub: &mut Hub| {
        let staff = view::staff_cases(hub, None, STAFF_CASES_MAX)?;
        Ok::<_, HubError>((hub.cases(&filter)?, view::site_cases(hub)?, staff, hub.disputes(&which)?))
    };
    let (cases, sites, staff, disputes) = console.hub.call(read).await??;
    let cases: Vec<Value> = cases.iter().map(view::case_summary).collect();
    let sites: Vec<Value> = sites.iter().map(view::site_case).collect();
    let disputes: Vec<Value> = disputes.iter().map(view::dispute_summary).collect();
    let staff: Vec<Value> = staff.iter().map(view::staff_case).collect();
    Ok(json!({ "cases": cases, "site_cases": sites, "staff_cases": staff, "disputes": disputes }))
}

/// `GET cases/{id}`.
pub(super) async fn case(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Response {
    answer(case_value(&console, &me, &id).await)
}

async fn case_value(console: &Console, me: &Me, id: &str) -> Result<Value, Trouble> {
    let id: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
    console.note(me, deeds::CASE, &id.to_string(), "").await?;
    let case = console.hub.call(move |hub| hub.case(&id)).await??.ok_or(Trouble::Missing)?;
    Ok(view::case(&case))
}

/// Which disputes.
#[derive(Debug, Deserialize)]
pub(super) struct DisputesQuery {
    decided: Option<bool>,
    limit: Option<usize>,
}

/// `GET disputes`.
pub(super) async fn disputes(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(query): Query<DisputesQuery>,
) -> Response {
    answer(disputes_value(&console, &me, &query).await)
}

async fn disputes_value(console: &Console, me: &Me, query: &DisputesQuery) -> Result<Value, Trouble> {
    console.note(me, deeds::LIST, "", "disputes").await?;
    let (decided_too, limit) = (query.decided.unwrap_or(false), query.limit.unwrap_or(0));
    let disputes = console.hub.call(move |hub| hub.disputes(&DisputeFilter { decided_too, limit })).await??;
    Ok(json!({ "disputes": disputes.iter().map(view::dispute_summary).collect::<Vec<_>>() }))
}

/// `GET disputes/{id}`.
pub(super) async fn dispute(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Response {
    answer(dispute_value(&console, &me, &id).await)
}

async fn dispute_value(console: &Console, me: &Me, id: &str) -> Result<Value, Trouble> {
    let id: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
    console.note(me, deeds::DISPUTE, &id.to_string(), "").await?;
    let dispute = console.hub.call(move |hub| hub.dispute(&id)).await??.ok_or(Trouble::Missing)?;
    Ok(view::dispute(&dispute))
}

/// `GET clocks`.
pub(super) async fn clocks(State(console): State<Console>) -> Response {
    answer(clocks_value(&console).await)
}

async fn clocks_value(console: &Console) -> Result<Value, Trouble> {
    let ahead = console.hub.call(|hub| hub.sales_ahead(AHEAD_MAX)).await??;
    Ok(json!({ "ahead": ahead.iter().map(view::ahead).collect::<Vec<_>>() }))
}

/// Which sites.
#[derive(Debug, Deserialize)]
pub(super) struct SitesQuery {
    q: Option<String>,
    enrolled: Option<bool>,
    limit: Option<usize>,
    offset: Option<usize>,
}

/// `GET sites`.
pub(super) async fn sites(State(console): State<Console>, Query(query): Query<SitesQuery>) -> Response {
    answer(sites_value(&console, &query).await)
}

async fn sites_value(console: &Console, query: &SitesQuery) -> Result<Value, Trouble> {
    let mut sites = console.hub.call(|hub| hub.sites()).await??;
    let text = query.q.as_deref().unwrap_or_default();
    sites.retain(|site| {
        view::site_matches(&site.record, text) && query.enrolled.is_none_or(|enrolled| site.enrolled == enrolled)
    });
    let limit = query.limit.unwrap_or(SITES_DEFAULT).min(SITES_MAX);
    let page: Vec<Value> = sites.iter().skip(query.offset.unwrap_or(0)).take(limit).map(view::site).collect();
    Ok(json!({ "total": sites.len(), "sites": page }))
}

/// `GET programmes`.
pub(super) async fn programmes(State(console): State<Console>) -> Response {
    answer(programmes_value(&console).await)
}

async fn programmes_value(console: &Console) -> Result<Value, Trouble> {
    let versions = view::versions(console.hub.call(|hub| hub.programmes()).await??);
    let today = console.clock.day();
    let listed: Vec<Value> = versions
        .iter()
        .map(|version| {
            let mut value = view::version(version);
            let now = versions.in_force(&version.programme, today);
            value["in_force"] = json!(now.is_some_and(|now| now.name == version.name));
            value
        })
        .collect();
    Ok(json!({ "programmes": listed }))
}
