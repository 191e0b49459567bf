//! `/operators` and `/audit`: for supervisors.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use shared::audit::Record;
use shared::rules::calendar::roc_minute;

use super::{ROWS, Shell, show};
use crate::console::Console;
use crate::console::deeds::AccountDeed;
use crate::console::door::Me;
use crate::console::trouble::Trouble;
use crate::hub::{Hub, HubError};
use crate::operators::Role;

#[derive(Template)]
#[template(path = "operators.html")]
struct Operators {
    shell: Shell,
    roles: [Role; 3],
    rows: Vec<AccountRow>,
}

struct AccountRow {
    name: String,
    role: Role,
    disabled: bool,
    waits: bool,
    tokens: usize,
}

/// `GET /operators`.
pub(in crate::console) async fn operators(State(console): State<Console>, Extension(me): Extension<Me>) -> Response {
    show(operators_page(&console, &me).await)
}

async fn operators_page(console: &Console, me: &Me) -> Result<Operators, Trouble> {
    let now = console.real.second();
    let read = move |hub: &mut Hub| {
        let row = |account: crate::operators::Account| {
            Ok::<_, HubError>(AccountRow {
                tokens: hub.bearers(&account.name, now)?,
                name: account.name,
                role: account.role,
                disabled: account.disabled,
                waits: account.locked > now,
            })
        };
        hub.operators()?.into_iter().map(row).collect::<Result<Vec<_>, _>>()
    };
    let rows = console.hub.call(read).await??;
    Ok(Operators { shell: Shell::new("operators", console, Some(me)), roles: Role::ALL, rows })
}

/// `POST /operators`.
pub(in crate::console) async fn change(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Form(deed): Form<AccountDeed>,
) -> Response {
    match console.change_account(&me, deed).await {
        Ok(()) => Redirect::to("/operators").into_response(),
        Err(trouble) => trouble.page(),
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    shell: Shell,
    total: u64,
    link: String,
    rows: Vec<AuditRow>,
    newer: Option<String>,
    older: Option<String>,
}

struct AuditRow {
    number: u64,
    time: String,
    who: String,
    deed: String,
    about: String,
    note: String,
}

impl From<Record> for AuditRow {
    fn from(record: Record) -> Self {
        let Record { number, second, who, deed, about, note, .. } = record;
        Self { number, time: roc_minute(second), who, deed, about, note }
    }
}

/// Up to which record.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Upto {
    upto: Option<u64>,
}

/// `GET /audit`.
pub(in crate::console) async fn audit(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(query): Query<Upto>,
) -> Response {
    show(audit_page(&console, &me, query.upto).await)
}

async fn audit_page(console: &Console, me: &Me, upto: Option<u64>) -> Result<Audit, Trouble> {
    let a_page = u64::try_from(ROWS).unwrap_or(1);
    let read = move |hub: &mut Hub| {
        let (total, link) = hub.audit_last()?;
        let upto = upto.unwrap_or(total).min(total);
        let after = upto.saturating_sub(a_page);
        let (_, records) = hub.audit(after, usize::try_from(upto - after).unwrap_or(ROWS))?;
        Ok::<_, HubError>((total, link, upto, after, records))
    };
    let (total, link, upto, after, records) = console.hub.call(read).await??;
    let to = |number: u64| format!("/audit?upto={number}");
    Ok(Audit {
        shell: Shell::new("audit", console, Some(me)),
        total,
        link: link.to_string(),
        rows: records.into_iter().rev().map(|line| AuditRow::from(line.record)).collect(),
        newer: (upto < total).then(|| to(upto.saturating_add(a_page))),
        older: (after > 0).then(|| to(after)),
    })
}
