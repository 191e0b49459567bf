//! `sites`, `sites import`, `enrol`, `revoke`: who takes part.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use serde_json::json;
use shared::ids::SiteCode;
use shared::rules::calendar::roc_minute;

use super::{Desk, read, unknown_site};
use crate::audit::deeds;
use crate::registry::{SiteStatus, read_sites};
use crate::view;

/// 6,745 real institutions; source and licence in `data/README.md`.
const SHIPPED: &[u8] = include_bytes!("../../data/sites.csv.gz");
/// The register inflated is never longer, in bytes.
const CSV_BYTES_MAX: u64 = 64 * 1024 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// `sites import`.
pub(super) fn import(desk: &Desk, file: Option<&Path>) -> anyhow::Result<()> {
    let (name, bytes) = match file {
        Some(path) => (path.display().to_string(), read(path)?),
        None => ("the shipped register".to_owned(), SHIPPED.to_vec()),
    };
    let inflated = inflate(&bytes).with_context(|| format!("inflate {name}"))?;
    let records = read_sites(inflated.as_slice()).with_context(|| name.clone())?;
    if records.is_empty() {
        bail!("{name}: no site in it");
    }
    let (count, misfits) = (records.len(), records.iter().filter(|site| !site.code.check_digit_fits()).count());
    let (_, mut hub) = desk.open()?;
    hub.import_sites(records)?;
    let text = format!(
        "已匯入 {count} 個醫事機構 sites imported from {name}\n\
         {misfits} codes do not fit the check digit rule (檢查碼不符); they are kept: the rule only warns\n"
    );
    desk.out.say(&json!({ "imported": count, "check_digit_misfits": misfits }), &text)
}

fn inflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if bytes.starts_with(&GZIP) {
        GzDecoder::new(bytes).take(CSV_BYTES_MAX).read_to_end(&mut out)?;
    } else {
        out.extend_from_slice(bytes);
    }
    Ok(out)
}

/// `sites`.
pub(super) fn list(desk: &Desk, find: Option<&str>) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let mut sites = hub.sites()?;
    if let Some(find) = find {
        sites.retain(|site| view::site_matches(&site.record, find));
    }
    let text = sites.iter().map(line).collect::<String>();
    let value: Vec<_> = sites.iter().map(view::site).collect();
    desk.out.say(&json!({ "sites": value }), &format!("{text}{} 個機構 sites\n", sites.len()))
}

fn line(site: &SiteStatus) -> String {
    let mut out = format!("{} {}", site.record.code, site.record.name);
    if site.enrolled {
        out.push_str("  已登錄 enrolled");
    }
    if let Some(second) = site.last_contact {
        // Writing to a String cannot fail.
        let _ = write!(out, "  最後連線 last contact {}", roc_minute(second));
    }
    for stock in &site.stock {
        let _ = write!(out, "  {} {}/{}", stock.programme, stock.adult, stock.child);
    }
    out.push('\n');
    out
}

/// `enrol`.
pub(super) fn enrol(desk: &Desk, site: &SiteCode, minutes: u32) -> anyhow::Result<()> {
    let (authority, mut hub) = desk.open()?;
    let record = hub.site(site)?.ok_or_else(|| unknown_site(site))?;
    let expires = desk.clock.second() + i64::from(minutes) * 60;
    let deed = (deeds::ENROL, site.as_str(), "");
    let token = desk.recorded(&mut hub, deed, |hub| hub.issue_token(site, authority.ca_mark(), expires))??;
    let (text, until) = (token.to_text(), roc_minute(expires));
    let value = json!({ "site": site.as_str(), "name": record.name, "token": text, "expires": expires });
    let text = format!(
        "{} {}\n登錄碼 token (限用一次 good once, {until} 前有效 until then):\n{text}\n",
        record.code, record.name
    );
    desk.out.say(&value, &text)
}

/// `revoke`.
pub(super) fn revoke(desk: &Desk, site: &SiteCode) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let record = hub.site(site)?.ok_or_else(|| unknown_site(site))?;
    let deed = (deeds::REVOKE, site.as_str(), "");
    let revoked = desk.recorded(&mut hub, deed, |hub| hub.revoke(site, desk.clock.second()))?;
    let text = format!(
        "{} {}: 已廢止 {revoked} 張憑證 certificates revoked; open tokens are void too\n",
        record.code, record.name
    );
    desk.out.say(&json!({ "site": site.as_str(), "revoked": revoked }), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_register_has_every_site() {
        let sites = read_sites(inflate(SHIPPED).unwrap().as_slice()).unwrap();
        assert_eq!(sites.len(), 6745);
        let tamsui = sites.iter().find(|site| site.code.as_str() == "5931102274").unwrap();
        assert!(tamsui.name.contains("淡水"), "{}", tamsui.name);
        assert_eq!(sites.iter().filter(|site| site.lat.is_some()).count(), 6273);
        assert_eq!(sites.iter().filter(|site| !site.code.check_digit_fits()).count(), 30);
    }
}
