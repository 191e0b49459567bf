//! Staff whom the hub itself names (S17, S20): grants and revocations on a site's desk, and everybody who has rights.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{Days, NaiveDate};
use shared::entry::Fact;
use shared::entry::access::{Access, Grant, Holder, Revocation, Right};
use shared::ids::{EntryId, SiteCode, StaffId};
use shared::rules::access::card::CardKind;
use shared::rules::access::{Given, Holding, Rights, Void};
use shared::rules::calendar::{roc_minute, taipei_day};
use shared::rules::identity::holds_number;
use shared::wire::v1::entry::{AFTER_MAX, NAME_BYTES_MAX, REASON_BYTES_MAX, RIGHTS_MAX};

use super::certificate::{BadCertificate, CardCertificate};
use super::{CardList, PinnedIssuer, has_certificate};
use crate::hub::{Hub, HubError};
use crate::project::Batch;
use crate::publish::{desk, signed};

pub use shared::rules::access::GRANT_DAYS_MAX;

/// Where no day is named, a right is given for so many days.
const GRANT_DAYS: u64 = 365;

/// What the hub is to grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// Where.
    pub site: SiteCode,
    /// To whom.
    pub name: String,
    /// With which card.
    pub card: CardKind,
    /// The certificate's file: PEM, DER or base64.
    pub certificate: Vec<u8>,
    /// What.
    pub rights: Vec<Right>,
    /// The last day; none: a year, or as long as the card is valid.
    pub until: Option<NaiveDate>,
}

/// A grant that is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadGrant {
    /// The register does not have the site.
    #[error("查無此醫事機構 unknown site {0}")]
    Site(SiteCode),
    /// 健保卡 and whatever else has no certificate are the site's to enter.
    #[error(
        "{}沒有憑證，由該站的機構代表或機構管理者在櫃檯登記 there is no certificate ({}): it is entered at the site, by \
         its representative or a manager at the counter, where the holder chooses a password",
        .0.zh(), .0.en()
    )]
    NoCertificate(CardKind),
    /// No name, or one that is too long.
    #[error("請填寫姓名（上限 {NAME_BYTES_MAX} 位元組） a name is needed, of at most {NAME_BYTES_MAX} bytes")]
    Name,
    /// A person's number in a name.
    #[error("姓名會以原文保存，請勿填寫證號 the name is kept as it is: leave identity numbers out")]
    Personal,
    /// No right, or too many.
    #[error("請指明權限 say what is granted: --right representative, manager, service:masks or service:booking")]
    Rights,
    /// The right is not for such a card.
    #[error(
        "{}不能以{}行使 {right} is not for a {}: a representative has the site's own card (institution, government), \
         all others their own (S17, S18)",
        .right.zh(), .card.zh(), .card.en()
    )]
    Card {
        /// Which right.
        right: Right,
        /// Which card.
        card: CardKind,
    },
    /// The last day is over, or too far.
    #[error(
        "截止日期 the last day must be from {from} to {to}: no right is given for longer than {GRANT_DAYS_MAX} days, or longer than the card is valid"
    )]
    Until {
        /// The first that can be named.
        from: NaiveDate,
        /// The last.
        to: NaiveDate,
    },
    /// The certificate is not taken.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// Its issuer has revoked it.
    #[error("此卡片已廢止 the issuer revoked this card at {}", roc_minute(*.0))]
    Revoked(i64),
    /// The right was taken back more often than a grant can name.
    #[error("此權限收回次數過多 this right was taken back too often: name another card")]
    TakenTooOften,
}

/// A revocation that is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRevocation {
    /// The register does not have the site.
    #[error("查無此醫事機構 unknown site {0}")]
    Site(SiteCode),
    /// Nobody there.
    #[error(
        "查無此人員 nobody at this site has the id {0:?}, or several begin so; `atoll-hub staff list SITE` shows them"
    )]
    Nobody(String),
    /// Nothing named.
    #[error("請指明權限 say what is taken back: --right representative, manager, service:masks or service:booking")]
    Rights,
    /// They never had it.
    #[error("此人員沒有這項權限 this person was never given {0}")]
    NeverGiven(Right),
    /// No reason, or one that is too long.
    #[error("請填寫原因（上限 {REASON_BYTES_MAX} 位元組） a reason is needed, of at most {REASON_BYTES_MAX} bytes")]
    Reason,
    /// A person's number in it.
    #[error("原因會以原文保存，請勿填寫證號 the reason is kept as it is: leave identity numbers out")]
    Personal,
}

/// Somebody with rights at a site, or who had some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffMember {
    /// Who.
    pub id: StaffId,
    /// Their name, in clear.
    pub name: String,
    /// Which card.
    pub card: CardKind,
    /// Since when their card is revoked, as the site was told last.
    pub revoked: Option<i64>,
    /// What they may do, or might.
    pub rights: Vec<StaffRight>,
    /// Grants to them that give nothing.
    pub void: Vec<(EntryId, Void, Vec<Right>)>,
}

/// Grants to be written, and what is wrong with the others, by their places.
type Drafts = (Vec<(SiteCode, Grant)>, BadGrants);

/// What many grants are held against.
struct Known {
    issuers: Vec<PinnedIssuer>,
    lists: BTreeMap<[u8; 32], Option<CardList>>,
}

/// Bad grants among many, by their places.
pub type BadGrants = Vec<(usize, BadGrant)>;

/// A right of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRight {
    /// Which.
    pub right: Right,
    /// By the grant that counts for most.
    pub holding: Holding,
    /// The last revocation that beats it: when, and why.
    pub withdrawn: Option<(i64, String)>,
}

impl Hub {
    /// Writes grants on the desks of their sites: all of them or, where one is bad, none; gives who got them.
    ///
    /// # Errors
    /// Where the machine fails; the inner error is every bad one, by its place.
    pub fn grant(
        &mut self,
        grants: &[NewGrant],
        by: &str,
        second: i64,
    ) -> Result<Result<Vec<StaffId>, BadGrants>, HubError> {
        let (drafts, bad) = self.drafts(grants, second)?;
        if !bad.is_empty() {
            return Ok(Err(bad));
        }
        let ids = drafts.iter().map(|(_, grant)| grant.to.id()).collect();
        let mut by_site: BTreeMap<SiteCode, Vec<_>> = BTreeMap::new();
        for (site, grant) in drafts {
            by_site.entry(site).or_default().push(signed(Fact::Access(Access::Grant(grant)), by, second));
        }
        self.transact(|hub| {
            for (site, entries) in &by_site {
                hub.write(desk(site, second), entries, second)?;
            }
            hub.settle(Batch::new(second))
        })?;
        Ok(Ok(ids))
    }

    /// What [`Self::grant`] would say of these, by their places; nothing is written.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn bad_grants(&self, grants: &[NewGrant], second: i64) -> Result<BadGrants, HubError> {
        Ok(self.drafts(grants, second)?.1)
    }

    fn drafts(&self, grants: &[NewGrant], second: i64) -> Result<Drafts, HubError> {
        let mut known = Known { issuers: self.issuers()?, lists: BTreeMap::new() };
        let (mut drafts, mut bad) = (Vec::new(), Vec::new());
        for (place, new) in grants.iter().enumerate() {
            match self.draft(new, &mut known, second)? {
                Ok(grant) => drafts.push((new.site, grant)),
                Err(why) => bad.push((place, why)),
            }
        }
        Ok((drafts, bad))
    }

    fn draft(&self, new: &NewGrant, known: &mut Known, second: i64) -> Result<Result<Grant, BadGrant>, HubError> {
        if self.site(&new.site)?.is_none() {
            return Ok(Err(BadGrant::Site(new.site)));
        }
        if let Err(bad) = check(new) {
            return Ok(Err(bad));
        }
        let card = match CardCertificate::read(&new.certificate, new.card, &known.issuers, second) {
            Ok(card) => card,
            Err(bad) => return Ok(Err(bad.into())),
        };
        let issuer = card.name.issuer;
        if let Entry::Vacant(place) = known.lists.entry(issuer) {
            place.insert(self.card_list(&issuer)?);
        }
        let list = known.lists.get(&issuer).and_then(Option::as_ref);
        if let Some(since) = list.and_then(|list| list.since(&card.name.serial)) {
            return Ok(Err(BadGrant::Revoked(since)));
        }
        let until = match last_day(new.until, &card, taipei_day(second)) {
            Ok(until) => until,
            Err(bad) => return Ok(Err(bad)),
        };
        let to = Holder {
            name: new.name.trim().to_owned(),
            card: new.card,
            key: card.key,
            locked_key: None,
            document: None,
            certificate: Some(card.name),
        };
        let (rights, of) = (self.rights(&new.site)?, to.id());
        let mut after: Vec<EntryId> = new.rights.iter().flat_map(|right| rights.revocations(&of, right)).collect();
        after.sort_unstable();
        after.dedup();
        if after.len() > AFTER_MAX {
            return Ok(Err(BadGrant::TakenTooOften));
        }
        let mut rights = new.rights.clone();
        rights.sort_unstable();
        rights.dedup();
        Ok(Ok(Grant { to, rights, until, after, giver: None }))
    }

    /// Takes rights back from somebody at a site, named by the beginning of their id.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be written is the inner error.
    pub fn revoke_rights(
        &mut self,
        site: &SiteCode,
        (who, taken): (&str, &[Right]),
        (reason, by): (&str, &str),
        second: i64,
    ) -> Result<Result<StaffId, BadRevocation>, HubError> {
        if self.site(site)?.is_none() {
            return Ok(Err(BadRevocation::Site(*site)));
        }
        let rights = self.rights(site)?;
        let (of, reason) = match check_revocation(&rights, who, taken, reason.trim()) {
            Ok(fine) => fine,
            Err(bad) => return Ok(Err(bad)),
        };
        let revocation = Revocation { of, rights: taken.to_vec(), taker: None, reason: reason.to_owned() };
        let entry = signed(Fact::Access(Access::Revocation(revocation)), by, second);
        self.transact(|hub| {
            hub.write(desk(site, second), &[entry], second)?;
            hub.settle(Batch::new(second))
        })?;
        Ok(Ok(of))
    }

    /// Everybody who was ever given a right at a site, or whose grant gives nothing.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn staff(&self, site: &SiteCode) -> Result<Vec<StaffMember>, HubError> {
        let (given, taken) = self.rights_facts(site)?;
        let rights = Rights::fold(site, &given, &taken);
        let mut all: BTreeMap<StaffId, StaffMember> = BTreeMap::new();
        for (id, _, holder) in rights.holders() {
            let rights = rights.ever(id).filter_map(|(right, held)| line(&rights, id, right, held)).collect();
            let revoked = match &holder.certificate {
                Some(certificate) => self.told_since(site, certificate)?,
                None => None,
            };
            let (name, card) = (holder.name.clone(), holder.card);
            all.insert(*id, StaffMember { id: *id, name, card, revoked, rights, void: Vec::new() });
        }
        for (grant, why) in rights.void() {
            let Some(Given { id, grant, .. }) = given.iter().find(|given| given.id == *grant) else { continue };
            let of = grant.to.id();
            let member = all.entry(of).or_insert_with(|| StaffMember {
                id: of,
                name: grant.to.name.clone(),
                card: grant.to.card,
                revoked: None,
                rights: Vec::new(),
                void: Vec::new(),
            });
            member.void.push((*id, why, grant.rights.clone()));
        }
        Ok(all.into_values().collect())
    }
}

/// A right by the grant that holds longest, among those that no revocation beats where there is one.
fn line(rights: &Rights, who: &StaffId, right: &Right, held: &[Holding]) -> Option<StaffRight> {
    let best = held.iter().max_by_key(|held| (held.beaten_by.is_empty(), held.until, held.at, held.grant))?;
    let last = best.beaten_by.last();
    let withdrawn = rights.withdrawals(who, right).iter().find(|(_, id, _)| Some(id) == last);
    let withdrawn = withdrawn.map(|(at, _, reason)| (at.second, reason.clone()));
    Some(StaffRight { right: right.clone(), holding: best.clone(), withdrawn })
}

fn check(new: &NewGrant) -> Result<(), BadGrant> {
    let name = new.name.trim();
    if !has_certificate(new.card) {
        return Err(BadGrant::NoCertificate(new.card));
    }
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(BadGrant::Name);
    }
    if holds_number(name) {
        return Err(BadGrant::Personal);
    }
    if new.rights.is_empty() || new.rights.len() > RIGHTS_MAX {
        return Err(BadGrant::Rights);
    }
    match new.rights.iter().find(|right| !right.fits(new.card)) {
        Some(right) => Err(BadGrant::Card { right: right.clone(), card: new.card }),
        None => Ok(()),
    }
}

fn last_day(wanted: Option<NaiveDate>, card: &CardCertificate, today: NaiveDate) -> Result<NaiveDate, BadGrant> {
    let in_days = |days| today.checked_add_days(Days::new(days)).unwrap_or(today);
    let last = in_days(GRANT_DAYS_MAX).min(card.last_day());
    let until = wanted.unwrap_or_else(|| in_days(GRANT_DAYS).min(last));
    if (today..=last).contains(&until) { Ok(until) } else { Err(BadGrant::Until { from: today, to: last }) }
}

fn check_revocation<'r>(
    rights: &Rights,
    who: &str,
    taken: &[Right],
    reason: &'r str,
) -> Result<(StaffId, &'r str), BadRevocation> {
    let mut fitting = rights.holders().map(|(id, ..)| *id).filter(|id| id.to_string().starts_with(who));
    let of = match (fitting.next(), fitting.next()) {
        (Some(only), None) if !who.is_empty() => only,
        _ => return Err(BadRevocation::Nobody(who.to_owned())),
    };
    if taken.is_empty() || taken.len() > RIGHTS_MAX {
        return Err(BadRevocation::Rights);
    }
    if let Some(right) = taken.iter().find(|right| !rights.ever(&of).any(|(held, _)| held == *right)) {
        return Err(BadRevocation::NeverGiven(right.clone()));
    }
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(BadRevocation::Reason);
    }
    if holds_number(reason) { Err(BadRevocation::Personal) } else { Ok((of, reason)) }
}
