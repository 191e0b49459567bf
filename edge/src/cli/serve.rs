//! `serve`: the pages, the API and the line, until Ctrl-C.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use chrono::{DateTime, FixedOffset, Utc};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cards::runner::runner;
use crate::config::Folder;
use crate::desk::Desk;
use crate::fault::{Blame, Fault};
use crate::lan::{self, Lan, TlsDoor};
use crate::open;
use crate::uplink::{LineStatus, Uplink};
use crate::web::{Web, app, guard};

/// How often an edge without a certificate looks whether it has one now.
const ENROLLED_LOOK: Duration = Duration::from_secs(1);
/// How often the wall clock is compared with the monotonic one.
const CLOCK_LOOK: Duration = Duration::from_secs(15);
/// What is being answered may take so long at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// Where it is served, and what stands beside it.
pub(super) struct Doors<'a> {
    /// Of this computer only.
    pub(super) listen: SocketAddr,
    /// For the counters of the shop's network.
    pub(super) lan: Option<SocketAddr>,
    /// Names of the site's own.
    pub(super) names: &'a [String],
    pub(super) readers: Readers,
}

/// What holds the card readers, as it was said.
pub(super) struct Readers {
    pub(super) helper: Option<PathBuf>,
    pub(super) people: Option<PathBuf>,
    /// PKCS#11 modules of certificate cards.
    pub(super) modules: Vec<PathBuf>,
}

/// The helper's command.
struct Helper {
    program: OsString,
    arguments: Vec<OsString>,
    people: Vec<String>,
}

impl Readers {
    /// None where nothing was said.
    fn command(&self) -> Result<Option<Helper>, Fault> {
        let Some(program) = &self.helper else { return Ok(None) };
        let (arguments, people) = match &self.people {
            Some(people) => (vec!["--demonstration".into(), people.clone().into()], labels(people)?),
            None => (self.modules.iter().flat_map(|module| ["--module".into(), module.into()]).collect(), Vec::new()),
        };
        Ok(Some(Helper { program: program.clone().into(), arguments, people }))
    }
}

/// What the page calls the people of a demonstration.
fn labels(people: &Path) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Person {
        label: String,
    }
    let bad = || Fault::new("people", "示範用的人員檔無法讀取", "the people of the demonstration cannot be read");
    let text = std::fs::read_to_string(people).map_err(|cause| bad().because(cause))?;
    let people: Vec<Person> = serde_json::from_str(&text).map_err(|cause| bad().because(cause))?;
    Ok(people.into_iter().map(|person| person.label).collect())
}

/// Serves until the process is told to stop.
pub(super) fn serve(folder: &Folder, clock: Option<DateTime<FixedOffset>>, doors: &Doors<'_>) -> Result<(), Fault> {
    if doors.readers.people.is_some() && clock.is_none() {
        return Err(only_rehearsed());
    }
    folder.site()?;
    if !doors.listen.ip().is_loopback() {
        return Err(not_here(doors.listen));
    }
    let Some(lock) = folder.try_lock()? else {
        return Err(running(folder));
    };
    let opened = open::open(folder, clock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|cause| {
        Fault::new("runtime", "系統資源不足", "the system has no room for a runtime").because(cause)
    })?;
    let served = runtime.block_on(run(folder, opened.desk, opened.site, doors));
    drop(runtime);
    let joined = opened.thread.join();
    drop(lock);
    served?;
    joined
        .map(drop)
        .map_err(|_| Fault::new("node", "本站節點異常結束；請查看記錄檔", "the node ended badly: look at the log"))
}

async fn run(folder: &Folder, desk: Desk, site: crate::config::Site, doors: &Doors<'_>) -> Result<(), Fault> {
    let (listen, helper) = (doors.listen, doors.readers.command()?);
    let listener = TcpListener::bind(listen).await.map_err(|cause| taken(listen).because(cause))?;
    let address = listener.local_addr().map_err(|cause| taken(listen).because(cause))?;
    let second = match second_door(folder, doors).await {
        Ok(second) => second,
        Err(fault) if fault.blame == Blame::Caller => return Err(fault),
        // A shop whose network is down still has its own counter.
        Err(fault) => {
            tracing::error!(code = fault.code, causes = %fault.causes(), "no counters on other computers: {fault}");
            None
        }
    };
    let (stop, stopped) = watch::channel(false);
    let (tell, line) = watch::channel(LineStatus::default());
    let uplink = tokio::spawn(line_up(folder.clone(), desk.clone(), tell, stopped.clone()));
    let clock = tokio::spawn(watch_clock(desk.clone(), stopped.clone()));
    announce(&desk, &site, address);
    let cards = helper.map(|Helper { program, arguments, people }| {
        let (runner, cards) = runner(program, arguments, desk.clone(), folder.path());
        tokio::spawn(runner.run(stopped.clone()));
        (cards, people)
    });
    let mut web = Web::new(desk.for_counters(), site, line, guard::hosts(address, doors.names));
    let token = HEXLOWER.encode(&rand::random::<[u8; 32]>());
    folder.write(&folder.token_file(), token.as_bytes())?;
    let _no_token = RemoveAtEnd(folder.token_file());
    web.folder_token = Some(token);
    web.folder = Some(folder.clone());
    if let Some((cards, people)) = cards {
        (web.cards, web.people) = (Some(cards), people);
    }
    folder.write(&folder.address_file(), address.to_string().as_bytes())?;
    let _gone = RemoveAtEnd(folder.address_file());
    let mut servers = JoinSet::new();
    let _gone_too = match second {
        Some((door, at, lan)) => {
            announce_lan(at, &lan);
            let lan = Arc::new(lan);
            servers.spawn(answer(door, web.behind(&lan), stopped.clone()));
            web.lan = Some(lan);
            folder.write(&folder.lan_address_file(), at.to_string().as_bytes())?;
            Some(RemoveAtEnd(folder.lan_address_file()))
        }
        None => None,
    };
    servers.spawn(answer(listener, web, stopped));
    told_to_stop().await;
    tracing::info!("stopping");
    stop.send_replace(true);
    let answered = async { while servers.join_next().await.is_some() {} };
    let _late = tokio::time::timeout(DRAIN, async { (uplink.await, clock.await, answered.await) }).await;
    Ok(())
}

fn announce(desk: &Desk, site: &crate::config::Site, address: SocketAddr) {
    tracing::info!(site = %site.code, "serving http://{address}/");
    if desk.rehearsal().is_on() {
        tracing::warn!("REHEARSAL: the clock is not the real one; nothing here is a real sale");
    }
}

fn announce_lan(address: SocketAddr, lan: &Lan) {
    tracing::info!("counters of the shop's network: https://{address}/ (pair them on the page /counters)");
    tracing::info!("the certificate's fingerprint, SHA-256: {}", lan.fingerprint);
}

/// The door for the counters of the shop's network, where one is asked for.
async fn second_door(folder: &Folder, doors: &Doors<'_>) -> Result<Option<(TlsDoor, SocketAddr, Lan)>, Fault> {
    let Some(address) = doors.lan else { return Ok(None) };
    let ask = lan::Ask { address, names: doors.names, today: Utc::now().date_naive() };
    lan::open(folder, ask).await.map(Some)
}

/// Answers at one door until it is told to stop.
async fn answer<L>(listener: L, web: Web, mut stop: watch::Receiver<bool>)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let server = axum::serve(listener, app(Arc::new(web))).with_graceful_shutdown(async move {
        // A closed channel means the same: stop.
        let _ = stop.wait_for(|stop| *stop).await;
    });
    if let Err(cause) = server.await {
        tracing::error!("a door is closed: {cause}");
    }
}

/// The line, as soon as there is a certificate.
async fn line_up(folder: Folder, desk: Desk, status: watch::Sender<LineStatus>, mut stop: watch::Receiver<bool>) {
    let dialler = loop {
        match open::dialler(&folder) {
            Ok(Some(dialler)) => break dialler,
            Ok(None) => {}
            Err(fault) => {
                tracing::error!(code = fault.code, causes = %fault.causes(), "line: {fault}");
                let now = desk.reading().mono_ms;
                status.send_modify(|status| status.failed(&fault, now));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(ENROLLED_LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    };
    let cut_file = folder.line_cut_file();
    Uplink { dialler, desk, status, cut_file }.run(stop).await;
}

/// Whoever moves the clock while the line is cut, and then pulls the plug, does not fool the next start.
async fn watch_clock(desk: Desk, mut stop: watch::Receiver<bool>) {
    while desk.watch_clock().await.is_ok() {
        tokio::select! {
            () = tokio::time::sleep(CLOCK_LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
    #[cfg(not(unix))]
    let _ = interrupted.await;
}

/// A file that is true only while we listen.
struct RemoveAtEnd(PathBuf);

impl Drop for RemoveAtEnd {
    fn drop(&mut self) {
        // A file that stays behind is harmless: the lock says who is there.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn only_rehearsed() -> Fault {
    Fault::asked(
        "demonstration",
        "示範用卡片只能在演練（--rehearsal-clock）中使用",
        "cards of a demonstration are put in only in a rehearsal: start it with --rehearsal-clock",
    )
}

fn running(folder: &Folder) -> Fault {
    let at = folder.address().map_or_else(|| "?".to_owned(), |address| address.to_string());
    Fault::new(
        "running",
        format!("此資料夾的 serve 已在執行（{at}）；請直接開啟該網址"),
        format!("serve runs on this folder already, at {at}: open that address"),
    )
}

fn not_here(listen: SocketAddr) -> Fault {
    Fault::new(
        "listen-loopback",
        format!(
            "--listen 只接受本機位址（例如 127.0.0.1:8750），{listen} 不是；店內其他電腦請用 --lan IP:埠（加密並須配對）"
        ),
        format!(
            "--listen takes addresses of this computer alone (127.0.0.1:8750, say), {listen} is none: for other computers of the shop there is --lan IP:PORT, with TLS and pairing"
        ),
    )
}

fn taken(listen: SocketAddr) -> Fault {
    Fault::new(
        "listen",
        format!("無法使用位址 {listen}；請以 --listen 換一個埠號"),
        format!("cannot listen at {listen}: choose another port with --listen"),
    )
}
