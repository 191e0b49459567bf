//! The door of the tables: a counter that knows every shipped version.

use std::sync::OnceLock;

use chrono::{NaiveDate, NaiveDateTime};
use shared::entry::{Pieces, Reading};
use shared::ids::{ActorId, EntryId, ProgrammeId};
use shared::rules::calendar::second_of;
use shared::rules::identity::Document;
use shared::rules::knowledge::{Heard, KnowledgeRule};
use shared::rules::programme::{ClockRule, Version, Versions, shipped};
use shared::rules::quota::{Allowance, Finding, FindingKind, Past, Purchase, Timed, audit, doubtful};
use shared::rules::refusal::Refusal;
use shared::rules::sale::{Ask, Known, decide, examine};
use shared::rules::stock::Stock;

const PLENTY: Stock = Stock { adult: 10_000_000_000, child: 10_000_000_000 };

/// Every shipped version.
pub(crate) fn versions() -> &'static Versions {
    static READ: OnceLock<Versions> = OnceLock::new();
    READ.get_or_init(|| {
        let mut versions = Versions::default();
        for (name, text) in shipped() {
            versions.insert(Version::parse(text).unwrap_or_else(|bad| panic!("{name}: {bad}")));
        }
        versions
    })
}

/// One shipped version.
pub(crate) fn version(name: &str) -> &'static Version {
    versions().named(&name.parse().unwrap()).unwrap()
}

/// Somebody with earlier purchases (day, adult pieces) comes on a day.
///
/// `who` is a number with its kind before it (`05:X123`; else 01) and a birth
/// after it (`A123456789 born 2010-01-01`; else 1986-03-15). `day` may end in
/// `asks 1+2` (adult + child); else they ask for all that the screen offers. The
/// answer is `sold 2`, `sold 1+2`, or begins with the refusal in English.
#[track_caller]
pub(crate) fn check(who: &str, history: &[(&str, u32)], day: &str, expected: &str) {
    let history: Vec<Past> = history
        .iter()
        .map(|(day, adult)| Past { day: date(day), pieces: Pieces { adult: *adult, child: 0 } })
        .collect();
    let (day, pieces) = match day.split_once(" asks ") {
        Some((day, pieces)) => (day, Some(basket(pieces))),
        None => (day, None),
    };
    let answer = Visit { day, history: &history, ..NOBODY }.answer(who, pieces);
    told(&answer, expected, who);
}

/// Somebody asks on 2020-02-07, an odd day, with so much (adult, child) on the shelf.
#[track_caller]
pub(crate) fn check_stock((adult, child): (i64, i64), who: &str, asks: &str, expected: &str) {
    let visit = Visit { day: "2020-02-07", stock: Stock { adult, child }, ..NOBODY };
    told(&visit.answer(who, Some(basket(asks))), expected, who);
}

/// A proxy who has carried so many cards today brings one more, for all that it may have.
#[track_caller]
pub(crate) fn check_proxy(day: &str, proxy: &str, carried: u32, who: &str, expected: &str) {
    let proxy = document(proxy, date(day));
    let visit = Visit { day, proxy: Some(&proxy), carried, ..NOBODY };
    told(&visit.answer(who, None), expected, who);
}

/// Somebody comes while the site's time may be off by so many seconds, where the version has this clock rule.
#[track_caller]
pub(crate) fn check_clock(rule: ClockRule, doubt_s: u32, day: &str, who: &str, expected: &str) {
    let version = versions().in_force(&programme_of(day).parse().unwrap(), date(day));
    let version = version.map(|version| Version { clock: rule, ..version.clone() });
    let visit = Visit { day, doubt_s, version: version.as_ref(), ..NOBODY };
    told(&visit.answer(who, None), expected, who);
}

/// Somebody comes on 2020-02-07 while the site knows so much of the nation, where the version has this rule; `who` may
/// end in `by NAME`, a manager.
#[track_caller]
pub(crate) fn check_knowledge(rule: KnowledgeRule, heard: Heard, who: &str, asks: Option<&str>, expected: &str) {
    let day = "2020-02-07";
    let version = versions().in_force(&programme_of(day).parse().unwrap(), date(day));
    let version = version.map(|version| Version { knowledge: rule, ..version.clone() });
    let (who, manager) = who.split_once(" by ").map_or((who, None), |(who, manager)| (who, Some(manager)));
    let visit = Visit { day, heard, manager, version: version.as_ref(), stock: Stock { adult: 5, child: 5 }, ..NOBODY };
    told(&visit.answer(who, asks.map(basket)), expected, who);
}

/// One person's counted purchases, as `day time ± seconds of doubt (or never) adult+child`, numbered from 1, and those
/// whose time is doubtful, as `#2 because #1`. Asked in three orders and doubled.
#[track_caller]
pub(crate) fn in_doubt(rows: &[&str], expected: &[&str]) {
    let timed: Vec<Timed> = rows.iter().zip(1..).map(|(row, number)| timed(row, number)).collect();
    let programme: ProgrammeId = programme_of(&rows.concat()).parse().unwrap();
    let turned = [&timed[1..], &timed[..1]].concat();
    let back = timed.iter().rev().copied().collect();
    for order in [timed.clone(), back, turned, [&timed[..], &timed[..]].concat()] {
        let findings = doubtful(versions(), &programme, &order);
        let words = |finding: &Finding| {
            assert_eq!((finding.kind, finding.refusal.code()), (FindingKind::DoubtfulTime, "clock"));
            let because: Vec<String> = finding.because.iter().map(|id| format!("#{}", id.seq)).collect();
            format!("#{} because {}", finding.sale.seq, because.join(" "))
        };
        assert_eq!(findings.iter().map(words).collect::<Vec<_>>(), expected);
    }
}

/// The findings of [`in_doubt`] as they are.
pub(crate) fn found_in_doubt(rows: &[&str]) -> Vec<Finding> {
    let timed: Vec<Timed> = rows.iter().zip(1..).map(|(row, number)| timed(row, number)).collect();
    doubtful(versions(), &programme_of(&rows.concat()).parse().unwrap(), &timed)
}

fn timed(row: &str, seq: u32) -> Timed {
    let words: Vec<&str> = row.split(' ').collect();
    let [day, time, _, doubt, pieces] = words.try_into().unwrap();
    let at: NaiveDateTime = format!("{day}T{time}").parse().unwrap();
    let doubt_s = if doubt == "never" { u32::MAX } else { doubt.parse().unwrap() };
    Timed { id: EntryId { actor: ActorId([7; 16]), seq }, instant: second_of(at), doubt_s, pieces: basket(pieces) }
}

/// One person's purchases, as `day time site reading version adult+child`, numbered
/// from 1, and the findings, as `#2 Over: refusal; because #1`. Asked in three
/// orders and doubled: always the same.
#[track_caller]
pub(crate) fn found(birth: &str, rows: &[&str], expected: &[&str]) {
    let purchases: Vec<Purchase> = rows.iter().zip(1..).map(|(row, number)| purchase(row, number, birth)).collect();
    let programme: ProgrammeId = programme_of(&rows.concat()).parse().unwrap();
    let mut turned = purchases.clone();
    turned.rotate_left(rows.len() / 2);
    let orders = [
        purchases.clone(),
        purchases.iter().rev().cloned().collect(),
        turned,
        purchases.iter().chain(&purchases).cloned().collect(),
    ];
    for order in orders {
        let findings = audit(versions(), &programme, &order, &[]);
        assert_eq!(findings.iter().map(finding_words).collect::<Vec<_>>(), expected);
    }
}

struct Visit<'a> {
    day: &'a str,
    history: &'a [Past],
    stock: Stock,
    proxy: Option<&'a Document>,
    carried: u32,
    doubt_s: u32,
    heard: Heard,
    manager: Option<&'a str>,
    /// In place of the shipped one.
    version: Option<&'a Version>,
}

/// Nobody before, nobody else, a shelf full of goods and a clock that is right.
const NOBODY: Visit<'_> = Visit {
    day: "",
    history: &[],
    stock: PLENTY,
    proxy: None,
    carried: 0,
    doubt_s: 1,
    heard: Heard::Now,
    manager: None,
    version: None,
};

impl Visit<'_> {
    /// 資格審核, then 購買: what was sold, or why not. Both must tell the same of turn and window.
    fn answer(&self, who: &str, pieces: Option<Pieces>) -> Result<Pieces, Refusal> {
        let today = date(self.day);
        let document = document(who, today);
        let version = versions().in_force(&programme_of(self.day).parse().unwrap(), today);
        let version = self.version.or(version);
        let Self { history, stock, doubt_s, heard, .. } = *self;
        let known = Known { version, history, stock, today, doubt_s, heard };
        let examined = examine(&known, &document);
        let most = examined.as_ref().map_or(1, |most: &Allowance| most.adult);
        let pieces = pieces.unwrap_or(Pieces { adult: most, child: 0 });
        let ask = Ask {
            document: &document,
            pieces,
            proxy: self.proxy,
            proxy_cards_today: self.carried,
            manager: self.manager,
        };
        let decided = decide(&known, &ask);
        if let Err(refusal) = examined {
            assert_eq!(decided, Err(refusal), "{who} on {}", self.day);
        }
        decided.map(|()| pieces)
    }
}

#[track_caller]
fn told(answer: &Result<Pieces, Refusal>, expected: &str, who: &str) {
    match answer {
        Ok(Pieces { adult, child: 0 }) => assert_eq!(format!("sold {adult}"), expected, "{who}"),
        Ok(Pieces { adult, child }) => assert_eq!(format!("sold {adult}+{child}"), expected, "{who}"),
        Err(refusal) => {
            let words = refusal.en();
            assert!(words.starts_with(expected), "{who}: {words:?} instead of {expected:?}");
        }
    }
}

fn finding_words(finding: &Finding) -> String {
    let because: Vec<String> = finding.because.iter().map(|id| format!("#{}", id.seq)).collect();
    let because = if because.is_empty() { "nothing".to_owned() } else { because.join(" ") };
    format!("#{} {:?}: {}; because {because}", finding.sale.seq, finding.kind, finding.refusal)
}

fn purchase(row: &str, number: u32, birth: &str) -> Purchase {
    let words: Vec<&str> = row.split(' ').collect();
    let [day, time, site, reading, version, pieces] = words.try_into().unwrap();
    let at: NaiveDateTime = format!("{day}T{time}").parse().unwrap();
    Purchase {
        id: EntryId { actor: ActorId([7; 16]), seq: number },
        site: site.parse().unwrap(),
        instant: second_of(at),
        doubt_s: 0,
        reading: if reading == "card" { Reading::Card } else { Reading::Typed },
        version: version.parse().unwrap(),
        birth: date(birth),
        pieces: basket(pieces),
        watermark: 0,
        recorded: false,
    }
}

fn document(who: &str, today: NaiveDate) -> Document {
    let (who, birth) = who.split_once(" born ").unwrap_or((who, "1986-03-15"));
    let (kind, number) = who.split_once(':').unwrap_or(("01", who));
    Document::parse(kind, number, birth, today).unwrap()
}

fn programme_of(dated: &str) -> &'static str {
    if dated.contains("2022-") { "kit" } else { "mask" }
}

fn basket(words: &str) -> Pieces {
    let (adult, child) = words.split_once('+').unwrap();
    Pieces { adult: adult.parse().unwrap(), child: child.parse().unwrap() }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}
