//! From a packet to a line: address, handshake, protocol, certificate, registry.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, Endpoint, Incoming, VarInt};
use rustls::pki_types::CertificateDer;
use shared::wire::v1::enrol::{ALPN_ENROL, ALPN_SYNC};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::manners::Doorbell;
use super::{Desk, HALF_OPEN_MAX, HALF_OPEN_RETRY, code, enrol, line};
use crate::authority::{fingerprint, site_of, validity_of};
use crate::counters::Counters;
use crate::hub::Hub;
use crate::mailbox::{Caller, Standing};

/// A handshake, and everything before a line's first message, takes no longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Enrolments at once.
const ENROLMENTS_MAX: usize = 64;

/// Takes every caller until the endpoint closes.
pub(super) async fn serve(endpoint: Endpoint, desk: Desk) {
    let enrolments = Arc::new(Semaphore::new(ENROLMENTS_MAX));
    let mut doorbell = Doorbell::new(Instant::now());
    while let Some(incoming) = endpoint.accept().await {
        let half_open = desk.hub.counters().half_open.get();
        if half_open >= HALF_OPEN_MAX {
            incoming.refuse();
        } else if half_open >= HALF_OPEN_RETRY && !incoming.remote_address_validated() {
            // `retry` fails only where the address is validated.
            let _ = incoming.retry();
        } else if !doorbell.ring(incoming.remote_address().ip(), Instant::now()) {
            // A caller knocks again by itself; nothing is remembered of it until then.
            desk.hub.counters().knocks_ignored.add(1);
            incoming.ignore();
        } else {
            tokio::spawn(arrive(incoming, HalfOpen::new(desk.hub.counters()), desk.clone(), enrolments.clone()));
        }
    }
}

/// Counts one handshake as long as it lives.
struct HalfOpen(Arc<Counters>);

impl HalfOpen {
    fn new(counters: &Arc<Counters>) -> Self {
        counters.half_open.add(1);
        Self(counters.clone())
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        self.0.half_open.sub(1);
    }
}

async fn arrive(incoming: Incoming, half_open: HalfOpen, desk: Desk, enrolments: Arc<Semaphore>) {
    let from = incoming.remote_address();
    let shaken = tokio::time::timeout(PATIENCE, async { incoming.accept()?.await }).await;
    drop(half_open);
    let connection = match shaken {
        Ok(Ok(connection)) => connection,
        Ok(Err(cause)) => return tracing::info!(%from, %cause, "a handshake failed"),
        Err(_) => return tracing::info!(%from, "a handshake took too long"),
    };
    match protocol(&connection).as_deref() {
        Some(ALPN_ENROL) => match enrolments.try_acquire() {
            Ok(_one_of_them) => enrol::serve(connection, &desk).await,
            Err(_) => close(&connection, code::TROUBLE, "too many enrolments at once; try again"),
        },
        Some(ALPN_SYNC) => {
            if let Some(caller) = admit(&connection, &desk).await {
                line::serve(connection, caller, desk).await;
            }
        }
        Some(_) | None => close(&connection, code::PROTOCOL, "no protocol agreed"),
    }
}

/// Who calls, if a current certificate says so; closes the line otherwise.
async fn admit(connection: &Connection, desk: &Desk) -> Option<Caller> {
    let from = connection.remote_address();
    let Some(certificate) = certificate(connection) else {
        tracing::info!(%from, "refused: no certificate");
        close(connection, code::NO_CERTIFICATE, "a certificate is needed; enrol first");
        return None;
    };
    let caller = match site_of(&certificate) {
        Ok(site) => Caller { site, fingerprint: fingerprint(&certificate) },
        Err(cause) => {
            tracing::info!(%from, %cause, "refused");
            close(connection, code::NO_CERTIFICATE, &cause.to_string());
            return None;
        }
    };
    if desk.manners.turns_away(&caller.site, Instant::now()) {
        close(connection, code::TROUBLE, "what this site sent could not be taken; come again later");
        return None;
    }
    let validity = validity_of(&certificate).ok();
    let stands = move |hub: &mut Hub| match (Standing::of(hub, &caller), validity) {
        (Standing::NotCurrent, Some(validity)) => Standing::remembered(hub, &caller, &validity),
        (standing, _) => standing,
    };
    match desk.hub.call(stands).await {
        Ok(Standing::Current) => Some(caller),
        Ok(Standing::Unknown) => {
            close(connection, code::TROUBLE, "the hub is in trouble; come again later");
            None
        }
        Ok(Standing::NotCurrent) => {
            tracing::info!(%from, site = %caller.site, "refused: the certificate is not current");
            close(connection, code::NOT_CURRENT, NOT_CURRENT);
            None
        }
        Err(_) => {
            close(connection, code::STOPPING, "the hub is stopping");
            None
        }
    }
}

pub(super) const NOT_CURRENT: &str = "the certificate was revoked or replaced; enrol again";

pub(super) fn close(connection: &Connection, code: u32, why: &str) {
    connection.close(VarInt::from_u32(code), why.as_bytes());
}

fn protocol(connection: &Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

fn certificate(connection: &Connection) -> Option<CertificateDer<'static>> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.into_iter().next()
}
