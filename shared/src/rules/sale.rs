//! One sale, decided: 資格審核 and 購買 (M3-M13, M18, M20; decisions 15-17).

use chrono::NaiveDate;

use super::clock::check_clock;
use super::identity::Document;
use super::knowledge::{Allowed, Heard, check_knowledge};
use super::programme::Version;
use super::quota::{self, Allowance, Past};
use super::refusal::Refusal;
use super::stock::{Stock, check_stock};
use super::turn::check_turn;
use crate::entry::Pieces;

/// What a site knows when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The version in force today, where one is known.
    pub version: Option<&'a Version>,
    /// Every counted purchase of this person in the programme that is known here.
    pub history: &'a [Past],
    /// What is on the shelf.
    pub stock: Stock,
    /// The business day.
    pub today: NaiveDate,
    /// How far the site's time may be off, in seconds; `u32::MAX` where nobody knows.
    pub doubt_s: u32,
    /// When the site last knew all that the hub knew of the nation.
    pub heard: Heard,
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The buyer's document.
    pub document: &'a Document,
    /// How many.
    pub pieces: Pieces,
    /// The document of whoever carried the buyer's card (M20).
    pub proxy: Option<&'a Document>,
    /// How many other cards this proxy has carried today already, as known here.
    pub proxy_cards_today: u32,
    /// A second person who stands for the sale ([`super::knowledge::second_person`]).
    pub manager: Option<&'a str>,
}

/// 資格審核: what may still be bought. Never asks for stock: M17 is a reminder.
///
/// # Errors
/// The first of `document`, `clock`, `knowledge`, `turn`, `bought` (`programme` where there are no rules).
pub fn examine(known: &Known<'_>, document: &Document) -> Result<Allowance, Refusal> {
    let (version, allowed) = qualified(known, document)?;
    let most = quota::remaining(version, known.history, document.birth(), known.today)?;
    Ok(if allowed == Allowed::OnePiece { one_piece(most) } else { most })
}

/// 購買: the whole decision.
///
/// # Errors
/// The first of `document`, `clock`, `knowledge`, `turn`, `bought`, `child`, `proxy`, `limit`,
/// `stock`, `manager` (decision 15; `programme` where there are no rules). The clock comes
/// before everything that asks what day it is, and what no customer can change before the
/// customer; a manager is fetched only where nothing else stands in the way.
pub fn decide(known: &Known<'_>, ask: &Ask<'_>) -> Result<(), Refusal> {
    let (version, allowed) = qualified(known, ask.document)?;
    let birth = ask.document.birth();
    let most = quota::remaining(version, known.history, birth, known.today)?;
    quota::check_child(version, birth, ask.pieces)?;
    check_proxy(version, ask)?;
    if ask.pieces.total() == 0 {
        return Err(Refusal::NothingAsked);
    }
    most.check(ask.pieces)?;
    if allowed == Allowed::OnePiece && !one_piece(most).covers(ask.pieces) {
        return Err(Refusal::OnePiece { heard: known.heard });
    }
    check_stock(known.stock, ask.pieces)?;
    match (allowed, ask.manager) {
        (Allowed::Manager, None) => Err(Refusal::AskManager { heard: known.heard }),
        (Allowed::Sell | Allowed::OnePiece | Allowed::Manager | Allowed::Refuse, _) => Ok(()),
    }
}

/// What of an allowance may be had on old knowledge.
fn one_piece(most: Allowance) -> Allowance {
    Allowance { adult: most.adult.min(1), child: most.child.min(1), mixed: most.mixed.min(1) }
}

/// What it costs, in NT$ (M8, decision 17).
#[must_use]
pub fn price(version: &Version, pieces: Pieces) -> u32 {
    pieces.total().saturating_mul(version.price_ntd_per_piece)
}

/// Document kind, clock, knowledge and turn: what does not depend on what was bought before.
fn qualified<'a>(known: &Known<'a>, document: &Document) -> Result<(&'a Version, Allowed), Refusal> {
    let version = known.version.ok_or(Refusal::NoProgramme)?;
    if version.documents.off.contains(&document.kind()) {
        return Err(Refusal::KindOff(document.kind()));
    }
    check_clock(version, known.doubt_s)?;
    let allowed = check_knowledge(version, known.heard)?;
    check_turn(version, document, known.today)?;
    Ok((version, allowed))
}

/// M20 and decision 11. The card in hand decides the limit: three children's
/// cards may follow an adult's, an adult's may not follow three children's.
fn check_proxy(version: &Version, ask: &Ask<'_>) -> Result<(), Refusal> {
    let Some(proxy) = ask.proxy else {
        return Ok(());
    };
    if proxy.person() == ask.document.person() {
        return Err(Refusal::ProxyIsBuyer);
    }
    let most = version.proxy_cards_for(ask.document.birth());
    if ask.proxy_cards_today < most { Ok(()) } else { Err(Refusal::Proxy { most }) }
}
