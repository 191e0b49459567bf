//! Who takes part: sites, one-time enrolment tokens, certificates, the sites' wrapped keys (T3).

mod sites;

use aws_lc_rs::digest;
use shared::ids::{ProgrammeId, SiteCode};
use shared::seal::Secret;
use shared::wire::v1::enrol::Token;

use crate::authority::Validity;
use crate::hub::{Hub, HubError};
use crate::project::Batch;
use crate::store::CertificateRow;

pub use sites::{BadSites, read_sites};

/// Most keys of one site: every enrolment of a machine that lost its disk brings one.
const KEYS_MAX: usize = 16;

/// A site as the public register has it.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteRecord {
    /// 醫事機構代碼.
    pub code: SiteCode,
    /// Its name.
    pub name: String,
    /// `pharmacy`, `health_station`, `health_center` or `other`.
    pub kind: String,
    /// Its address.
    pub address: String,
    /// Its telephone number.
    pub tel: String,
    /// Degrees north, where known.
    pub lat: Option<f64>,
    /// Degrees east, where known.
    pub lng: Option<f64>,
    /// Its township's code, empty where unknown.
    pub town: String,
}

/// Why a token or an enrolment is refused: an answer, not a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolRefusal {
    /// No such site in the registry.
    #[error("no site with this code is registered; import the sites first")]
    UnknownSite,
    /// No such token was issued.
    #[error("this token is not known here; ask the hub's operator for a new one")]
    UnknownToken,
    /// It has been used.
    #[error("this token has been used; ask the hub's operator for a new one")]
    Used,
    /// Its time is over.
    #[error("this token has expired; ask the hub's operator for a new one")]
    Expired,
    /// The site has brought too many different keys.
    #[error("this site has enrolled with too many different keys; ask the hub's operator")]
    TooManyKeys,
}

impl EnrolRefusal {
    /// For people, in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::UnknownSite => "查無此醫事機構代碼，請先匯入機構清單",
            Self::UnknownToken => "查無此註冊碼，請向中心重新申請",
            Self::Used => "此註冊碼已使用過，請向中心重新申請",
            Self::Expired => "此註冊碼已逾期，請向中心重新申請",
            Self::TooManyKeys => "此機構已用過太多組金鑰註冊，請洽中心",
        }
    }
}

/// What an edge brings when it enrols, and the certificate that it gets.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The number of the site's key.
    pub key_number: u8,
    /// The site's secret.
    pub secret: Secret,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: [u8; 32],
    /// The certificate's serial number.
    pub serial: [u8; 16],
    /// When the certificate ends, seconds since 1970.
    pub expires: i64,
    /// Now, seconds since 1970.
    pub second: i64,
}

/// What an operator sees of one site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteStatus {
    /// The register's line.
    pub record: SiteRecord,
    /// Whether it holds a certificate that is not revoked.
    pub enrolled: bool,
    /// When the hub last heard of it, seconds since 1970.
    pub last_contact: Option<i64>,
    /// How many entries of its ledgers are in the journal.
    pub entries: u64,
    /// How many of its runs lie in quarantine.
    pub quarantined: u64,
    /// Its stock as its ledgers say.
    pub stock: Vec<SiteStock>,
}

/// A site's stock of one programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteStock {
    /// The programme.
    pub programme: ProgrammeId,
    /// 成人片數.
    pub adult: i64,
    /// 兒童片數.
    pub child: i64,
}

/// The outer result is the machine's health, the inner one the answer.
pub type EnrolAnswer<T> = Result<Result<T, EnrolRefusal>, HubError>;

impl Hub {
    /// Takes sites into the registry; known codes are replaced. Gives how many.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn import_sites(&mut self, sites: impl IntoIterator<Item = SiteRecord>) -> Result<usize, HubError> {
        self.transact(|hub| {
            let mut count = 0;
            hub.memory.near.clear();
            hub.memory.addresses = None;
            for site in sites {
                hub.store.put_site(&site)?;
                count += 1;
            }
            Ok(count)
        })
    }

    /// A site of the registry.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn site(&self, code: &SiteCode) -> Result<Option<SiteRecord>, HubError> {
        Ok(self.store.site(code)?)
    }

    /// Makes a token for a site, good once and until `expires`; `ca` names the authority in it.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn issue_token(&mut self, site: &SiteCode, ca: [u8; 16], expires: i64) -> EnrolAnswer<Token> {
        if self.store.site(site)?.is_none() {
            return Ok(Err(EnrolRefusal::UnknownSite));
        }
        let secret = (self.dice)();
        self.transact(|hub| Ok(hub.store.put_token(&hash(&secret), site, expires)?))?;
        Ok(Ok(Token { secret, ca }))
    }

    /// Looks at a token without using it up.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn check_token(&self, secret: &[u8; 16], second: i64) -> EnrolAnswer<SiteRecord> {
        let Some(token) = self.store.token(&hash(secret))? else {
            return Ok(Err(EnrolRefusal::UnknownToken));
        };
        if token.used {
            return Ok(Err(EnrolRefusal::Used));
        }
        if second >= token.expires {
            return Ok(Err(EnrolRefusal::Expired));
        }
        Ok(self.store.site(&token.site)?.ok_or(EnrolRefusal::UnknownSite))
    }

    /// Uses a token up and registers what the site brought, both or neither.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn redeem_token(&mut self, secret: &[u8; 16], enrolment: &Enrolment) -> EnrolAnswer<SiteRecord> {
        self.transact(|hub| {
            let site = match hub.check_token(secret, enrolment.second)? {
                Ok(site) => site,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if let Err(refusal) = hub.enrol(&site.code, enrolment)? {
                return Ok(Err(refusal));
            }
            hub.store.use_token(&hash(secret), enrolment.second)?;
            Ok(Ok(site))
        })
    }

    /// Registers a site without a token: for replays, where nobody stands at the door.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn register(&mut self, site: &SiteCode, enrolment: &Enrolment) -> EnrolAnswer<()> {
        self.transact(|hub| {
            if hub.store.site(site)?.is_none() {
                return Ok(Err(EnrolRefusal::UnknownSite));
            }
            hub.enrol(site, enrolment)
        })
    }

    fn enrol(&mut self, site: &SiteCode, enrolment: &Enrolment) -> EnrolAnswer<()> {
        let wrapped = self.keys.wrap(site, &enrolment.secret)?;
        let known = self.store.keys(site)?;
        let held = known.iter().any(|(number, bytes)| *number == enrolment.key_number && *bytes == wrapped);
        if !held && known.len() >= KEYS_MAX {
            return Ok(Err(EnrolRefusal::TooManyKeys));
        }
        self.store.put_key(site, enrolment.key_number, &wrapped, enrolment.second)?;
        self.memory.enrolled = None;
        self.store.put_certificate(&CertificateRow {
            site: *site,
            fingerprint: &enrolment.fingerprint,
            serial: &enrolment.serial,
            issued: enrolment.second,
            expires: enrolment.expires,
        })?;
        self.memory.site_keys.borrow_mut().remove(site);
        // What was booked at its venues before it had a key.
        let mut batch = Batch::new(enrolment.second);
        self.touch_venues_of(site, &mut batch)?;
        self.settle(batch)?;
        Ok(Ok(()))
    }

    /// Revokes a site's certificates and unused tokens; gives how many certificates.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn revoke(&mut self, site: &SiteCode, second: i64) -> Result<usize, HubError> {
        self.transact(|hub| {
            hub.store.use_tokens_of(site, second)?;
            hub.memory.enrolled = None;
            Ok(hub.store.revoke_certificates(site, second)?)
        })
    }

    /// Takes a certificate of our authority into the register that this hub has forgotten: it was brought back from
    /// before that was issued. Gives whether it is current now.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn remember_certificate(
        &mut self,
        site: &SiteCode,
        fingerprint: &[u8; 32],
        validity: &Validity,
    ) -> Result<bool, HubError> {
        if self.store.site(site)?.is_none() || !self.may_have_forgotten(fingerprint, validity.issued)? {
            return Ok(false);
        }
        let Validity { serial, issued, expires } = *validity;
        let row = CertificateRow { site: *site, fingerprint, serial: &serial, issued, expires };
        self.transact(|hub| Ok(hub.store.put_certificate(&row)?))?;
        tracing::warn!(%site, "a certificate that was issued after the backup is taken into the register again");
        Ok(true)
    }

    /// Whether a certificate speaks for a site now, by whatever process it was revoked.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn is_current(&self, site: &SiteCode, fingerprint: &[u8; 32]) -> Result<bool, HubError> {
        Ok(self.store.is_current(site, fingerprint)?)
    }
}

fn hash(secret: &[u8; 16]) -> [u8; 32] {
    let mut out = [0; 32];
    let hash = digest::digest(&digest::SHA256, secret);
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    out
}
