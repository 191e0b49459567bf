//! Enrolment: a one-time token against a certificate, one request and one reply.

use quinn::Connection;
use shared::wire::v1::enrol::{ENROL_BYTES_MAX, Enrolled, Reply, Request, decode_request, encode_reply};

use super::arrivals::{PATIENCE, close};
use super::{Desk, GOODBYE, code};
use crate::authority::{Authority, AuthorityError, SiteCertificate};
use crate::hub::{Hub, HubError};
use crate::registry::{EnrolRefusal, Enrolment};

/// Why nobody was enrolled.
#[derive(Debug, thiserror::Error)]
enum NotEnrolled {
    #[error(transparent)]
    Refused(#[from] EnrolRefusal),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("the hub is in trouble; try again later")]
    Hub(#[from] HubError),
}

/// Answers one request, then closes.
pub(super) async fn serve(connection: Connection, desk: &Desk) {
    let answered = tokio::time::timeout(PATIENCE, answer(&connection, desk)).await;
    match answered {
        Ok(Ok(())) => close(&connection, code::DONE, "done"),
        Ok(Err(why)) => close(&connection, code::PROTOCOL, &why),
        Err(_) => close(&connection, code::PROTOCOL, "enrolment took too long"),
    }
}

async fn answer(connection: &Connection, desk: &Desk) -> Result<(), String> {
    let from = connection.remote_address();
    let (mut send, mut recv) = connection.accept_bi().await.map_err(|cause| cause.to_string())?;
    let bytes = recv.read_to_end(ENROL_BYTES_MAX).await.map_err(|cause| cause.to_string())?;
    let request = decode_request(&bytes).map_err(|cause| cause.to_string())?;
    let (authority, second) = (desk.authority.clone(), desk.clock.second());
    let enrolled = desk.hub.call(move |hub| enrol(hub, &authority, &request, second)).await;
    let counters = desk.hub.counters();
    let reply = match enrolled.map_err(|stopped| stopped.to_string())? {
        Ok(enrolled) => {
            counters.enrolled.add(1);
            tracing::info!(%from, site = enrolled.site, "enrolled");
            Reply::Enrolled(Box::new(enrolled))
        }
        Err(cause) => {
            counters.enrolments_refused.add(1);
            tracing::warn!(%from, error = &cause as &dyn std::error::Error, "not enrolled");
            Reply::Refused(cause.to_string())
        }
    };
    send.write_all(&encode_reply(&reply)).await.map_err(|cause| cause.to_string())?;
    send.finish().map_err(|cause| cause.to_string())?;
    // Until the edge has it all, or is gone: then it asks for another token.
    let _ = tokio::time::timeout(GOODBYE, send.stopped()).await;
    Ok(())
}

/// Judges the token, signs, and uses the token up, together with the site's key and certificate.
fn enrol(hub: &mut Hub, authority: &Authority, request: &Request, second: i64) -> Result<Enrolled, NotEnrolled> {
    let record = hub.check_token(&request.token, second)??;
    let certificate = authority.certify(&record.code, &request.csr)?;
    hub.redeem_token(&request.token, &enrolment(request, &certificate, second))??;
    Ok(Enrolled {
        site: record.code.to_string(),
        name: record.name,
        certificate: certificate.der,
        ca: authority.ca().to_vec(),
        second,
    })
}

fn enrolment(request: &Request, certificate: &SiteCertificate, second: i64) -> Enrolment {
    Enrolment {
        key_number: request.key_number,
        secret: request.secret.clone(),
        fingerprint: certificate.fingerprint,
        serial: certificate.serial,
        expires: certificate.expires,
        second,
    }
}
