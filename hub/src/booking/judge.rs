//! Judging whoever a batch touched: which booking counts, what is found of the others, who has to hear of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use shared::entry::booking::{Booking, BookingStanding, Shown, Stands};
use shared::entry::{Entry, Fact, Pieces};
use shared::ids::{EntryId, PersonTag, ProgrammeId, SiteCode, VersionName};
use shared::rules::booking::decide::{Listed, in_round};
use shared::rules::booking::judge::{Made, judge};
use shared::rules::booking::listing::Listing;
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::booking::round::Round;
use shared::rules::calendar::taipei_time;
use shared::rules::identity::Document;
use shared::seal;
use shared::wire::v1::feed::Item;

use super::{BOOKINGS_READ_MAX, BookingFault, Touches, Which};
use crate::hub::{Hub, HubError};
use crate::publish::{News, SELF, desk, signed};
use crate::store::{BookingRow, CaseRow, FindingRow, Kind, Standing};

/// As the feed and the digests carry a live booking.
const ONE: Pieces = Pieces { adult: 1, child: 0 };

/// What is to be told once everybody is judged.
#[derive(Default)]
pub(super) struct Telling {
    /// Not while the journal is replayed.
    pub(super) tells: bool,
    pub(super) received: i64,
    news: News,
    stands: BTreeMap<EntryId, (SiteCode, Stands)>,
    /// Bookings that a venue may have to hear of.
    venues: BTreeSet<EntryId>,
}

impl Telling {
    pub(super) fn new(received: i64, tells: bool) -> Self {
        Self { tells, received, ..Self::default() }
    }
}

impl Hub {
    /// Judges and writes what a batch touched; answers wishes and lends what has become free.
    pub(crate) fn settle_bookings(&mut self, touches: Touches, (received, tell): (i64, bool)) -> Result<(), HubError> {
        if touches.is_empty() {
            return Ok(());
        }
        let mut telling = Telling::new(received, tell);
        for ((tag, programme), which) in &touches.people {
            self.judge_booker(programme, tag, which, &mut telling)?;
        }
        for slot in &touches.slots {
            self.store.settle_slot(*slot)?;
        }
        let gives = tell && !self.memory.holds_back;
        if gives {
            self.answer_wishes_of(&touches, &mut telling)?;
        }
        self.tell_all(telling)?;
        if gives {
            self.refill(&touches.slots, received)?;
            self.refill_sites(&touches.sites, received)?;
        }
        Ok(())
    }

    pub(super) fn tell_all(&mut self, telling: Telling) -> Result<(), HubError> {
        let Telling { received, news, stands, venues, .. } = telling;
        self.publish_news(news)?;
        let mut desks: BTreeMap<SiteCode, Vec<Entry>> = BTreeMap::new();
        for (of, (site, stands)) in stands {
            if self.store.told_booking(&of)? != stands {
                let standing = Booking::Standing(BookingStanding { of, stands });
                desks.entry(site).or_default().push(signed(Fact::Booking(standing), SELF, received));
            }
        }
        for (site, entries) in desks {
            self.write(desk(&site, received), &entries, received)?;
        }
        self.tell_venues(&venues, received)
    }

    /// Judges one person in one programme. However many bookings somebody has, only those are looked at that were
    /// touched or stand otherwise now; all of them where another is live.
    pub(super) fn judge_booker(
        &mut self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        which: &Which,
        telling: &mut Telling,
    ) -> Result<(), HubError> {
        let rows = self.store.bookings_of(programme, tag, u32::MAX)?;
        let mut made = Vec::with_capacity(rows.len());
        for row in &rows {
            made.extend(self.made(row)?);
        }
        let judged: HashMap<EntryId, (Stands, Option<EntryId>)> =
            judge(&made).into_iter().map(|(id, stands, first)| (id, (stands, first))).collect();
        let is_touched = |row: &BookingRow| match which {
            Which::All => true,
            Which::These(ids) => ids.contains(&row.id),
        };
        let live = Standing::Stands(Stands::Live);
        // Of each round one may be live.
        let was_live: BTreeSet<EntryId> =
            rows.iter().filter(|row| row.standing == live && !is_touched(row)).map(|row| row.id).collect();
        let is_live: BTreeSet<EntryId> =
            judged.iter().filter(|(_, (stands, _))| *stands == Stands::Live).map(|(id, _)| *id).collect();
        let (mut ids, mut findings) = (BTreeSet::new(), Vec::new());
        for row in rows {
            let stands = judged.get(&row.id).copied();
            let standing = match (stands, row.standing) {
                (Some((stands, _)), _) => Standing::Stands(stands),
                (None, Standing::TurnedDown) => Standing::TurnedDown,
                (None, _) if row.cancelled => Standing::Stands(Stands::Cancelled),
                (None, _) => Standing::Waits,
            };
            if was_live == is_live && standing == row.standing && !is_touched(&row) {
                continue;
            }
            ids.insert(row.id);
            findings.extend(self.findings_of(&row, stands)?);
            self.stand(row, standing, telling)?;
        }
        let id = self.keys.case(programme, tag);
        if !findings.is_empty() || self.store.case(&id)?.is_some() {
            self.store.set_findings(&id, &ids, &findings)?;
            let (programme, open) = (programme.clone(), !findings.is_empty());
            self.store.put_case(&CaseRow { id, programme, tag: *tag, opened: telling.received, open })?;
        }
        Ok(())
    }

    /// A booking as the rule sees it; none of a wish that was not granted.
    pub(super) fn made(&self, row: &BookingRow) -> Result<Option<Made>, HubError> {
        let Some(slot) = row.slot.as_ref().filter(|_| row.given.is_some()) else { return Ok(None) };
        let (round, given) = (row.round.clone(), self.store.given_at(&row.id, &slot.venue)?);
        let BookingRow { id, site, at, reading, cancelled, .. } = *row;
        Ok(Some(Made { id, site, at, reading, cancelled, round, date: slot.date, given }))
    }

    /// Whether somebody has a live booking that stands in the way of one of this round now.
    pub(super) fn is_blocked(
        &self,
        (programme, tag): (&ProgrammeId, &PersonTag),
        round: &VersionName,
        second: i64,
    ) -> Result<bool, HubError> {
        for row in self.store.bookings_of(programme, tag, BOOKINGS_READ_MAX)? {
            let is_live = row.standing == Standing::Stands(Stands::Live);
            if is_live && self.made(&row)?.is_some_and(|made| made.blocks(round, second)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes how a booking stands now, and puts on the list who must hear of it.
    fn stand(&mut self, row: BookingRow, standing: Standing, telling: &mut Telling) -> Result<(), HubError> {
        let was_waiting = row.standing == Standing::Waits;
        if was_waiting && standing != Standing::Waits {
            self.store.end_ranked(&row.id)?;
        }
        let mut fed = row.fed;
        if telling.tells {
            fed = self.feed_day(&row, standing);
            self.tell_nation(&row, fed, telling)?;
            if let Standing::Stands(stands) = standing {
                telling.stands.insert(row.id, (row.site, stands));
                telling.venues.insert(row.id);
            }
        }
        if standing != row.standing || fed != row.fed {
            self.store.set_booking(&BookingRow { standing, fed, ..row })?;
        }
        Ok(())
    }

    /// Under which day the nation hears of a booking; none unless it is the live one.
    fn feed_day(&self, row: &BookingRow, standing: Standing) -> Option<NaiveDate> {
        let is_live = standing == Standing::Stands(Stands::Live);
        self.round_of(row).filter(|_| is_live).map(Round::list_day)
    }

    /// The round that a booking names, where this hub has published it in that programme.
    pub(super) fn round_of(&self, row: &BookingRow) -> Option<&Round> {
        self.memory.rounds.named(&row.round).filter(|round| round.programme == row.programme)
    }

    fn tell_nation(&mut self, row: &BookingRow, day: Option<NaiveDate>, telling: &mut Telling) -> Result<(), HubError> {
        if day == row.fed {
            return Ok(());
        }
        let person = self.unseal_again(&row.site, &row.id, &row.document)?.person();
        for (day, gone) in row.fed.map(|day| (day, true)).into_iter().chain(day.map(|day| (day, false))) {
            let fingerprint = self.fingerprint(&row.programme, day, &person)?;
            let item = Item { fingerprint, mark: seal::mark(&row.id), pieces: ONE, gone };
            telling.news.push(&row.programme, day, item, None);
        }
        Ok(())
    }

    /// After a rebuild: what is live and was told already keeps its place in the feed, the rest is told.
    pub(crate) fn tell_bookings_again(
        &mut self,
        news: &mut News,
        mut was_told: impl FnMut(&(ProgrammeId, NaiveDate, u64, u32)) -> bool,
    ) -> Result<(), HubError> {
        for row in self.store.bookings()? {
            let Some(day) = self.feed_day(&row, row.standing) else { continue };
            let person = self.unseal_again(&row.site, &row.id, &row.document)?.person();
            let fingerprint = self.fingerprint(&row.programme, day, &person)?;
            let mark = seal::mark(&row.id);
            if !was_told(&(row.programme.clone(), day, fingerprint, mark)) {
                news.push(&row.programme, day, Item { fingerprint, mark, pieces: ONE, gone: false }, None);
            }
            self.store.set_booking(&BookingRow { fed: Some(day), ..row })?;
        }
        Ok(())
    }

    fn findings_of(
        &mut self,
        row: &BookingRow,
        stands: Option<(Stands, Option<EntryId>)>,
    ) -> Result<Vec<FindingRow>, HubError> {
        let found = |fault, code: &str, because| FindingRow {
            sale: row.id,
            kind: Kind::Booking(fault),
            code: code.to_owned(),
            next: None,
            because,
        };
        let first = match stands {
            None | Some((Stands::Cancelled, _)) => return Ok(Vec::new()),
            Some((Stands::Live, _)) => None,
            Some((Stands::Over, first)) => first,
        };
        let mut out = Vec::new();
        out.extend(first.map(|first| found(BookingFault::Over, "booked", vec![first])));
        if row.shown == Shown::Unseen
            && let Some(refusal) = self.refused_by_list(row)?
        {
            out.push(found(BookingFault::NotEligible, refusal.code(), Vec::new()));
        }
        if let Some((_, serial)) = row.given
            && self.store.first_of_serial(serial)?.is_some_and(|first| first.id != row.id)
        {
            out.push(found(BookingFault::NumberTwice, "number", Vec::new()));
        }
        if self.store.is_number_anothers(&row.id)? {
            out.push(found(BookingFault::NumberNotLent, "number", Vec::new()));
        }
        if let Some(slot) = &row.slot
            && !self.store.attended_elsewhere(&row.id, &slot.venue)?.is_empty()
        {
            out.push(found(BookingFault::AttendedElsewhere, "venue", Vec::new()));
        }
        Ok(out)
    }

    /// What a list that has been imported says against a booking; whatever it was when the booking was made.
    pub(super) fn refused_by_list(&mut self, row: &BookingRow) -> Result<Option<BookingRefusal>, HubError> {
        let Some(round) = self.round_of(row).cloned() else { return Ok(None) };
        let document = self.unseal_again(&row.site, &row.id, &row.document)?;
        let listed = self.listed(&round, &document)?;
        if listed == Listed::Unseen {
            return Ok(None);
        }
        let said = in_round(&round, &document, taipei_time(row.at.second), listed);
        Ok(said.err().filter(|refusal| matches!(refusal, BookingRefusal::NotEligible { .. })))
    }

    /// What the list of a round says of somebody.
    pub(super) fn listed(&mut self, round: &Round, document: &Document) -> Result<Listed, HubError> {
        let Some(programme) = round.list_programme() else { return Ok(Listed::Unseen) };
        let day = (programme, round.list_day());
        let print = self.fingerprint(&day.0, day.1, &document.person())?;
        Ok(match self.store.listed(&day, print)? {
            Some(Some(pieces)) => Listed::On(Listing::unpacked(pieces)),
            Some(None) => Listed::Off,
            None => Listed::Unseen,
        })
    }
}
