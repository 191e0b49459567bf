//! 資格審核, 購買, and the sale that already happened (M3-M16, M18, M20; decisions 11, 15, 16).

use chrono::NaiveDate;
use shared::entry::{Entry, Fact, Instant, Pieces, Sale};
use shared::ids::ProgrammeId;
use shared::planted;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::identity::Document;
use shared::rules::knowledge::{Allowed, allowed, second_person};
use shared::rules::programme::{Version, Versions};
use shared::rules::quota::Allowance;
use shared::rules::refusal::Refusal;
use shared::rules::sale::{Ask, Known, decide, examine, price};
use shared::rules::stock::Move;
use shared::wire::v1::entry::PIECES_MAX;

use super::access::Doing;
use super::ask::{DocumentText, Examine, Examined, RecordRequest, SaleRequest, Sold};
use super::confirm::Confirmation;
use super::shelf::is_meant;
use super::write::{Draft, staff};
use super::{Answer, BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;
use crate::store::{Carried, LogRow, Quota};

/// A time that somebody wrote down is good to the minute.
const STATED_DOUBT_S: u32 = 60;

/// How long afterwards a sale can still be written down.
const RECORD_DAYS_MAX: u32 = 90;
const DAY_S: i64 = 24 * 3600;

/// A sale that may be written.
#[derive(Debug)]
struct Decided<'a> {
    ask: &'a SaleRequest,
    version: &'a Version,
    document: Document,
    proxy: Option<Document>,
    pieces: Pieces,
    /// When it happened, where that was earlier.
    happened: Option<Instant>,
    /// Who stood for it, where the version wanted somebody.
    approved_by: Option<&'a str>,
}

impl Node {
    /// 資格審核: whether somebody may buy, and how much (M2, M9-M13).
    ///
    /// # Errors
    /// Where the store fails.
    pub fn examine(&mut self, ask: &Examine, reading: Reading) -> Answer<Examined> {
        self.examine_confirmed(ask, None, reading)
    }

    /// The same by what the hub has answered to the [`Node::question`] about this person.
    ///
    /// # Errors
    /// As [`Node::examine`].
    pub fn examine_confirmed(
        &mut self,
        ask: &Examine,
        confirmed: Option<&Confirmation>,
        reading: Reading,
    ) -> Answer<Examined> {
        self.admit(Doing::Look, reading)?;
        let (now, today) = self.today(reading);
        let document = match parse(&ask.document, today) {
            Ok(document) => document,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let versions = self.versions();
        let Some(version) = version_for(&versions, ask.programme.as_ref(), today) else {
            return Ok(Err(Refusal::NoProgramme));
        };
        let history = self.history(version, &document.person(), today, confirmed)?;
        let stock = self.stock_of(&version.programme);
        let mark = self.mark(version, now, reading);
        let heard = self.heard(now, reading);
        let past = &history.past;
        let known = Known { version: Some(version), history: past, stock, today, doubt_s: now.doubt_s, heard };
        let allowance = match examine(&known, &document) {
            Ok(allowance) => allowance,
            Err(refusal) => return self.with_evidence(refusal, version, &history, today).map(Err),
        };
        Ok(Ok(Examined {
            programme: version.programme.clone(),
            version: version.name.clone(),
            title: version.title.clone(),
            today,
            masked: document.masked(),
            birth: document.birth(),
            is_child: version.is_child(document.birth()),
            allowance,
            price_ntd_per_piece: version.price_ntd_per_piece,
            mark,
            stock,
            allowed: allowed(version, heard),
        }))
    }

    /// 購買: decides and, where nothing speaks against it, sells.
    ///
    /// # Errors
    /// Where the store fails, or the question is no question.
    pub fn sell(&mut self, ask: &SaleRequest, reading: Reading) -> Answer<Committed<Sold>> {
        self.sell_confirmed(ask, None, reading)
    }

    /// The same by what the hub has answered to the [`Node::question`] about this person.
    ///
    /// # Errors
    /// As [`Node::sell`].
    pub fn sell_confirmed(
        &mut self,
        ask: &SaleRequest,
        confirmed: Option<&Confirmation>,
        reading: Reading,
    ) -> Answer<Committed<Sold>> {
        self.admit(Doing::Write, reading)?;
        if let Some(sold) = self.sold_before(ask, reading)? {
            return Ok(Ok(sold));
        }
        let (now, today) = self.today(reading);
        let (document, proxy) = match parse_both(ask, today) {
            Ok(both) => both,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let versions = self.versions();
        let Some(version) = version_for(&versions, ask.programme.as_ref(), today) else {
            return Ok(Err(Refusal::NoProgramme));
        };
        let history = self.history(version, &document.person(), today, confirmed)?;
        let stock = self.stock_of(&version.programme);
        let heard = self.heard(now, reading);
        let past = &history.past;
        let known = Known { version: Some(version), history: past, stock, today, doubt_s: now.doubt_s, heard };
        let proxy_cards_today = self.cards_carried(&document, proxy.as_ref(), today)?;
        let pieces = pieces(ask.adult, ask.child);
        let by = self.author(&ask.by)?;
        let manager = second_person(ask.manager.as_deref(), &by.name);
        let asked = Ask { document: &document, pieces, proxy: proxy.as_ref(), proxy_cards_today, manager };
        if let Err(refusal) = decide(&known, &asked) {
            return self.with_evidence(refusal, version, &history, today).map(Err);
        }
        // A name that nothing asked for is nobody's word.
        let approved_by = manager.filter(|_| allowed(version, heard) == Allowed::Manager);
        let decided = Decided { ask, version, document, proxy, pieces, happened: None, approved_by };
        self.put_sale(decided, now, reading).map(Ok)
    }

    /// Writes down a sale that already happened: never refused for what the rules say of it (decision 16).
    ///
    /// # Errors
    /// Where the store fails, or the question is no question.
    pub fn record(&mut self, ask: &RecordRequest, reading: Reading) -> Answer<Committed<Sold>> {
        self.admit(Doing::Write, reading)?;
        if let Some(sold) = self.sold_before(&ask.sale, reading)? {
            return Ok(Ok(sold));
        }
        let (now, today) = self.today(reading);
        let second = second_of(ask.happened);
        if second > now.second.saturating_add(i64::from(STATED_DOUBT_S)) {
            return Err(BadAsk::Future.into());
        }
        if now.second.saturating_sub(second) > i64::from(RECORD_DAYS_MAX) * DAY_S {
            return Err(BadAsk::LongAgo { days_max: RECORD_DAYS_MAX }.into());
        }
        let (document, proxy) = match parse_both(&ask.sale, today) {
            Ok(both) => both,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let pieces = match counted(ask.sale.adult, ask.sale.child) {
            Ok(pieces) => pieces,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let versions = self.versions();
        let Some(version) = version_then(&versions, ask.sale.programme.as_ref(), ask.happened.date()) else {
            return Ok(Err(Refusal::NoProgramme));
        };
        let happened = Some(Instant { second, doubt_s: STATED_DOUBT_S });
        let decided = Decided { ask: &ask.sale, version, document, proxy, pieces, happened, approved_by: None };
        self.put_sale(decided, now, reading).map(Ok)
    }

    fn put_sale(&mut self, sale: Decided<'_>, at: Instant, reading: Reading) -> Result<Committed<Sold>, NodeError> {
        let Decided { ask, version, document, proxy, pieces, happened, approved_by } = sale;
        let slot = self.slot(taipei_day(at.second))?;
        let (id, pos) = (slot.id(), slot.pos);
        let by = self.author(&ask.by)?;
        let approved_by = approved_by.map(staff).transpose()?.map(|manager| manager.name);
        let counted_on = taipei_day(happened.unwrap_or(at).second);
        let stock = self.stock_of(&version.programme).after(Move::Out(pieces));
        let sealed_proxy = proxy.as_ref().map(|proxy| self.keys.seal(&id, 1, proxy)).transpose()?;
        let tag = self.keys.tag(&document.person());
        let carried =
            proxy.as_ref().map(|proxy| Carried { proxy: self.keys.tag(&proxy.person()), card: tag, day: counted_on });
        let fact = Fact::Sale(Sale {
            programme: version.programme.clone(),
            version: version.name.clone(),
            pieces,
            happened,
            reading: document.reading(),
            watermark: self.line.feed,
            behind: self.behind(version, counted_on),
            document: self.keys.seal(&id, u8::from(planted!(WrongSlot)), &document)?,
            proxy: sealed_proxy,
            approved_by: approved_by.clone(),
        });
        let sold = Sold {
            id,
            pos,
            at,
            happened,
            programme: version.programme.clone(),
            version: version.name.clone(),
            masked: document.masked(),
            proxy_masked: proxy.as_ref().map(Document::masked),
            pieces,
            price_ntd: price(version, pieces),
            stock,
            watermark: self.line.feed,
            mark: self.mark(version, happened.unwrap_or(at), reading),
            approved_by,
            replayed: false,
        };
        let draft = Draft {
            slot,
            at,
            reading,
            by,
            fact,
            programme: &version.programme,
            stock,
            request: ask.request.as_deref(),
            quota: Some(Quota { tag, day: counted_on, pieces }),
            carried,
            withdraws: None,
        };
        self.commit(draft, sold)
    }

    /// How many other people's cards the proxy carried today, as known here.
    fn cards_carried(&self, document: &Document, proxy: Option<&Document>, today: NaiveDate) -> Result<u32, NodeError> {
        let Some(proxy) = proxy.filter(|_| !planted!(ProxyNotCounted)) else {
            return Ok(0);
        };
        let (proxy, card) = (self.keys.tag(&proxy.person()), self.keys.tag(&document.person()));
        Ok(self.store.cards_carried(&proxy, &card, today)?)
    }

    /// The same request again: the same answer.
    fn sold_before(&mut self, ask: &SaleRequest, reading: Reading) -> Result<Option<Committed<Sold>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else {
            return Ok(None);
        };
        let (_, today) = self.today(reading);
        let sold = found.try_map(|(row, entry)| {
            let Fact::Sale(sale) = &entry.fact else {
                return Err(NodeError::from(BadAsk::RequestReused));
            };
            let document = self.keys.open(&row.id, 0, &sale.document)?;
            let same = parse(&ask.document, today).is_ok_and(|asked| asked == document)
                && is_meant(ask.programme.as_ref(), &sale.programme);
            if !same || (i64::from(sale.pieces.adult), i64::from(sale.pieces.child)) != (ask.adult, ask.child) {
                return Err(BadAsk::RequestReused.into());
            }
            self.sold_again(&row, &entry, sale, &document)
        })?;
        Ok(Some(sold))
    }

    fn sold_again(&self, row: &LogRow, entry: &Entry, sale: &Sale, document: &Document) -> Result<Sold, NodeError> {
        let proxy = sale.proxy.as_ref().map(|proxy| self.keys.open(&row.id, 1, proxy)).transpose()?;
        let version = self.rules.versions.named_in(&sale.programme, &sale.version);
        Ok(Sold {
            id: row.id,
            pos: row.pos,
            at: entry.at,
            happened: sale.happened,
            programme: sale.programme.clone(),
            version: sale.version.clone(),
            masked: document.masked(),
            proxy_masked: proxy.as_ref().map(Document::masked),
            pieces: sale.pieces,
            price_ntd: version.map_or(0, |version| price(version, sale.pieces)),
            stock: row.stock,
            watermark: sale.watermark,
            mark: self.mark_then(entry, sale),
            approved_by: sale.approved_by.clone(),
            replayed: true,
        })
    }
}

pub(super) fn parse(text: &DocumentText, today: NaiveDate) -> Result<Document, Refusal> {
    Ok(Document::parse(&text.kind, &text.number, &text.birth, today)?)
}

fn parse_both(ask: &SaleRequest, today: NaiveDate) -> Result<(Document, Option<Document>), Refusal> {
    let proxy = ask.proxy.as_ref().map(|proxy| parse(proxy, today)).transpose();
    Ok((parse(&ask.document, today)?, proxy?))
}

/// The version in force: of the programme that was named, else of the only one.
pub(super) fn version_for<'v>(
    versions: &'v Versions,
    programme: Option<&ProgrammeId>,
    day: NaiveDate,
) -> Option<&'v Version> {
    match programme {
        Some(programme) => versions.in_force(programme, day),
        None => versions.only_in_force(day),
    }
}

/// The version of a day in the past; before the first one, the first.
fn version_then<'v>(versions: &'v Versions, programme: Option<&ProgrammeId>, day: NaiveDate) -> Option<&'v Version> {
    version_for(versions, programme, day).or_else(|| {
        let mut programmes = versions.programmes();
        let only = programmes.next().filter(|_| programmes.next().is_none());
        let programme = programme.or(only)?;
        versions.iter().find(|version| version.programme == *programme)
    })
}

/// What was asked for, for the rules to judge. Less than nothing is nothing; what no number holds is over every limit.
fn pieces(adult: i64, child: i64) -> Pieces {
    if adult < 0 || child < 0 {
        return Pieces::default();
    }
    Pieces { adult: u32::try_from(adult).unwrap_or(u32::MAX), child: u32::try_from(child).unwrap_or(u32::MAX) }
}

/// A number of goods that an entry can hold: something, and not absurdly much.
pub(super) fn counted(adult: i64, child: i64) -> Result<Pieces, Refusal> {
    let pieces = pieces(adult, child);
    if pieces.total() == 0 {
        return Err(Refusal::NothingAsked);
    }
    if pieces.adult > PIECES_MAX || pieces.child > PIECES_MAX {
        return Err(Refusal::Limit { most: Allowance { adult: PIECES_MAX, child: PIECES_MAX, mixed: PIECES_MAX } });
    }
    Ok(pieces)
}
