//! What the purchase page shows, from the counter's screen and the node's knowledge.

use askama::Template;
use shared::rules::identity::DocumentKind;
use shared::rules::knowledge::Allowed;
use shared::rules::programme::{Text, Version};

use super::super::disputes::{Offered, offered};
use super::super::{Frame, Web, frame};
use crate::cards::readers::Readers;
use crate::counter::{Basket, Counter, Typed};
use crate::fault::Fault;
use crate::node::ask::{Examined, Recent, Sold};
use crate::web::cards::{ReadCard, Shown, shown};
use crate::web::session::{Screen, Seat};

/// Lines of 最近購買紀錄 under the form.
const LINES_MAX: usize = 8;
/// Longest list of counts.
const COUNTS_MAX: u32 = 100;
/// What the manual's screen says where no version is known yet (M11).
const ADULT: &str = "成人口罩片數";
const CHILD: &str = "兒童口罩片數";
const UNIT: &str = "片";

#[derive(Template)]
#[template(path = "masks.html")]
pub(super) struct Masks {
    frame: Frame,
    choices: Vec<Choice>,
    kinds: [DocumentKind; 5],
    typed: Typed,
    proxy: Typed,
    step: Step,
    adult: i64,
    child: i64,
    by: String,
    unit: String,
    adult_label: String,
    child_label: String,
    notices: Vec<Text>,
    lines: Vec<Recent>,
    entering: bool,
    /// 說明單 and 異議.
    offered: Offered,
    /// The card readers, where there are any.
    cards: Option<Shown>,
    /// Of a demonstration: the readers, and the people whose cards can be put in.
    demonstration: Option<(Vec<String>, Vec<String>)>,
}

/// A programme in force.
struct Choice {
    id: String,
    title: String,
    chosen: bool,
}

/// The counter as the template asks for it.
struct Step(Counter<Examined, Sold>);

impl Masks {
    /// This counter has not said which of several readers is its own.
    fn must_choose(&self) -> bool {
        let Some(Shown { choices, failure: None, .. }) = &self.cards else { return false };
        !choices.is_empty() && !choices.iter().any(|choice| choice.is_ours)
    }

    /// The card that the form is filled from: nobody has been examined, and nothing typed.
    fn card(&self) -> Option<&ReadCard> {
        let card = self.cards.as_ref()?.read.as_ref()?;
        (self.step.is_idle() && self.typed.number == card.number).then_some(card)
    }
}

impl Step {
    fn found(&self) -> Option<&Examined> {
        match &self.0 {
            Counter::Examined { found, .. } | Counter::Asked { found, .. } => Some(found),
            Counter::Idle | Counter::Sold { .. } => None,
        }
    }

    fn is_idle(&self) -> bool {
        matches!(self.0, Counter::Idle)
    }

    fn is_sold(&self) -> bool {
        matches!(self.0, Counter::Sold { .. })
    }

    fn is_asked(&self) -> bool {
        self.basket().is_some()
    }

    /// M10: the fields become usable.
    fn may_buy(&self) -> bool {
        self.found().is_some()
    }

    /// Whether the version wants a second person's word.
    fn asks_manager(&self) -> bool {
        self.found().is_some_and(|found| found.allowed == Allowed::Manager)
    }

    /// 可購買片數.
    fn most(&self) -> Option<u32> {
        self.found().map(|found| found.allowance.most())
    }

    /// What may be chosen; what was chosen stays, whatever it is.
    fn adult_counts(&self, chosen: &i64) -> Vec<i64> {
        counts(self.found().map_or(0, |found| found.allowance.adult.max(found.allowance.mixed)), *chosen)
    }

    /// M12: child masks only for children.
    fn child_counts(&self, chosen: &i64) -> Vec<i64> {
        counts(self.found().map_or(0, |found| found.allowance.child), *chosen)
    }

    fn basket(&self) -> Option<&Basket> {
        match &self.0 {
            Counter::Asked { basket, .. } => Some(basket),
            Counter::Idle | Counter::Examined { .. } | Counter::Sold { .. } => None,
        }
    }

    /// What the basket would cost, where that is a price.
    fn price(&self) -> Option<i64> {
        let (found, basket) = (self.found()?, self.basket()?);
        let pieces = basket.adult.checked_add(basket.child)?;
        pieces.checked_mul(i64::from(found.price_ntd_per_piece)).filter(|price| *price > 0)
    }
}

/// From nought to the most: picked by one key, so that nobody types 20 for 2.
fn counts(most: u32, chosen: i64) -> Vec<i64> {
    let mut counts: Vec<i64> = (0..=i64::from(most.min(COUNTS_MAX))).collect();
    if !counts.contains(&chosen) {
        counts.push(chosen);
    }
    counts
}

/// The page for one counter.
pub(super) async fn masks(web: &Web, seat: &Seat, reader: Option<&str>, entering: bool) -> Result<Masks, Fault> {
    let screen = web.screens.with(seat, |screen| screen.clone());
    let frame = frame(web, &screen, super::PATH).await?;
    let known = web.desk.versions().await?;
    let versions: Vec<&Version> = known.programmes().filter_map(|it| known.in_force(it, frame.day)).collect();
    let chosen = chosen(&versions, &screen);
    let (adult, child, proxy) = basket_fields(&screen.counter);
    let readers = web.cards.as_ref().map(|cards| cards.readers().borrow().clone());
    let cards = readers.as_ref().map(|readers| shown(readers, reader));
    Ok(Masks {
        choices: choices(&versions, chosen),
        kinds: DocumentKind::ALL,
        typed: typed_fields(&screen, cards.as_ref()),
        proxy,
        adult,
        child,
        by: screen.by.clone(),
        unit: chosen.map_or_else(|| UNIT.to_owned(), |version| version.goods.adult.unit.zh.clone()),
        adult_label: chosen.map_or_else(|| ADULT.to_owned(), |version| label(&version.goods.adult)),
        child_label: chosen.and_then(|version| version.goods.child.as_ref()).map_or_else(|| CHILD.to_owned(), label),
        notices: chosen.map(|version| version.notices.clone()).unwrap_or_default(),
        lines: super::super::seen(web.desk.recent(LINES_MAX).await)?,
        offered: offered(&screen, &frame),
        demonstration: readers
            .filter(Readers::is_demonstration)
            .map(|readers| (readers.all().map(|(name, _, _)| name.to_owned()).collect(), web.people.clone())),
        cards,
        entering: entering || screen.stock_asked != Some(frame.day),
        step: Step(screen.counter),
        frame,
    })
}

/// 成人口罩片數: the good's name, its unit, 數.
fn label(good: &shared::rules::programme::Good) -> String {
    format!("{}{}數", good.name.zh, good.unit.zh)
}

/// The version whose words the page shows: the customer's, else the one chosen last, else the first.
fn chosen<'a>(versions: &[&'a Version], screen: &Screen) -> Option<&'a Version> {
    let wanted = match &screen.counter {
        Counter::Examined { found, .. } | Counter::Asked { found, .. } => found.programme.as_str(),
        Counter::Sold { sale } => sale.programme.as_str(),
        Counter::Idle => screen.programme.as_str(),
    };
    versions.iter().find(|version| version.programme.as_str() == wanted).or(versions.first()).copied()
}

fn choices(versions: &[&Version], chosen: Option<&Version>) -> Vec<Choice> {
    let choice = |version: &Version| Choice {
        id: version.programme.to_string(),
        title: version.title.zh.clone(),
        chosen: chosen.is_some_and(|chosen| chosen.programme == version.programme),
    };
    versions.iter().map(|version| choice(version)).collect()
}

/// 01 is the default (M3), filled from the card in the reader (M4); after the purchase only the masked number stays.
fn typed_fields(screen: &Screen, cards: Option<&Shown>) -> Typed {
    let card = cards.and_then(|shown| shown.read.as_ref());
    let mut typed = match &screen.counter {
        Counter::Examined { typed, .. } | Counter::Asked { typed, .. } => typed.clone(),
        Counter::Sold { sale } => Typed { number: sale.masked.clone(), ..Typed::default() },
        Counter::Idle => match card.filter(|_| screen.typed == Typed::default()) {
            Some(card) => Typed { kind: String::new(), number: card.number.clone(), birth: card.birth.clone() },
            None => screen.typed.clone(),
        },
    };
    if typed.kind.is_empty() {
        typed.kind = DocumentKind::NhiCard.code().to_owned();
    }
    typed
}

fn basket_fields(counter: &Counter<Examined, Sold>) -> (i64, i64, Typed) {
    match counter {
        Counter::Asked { basket, .. } => (basket.adult, basket.child, basket.proxy.clone().unwrap_or_default()),
        Counter::Sold { sale } => (sale.pieces.adult.into(), sale.pieces.child.into(), Typed::default()),
        Counter::Idle | Counter::Examined { .. } => (0, 0, Typed::default()),
    }
}
