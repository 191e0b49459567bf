//! Judging everybody whom a batch touched, and writing what changed: sales, cases, the nation's
//! feed and the desks, all in the batch's transaction.

use std::collections::BTreeSet;

use chrono::NaiveTime;
use shared::entry::Reading;
use shared::ids::{EntryId, PersonTag, ProgrammeId};
use shared::planted;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::identity::{Document, Person};
use shared::rules::quota::{Finding, Purchase};
use shared::seal;
use shared::wire::v1::feed::Item;

use super::{Batch, Since, Touched, timed};
use crate::conflict::{self, Effect, Judgement, Place};
use crate::hub::{Hub, HubError};
use crate::publish::{News, Standings};
use crate::store::{CaseRow, FindingRow, Kind, SaleRow};

/// What is to be written once everybody is judged.
#[derive(Default)]
struct Plan {
    sales: Vec<Change>,
    cases: Vec<CaseChange>,
    news: News,
    standings: Standings,
    /// Whose times are to be looked at when the rest is written.
    in_doubt: Vec<(ProgrammeId, PersonTag)>,
}

/// A case, and what is found now of the sales that were judged again.
struct CaseChange {
    case: CaseRow,
    judged: BTreeSet<EntryId>,
    findings: Vec<FindingRow>,
}

/// A sale that is new or stands otherwise than before.
struct Change {
    programme: ProgrammeId,
    tag: PersonTag,
    row: SaleRow,
    new: bool,
}

/// A sale on the judge's table.
struct Judged {
    row: SaleRow,
    old: Option<Place>,
    buyer: Option<Document>,
}

impl Hub {
    /// Judges and writes a batch.
    pub(crate) fn settle(&mut self, batch: Batch) -> Result<(), HubError> {
        let Batch { received, grown: _, people, stock, deeds, bookings, tell } = batch;
        let mut plan = Plan::default();
        for ((tag, programme), touched) in people {
            self.judge_person(&programme, tag, touched, (received, tell), &mut plan)?;
        }
        let positions = self.publish_news(plan.news)?;
        for (sale, position) in positions {
            if let Some(change) = plan.sales.get_mut(sale) {
                change.row.fed = Some(position);
            }
        }
        for change in &plan.sales {
            if change.new {
                self.store.put_sale(&change.programme, &change.tag, &change.row)?;
            } else {
                self.store.set_effect(&change.programme, &change.tag, &change.row)?;
            }
        }
        for CaseChange { case, judged, findings } in &plan.cases {
            self.store.set_findings(&case.id, judged, findings)?;
            self.store.put_case(case)?;
        }
        for (programme, tag) in plan.in_doubt {
            self.look_for_doubt(&programme, tag, received)?;
        }
        for ((site, programme), stock) in stock {
            self.store.add_stock(&site, &programme, stock.adult, stock.child)?;
        }
        self.tell_desks(plan.standings, received)?;
        self.settle_rights(deeds, (received, tell))?;
        self.settle_bookings(bookings, (received, tell))
    }

    fn judge_person(
        &mut self,
        programme: &ProgrammeId,
        tag: PersonTag,
        touched: Touched,
        (received, tell): (i64, bool),
        plan: &mut Plan,
    ) -> Result<(), HubError> {
        let since = touched.since;
        let stood_in_doubt = self.store.is_in_doubt(programme, &tag)?;
        let sales = self.on_the_table(programme, &tag, touched)?;
        if stood_in_doubt || sales.iter().any(|sale| timed(&sale.row).is_doubtful()) {
            plan.in_doubt.push((programme.clone(), tag));
        }
        let live: Vec<Purchase> = sales.iter().filter_map(purchase).collect();
        let cleared = self.cleared_of(programme, &tag)?;
        let judgement = conflict::judge(&self.memory.versions, programme, &live, &cleared);
        let had_case = sales.iter().any(|sale| sale.old.is_some_and(|old| old.effect == Effect::Over || old.stale));
        if had_case || !judgement.findings.is_empty() {
            let judged = sales.iter().map(|sale| &sale.row).filter(|row| Since::sale(row) >= since).map(|row| row.id);
            plan.cases.push(self.case_of((programme, tag), received, judged.collect(), &judgement));
        }
        // None where nothing on the table was live before: then nothing is told either.
        let person = sales.iter().find_map(|sale| sale.buyer.as_ref()).map(Document::person);
        for sale in sales.into_iter().filter(|sale| Since::sale(&sale.row) >= since) {
            let place = place(&sale.row, &judgement);
            let counted = sale.old.is_some_and(|old| old.effect == Effect::Counts);
            if sale.old == Some(place) || (planted!(FirstComeCounts) && counted && place.effect == Effect::Over) {
                continue;
            }
            if tell {
                self.tell(programme, (&sale, place), person.as_ref(), plan)?;
            }
            let mut row = SaleRow { effect: place.effect, stale: place.stale, ..sale.row };
            if place.effect != Effect::Counts {
                row.fed = None;
            }
            plan.sales.push(Change { programme: programme.clone(), tag, row, new: sale.old.is_none() });
        }
        Ok(())
    }

    /// A person's sales that have just come or may stand otherwise now, and those before them that
    /// these are judged beside: however often a site names one person, the rest is not looked at.
    fn on_the_table(
        &self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        touched: Touched,
    ) -> Result<Vec<Judged>, HubError> {
        let first = conflict::reach(&self.memory.versions, programme, taipei_day(touched.since.instant()));
        let reach = second_of(first.and_time(NaiveTime::MIN)).min(touched.since.instant());
        let stored = self.store.sales_since(programme, tag, touched.since, reach)?;
        let mut sales = Vec::with_capacity(stored.len() + touched.new.len());
        for row in stored {
            let old = Some(Place { effect: row.effect, stale: row.stale });
            let live = row.effect != Effect::Withdrawn;
            let buyer = if live { Some(self.unseal_again(&row.site, &row.id, &row.document)?) } else { None };
            sales.push(Judged { row, old, buyer });
        }
        sales.extend(touched.new.into_iter().map(|new| Judged { row: new.row, old: None, buyer: Some(new.buyer) }));
        for sale in &mut sales {
            if touched.withdrawn.contains(&sale.row.id) {
                sale.row.effect = Effect::Withdrawn;
            }
        }
        Ok(sales)
    }

    fn case_of(
        &self,
        (programme, tag): (&ProgrammeId, PersonTag),
        received: i64,
        judged: BTreeSet<EntryId>,
        judgement: &Judgement,
    ) -> CaseChange {
        let mut id = self.keys.case(programme, &tag);
        if planted!(CaseNamedByTime) {
            id.0[0] = received.to_le_bytes()[0];
        }
        let open = !judgement.findings.is_empty();
        let findings = judgement.findings.iter().filter(|finding| judged.contains(&finding.sale));
        CaseChange {
            case: CaseRow { id, programme: programme.clone(), tag, opened: received, open },
            findings: findings.map(finding_row).collect(),
            judged,
        }
    }

    /// Puts on the list what the nation and the sale's own site must hear of it.
    fn tell(
        &mut self,
        programme: &ProgrammeId,
        (sale, place): (&Judged, Place),
        person: Option<&Person>,
        plan: &mut Plan,
    ) -> Result<(), HubError> {
        let turn = conflict::turn(sale.old.map(|old| old.effect), place.effect);
        let row = &sale.row;
        if let (Some(counts), Some(person)) = (turn.counts, person) {
            let day = taipei_day(row.instant);
            let fingerprint = self.fingerprint(programme, day, person)?;
            let item = Item { fingerprint, mark: seal::mark(&row.id), pieces: row.pieces, gone: !counts };
            plan.news.push(programme, day, item, counts.then_some(plan.sales.len()));
        }
        if let Some(over) = turn.over {
            plan.standings.entry(row.site).or_default().push((row.id, over));
        }
        Ok(())
    }
}

/// A live sale as the rules see it.
fn purchase(sale: &Judged) -> Option<Purchase> {
    let buyer = sale.buyer.as_ref().filter(|_| sale.row.effect != Effect::Withdrawn)?;
    Some(as_purchase(&sale.row, buyer))
}

/// A stored sale as the rules see it.
pub(crate) fn as_purchase(row: &SaleRow, buyer: &Document) -> Purchase {
    Purchase {
        id: row.id,
        site: row.site,
        instant: row.instant,
        doubt_s: row.doubt_s,
        reading: if planted!(ReadingNotAsked) { Reading::Typed } else { row.reading },
        version: row.version.clone(),
        birth: buyer.birth(),
        pieces: row.pieces,
        watermark: row.watermark,
        recorded: row.recorded,
    }
}

fn place(row: &SaleRow, judgement: &Judgement) -> Place {
    match row.effect {
        Effect::Withdrawn => Place { effect: Effect::Withdrawn, stale: false },
        Effect::Counts | Effect::Over | Effect::Cleared => judgement.place(&row.id),
    }
}

pub(super) fn finding_row(finding: &Finding) -> FindingRow {
    FindingRow {
        sale: finding.sale,
        kind: Kind::Sale(finding.kind),
        code: finding.refusal.code().to_owned(),
        next: finding.refusal.next(),
        because: finding.because.clone(),
    }
}
