//! `enrol`: a one-time token for the site's certificate, kept in the data folder.

use serde_json::json;
use shared::wire::v1::enrol::{Enrolled, Token};

use super::Outcome;
use crate::config::{Folder, NAME_CHARS_MAX, Site, checked_hub};
use crate::fault::Fault;
use crate::keys::Certificates;
use crate::open;
use crate::uplink::enrol::{Applicant, enrol as ask_hub};

pub(super) fn enrol(folder: &Folder, hub: &str, token: &str) -> Result<Outcome, Fault> {
    let site = folder.site()?;
    let hub = checked_hub(hub)?;
    let token = Token::parse(token).map_err(|cause| {
        let (zh, en) =
            ("註冊碼不完整或有誤；請整行複製中心印出的註冊碼", "not a whole token: copy the line that the hub printed");
        Fault::asked("token", zh, en).because(cause)
    })?;
    let keys = open::load_keys(folder)?;
    let csr = open::signing_request(&site, &keys)?;
    let applicant = Applicant { site: site.code, key_number: keys.number, secret: &keys.secret, csr };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| {
        Fault::new("runtime", "系統資源不足", "the system has no room for a runtime").because(cause)
    })?;
    let enrolled = runtime.block_on(ask_hub(&hub, &token, &applicant))?;
    keep(folder, site, hub, &enrolled)
}

/// The certificate first, the hub's address last: half an enrolment is none.
fn keep(folder: &Folder, site: Site, hub: String, enrolled: &Enrolled) -> Result<Outcome, Fault> {
    let certificates = Certificates { site: enrolled.certificate.clone(), ca: enrolled.ca.clone() };
    certificates.save(folder.path()).map_err(open::bad_keys)?;
    let theirs: String = enrolled.name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let name = if theirs.is_empty() { site.name } else { theirs };
    let site = Site { name, hub: Some(hub), ..site };
    folder.save(&site)?;
    let hub = site.hub.unwrap_or_default();
    Ok(Outcome::done(
        &format!("已向中心 {hub} 註冊：{} {}", site.code, site.name),
        &format!("enrolled {} {} with the hub {hub}", site.code, site.name),
        json!({ "verdict": "enrolled", "site": site.code.as_str(), "name": site.name, "hub": hub }),
    ))
}
