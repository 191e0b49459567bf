//! The part of the canonical dump that is about rights and notices.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use shared::entry::Fact;
use shared::entry::access::{Access, RevokedCards};
use shared::sign::card::sha256;

use super::read;
use crate::hub::{Hub, HubError};

impl Hub {
    pub(crate) fn rights_lines(&self, out: &mut String) -> Result<std::fmt::Result, HubError> {
        let mut lines = Vec::new();
        for site in self.store.sites_with_rights()? {
            for row in self.store.staff_facts(&site)? {
                lines.push(format!("rights {site} {} {:?} {}", row.id, row.place, short(&row.entry)));
            }
            for (grant, why) in self.rights(&site)?.void() {
                lines.push(format!("  void {grant} {}", why.code()));
            }
            for found in self.store.misuses(&site)? {
                let revocation = found.revocation.map_or_else(|| "-".to_owned(), |id| id.to_string());
                let case = self.keys.staff_case(&site, &found.by, &found.right);
                lines.push(format!(
                    "  misuse {case} {} {} {revocation} {} {} {}",
                    found.by, found.right, found.first, found.at.second, found.deeds
                ));
            }
            self.store.each_deeds(&site, |deeds| {
                if let Some(first) = deeds.first() {
                    let all = deeds.iter().map(|deed| format!(" {}@{}", deed.id.seq, deed.at.second));
                    let all: String = all.collect();
                    lines.push(format!("  deeds {} {} {}:{all}", first.by, first.right, first.id.actor));
                }
            })?;
        }
        for entry in self.store.issuers()? {
            lines.push(format!("issuer {}", short(&entry)));
        }
        for (site, entry) in self.store.all_told_cards()? {
            if let Fact::Access(Access::Revoked(RevokedCards { issuer, as_of, cards })) = read(&entry)?.fact {
                lines.push(format!("told {site} {} {as_of} {}", HEXLOWER.encode(&issuer), cards.len()));
            }
        }
        for entry in self.store.notices()? {
            lines.push(format!("notice {}", short(&entry)));
        }
        Ok(lines.iter().try_for_each(|line| writeln!(out, "{line}")))
    }
}

/// Bytes as a short name.
fn short(bytes: &[u8]) -> String {
    HEXLOWER.encode(sha256(bytes).get(..8).unwrap_or_default())
}
