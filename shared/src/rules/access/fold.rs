//! What grants and revocations come to: a function of their set.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::entry::Instant;
use crate::entry::access::{Grant, Holder, Revocation, Right, ServiceStanding, ServiceWord};
use crate::ids::{EntryId, ServiceName, SiteCode, StaffId};
use crate::rules::access::GRANT_DAYS_MAX;
use crate::rules::calendar::taipei_day;
use crate::sign::card::CardKey;
use crate::sign::grant::grant_words;

/// Where a fact stands: only the hub writes the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the desk of the site.
    Desk,
    /// In the site's own ledger.
    Site,
}

/// A grant in its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its entry.
    pub id: EntryId,
    /// When.
    pub at: Instant,
    /// Where.
    pub place: Place,
    /// What.
    pub grant: Grant,
}

/// A revocation in its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its entry.
    pub id: EntryId,
    /// When.
    pub at: Instant,
    /// Where.
    pub place: Place,
    /// What.
    pub revocation: Revocation,
}

/// Why a grant gives nothing, or one of its rights is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Void {
    /// It stands in the site's ledger and names nobody who gave it.
    NoGiver,
    /// The giver's card has not signed it.
    BadSignature,
    /// The giver had no right to give it, or no longer on that day.
    GiverMayNot,
    /// The giver's own right had been taken back before or meanwhile.
    GiverWasWithdrawn,
    /// The right is not for such a card (S17, S18), or the key is known with another card.
    WrongCard,
    /// It is given for longer than [`GRANT_DAYS_MAX`].
    TooLong,
}

impl Void {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoGiver => "no-giver",
            Self::BadSignature => "bad-signature",
            Self::GiverMayNot => "giver-may-not",
            Self::GiverWasWithdrawn => "giver-was-withdrawn",
            Self::WrongCard => "wrong-card",
            Self::TooLong => "too-long",
        }
    }

    /// For people.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::NoGiver => "未載明由何人授權",
            Self::BadSignature => "授權人的卡片未簽署此授權",
            Self::GiverMayNot => "授權人無權授予此權限",
            Self::GiverWasWithdrawn => "授權人的權限在此之前或同時已被收回",
            Self::WrongCard => "此權限不適用於這種卡片，或此人已以另一張卡片登錄",
            Self::TooLong => "授權期間過長",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::NoGiver => "it names nobody who gave it",
            Self::BadSignature => "the giver's card has not signed it",
            Self::GiverMayNot => "the giver had no right to give it",
            Self::GiverWasWithdrawn => "the giver's own right had been taken back before or meanwhile",
            Self::WrongCard => "the right is not for such a card, or the key is known with another one",
            Self::TooLong => "it is given for too long",
        }
    }
}

/// One right of one person, by one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// By which grant.
    pub grant: EntryId,
    /// When it was given.
    pub at: Instant,
    /// The last day.
    pub until: NaiveDate,
    /// Who gave it; none: the hub.
    pub giver: Option<StaffId>,
    /// The revocations that beat it, the earliest first.
    pub beaten_by: Vec<EntryId>,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// It was never given.
    NeverGiven,
    /// It was, until this day.
    Expired {
        /// The last day.
        until: NaiveDate,
    },
    /// It was taken back.
    Withdrawn {
        /// When.
        at: Instant,
        /// Why.
        reason: String,
    },
    /// The hub has refused the service to this site (S21).
    ServiceRefused {
        /// Why.
        reason: String,
    },
}

/// The revocations of one right of one person, the earliest first: when, which, why.
type Losses = Vec<(Instant, EntryId, String)>;

/// The rights at one site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    holders: BTreeMap<StaffId, (EntryId, Holder)>,
    held: BTreeMap<(StaffId, Right), Vec<Holding>>,
    taken: BTreeMap<(StaffId, Right), Losses>,
    /// When each of these revocations was written.
    times: BTreeMap<EntryId, Instant>,
    void: BTreeMap<EntryId, Void>,
    services: BTreeMap<ServiceName, ServiceNow>,
}

/// A word on a service in its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its entry.
    pub id: EntryId,
    /// When.
    pub at: Instant,
    /// Where.
    pub place: Place,
    /// What.
    pub word: ServiceWord,
}

/// Where a service stands at a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceNow {
    /// The hub's last word; none: it has said nothing, and the service is open.
    pub decided: Option<ServiceWord>,
    /// When the site asked for it, where the hub has not answered since.
    pub applied: Option<Instant>,
}

/// The rights from which rights flow, first things first: what the hub gives, what representatives, what managers give.
const TIERS: usize = 3;

impl Rights {
    /// The meaning of these facts at this site; their order is of no account.
    #[must_use]
    pub fn fold(site: &SiteCode, given: &[Given], taken: &[Taken]) -> Self {
        let mut rights = Self::default();
        rights.take(given, taken);
        let mut order: Vec<&Given> = given.iter().collect();
        order.sort_by_key(|given| (given.at, given.id));
        for tier in 0..TIERS {
            for given in order.iter().filter(|given| tier_of(given) == tier) {
                rights.give(site, given);
            }
        }
        rights
    }

    /// The same with what was said of services (S18, S21): only the hub's words decide, and the site's ask.
    #[must_use]
    pub fn with_services(mut self, words: &[Word]) -> Self {
        let mut order: Vec<&Word> = words.iter().collect();
        order.sort_by_key(|word| (word.at, word.id));
        for Word { id: _, at, place, word } in order {
            let now = self.services.entry(word.service.clone()).or_default();
            match (place, word.standing) {
                (Place::Desk, ServiceStanding::Approved | ServiceStanding::Refused) => {
                    (now.decided, now.applied) = (Some(word.clone()), None);
                }
                (Place::Site, ServiceStanding::Applied) => now.applied = Some(*at),
                (Place::Desk, ServiceStanding::Applied)
                | (Place::Site, ServiceStanding::Approved | ServiceStanding::Refused) => {}
            }
        }
        self
    }

    /// Where a service stands at this site.
    #[must_use]
    pub fn service(&self, service: &ServiceName) -> ServiceNow {
        self.services.get(service).cloned().unwrap_or_default()
    }

    /// Why nobody at this site may use a service.
    fn refused(&self, right: &Right) -> Option<&ServiceWord> {
        let Right::Service(service) = right else { return None };
        let decided = self.services.get(service)?.decided.as_ref();
        decided.filter(|word| word.standing == ServiceStanding::Refused)
    }

    /// Revocations of rights that somebody was given, whoever wrote them.
    fn take(&mut self, given: &[Given], taken: &[Taken]) {
        let known: BTreeSet<StaffId> = given.iter().map(|given| given.grant.to.id()).collect();
        for Taken { id, at, place, revocation } in taken.iter().filter(|taken| known.contains(&taken.revocation.of)) {
            for right in &revocation.rights {
                // A site's own revocation of what the hub gave to its representative would lock the site out.
                if *place == Place::Desk || *right != Right::Representative {
                    let all = self.taken.entry((revocation.of, right.clone())).or_default();
                    all.push((*at, *id, revocation.reason.clone()));
                    self.times.insert(*id, *at);
                }
            }
        }
        self.taken.values_mut().for_each(|all| all.sort_unstable());
    }

    fn give(&mut self, site: &SiteCode, given: &Given) {
        let judged = self.judge(site, given);
        if let Err(void) = judged {
            self.void.insert(given.id, void);
            return;
        }
        let id = given.grant.to.id();
        if given.place == Place::Desk || !self.holders.contains_key(&id) {
            self.holders.insert(id, (given.id, given.grant.to.clone()));
        }
        for right in &given.grant.rights {
            let taken = self.taken.get(&(id, right.clone())).into_iter().flatten();
            let beaten_by =
                taken.map(|(_, taken, _)| *taken).filter(|taken| !given.grant.after.contains(taken)).collect();
            let giver = given.grant.giver.as_ref().map(|giver| giver.id);
            let holding = Holding { grant: given.id, at: given.at, until: given.grant.until, giver, beaten_by };
            self.held.entry((id, right.clone())).or_default().push(holding);
        }
    }

    /// Whether the grant was for its giver to give.
    fn judge(&self, site: &SiteCode, given: &Given) -> Result<(), Void> {
        let Given { id: _, at, place, grant } = given;
        if !grant.rights.iter().all(|right| right.fits(grant.to.card)) {
            return Err(Void::WrongCard);
        }
        let giver = match (place, &grant.giver) {
            (Place::Desk, _) => return Ok(()),
            (Place::Site, Some(giver)) => giver,
            (Place::Site, None) => return Err(Void::NoGiver),
        };
        let last = taipei_day(at.second).checked_add_days(Days::new(GRANT_DAYS_MAX));
        if last.is_none_or(|last| grant.until > last) {
            return Err(Void::TooLong);
        }
        // Who somebody is is said once: a later grant gives them rights and no other card.
        let is_another =
            |(_, known): &(EntryId, Holder)| (known.card, &known.certificate) != (grant.to.card, &grant.to.certificate);
        if self.holders.get(&grant.to.id()).is_some_and(is_another) {
            return Err(Void::WrongCard);
        }
        let (_, holder) = self.holders.get(&giver.id).ok_or(Void::GiverMayNot)?;
        let key = CardKey::from_spki(&holder.key).map_err(|_| Void::BadSignature)?;
        if !key.signed(&grant_words(site, grant), &giver.signature) {
            return Err(Void::BadSignature);
        }
        let by = |right: &Right| self.under(giver.id, giver.under, right);
        let (right, under) = [Right::Representative, Right::Manager].iter().find_map(by).ok_or(Void::GiverMayNot)?;
        let may = grant.rights.iter().all(|given| right.gives(given));
        if !may || under.until < taipei_day(at.second) {
            return Err(Void::GiverMayNot);
        }
        let lost = |taken: &EntryId| self.taken_at(taken).is_none_or(|taken| !is_before(*at, taken));
        if under.beaten_by.iter().any(lost) { Err(Void::GiverWasWithdrawn) } else { Ok(()) }
    }

    fn under<'a>(&'a self, giver: StaffId, under: EntryId, right: &Right) -> Option<(Right, &'a Holding)> {
        let holdings = self.held.get(&(giver, right.clone()))?;
        holdings.iter().find(|holding| holding.grant == under).map(|holding| (right.clone(), holding))
    }

    /// When a revocation was written.
    pub(super) fn taken_at(&self, taken: &EntryId) -> Option<Instant> {
        self.times.get(taken).copied()
    }

    /// Whether somebody may do this on this day, and by which grant.
    ///
    /// # Errors
    /// Where they may not, with the reason.
    pub fn may(&self, who: &StaffId, right: &Right, day: NaiveDate) -> Result<&Holding, Denied> {
        if let Some(word) = self.refused(right) {
            return Err(Denied::ServiceRefused { reason: word.reason.clone() });
        }
        let key = (*who, right.clone());
        let held = self.held.get(&key).map(Vec::as_slice).unwrap_or_default();
        let stands = |holding: &&Holding| holding.beaten_by.is_empty();
        if let Some(holding) = held.iter().filter(stands).find(|holding| day <= holding.until) {
            return Ok(holding);
        }
        if let Some(until) = held.iter().filter(stands).map(|holding| holding.until).max() {
            return Err(Denied::Expired { until });
        }
        let last = if held.is_empty() { None } else { self.taken.get(&key).and_then(|taken| taken.last()) };
        match last {
            Some((at, _, reason)) => Err(Denied::Withdrawn { at: *at, reason: reason.clone() }),
            None => Err(Denied::NeverGiven),
        }
    }

    /// Everything that somebody may do on this day.
    #[must_use]
    pub fn of(&self, who: &StaffId, day: NaiveDate) -> Vec<Right> {
        let all = self.held.keys().filter(|(id, _)| id == who).map(|(_, right)| right);
        all.filter(|right| self.may(who, right, day).is_ok()).cloned().collect()
    }

    /// Everybody who was ever given a right, with the entry that described them last.
    pub fn holders(&self) -> impl Iterator<Item = (&StaffId, &EntryId, &Holder)> {
        self.holders.iter().map(|(id, (entry, holder))| (id, entry, holder))
    }

    /// One of them.
    #[must_use]
    pub fn holder(&self, who: &StaffId) -> Option<&Holder> {
        self.holders.get(who).map(|(_, holder)| holder)
    }

    /// Every right that somebody ever had, with its last day.
    pub fn ever(&self, who: &StaffId) -> impl Iterator<Item = (&Right, &[Holding])> {
        self.held.iter().filter(move |((id, _), _)| id == who).map(|((_, right), held)| (right, held.as_slice()))
    }

    /// The revocations of a right that a new grant of it has to name.
    #[must_use]
    pub fn revocations(&self, who: &StaffId, right: &Right) -> Vec<EntryId> {
        let taken = self.taken.get(&(*who, right.clone()));
        taken.into_iter().flatten().map(|(_, id, _)| *id).collect()
    }

    /// Every revocation of somebody's right, the earliest first: when, which, why.
    #[must_use]
    pub fn withdrawals(&self, who: &StaffId, right: &Right) -> &[(Instant, EntryId, String)] {
        self.taken.get(&(*who, right.clone())).map(Vec::as_slice).unwrap_or_default()
    }

    /// The grants of somebody's right.
    pub(super) fn holdings(&self, who: &StaffId, right: &Right) -> &[Holding] {
        self.held.get(&(*who, right.clone())).map(Vec::as_slice).unwrap_or_default()
    }

    /// Grants that give nothing, and why.
    pub fn void(&self) -> impl Iterator<Item = (&EntryId, Void)> {
        self.void.iter().map(|(id, void)| (id, *void))
    }

    /// Whether nobody was ever given anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    /// Whether somebody was ever given this right: from then on it has to be shown. A site that has named a 機構代表 and
    /// nobody who may sell goes on as before.
    #[must_use]
    pub fn guards(&self, right: &Right) -> bool {
        self.held.keys().any(|(_, held)| held == right)
    }
}

/// What a grant depends on: nothing but the hub, representatives, managers. The hub's own depend on nothing, whatever
/// they give.
fn tier_of(given: &Given) -> usize {
    let tier = |right: &Right| match right {
        Right::Representative => 0,
        Right::Manager => 1,
        Right::Service(_) => 2,
    };
    match given.place {
        Place::Desk => 0,
        Place::Site => given.grant.rights.iter().map(tier).max().unwrap_or_default(),
    }
}

/// Whether the first was before the second, whatever the clocks were off.
fn is_before(first: Instant, second: Instant) -> bool {
    let reach = i64::from(first.doubt_s).saturating_add(i64::from(second.doubt_s));
    first.second.saturating_add(reach) < second.second
}
