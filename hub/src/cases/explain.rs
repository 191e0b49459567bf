//! One case with everything that an operator or a site asks about it.

use std::collections::HashMap;

use shared::entry::Fact;
use shared::ids::{CaseId, EntryId, ProgrammeId, SiteCode};
use shared::rules::booking::round::Round;
use shared::rules::identity::Document;
use shared::rules::programme::Text;
use shared::rules::quota::{Finding, FindingKind, Purchase, Timed};
use shared::rules::refusal::Refusal;

use super::{CaseDetail, FindingLine, Knew, SaleLine, Times, blame, bookings, order, words};
use crate::conflict::{self, Effect};
use crate::hub::{Hub, HubError};
use crate::project::as_purchase;
use crate::store::{BookingRow, CaseRow, FindingRow, Kind, SaleRow};

impl Hub {
    /// A case explained; none where no such case was ever found.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn case(&self, id: &CaseId) -> Result<Option<CaseDetail>, HubError> {
        match self.store.case(id)? {
            Some(row) => self.explain(row).map(Some),
            None => Ok(None),
        }
    }

    fn explain(&self, case: CaseRow) -> Result<CaseDetail, HubError> {
        let mut rows = self.store.sales(&case.programme, &case.tag)?;
        rows.sort_by_key(order);
        let mut sales = Vec::with_capacity(rows.len());
        let mut live = Vec::with_capacity(rows.len());
        let mut buyers: Vec<Document> = Vec::with_capacity(rows.len());
        for row in &rows {
            let buyer = self.unseal_again(&row.site, &row.id, &row.document)?;
            sales.push(self.sale_line(row, &buyer)?);
            if row.effect != Effect::Withdrawn {
                live.push(as_purchase(row, &buyer));
            }
            buyers.push(buyer);
        }
        let booked = self.bookings_in_order(&case)?;
        if let (true, Some(row)) = (buyers.is_empty(), booked.first()) {
            buyers.push(self.unseal_again(&row.site, &row.id, &row.document)?);
        }
        let first = buyers.first().ok_or_else(|| HubError::Damaged(format!("case {} is of nothing", case.id)))?;
        let findings = self.finding_lines(&case, &live, &sales)?;
        let bookings = self.booking_lines_of(&booked)?;
        let booking_findings = self.booking_findings(&case, &bookings)?;
        Ok(CaseDetail {
            id: case.id,
            title: if live.is_empty() { self.booking_title(&case, &booked)? } else { self.title(&case, &live)? },
            programme: case.programme,
            open: case.open,
            opened: case.opened,
            person: first.masked(),
            kind: first.kind(),
            summary: both(
                (!sales.is_empty()).then(|| words::summary(&sales, &findings)),
                (!bookings.is_empty()).then(|| bookings::summary(&bookings, &booking_findings)),
            ),
            sales,
            findings,
            bookings,
            booking_findings,
        })
    }

    pub(crate) fn sale_line(&self, row: &SaleRow, buyer: &Document) -> Result<SaleLine, HubError> {
        let found =
            self.find_at(&row.id, row.pos)?.ok_or_else(|| HubError::Damaged(format!("entry {} is missing", row.id)))?;
        let Fact::Sale(sale) = found.entry.fact else {
            return Err(HubError::Damaged(format!("entry {} is no sale", row.id)));
        };
        let mut line = SaleLine {
            id: row.id,
            site: row.site,
            site_name: self.site_name(&row.site)?,
            instant: row.instant,
            doubt_s: row.doubt_s,
            recorded: row.recorded,
            written: found.entry.at,
            received: found.received,
            ahead: row.ahead,
            pieces: row.pieces,
            kind: buyer.kind(),
            reading: row.reading,
            version: row.version.clone(),
            by: found.entry.by,
            proxied: sale.proxy.is_some(),
            watermark: row.watermark,
            behind: sale.behind,
            published: row.fed,
            approved_by: sale.approved_by,
            journal: found.pos,
            store: self.store.journal_line(found.pos)?,
            effect: row.effect,
            text: Text::new("", ""),
        };
        line.text = words::receipt(&line);
        Ok(line)
    }

    pub(crate) fn site_name(&self, site: &SiteCode) -> Result<String, HubError> {
        Ok(self.store.site(site)?.map_or_else(|| site.to_string(), |record| record.name))
    }

    /// What the round of the last booking is called.
    fn booking_title(&self, case: &CaseRow, booked: &[BookingRow]) -> Result<Text, HubError> {
        let round = booked.last().map(|row| self.store.round(&row.round)).transpose()?.flatten();
        let title = round.and_then(|text| Round::parse(&text).ok()).map(|round| round.title);
        title.map_or_else(|| self.title(case, &[]), Ok)
    }

    /// What the programme is called by the version in force when it last happened.
    fn title(&self, case: &CaseRow, live: &[Purchase]) -> Result<Text, HubError> {
        self.title_on(&case.programme, live.last().map_or(i64::MAX, |purchase| purchase.instant))
    }

    /// What a programme is called by the version in force at a second.
    pub(crate) fn title_on(&self, programme: &ProgrammeId, second: i64) -> Result<Text, HubError> {
        let versions = self.fresh_versions()?;
        let version = versions.in_force(programme, shared::rules::calendar::taipei_day(second));
        let unnamed = || Text::new(programme.as_str(), programme.as_str());
        Ok(version.map_or_else(unnamed, |version| version.title.clone()))
    }

    fn finding_lines(
        &self,
        case: &CaseRow,
        live: &[Purchase],
        sales: &[SaleLine],
    ) -> Result<Vec<FindingLine>, HubError> {
        let versions = self.fresh_versions()?;
        let cleared = self.store.cleared_of(&case.programme, &case.tag)?;
        let judgement = conflict::judge(&versions, &case.programme, live, &cleared);
        let mut findings = judgement.findings;
        findings.extend(self.doubtful_times(case)?);
        let by_id: HashMap<EntryId, &SaleLine> = sales.iter().map(|sale| (sale.id, sale)).collect();
        let purchases: HashMap<EntryId, &Purchase> = live.iter().map(|purchase| (purchase.id, purchase)).collect();
        let mut lines = Vec::with_capacity(findings.len());
        for finding in findings {
            let Some(sale) = by_id.get(&finding.sale) else { continue };
            let vouched = self.vouched(&sale.site)?;
            let because: Vec<&SaleLine> = finding.because.iter().filter_map(|id| by_id.get(id).copied()).collect();
            let knew: Vec<Knew> = because.iter().map(|other| blame::knew(sale, other, &vouched)).collect();
            let before: Vec<(EntryId, Knew)> = because.iter().map(|other| other.id).zip(knew.iter().copied()).collect();
            let too_many = |known: &[EntryId]| {
                let those = known.iter().chain([&sale.id]).filter_map(|id| purchases.get(id).copied().cloned());
                let judgement = conflict::judge(&versions, &case.programme, &those.collect::<Vec<_>>(), &cleared);
                judgement.findings.iter().any(|found| found.sale == sale.id)
            };
            let knowledge = blame::could_have_known(sale, &before, too_many);
            let times = times(sale, &because);
            lines.push(FindingLine {
                sale: finding.sale,
                kind: finding.kind,
                code: finding.refusal.code(),
                next: finding.refusal.next(),
                knowledge,
                times,
                text: words::finding(&finding, sale, &because, (knowledge, &knew, times)),
                because: because.iter().map(|other| other.id).collect(),
                knew,
            });
        }
        Ok(lines)
    }

    /// As they were found when the person was looked at last.
    fn doubtful_times(&self, case: &CaseRow) -> Result<Vec<Finding>, HubError> {
        let mut found = self.store.findings(&case.id)?;
        found.retain(|row| row.kind == Kind::Sale(FindingKind::DoubtfulTime));
        let sales = self.store.sales(&case.programme, &case.tag)?;
        let finding = |row: FindingRow| {
            let sale = sales.iter().find(|sale| sale.id == row.sale)?;
            let refusal = Refusal::Clock { doubt_s: sale.doubt_s };
            Some((
                sale.instant,
                Finding { sale: row.sale, kind: FindingKind::DoubtfulTime, refusal, because: row.because },
            ))
        };
        let mut found: Vec<(i64, Finding)> = found.into_iter().filter_map(finding).collect();
        found.sort_by_key(|(instant, finding)| (*instant, finding.sale));
        Ok(found.into_iter().map(|(_, finding)| finding).collect())
    }
}

/// One text after the other.
fn both(sales: Option<Text>, bookings: Option<Text>) -> Text {
    let all: Vec<Text> = sales.into_iter().chain(bookings).collect();
    let joined = |of: fn(&Text) -> &str| all.iter().map(of).collect::<Vec<_>>().join(" ");
    Text { zh: joined(|text| &text.zh), en: joined(|text| &text.en) }
}

/// Whether the sale came certainly after those that filled the window, and all of them on the days written down.
fn times(sale: &SaleLine, because: &[&SaleLine]) -> Times {
    let timed =
        |line: &SaleLine| Timed { id: line.id, instant: line.instant, doubt_s: line.doubt_s, pieces: line.pieces };
    let after = |other: &&SaleLine| {
        let apart = sale.instant.saturating_sub(other.instant);
        // One ledger has an order of its own.
        other.site == sale.site || apart > i64::from(sale.doubt_s).saturating_add(i64::from(other.doubt_s))
    };
    let on_their_days = because.iter().copied().chain([sale]).all(|line| !timed(line).is_doubtful());
    if on_their_days && because.iter().all(after) { Times::Certain } else { Times::InDoubt }
}
