//! `serve`: the gateway for edges and the console for people, until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Desk, ServeArgs};
use crate::clock::WallClock;
use crate::config::console_hosts;
use crate::console::{self, Console};
use crate::counters::Counters;
use crate::hub::Hub;
use crate::mailbox::{self, HubHandle, Mailbox};
use crate::{authority::Authority, gateway};

/// What is logged where nobody says how much.
const QUIET: &str = "info,refinery_core=warn";

/// So that a sale finds a worker while others inflate what hostile lines have sent; the system shares out the cores.
const WORKERS_A_CORE: usize = 4;
/// So often the log says where the audit ends.
const AUDIT_TOLD: Duration = Duration::from_secs(60 * 60);
/// So often places are shared out.
const LENT_EVERY: Duration = Duration::from_secs(60);
/// So often it is looked whether digests are due, in seconds.
const DIGESTS_LOOKED_S: u64 = 30;

/// Parses, builds, runs, drains.
pub(super) fn run(desk: &Desk, args: &ServeArgs) -> anyhow::Result<()> {
    log(desk.out.is_json());
    console_hosts(args.http, &args.http_host)?;
    let authority = Arc::new(desk.folder.authority()?);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(cores * WORKERS_A_CORE).enable_all().build().context("start the runtime")?;
    runtime.block_on(serve(desk, args, authority))
}

/// To standard error; `ATOLL_LOG` says how much.
fn log(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ATOLL_LOG").unwrap_or_else(|_| QUIET.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only where a test has set one up already.
    let _ = if json { log.json().try_init() } else { log.with_ansi(false).try_init() };
}

async fn serve(desk: &Desk, args: &ServeArgs, authority: Arc<Authority>) -> anyhow::Result<()> {
    let counters = Arc::new(Counters::default());
    let mut owned = desk.folder.hub(&authority)?;
    owned.jump_at(args.digests_ahead);
    let (hub, mailbox) = owner(desk, owned, &counters)?;
    // The pages have a hub of their own on the same store, so that a long list never holds up a line.
    let pages = desk.folder.hub(&authority)?;
    pages.keep_little().context("open the store for the pages")?;
    let (reader, reading) = owner(desk, pages, &Arc::default())?;
    let setup = gateway::Setup { listen: args.listen, authority, clock: desk.clock };
    let gateway = gateway::start(setup, hub.clone())?;
    let digests = tokio::spawn(publish_digests(hub.clone(), desk.clock, args.digests_every));
    let lending = tokio::spawn(lend_places(hub.clone(), desk.clock));
    let listener = TcpListener::bind(args.http).await.with_context(|| format!("listen on {} (TCP)", args.http))?;
    let http = listener.local_addr().context("the console's address")?;
    let hosts = console_hosts(http, &args.http_host)?.into();
    let console = Console::new(reader, hub.clone(), counters, desk.clock, hosts);
    let audit = tokio::spawn(tell_where_the_audit_ends(hub.clone()));
    announce(desk, gateway.local_addr(), http)?;
    let ended = run_console(listener, console, &hub).await;
    tracing::info!("stopping");
    gateway.stop().await;
    digests.abort();
    lending.abort();
    audit.abort();
    mailbox.stop().await;
    reading.stop().await;
    ended
}

fn owner(desk: &Desk, hub: Hub, counters: &Arc<Counters>) -> anyhow::Result<(HubHandle, Mailbox)> {
    mailbox::start(hub, desk.clock, counters.clone()).context("start the hub")
}

/// The nation's digests, as often as is said.
async fn publish_digests(hub: HubHandle, clock: WallClock, every_s: i64) {
    let mut tick = tokio::time::interval(Duration::from_secs(every_s.unsigned_abs().min(DIGESTS_LOOKED_S)));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match hub.call(move |hub| hub.publish_digests_in_time(every_s, clock.second())).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(upto))) => tracing::info!(upto, "the nation's digests are published"),
            Ok(Err(cause)) => {
                tracing::error!(error = &cause as &dyn std::error::Error, "the nation's digests cannot be published");
            }
            Err(stopped) => return tracing::debug!(%stopped, "no more digests"),
        }
        if hub.look().await.is_err() {
            return;
        }
    }
}

/// What is free of booked places, once a minute; much of it in several turns, so that nobody waits long behind it.
async fn lend_places(hub: HubHandle, clock: WallClock) {
    let mut tick = tokio::time::interval(LENT_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let mut all = 0;
        loop {
            match hub.call(move |hub| hub.lend(clock.second())).await {
                Ok(Ok(0)) => break,
                Ok(Ok(lent)) => all += lent,
                Ok(Err(cause)) => {
                    tracing::error!(error = &cause as &dyn std::error::Error, "places cannot be lent");
                    break;
                }
                Err(stopped) => return tracing::debug!(%stopped, "nothing more is lent"),
            }
        }
        if all > 0 {
            tracing::info!(places = all, "places are lent");
        }
        if hub.look().await.is_err() {
            return;
        }
    }
}

/// In the log, at the start and every hour: a store whose audit was cut off since, with its signature, is found by it.
async fn tell_where_the_audit_ends(hub: HubHandle) {
    let mut tick = tokio::time::interval(AUDIT_TOLD);
    loop {
        tick.tick().await;
        match hub.call(|hub| hub.audit_last()).await {
            Ok(Ok((records, link))) => tracing::info!(records, %link, "the audit ends here"),
            Ok(Err(cause)) => tracing::error!(error = &cause as &dyn std::error::Error, "the audit cannot be read"),
            Err(stopped) => return tracing::debug!(%stopped, "no more of the audit"),
        }
    }
}

fn announce(desk: &Desk, quic: SocketAddr, http: SocketAddr) -> anyhow::Result<()> {
    let rehearsal = desk.clock.is_rehearsal();
    tracing::info!(%quic, %http, rehearsal, "atoll-hub is ready");
    if rehearsal {
        tracing::warn!("REHEARSAL: the clock was set; nothing here is real");
    }
    let value = json!({ "quic": quic.to_string(), "http": http.to_string(), "rehearsal": rehearsal });
    let text = format!(
        "中心已就緒 the hub is ready\n  edges (QUIC)  {quic}\n  console       http://{http}/\n  stop with Ctrl-C\n"
    );
    desk.out.say(&value, &text)
}

/// Until Ctrl-C, a termination signal, or the end of the hub's own thread.
async fn run_console(listener: TcpListener, console: Console, hub: &HubHandle) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("listen for signals")?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = console::app(console).into_make_service_with_connect_info::<SocketAddr>();
    let listener = console::closes_unread(listener, console::UNREAD_MAX);
    let served = axum::serve(listener, app).with_graceful_shutdown(async {
        // A dropped sender means the same.
        let _ = stopped.await;
    });
    let served = tokio::spawn(served.into_future());
    let fault = tokio::select! {
        _ = tokio::signal::ctrl_c() => false,
        _ = terminated.recv() => false,
        () = hub.stopped() => true,
    };
    drop(stop);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), served).await;
    if fault {
        bail!("the hub's thread ended by itself; what was acknowledged is on the disk");
    }
    Ok(())
}
