//! Asks the computer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;
use x509_parser::parse_x509_certificate;

use super::{Cards, Facts, Line};
use crate::cards::readers::Health;
use crate::cards::runner;
use crate::config::Folder;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::open;
use crate::uplink::quic::HUB_SILENT;
use crate::uplink::{LineState, LineStatus};

/// A name is looked up so long.
const NAME: Duration = Duration::from_secs(3);
/// A computer that is there answers within this.
const KNOCK: Duration = Duration::from_secs(3);
/// The printing system is asked so long.
const PRINTERS: Duration = Duration::from_secs(3);
const DAY_S: i64 = 24 * 3_600;

/// What the node says.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    second: i64,
    clock_doubt_s: Option<u32>,
    has_rules: bool,
}

/// Asks the node.
///
/// # Errors
/// Where it cannot answer.
pub async fn known(desk: &Desk) -> Result<Known, Fault> {
    let node = desk.status().await?;
    let versions = desk.versions().await?;
    Ok(Known {
        second: node.now.second,
        clock_doubt_s: (node.now.doubt_s != u32::MAX).then_some(node.now.doubt_s),
        has_rules: versions.programmes().any(|programme| versions.in_force(programme, node.today).is_some()),
    })
}

/// What the computer says of itself, of its line and its readers. It may wait a quarter of a minute for a silent network.
///
/// # Errors
/// Where the folder cannot be read.
pub async fn look(
    folder: &Folder,
    known: Known,
    status: &LineStatus,
    readers: Option<&runner::Cards>,
) -> Result<Facts, Fault> {
    let hub = folder.site()?.hub;
    let addresses = match &hub {
        Some(hub) => match timeout(NAME, tokio::net::lookup_host(hub)).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        },
        None => Vec::new(),
    };
    Ok(Facts {
        line: line(folder, status, &addresses).await,
        hub,
        addresses,
        certificate_days: certificate_days(folder, known.second),
        clock_doubt_s: known.clock_doubt_s,
        disk_bytes: free(folder.path()),
        has_rules: known.has_rules,
        cards: readers.map_or(Cards::NotAsked, cards),
        printers: printers().await,
    })
}

async fn line(folder: &Folder, status: &LineStatus, addresses: &[SocketAddr]) -> Line {
    match status.state {
        LineState::Connected => return Line::Connected,
        LineState::Cut => return Line::Cut,
        LineState::NotEnrolled | LineState::Dialling | LineState::Waiting | LineState::Stopped => {}
    }
    let not_enrolled = || Fault::new("not-enrolled", "尚未向中心註冊", "not enrolled with a hub");
    // A passphrase is dear to open keys with.
    let folder = folder.clone();
    let dialler = tokio::task::spawn_blocking(move || open::dialler(&folder)).await;
    let called = match dialler.unwrap_or(Ok(None)) {
        Ok(Some(dialler)) => dialler.dial().await.map(drop),
        Ok(None) => Err(not_enrolled()),
        Err(fault) => Err(fault),
    };
    match called {
        Ok(()) => Line::Answers,
        Err(fault) if fault.code == HUB_SILENT => Line::Silent { fault, host_answers: knock(addresses).await },
        Err(fault) => Line::Failed(fault),
    }
}

/// Whether a computer is there at all: a port that is closed is answered too.
async fn knock(addresses: &[SocketAddr]) -> bool {
    for address in addresses {
        match timeout(KNOCK, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return true,
            Ok(Err(cause)) if cause.kind() == std::io::ErrorKind::ConnectionRefused => return true,
            Ok(Err(_)) | Err(_) => {}
        }
    }
    false
}

fn certificate_days(folder: &Folder, second: i64) -> Option<i64> {
    let bytes = std::fs::read(folder.certificate_file()).ok()?;
    let (_, certificate) = parse_x509_certificate(&bytes).ok()?;
    Some(certificate.validity().not_after.timestamp().saturating_sub(second).div_euclid(DAY_S))
}

fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

fn cards(cards: &runner::Cards) -> Cards {
    let readers = cards.readers();
    let readers = readers.borrow();
    match readers.trouble() {
        Some(failure) => Cards::Trouble(failure),
        None => {
            let is_suspect = |(name, _, _)| readers.health().get(name).is_some_and(Health::is_suspect);
            Cards::Ready { suspect: readers.all().any(is_suspect) }
        }
    }
}

/// By CUPS, where it is there.
async fn printers() -> Option<Vec<String>> {
    let mut lpstat = Command::new("lpstat");
    runner::without_secrets(&mut lpstat);
    lpstat.arg("-e").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let said = timeout(PRINTERS, lpstat.output()).await.ok()?.ok().filter(|said| said.status.success())?;
    Some(String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect())
}
