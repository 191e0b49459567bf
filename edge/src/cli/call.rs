//! One request to the API: over HTTP where `serve` holds the folder, else by the same router in
//! this process, under the folder's lock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, header};
use chrono::{DateTime, FixedOffset};
use shared::ids::SiteCode;
use tokio::sync::watch;
use tower::ServiceExt;

use super::Outcome;
use super::deeds::Call;
use super::output::Reply;
use crate::config::{Folder, Lock};
use crate::fault::Fault;
use crate::uplink::{LineState, LineStatus};
use crate::web::gate::FOLDER_TOKEN;
use crate::{open, web};

/// Another command may hold the folder for a moment.
const WAIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// Longest answer that is read, in bytes: an export of years.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
const HOST: &str = "localhost";

/// Who has the folder.
pub(super) enum Holder {
    /// A `serve` that listens here.
    Serve(SocketAddr),
    /// Nobody else, as long as this is held.
    Nobody(Lock),
}

/// Asks whoever has the folder.
pub(super) fn ask(folder: &Folder, clock: Option<DateTime<FixedOffset>>, call: &Call) -> Result<Outcome, Fault> {
    let site = folder.site()?;
    let reply = match holder(folder, site.code)? {
        Holder::Serve(address) => {
            if clock.is_some() {
                check_rehearsal(folder, address)?;
            }
            send(folder, address, call)?
        }
        Holder::Nobody(lock) => {
            let reply = answer(folder, clock, call);
            drop(lock);
            reply?
        }
    };
    Ok(Outcome::of(call, reply))
}

pub(super) fn holder(folder: &Folder, site: SiteCode) -> Result<Holder, Fault> {
    let began = Instant::now();
    loop {
        if let Some(lock) = folder.try_lock()? {
            return Ok(Holder::Nobody(lock));
        }
        if let Some(address) = folder.address().filter(|address| listens(*address) && is_ours(folder, *address, site)) {
            return Ok(Holder::Serve(address));
        }
        if began.elapsed() > WAIT {
            return Err(busy());
        }
        std::thread::sleep(LOOK);
    }
}

fn listens(address: SocketAddr) -> bool {
    std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// A killed `serve` leaves its address behind, and another site's may have taken the port.
fn is_ours(folder: &Folder, address: SocketAddr, site: SiteCode) -> bool {
    let status = send(folder, address, &Call { path: "/api/v1/status".to_owned(), body: None });
    let status: Option<serde_json::Value> = status.ok().and_then(|reply| serde_json::from_str(&reply.body).ok());
    status.is_some_and(|status| status.pointer("/site").and_then(serde_json::Value::as_str) == Some(site.as_str()))
}

/// A rehearsed sale must not fall into a ledger that is kept by the real clock.
fn check_rehearsal(folder: &Folder, address: SocketAddr) -> Result<(), Fault> {
    let status = send(folder, address, &Call { path: "/api/v1/status".to_owned(), body: None })?;
    let status: serde_json::Value = serde_json::from_str(&status.body).unwrap_or_default();
    if status.pointer("/rehearsal").and_then(serde_json::Value::as_bool) == Some(true) {
        return Ok(());
    }
    Err(Fault::new(
        "rehearsal",
        "執行中的 serve 使用真實時間，未作任何變更；演練請以 --rehearsal-clock 啟動 serve",
        "the running serve keeps the real time; nothing was changed: start serve with --rehearsal-clock for a rehearsal",
    ))
}

pub(super) fn send(folder: &Folder, address: SocketAddr, call: &Call) -> Result<Reply, Fault> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(120)))
        .proxy(None)
        .build()
        .into();
    let url = format!("http://{address}{}", call.path);
    // Who can read the folder acts for its owner, whoever may stand at the counters.
    let token = folder.token().unwrap_or_default();
    let sent = match &call.body {
        Some(body) => {
            let post = agent.post(url).header("content-type", "application/json");
            post.header(FOLDER_TOKEN, token).send(body.to_string())
        }
        None => agent.get(url).header(FOLDER_TOKEN, token).call(),
    };
    let mut response = sent.map_err(|cause| unreachable(address).because(cause))?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    Ok(Reply { status, body: body.map_err(|cause| unreachable(address).because(cause))? })
}

/// The same router, here.
fn answer(folder: &Folder, clock: Option<DateTime<FixedOffset>>, call: &Call) -> Result<Reply, Fault> {
    let opened = open::open(folder, clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| {
        Fault::new("runtime", "系統資源不足", "the system has no room for a runtime").because(cause)
    })?;
    let mut status = LineStatus::default();
    if opened.site.hub.is_some() {
        status.state = LineState::Stopped;
    }
    let (_tell, line) = watch::channel(status);
    let web = web::Web::new(opened.desk.for_shell(), opened.site, line, vec![HOST.to_owned()]);
    let reply = runtime.block_on(oneshot(web::app(Arc::new(web)), call));
    drop(runtime);
    // The node closes its database when the last desk is gone.
    opened
        .thread
        .join()
        .map_err(|_| Fault::new("node", "本站節點異常結束；請查看記錄檔", "the node ended badly: look at the log"))?;
    reply
}

async fn oneshot(app: axum::Router, call: &Call) -> Result<Reply, Fault> {
    let failed = || Fault::new("call", "指令無法執行", "the command cannot be carried out");
    let request = Request::builder().uri(&call.path).header(header::HOST, HOST);
    let request = match &call.body {
        Some(body) => {
            request.method("POST").header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()))
        }
        None => request.body(Body::empty()),
    };
    let response = match app.oneshot(request.map_err(|cause| failed().because(cause))?).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status().as_u16();
    let limit = usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
    let body = axum::body::to_bytes(response.into_body(), limit).await.map_err(|cause| failed().because(cause))?;
    Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
}

fn busy() -> Fault {
    Fault::new(
        "busy",
        "資料夾被另一個程式占用且沒有回應；請確認 serve 是否正在執行",
        "another process holds the data folder and does not answer: look whether serve is running",
    )
}

fn unreachable(address: SocketAddr) -> Fault {
    Fault::new(
        "serve",
        format!("執行中的 serve（{address}）沒有回答；若為購買，請以相同 --request 再試，不會重複登錄"),
        format!("the running serve at {address} gave no answer: try again with the same --request, it is written once"),
    )
}
