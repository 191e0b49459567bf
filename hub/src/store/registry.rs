//! Statements for sites, tokens, certificates, keys and lines.

use rusqlite::Row;
use shared::ids::{Incarnation, ProgrammeId, SiteCode};
use shared::wire::v1::message::Seen;

use super::read::{entry_id, hash, parsed, site, unsigned};
use super::{Store, StoreError};
use crate::registry::SiteRecord;

const SITE: &str = "SELECT code, name, kind, address, tel, lat, lng, town FROM site";

/// What the registry keeps of a token.
pub(crate) struct TokenRow {
    pub(crate) site: SiteCode,
    pub(crate) expires: i64,
    pub(crate) used: bool,
}

/// A certificate as the registry keeps it.
pub(crate) struct CertificateRow<'a> {
    pub(crate) site: SiteCode,
    pub(crate) fingerprint: &'a [u8; 32],
    pub(crate) serial: &'a [u8; 16],
    pub(crate) issued: i64,
    pub(crate) expires: i64,
}

impl Store {
    pub(crate) fn put_site(&self, site: &SiteRecord) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO site VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (code, place) = (site.code.as_str(), (site.lat, site.lng));
        let row = (code, &site.name, &site.kind, &site.address, &site.tel, place.0, place.1, &site.town);
        self.run(SQL, row, "keep a site").map(|_| ())
    }

    pub(crate) fn site(&self, code: &SiteCode) -> Result<Option<SiteRecord>, StoreError> {
        self.one(&format!("{SITE} WHERE code = ?1"), [code.as_str()], "read a site", site_record)
    }

    pub(crate) fn sites(&self) -> Result<Vec<SiteRecord>, StoreError> {
        self.all(&format!("{SITE} ORDER BY code"), [], "read the sites", site_record)
    }

    pub(crate) fn count_sites(&self) -> Result<u64, StoreError> {
        Ok(self.one("SELECT count(*) FROM site", [], "count sites", |row| unsigned(row, 0))?.unwrap_or(0))
    }

    pub(crate) fn put_token(&self, hash: &[u8; 32], site: &SiteCode, expires: i64) -> Result<(), StoreError> {
        let row = (hash, site.as_str(), expires);
        self.run("INSERT OR REPLACE INTO token VALUES (?1, ?2, ?3, NULL)", row, "keep a token").map(|_| ())
    }

    pub(crate) fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        self.one("SELECT site, expires, used IS NOT NULL FROM token WHERE hash = ?1", [hash], "read a token", |row| {
            Ok(TokenRow { site: site(row, 0)?, expires: row.get(1)?, used: row.get(2)? })
        })
    }

    pub(crate) fn use_token(&self, hash: &[u8; 32], second: i64) -> Result<(), StoreError> {
        self.run("UPDATE token SET used = ?2 WHERE hash = ?1", (hash, second), "use a token up").map(|_| ())
    }

    /// Tokens of a site that nobody has used are used up.
    pub(crate) fn use_tokens_of(&self, site: &SiteCode, second: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE token SET used = ?2 WHERE site = ?1 AND used IS NULL";
        self.run(SQL, (site.as_str(), second), "use a site's tokens up").map(|_| ())
    }

    pub(crate) fn put_certificate(&self, row: &CertificateRow<'_>) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO certificate VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        let row = (row.fingerprint, row.site.as_str(), row.serial, row.issued, row.expires);
        self.run(SQL, row, "keep a certificate").map(|_| ())
    }

    /// Gives how many certificates this revoked.
    pub(crate) fn revoke_certificates(&self, site: &SiteCode, second: i64) -> Result<usize, StoreError> {
        const SQL: &str = "UPDATE certificate SET revoked = ?2 WHERE site = ?1 AND revoked IS NULL";
        self.run(SQL, (site.as_str(), second), "revoke certificates")
    }

    pub(crate) fn is_current(&self, site: &SiteCode, fingerprint: &[u8; 32]) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM certificate WHERE fingerprint = ?1 AND site = ?2 AND revoked IS NULL";
        let found = self.one(SQL, (fingerprint, site.as_str()), "look for a certificate", |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Whether a certificate is in the register, revoked or not.
    pub(crate) fn knows_certificate(&self, fingerprint: &[u8; 32]) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM certificate WHERE fingerprint = ?1";
        Ok(self.one(SQL, [fingerprint], "look for a certificate", |_| Ok(()))?.is_some())
    }

    /// Sites with a certificate that is not revoked.
    pub(crate) fn enrolled(&self) -> Result<Vec<SiteCode>, StoreError> {
        const SQL: &str = "SELECT DISTINCT site FROM certificate WHERE revoked IS NULL";
        self.all(SQL, [], "read who is enrolled", |row| site(row, 0))
    }

    /// When each enrolled site got its newest certificate.
    pub(crate) fn enrolled_since(&self) -> Result<Vec<(SiteCode, i64)>, StoreError> {
        const SQL: &str = "SELECT site, max(issued) FROM certificate WHERE revoked IS NULL GROUP BY site";
        self.all(SQL, [], "read since when sites are enrolled", |row| Ok((site(row, 0)?, row.get(1)?)))
    }

    pub(crate) fn put_key(&self, site: &SiteCode, number: u8, wrapped: &[u8], since: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO site_key VALUES (?1, ?2, ?3, ?4)";
        self.run(SQL, (site.as_str(), number, wrapped, since), "keep a site's key").map(|_| ())
    }

    /// A site's wrapped keys with their numbers, the newest first.
    pub(crate) fn keys(&self, site: &SiteCode) -> Result<Vec<(u8, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT number, wrapped FROM site_key WHERE site = ?1 ORDER BY since DESC, number DESC";
        self.all(SQL, [site.as_str()], "read a site's keys", |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Notes that a line was heard; gives its number.
    pub(crate) fn touch_line(&self, site: &SiteCode, of: &Incarnation, second: i64) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO line (site, incarnation, second) VALUES (?1, ?2, ?3) \
            ON CONFLICT DO UPDATE SET second = max(second, excluded.second) RETURNING id";
        let id = self.one(SQL, (site.as_str(), &of.0, second), "note a line", |row| row.get(0))?;
        id.ok_or_else(|| StoreError::Damaged("a line has no number".to_owned()))
    }

    /// Notes the last entry that came over a line.
    pub(crate) fn set_line(&self, id: i64, second: i64, last: &Seen) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE line SET second = max(second, ?2), actor = ?3, seq = ?4, hash = ?5 WHERE id = ?1";
        let row = (id, second, &last.id.actor.0, last.id.seq, &last.hash.0);
        self.run(SQL, row, "note a line's last entry").map(|_| ())
    }

    /// The last entry that came over a line.
    pub(crate) fn line_last(&self, site: &SiteCode, of: &Incarnation) -> Result<Option<Seen>, StoreError> {
        const SQL: &str = "SELECT actor, seq, hash FROM line WHERE site = ?1 AND incarnation = ?2 AND seq NOT NULL";
        self.one(SQL, (site.as_str(), &of.0), "read a line's last entry", |row| {
            Ok(Seen { id: entry_id(row, 0)?, hash: hash(row, 2)? })
        })
    }

    /// When each site was last heard.
    pub(crate) fn contacts(&self) -> Result<Vec<(SiteCode, i64)>, StoreError> {
        const SQL: &str = "SELECT site, max(second) FROM line GROUP BY site";
        self.all(SQL, [], "read who was heard when", |row| Ok((site(row, 0)?, row.get(1)?)))
    }

    /// How many entries of each site are in the journal.
    pub(crate) fn entry_counts(&self) -> Result<Vec<(SiteCode, u64)>, StoreError> {
        const SQL: &str = "SELECT site, sum(seq) FROM actor WHERE site NOT NULL GROUP BY site";
        self.all(SQL, [], "count entries", |row| Ok((site(row, 0)?, unsigned(row, 1)?)))
    }

    /// All stocks, by site.
    pub(crate) fn stocks(&self) -> Result<Vec<(SiteCode, ProgrammeId, i64, i64)>, StoreError> {
        const SQL: &str = "SELECT site, programme, adult, child FROM stock ORDER BY site, programme";
        self.all(SQL, [], "read stocks", |row| Ok((site(row, 0)?, parsed(row, 1)?, row.get(2)?, row.get(3)?)))
    }

    /// Adds to a stock.
    pub(crate) fn add_stock(
        &self,
        site: &SiteCode,
        programme: &ProgrammeId,
        adult: i64,
        child: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO stock VALUES (?1, ?2, ?3, ?4) \
            ON CONFLICT DO UPDATE SET adult = adult + excluded.adult, child = child + excluded.child";
        self.run(SQL, (site.as_str(), programme.as_str(), adult, child), "add to a stock").map(|_| ())
    }
}

fn site_record(row: &Row<'_>) -> rusqlite::Result<SiteRecord> {
    Ok(SiteRecord {
        code: site(row, 0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        address: row.get(3)?,
        tel: row.get(4)?,
        lat: row.get(5)?,
        lng: row.get(6)?,
        town: row.get(7)?,
    })
}
