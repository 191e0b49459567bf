//! What people do at the counters of the town, and what each answer must be.

use anyhow::{Context, Result, bail, ensure};
use chrono::DateTime;
use edge::node::ask::{
    ArriveRequest, CorrectRequest, DocumentText, RecordRequest, SaleRequest, Sold, TakenBack, WithdrawRequest,
};
use edge::node::confirm::{Confirmation, Question};
use edge::node::{Answer, Committed, NodeError};
use shared::entry::{Pieces, Reading};
use shared::ids::{EntryId, ProgrammeId};
use shared::rules::refusal::Refusal;

use super::model::{Answered, Deed, Evidence, Sale, View};
use super::people::{Rule, day_number, day_of};
use super::{Plant, Town};

/// A sale that somebody asks for.
pub(super) struct Wish {
    pub(super) person: usize,
    pub(super) programme: &'static str,
    pieces: Pieces,
    typed: bool,
    request: String,
    /// Who carries the card, where it is not its owner.
    pub(super) proxy: Option<usize>,
}

impl Town {
    /// Something happens at a site.
    pub(super) fn deed(&mut self, at: usize) -> Result<()> {
        self.leave_unsynced(at)?;
        match self.dice.below(20) {
            0..=11 => self.sell(at),
            12 | 13 => self.arrive(at),
            14 | 15 => self.withdraw(at),
            16 => self.correct(at),
            17 | 18 => self.record(at),
            _ => self.ask_again(at),
        }
    }

    fn programme(&mut self) -> &'static str {
        let all = &self.knobs.era.programmes;
        all[self.dice.index(all.len())]
    }

    fn wish(&mut self) -> Wish {
        let programme = self.programme();
        let all = self.people.len();
        // A few come again and again, the others now and then.
        let mut person = if self.dice.once_in(3) { self.dice.index(all.min(4)) } else { self.dice.index(all) };
        let rule = super::rules().iter().find(|rule| rule.programme == programme);
        let today = day_of(self.second());
        if rule.is_some_and(|rule| !rule.turn(&self.people[person], today)) && !self.dice.once_in(8) {
            // Most people know whose day it is.
            person = (person + 1) % all;
        }
        let few = |town: &mut Self| *town.dice.pick(&[0, 1, 1, 1, 2, 2, 2, 3]);
        let child = if self.dice.once_in(4) { few(self) + few(self) } else { 0 };
        let adult = if child > 0 && self.dice.once_in(2) { 0 } else { few(self) };
        self.requests += 1;
        Wish {
            person,
            programme,
            pieces: Pieces { adult, child },
            typed: self.dice.once_in(6),
            request: format!("r{}", self.requests),
            proxy: self.dice.once_in(8).then(|| self.dice.index(all.min(6))),
        }
    }

    fn request(&self, wish: &Wish) -> SaleRequest {
        let person = &self.people[wish.person];
        SaleRequest {
            request: Some(wish.request.clone()),
            programme: wish.programme.parse().ok(),
            document: person.document(wish.typed),
            adult: i64::from(wish.pieces.adult),
            child: i64::from(wish.pieces.child),
            proxy: wish.proxy.map(|proxy| self.people[proxy].document(false)),
            manager: None,
            by: "town".to_owned(),
        }
    }

    fn sell(&mut self, at: usize) -> Result<()> {
        let wish = self.wish();
        let ask = self.request(&wish);
        let reading = self.sites[at].reading(self.now_ms);
        let image = self.image_for(Plant::SaleNotWritten, at)?;
        let mut answer = self.sites[at].node()?.sell(&ask, reading).context("sell")?;
        let mut view = self.view(at)?;
        if matches!(answer, Err(Refusal::Bought { .. } | Refusal::Limit { .. }))
            && let Some(hub) = self.confirmed(at, ask.programme.as_ref(), &ask.document)?
        {
            answer = self.sites[at].node()?.sell_confirmed(&ask, Some(&hub), reading).context("sell")?;
            if self.goes_by(at, &hub)? {
                view.confirmed_by(hub.said());
            }
        }
        match answer {
            Ok(sold) => {
                let sold = sold.into_inner();
                ensure!(!sold.replayed, "a new request is answered by an old sale");
                ensure!(sold.watermark == self.view(at)?.seen, "a sale says another watermark than the site's");
                self.judge_sold(&view, &wish, &sold)?;
                self.sold(at, &wish, &sold)?;
                self.last_sale = Some((at, ask, sold.id));
            }
            Err(refusal) => {
                let refusal = self.spoil_refusal(refusal);
                self.judge_refused(&view, &wish, &refusal)?;
            }
        }
        self.put_back(at, image)
    }

    /// What the hub says of somebody whom the list speaks against, where there is a line.
    pub(super) fn confirmed(
        &mut self,
        at: usize,
        programme: Option<&ProgrammeId>,
        document: &DocumentText,
    ) -> Result<Option<Confirmation>> {
        let site = &mut self.sites[at];
        let (code, reading) = (site.code, site.reading(self.now_ms));
        let second = self.now_ms / 1_000;
        let is_open = site.line.as_ref().is_some_and(|line| line.edge.is_open());
        let (Some(hub), true) = (&self.hub, is_open) else { return Ok(None) };
        let question = site.node()?.question(programme, document, reading)?;
        let answered = |question: Question| Ok(question.clone().answered(hub.confirm(&code, &question.ask, second)?));
        question.map(answered).transpose()
    }

    /// Whether the answer takes the list's place: the hub could say, and all of it. A site whose clock is a year behind asks
    /// about days of which no hub speaks any more.
    pub(super) fn goes_by(&mut self, at: usize, hub: &Confirmation) -> Result<bool> {
        let (said, seen) = (hub.said(), self.view(at)?.seen);
        Ok(said.purchases.is_some() && said.feed >= seen && said.from <= hub.asked().from)
    }

    /// S4: what the site's own known events forbid, it has not done.
    fn judge_sold(&mut self, view: &View, wish: &Wish, sold: &Sold) -> Result<()> {
        let (at, today) = (view.at, day_of(sold.at.second));
        let site = self.sites[at].code;
        let rule = self.rule(sold.version.as_str())?;
        let who = &self.people[wish.person];
        ensure!(rule.from <= today, "S4: {} was not in force on day {today}", rule.name);
        ensure!(rule.takes(who), "S4: sold to a kind of document that {} does not take", rule.name);
        ensure!(rule.turn(who, today), "S4: sold on a day of the other digits");
        ensure!(rule.fits(who, wish.pieces, false), "S4: sold {:?} by {}", wish.pieces, rule.name);
        let known = self.model.evidence(view, wish.person, rule, today);
        ensure!(!known.must, "S4: {site} sold to somebody whose purchase it knew: {}", sold.id);
        ensure!(self.proxy_may(at, wish, rule, today), "S4: sold to a proxy who has carried too many cards");
        let book = self.model.book(at);
        let (adult, child) = book.stock.get(wish.programme).copied().unwrap_or_default();
        let enough = |have: i64, ask: u32| ask == 0 || have >= i64::from(ask);
        let there = enough(adult, wish.pieces.adult) && enough(child, wish.pieces.child);
        ensure!(there, "S4: sold {:?} of {adult} and {child}", wish.pieces);
        Ok(())
    }

    /// Promise 2: nobody is refused without a reason that is one.
    fn judge_refused(&mut self, view: &View, wish: &Wish, refusal: &Refusal) -> Result<()> {
        let at = view.at;
        self.refused += 1;
        self.note(6, refusal.code().as_bytes());
        let reading = self.sites[at].reading(self.now_ms);
        let node = self.sites[at].node()?;
        let today = node.business_day(reading);
        let versions = node.versions();
        let Some(version) = versions.in_force(&wish.programme.parse()?, today) else {
            // A clock that was reset to 1970 knows people who are not born yet.
            let unborn = self.unborn(wish, today);
            let right = matches!(refusal, Refusal::NoProgramme) || unborn && matches!(refusal, Refusal::Document(_));
            ensure!(right, "refused without rules: {refusal:?}");
            return Ok(());
        };
        let (site, today) = (self.sites[at].code, day_number(today));
        let rule = self.rule(version.name.as_str())?;
        let who = &self.people[wish.person];
        let Evidence { may, .. } = self.model.evidence(view, wish.person, rule, today);
        let (adult, child) = self.model.book(at).stock.get(wish.programme).copied().unwrap_or_default();
        let right = match refusal {
            Refusal::Turn { .. } => !rule.turn(who, today),
            Refusal::Bought { next, .. } => may && self.next_is_right(view, wish.person, rule, today, *next),
            Refusal::Proxy { .. } | Refusal::ProxyIsBuyer => !self.proxy_may(at, wish, rule, today),
            Refusal::Child { .. } | Refusal::Limit { .. } => !rule.fits(who, wish.pieces, false),
            Refusal::KindOff(_) => !rule.takes(who),
            Refusal::NothingAsked => wish.pieces.total() == 0,
            Refusal::Stock { .. } => adult < i64::from(wish.pieces.adult) || child < i64::from(wish.pieces.child),
            _ => false,
        };
        ensure!(right, "refused without a reason: {refusal:?} at {site} for {wish}", wish = wish.request);
        Ok(())
    }

    /// A sale that happened before, by paper: never refused for what the rules say of it.
    fn record(&mut self, at: usize) -> Result<()> {
        let mut wish = self.wish();
        let reading = self.sites[at].reading(self.now_ms);
        let ago = self.dice.between(0, 9 * 86_400);
        let node = self.sites[at].node()?;
        let today = node.business_day(reading);
        let now = node.status(reading)?.now.second;
        let second = self.same_second(&mut wish, now).unwrap_or(now - ago);
        let happened = DateTime::from_timestamp(second + 8 * 3600, 0).context("a time")?.naive_utc();
        let ask = RecordRequest { sale: self.request(&wish), happened };
        let image = self.image_for(Plant::SaleNotWritten, at)?;
        match self.sites[at].node()?.record(&ask, reading).context("record")? {
            Ok(sold) => self.sold(at, &wish, &sold.into_inner())?,
            Err(Refusal::NothingAsked) => ensure!(wish.pieces.total() == 0, "a record is refused as nothing"),
            Err(Refusal::NoProgramme) => {}
            // By a clock that was reset to 1970.
            Err(Refusal::Document(_)) if self.unborn(&wish, today) => {}
            Err(refusal) => bail!("a record is refused: {refusal:?}"),
        }
        self.put_back(at, image)
    }

    fn sold(&mut self, at: usize, wish: &Wish, sold: &Sold) -> Result<()> {
        let site = self.sites[at].code;
        self.sold += 1;
        let truly = self.true_second(at, sold)?;
        let typed = wish.typed || self.people[wish.person].kind != "01";
        let sale = Sale {
            site,
            person: wish.person,
            programme: wish.programme,
            version: sold.version.as_str().to_owned(),
            pieces: wish.pieces,
            instant: sold.happened.unwrap_or(sold.at).second,
            doubt_s: sold.happened.unwrap_or(sold.at).doubt_s,
            truly,
            reading: if typed { Reading::Typed } else { Reading::Card },
        };
        self.carry_card(sold.id, wish, day_of(sale.instant));
        self.model.sold(sold.id, sale);
        let by = (-i64::from(wish.pieces.adult), -i64::from(wish.pieces.child));
        let stock = (sold.stock.adult, sold.stock.child);
        self.answered(at, (sold.id, sold.pos), Deed::Sale, wish.programme, by, stock)
    }

    /// S12: a site never says that it is surer of its time than it is. Where somebody set its clock back while it was
    /// off it cannot know, until it hears the hub; what was recorded is as somebody stated it.
    fn true_second(&mut self, at: usize, sold: &Sold) -> Result<Option<i64>> {
        if let Some(happened) = sold.happened {
            return Ok(Some(happened.second));
        }
        let truly = self.second();
        let reading = self.sites[at].reading(self.now_ms);
        if self.sites[at].node()?.status(reading)?.beacon_seen {
            self.sites[at].led_astray = false;
        }
        let off_s = sold.at.second.abs_diff(truly);
        if off_s <= u64::from(sold.at.doubt_s) + 1 {
            return Ok(Some(truly));
        }
        let code = self.sites[at].code;
        ensure!(self.sites[at].led_astray, "S12: {code} is off by {off_s} s and says {:?}", sold.at);
        Ok(None)
    }

    fn arrive(&mut self, at: usize) -> Result<()> {
        let programme = self.programme();
        let pieces = |town: &mut Self| town.dice.between(0, 60);
        let ask = ArriveRequest {
            request: None,
            programme: programme.parse().ok(),
            adult: pieces(self),
            child: pieces(self),
            by: "town".to_owned(),
        };
        let reading = self.sites[at].reading(self.now_ms);
        match self.sites[at].node()?.arrive(&ask, reading).context("arrive")? {
            Ok(done) => {
                let done = done.into_inner();
                let deed = Deed::Arrival { pieces: done.counted };
                let stock = (done.stock.adult, done.stock.child);
                self.answered(at, (done.id, done.pos), deed, programme, (ask.adult, ask.child), stock)
            }
            Err(Refusal::NothingAsked | Refusal::NoProgramme) => Ok(()),
            Err(refusal) => bail!("an arrival is refused: {refusal:?}"),
        }
    }

    fn correct(&mut self, at: usize) -> Result<()> {
        let programme = self.programme();
        let ask = CorrectRequest {
            request: None,
            programme: programme.parse().ok(),
            adult: self.dice.between(-3, 3),
            child: self.dice.between(-3, 3),
            reason: "stock-take".to_owned(),
            by: "town".to_owned(),
        };
        let reading = self.sites[at].reading(self.now_ms);
        match self.sites[at].node()?.correct(&ask, reading).context("correct")? {
            Ok(done) => {
                let done = done.into_inner();
                let by = (i64::from(done.adult), i64::from(done.child));
                let stock = (done.stock.adult, done.stock.child);
                self.answered(at, (done.id, done.pos), Deed::Correction, programme, by, stock)
            }
            Err(Refusal::NothingAsked | Refusal::NoProgramme | Refusal::Stock { .. }) => Ok(()),
            Err(refusal) => bail!("a correction is refused: {refusal:?}"),
        }
    }

    fn withdraw(&mut self, at: usize) -> Result<()> {
        let book = self.model.book(at);
        let recent = book.log.len().saturating_sub(12);
        let (log, withdrawn) = (book.log.get(recent..).unwrap_or_default().to_vec(), book.withdrawn.clone());
        if log.is_empty() {
            return Ok(());
        }
        let Answered { id: of, deed, programme, .. } = self.dice.pick(&log).clone();
        let ask = WithdrawRequest { request: None, of, reason: "brought back".to_owned(), by: "town".to_owned() };
        let reading = self.sites[at].reading(self.now_ms);
        let image = self.image_for(Plant::WithdrawalNotWritten, at)?;
        match self.sites[at].node()?.withdraw(&ask, reading).context("withdraw")? {
            Ok(done) => {
                let done = done.into_inner();
                ensure!(!withdrawn.contains(&of), "{of} is taken back twice");
                let signed = |pieces: Pieces| (i64::from(pieces.adult), i64::from(pieces.child));
                let by = match (deed, done.taken) {
                    (Deed::Sale, TakenBack::Sale(pieces)) => signed(pieces),
                    (Deed::Arrival { pieces }, TakenBack::Arrival(taken)) if pieces == taken => {
                        let (adult, child) = signed(taken);
                        (-adult, -child)
                    }
                    (deed, taken) => bail!("{deed:?} is taken back as {taken:?}"),
                };
                self.model.book(at).withdrawn.insert(of);
                let stock = (done.stock.adult, done.stock.child);
                self.answered(at, (done.id, done.pos), Deed::Withdrawal { of }, programme, by, stock)?;
            }
            Err(Refusal::AlreadyWithdrawn) => {
                ensure!(withdrawn.contains(&of), "{of} has not been taken back");
            }
            Err(_) => {}
        }
        self.put_back(at, image)
    }

    /// S7 at the counter: the same request again is the same answer, also after a crash.
    pub(super) fn ask_again(&mut self, at: usize) -> Result<()> {
        let Some((sold_at, ask, id)) = self.last_sale.clone().filter(|(sold_at, ..)| *sold_at == at) else {
            return Ok(());
        };
        let reading = self.sites[sold_at].reading(self.now_ms);
        let answer: Answer<Committed<Sold>> = self.sites[sold_at].node()?.sell(&ask, reading);
        match answer {
            Ok(Ok(sold)) => {
                let sold = sold.into_inner();
                ensure!(sold.replayed && sold.id == id, "S7: the request of {id} is answered by {}", sold.id);
                Ok(())
            }
            Ok(Err(refusal)) => bail!("S7: a request that was sold is refused: {refusal:?}"),
            // The birth date lies after today, where somebody has set the clock back by decades.
            Err(NodeError::Ask(bad)) => bail!("S7: a request that was sold is no request: {bad}"),
            Err(cause) => Err(cause).context("ask again"),
        }
    }

    /// S1, S3, S8: the answer stands in the store, under a new name, with the stock that must be.
    fn answered(
        &mut self,
        at: usize,
        (id, pos): (EntryId, u64),
        deed: Deed,
        programme: &'static str,
        by: (i64, i64),
        stock: (i64, i64),
    ) -> Result<()> {
        let code = self.sites[at].code;
        let node = self.sites[at].node()?;
        let line = node.export(pos - 1, 1)?.lines.pop().with_context(|| format!("S1: {id} is not in the store"))?;
        let line: serde_json::Value = serde_json::from_str(&line)?;
        let hash = line["hash"].as_str().context("a hash")?.to_owned();
        ensure!(line["id"] == id.to_string(), "S1: position {pos} of {code} holds {} in place of {id}", line["id"]);
        self.model.name(code, id, &hash)?;
        self.note(7, hash.as_bytes());
        let book = self.model.book(at);
        ensure!(pos == book.log.len() as u64 + 1, "S1: {code} answers at {pos} behind {}", book.log.len());
        let have = book.stock.entry(programme).or_default();
        *have = (have.0 + by.0, have.1 + by.1);
        ensure!(*have == stock, "S3: {code} says {stock:?} {programme}, its answers give {have:?}");
        self.model.append(at, Answered { id, hash, deed, stock, programme, by });
        if let Some(line) = &mut self.sites[at].line {
            line.edge_grown = true;
        }
        Ok(())
    }

    /// Whether somebody of a sale is not born yet, by a clock that was reset.
    fn unborn(&self, wish: &Wish, today: chrono::NaiveDate) -> bool {
        let all = std::iter::once(wish.person).chain(wish.proxy);
        all.into_iter().any(|person| self.people[person].birth > today)
    }

    /// From where a node looks at the nation.
    pub(super) fn view(&mut self, at: usize) -> Result<View> {
        let node = self.sites[at].node()?;
        let standing = node.standing();
        let has_digests = standing.manifest.is_some_and(|made| made > 0);
        Ok(View {
            at,
            hub: standing.hub_life,
            seen: standing.feed,
            lags: node.lagging(),
            has_digests,
            is_confirmed: false,
        })
    }

    pub(super) fn rule(&self, version: &str) -> Result<&'static Rule> {
        let found = super::rules().iter().find(|rule| rule.name == version);
        found.with_context(|| format!("a version {version} that the town never heard of"))
    }
}
