//! 說明單 and 異議: who is refused is told why, and may say that it is wrong (docs/disputes.md).
//!
//! A dispute is an entry of this site's with what was known of the person; it moves neither stock nor quota. The
//! hub's decision comes down: what is cleared with the nation's feed and ledger, the words with this site's desk.

use chrono::NaiveDate;
use shared::entry::{Decision, Dispute, Entry, Fact, Found, Instant, Source};
use shared::ids::ProgrammeId;
use shared::rules::identity::{Document, Person};
use shared::rules::programme::Version;
use shared::rules::refusal::Refusal;
use shared::rules::sale::{Known, examine};
use shared::sync::edge::LogPos;
use shared::wire::v1::entry::FOUND_MAX;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::Welcome;

use super::access::Doing;
use super::ask::{Decided, DisputeLine, DisputeRequest, Disputed, DocumentText, Examine, Slip};
use super::confirm::Confirmation;
use super::history::{self, History};
use super::sale::{parse, version_for};
use super::shelf::is_meant;
use super::write::{Draft, decoded, reason};
use super::{Answer, BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;
use crate::store::LogRow;

/// Somebody who is refused because of what was bought.
struct RefusedNow {
    document: Document,
    version: Version,
    next: Option<NaiveDate>,
    found: Vec<Found>,
    at: Instant,
    today: NaiveDate,
}

impl Node {
    /// 說明單: what the refusal of somebody rests on, by the list or by what the hub has answered. Nothing is written.
    ///
    /// # Errors
    /// Where the store fails; where the person is not refused.
    pub fn slip(&mut self, ask: &Examine, confirmed: Option<&Confirmation>, reading: Reading) -> Answer<Slip> {
        self.admit(Doing::Look, reading)?;
        let refused = match self.refused_now((ask.programme.as_ref(), &ask.document), confirmed, reading)? {
            Ok(refused) => refused,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let RefusedNow { document, version, next, found, at, today: _ } = refused;
        let latest = self.newest_dispute(&version.programme, &document.person(), |_| true)?;
        // A dispute of other days is over with them.
        let same = |line: &DisputeLine| line.found.iter().any(|one| found.contains(one));
        Ok(Ok(Slip {
            at,
            mark: self.mark(&version, at, reading),
            masked: document.masked(),
            dispute: latest.map(|(_, line)| line).filter(same),
            found,
            next,
            title: version.title,
            programme: version.programme,
        }))
    }

    /// 提出異議: only by somebody who is refused now because of what was bought.
    ///
    /// # Errors
    /// Where the store fails, the question is no question, the person is not refused, or the hub takes no disputes.
    pub fn dispute(
        &mut self,
        ask: &DisputeRequest,
        confirmed: Option<&Confirmation>,
        reading: Reading,
    ) -> Answer<Committed<Disputed>> {
        self.admit(Doing::Write, reading)?;
        if let Some(disputed) = self.disputed_before(ask, reading)? {
            return Ok(Ok(disputed));
        }
        let refused = match self.refused_now((ask.programme.as_ref(), &ask.document), confirmed, reading)? {
            Ok(refused) => refused,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !self.takes_disputes {
            return Err(BadAsk::NoDisputes.into());
        }
        let RefusedNow { document, version, found, at, today, .. } = refused;
        let (by, reason) = (self.author(&ask.by)?, reason(&ask.reason)?);
        let waits = |line: &DisputeLine| line.decided.is_none();
        if let Some((pos, _)) = self.newest_dispute(&version.programme, &document.person(), waits)?
            && let Some(row) = self.store.row(pos)?
        {
            return row.try_map(|row| self.disputed_again(&row)).map(Ok);
        }
        let slot = self.slot(today)?;
        let (id, pos) = (slot.id(), slot.pos);
        let stock = self.stock_of(&version.programme);
        let fact = Fact::Dispute(Dispute {
            programme: version.programme.clone(),
            version: version.name.clone(),
            reading: document.reading(),
            watermark: self.line.feed,
            document: self.keys.seal(&id, 0, &document)?,
            found: found.clone(),
            reason,
        });
        let programme = version.programme.clone();
        let disputed = Disputed { id, pos, at, programme, masked: document.masked(), found, replayed: false };
        let draft = Draft {
            slot,
            at,
            reading,
            by,
            fact,
            programme: &version.programme,
            stock,
            request: ask.request.as_deref(),
            quota: None,
            carried: None,
            withdraws: None,
        };
        let disputed = self.commit(draft, disputed)?;
        self.disputes.push(pos);
        Ok(Ok(disputed))
    }

    /// This site's disputes, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn disputes(&self, limit: usize) -> Result<Vec<DisputeLine>, NodeError> {
        let newest = self.disputes.iter().rev().take(limit);
        let lines = newest.map(|pos| self.dispute_at(*pos).map(|found| found.map(|(line, _)| line)));
        lines.filter_map(Result::transpose).collect()
    }

    /// What was said at the greeting; it is kept, for people are refused while there is no line.
    pub(super) fn note_what_the_hub_takes(&mut self, welcome: &Welcome) -> Result<(), NodeError> {
        let said = |takes: fn(&HubLife) -> bool| welcome.life.as_ref().is_some_and(takes);
        let (disputes, access, booking) = (said(|hub| hub.disputes), said(|hub| hub.access), said(|hub| hub.booking));
        self.note_that_it_takes("disputes", (self.takes_disputes, disputes))?;
        self.takes_disputes = disputes;
        self.note_that_it_takes("access", (self.takes_access, access))?;
        self.takes_access = access;
        self.note_that_it_takes("booking", (self.takes_booking, booking))?;
        self.takes_booking = booking;
        Ok(())
    }

    fn note_that_it_takes(&mut self, what: &str, (before, now): (bool, bool)) -> Result<(), NodeError> {
        if before == now {
            return Ok(());
        }
        let noted = self.store.put_hub_takes(what, now);
        self.promised(noted)
    }

    /// The last word on a dispute.
    pub(super) fn decided(&mut self, entry: (i64, String), decision: Decision) {
        let Decision { of, granted, words } = decision;
        let (second, by) = entry;
        self.decisions.insert(of, Decided { granted, words, by, second });
    }

    fn refused_now(
        &mut self,
        (programme, document): (Option<&ProgrammeId>, &DocumentText),
        confirmed: Option<&Confirmation>,
        reading: Reading,
    ) -> Answer<RefusedNow> {
        let (at, today) = self.today(reading);
        let document = match parse(document, today) {
            Ok(document) => document,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let versions = self.versions();
        let Some(version) = version_for(&versions, programme, today) else {
            return Ok(Err(Refusal::NoProgramme));
        };
        let person = document.person();
        let history = self.history(version, &person, today, confirmed)?;
        let stock = self.stock_of(&version.programme);
        let (past, heard) = (&history.past, self.heard(at, reading));
        let known = Known { version: Some(version), history: past, stock, today, doubt_s: at.doubt_s, heard };
        match examine(&known, &document) {
            Ok(_) => Err(BadAsk::NotRefused.into()),
            Err(Refusal::Bought { next, evidence: _ }) => {
                let found = found(version, &history, today);
                Ok(Ok(RefusedNow { document, version: version.clone(), next, found, at, today }))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The newest dispute of a person in a programme at this site that fits.
    fn newest_dispute(
        &self,
        programme: &ProgrammeId,
        person: &Person,
        fits: impl Fn(&DisputeLine) -> bool,
    ) -> Result<Option<(LogPos, DisputeLine)>, NodeError> {
        for pos in self.disputes.iter().rev() {
            if let Some((line, document)) = self.dispute_at(*pos)?
                && line.programme == *programme
                && document.person() == *person
                && fits(&line)
            {
                return Ok(Some((*pos, line)));
            }
        }
        Ok(None)
    }

    fn dispute_at(&self, pos: LogPos) -> Result<Option<(DisputeLine, Document)>, NodeError> {
        let Some(row) = self.store.row(pos)?.map(Committed::into_inner) else {
            return Ok(None);
        };
        let Entry { at, by, fact } = decoded(&row)?;
        let Fact::Dispute(dispute) = fact else {
            return Ok(None);
        };
        let document = self.keys.open(&row.id, 0, &dispute.document)?;
        let line = DisputeLine {
            id: row.id,
            at,
            programme: dispute.programme,
            masked: document.masked(),
            found: dispute.found,
            reason: dispute.reason,
            by: by.name,
            acked: self.line.has(row.pos),
            decided: self.decisions.get(&row.id).cloned(),
        };
        Ok(Some((line, document)))
    }

    /// The same request again: the same answer.
    fn disputed_before(
        &mut self,
        ask: &DisputeRequest,
        reading: Reading,
    ) -> Result<Option<Committed<Disputed>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else {
            return Ok(None);
        };
        let (_, today) = self.today(reading);
        let disputed = found.try_map(|(row, entry)| {
            let Fact::Dispute(dispute) = &entry.fact else {
                return Err(NodeError::from(BadAsk::RequestReused));
            };
            let document = self.keys.open(&row.id, 0, &dispute.document)?;
            let same = parse(&ask.document, today).is_ok_and(|asked| asked == document)
                && is_meant(ask.programme.as_ref(), &dispute.programme)
                && ask.reason.trim() == dispute.reason;
            if same { self.disputed_again(&row) } else { Err(BadAsk::RequestReused.into()) }
        })?;
        Ok(Some(disputed))
    }

    fn disputed_again(&self, row: &LogRow) -> Result<Disputed, NodeError> {
        let Entry { at, by: _, fact } = decoded(row)?;
        let Fact::Dispute(dispute) = fact else {
            return Err(BadAsk::RequestReused.into());
        };
        let masked = self.keys.open(&row.id, 0, &dispute.document)?.masked();
        let (id, pos, programme, found) = (row.id, row.pos, dispute.programme, dispute.found);
        Ok(Disputed { id, pos, at, programme, masked, found, replayed: true })
    }
}

/// Whence each purchase is known that stands in the way, each day and source once.
fn found(version: &Version, history: &History, today: NaiveDate) -> Vec<Found> {
    let all = history.past.iter().zip(&history.sources);
    let counted = all.filter(|(past, _)| past.pieces.total() > 0 && version.window.joins(past.day, today));
    let source = |source: &history::Source| match source {
        history::Source::Own(_) => Source::Own,
        history::Source::Nation { .. } => Source::Nation,
    };
    let mut found: Vec<Found> = counted.map(|(past, known)| Found { day: past.day, source: source(known) }).collect();
    found.sort_unstable();
    found.dedup();
    found.drain(..found.len().saturating_sub(FOUND_MAX));
    found
}
