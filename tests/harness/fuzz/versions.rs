//! Version files, and every rule on whatever version was read: for any person on any day a rule answers, and the
//! counter and the audit agree.

use chrono::{Datelike, Days, NaiveDate};
use shared::entry::{Pieces, Reading};
use shared::ids::{ActorId, EntryId};
use shared::rules::calendar::second_of;
use shared::rules::identity::Document;
use shared::rules::knowledge::Heard;
use shared::rules::programme::{LIMIT_PIECES_MAX, Turn, Version, Versions, WINDOW_DAYS_MAX, Window, shipped};
use shared::rules::quota::{self, Past, Purchase, audit};
use shared::rules::refusal::Refusal;
use shared::rules::sale::{Ask, Known, decide, examine, price};
use shared::rules::stock::Stock;

use super::choices::Choices;

/// What stands in version files, for lines that are put in or changed.
const LINES: &[&str] = &[
    "from = \"2020-02-06\"",
    "from = 2020-02-29",
    "one_purchase_per_window = false",
    "one_purchase_per_window = true",
    "price_ntd_per_piece = 0",
    "[window]",
    "rolling_days = 1",
    "rolling_days = 366",
    "[window.round]",
    "number = 1",
    "next = \"2020-03-01\"",
    "[limit.adult_card]",
    "[limit.child_card]",
    "adult = 1",
    "adult = 1000",
    "child = 0",
    "child = 1",
    "child = 3",
    "mixed = 1",
    "mixed = 5",
    "[child]",
    "born_from_year = 2008",
    "born_from = \"2004-02-29\"",
    "[turn]",
    "rule = \"everyone\"",
    "rule = \"odd-even\"",
    "odd = [\"mon\"]",
    "even = [\"sun\", \"tue\"]",
    "[turn.free_for]",
    "[proxy]",
    "cards_per_day = 0",
    "[proxy.young]",
    "[documents]",
    "off = [\"01\", \"05\"]",
    "free_of_turn = [\"04\"]",
    "[goods.child]",
    "name = { zh = \"甲\", en = \"a\" }",
    "unit = { zh = \"片\", en = \"piece\" }",
    "notices = []",
    "\"\\u0000\" = 1",
];
/// Values for the right side of a line.
const VALUES: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "7",
    "14",
    "366",
    "367",
    "1000",
    "1001",
    "0x10",
    "1_0",
    "9223372036854775808",
    "1.5",
    "true",
    "false",
    "\"\"",
    "\"everyone\"",
    "\"2020-02-30\"",
    "\"2200-12-31\"",
    "2000-01-01",
    "2020-02-06T00:00:00Z",
    "[]",
    "{}",
    "{ zh = \"\", en = \"\" }",
    "\"\"\"\nx\"\"\"",
];

/// A shipped file with lines changed (or any text), then people and days.
pub(super) fn holds(input: &[u8]) {
    let mut choices = Choices::new(input);
    let files = shipped();
    let which = usize::from(choices.byte());
    let text = match files.get(which % (files.len() + 1)) {
        Some((_, text)) => edited(text, &mut choices),
        None => choices.text(8_000),
    };
    let read = Version::parse(&text);
    assert_eq!(read, Version::parse(&text));
    match read {
        Ok(version) => {
            check(&version);
            answer(&version, &mut choices);
        }
        Err(bad) => {
            assert!((1..=text.lines().count().max(1) + 1).contains(&bad.line), "line {}", bad.line);
            assert!(!bad.to_string().is_empty() && !bad.field.is_empty());
        }
    }
}

fn edited(text: &str, choices: &mut Choices<'_>) -> String {
    let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    for _ in 0..choices.below(6) {
        let at = choices.below(lines.len());
        match choices.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, (*choices.pick(LINES)).to_owned()),
            2 => lines[at] = (*choices.pick(LINES)).to_owned(),
            3 => {
                let left = lines[at].split('=').next().unwrap_or_default().to_owned();
                lines[at] = format!("{left}= {}", choices.pick(VALUES));
            }
            4 => {
                let line = lines[at].clone();
                lines.insert(choices.below(lines.len()), line);
            }
            _ => lines[at] = choices.text(60),
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join("\n")
}

/// What a version promises to whoever reads it.
fn check(version: &Version) {
    match version.window {
        Window::Rolling { days } => assert!((1..=WINDOW_DAYS_MAX).contains(&days)),
        Window::Round { number, from, next } => {
            assert!(number >= 1 && version.from >= from && next.is_none_or(|next| next > from && version.from < next));
        }
    }
    let (adult, child) = (version.limit.adult_card, version.limit.child_card);
    for limits in [adult, child] {
        assert!((1..=LIMIT_PIECES_MAX).contains(&limits.adult));
        assert!(limits.child <= LIMIT_PIECES_MAX && (1..=LIMIT_PIECES_MAX).contains(&limits.mixed));
        assert!(limits.child > 0 || limits.mixed == limits.adult);
    }
    assert_eq!(version.goods.child.is_some(), version.child.is_some());
    assert!(child.child > 0 || version.child.is_none());
    if let Turn::OddEven { odd, even, .. } = version.turn {
        assert!(!odd.is_empty() && !even.is_empty(), "somebody's day never comes");
    }
    assert!((2000..=2200).contains(&version.from.year()));
    let words = [&version.title, &version.goods.adult.name, &version.goods.adult.unit];
    assert!(words.iter().all(|text| !text.zh.trim().is_empty() && !text.en.trim().is_empty()));
}

/// One person comes again and again.
fn answer(version: &Version, choices: &mut Choices<'_>) {
    let mut versions = Versions::default();
    versions.insert(version.clone());
    let born = day(choices);
    let document = person(choices, born);
    let proxy = person(choices, NaiveDate::from_ymd_opt(1950, 5, 5).expect("a day"));
    let mut today = day(choices);
    let (mut history, mut sales) = (Vec::new(), Vec::new());
    for seq in 1..=12 {
        if choices.is_empty() {
            break;
        }
        today =
            today.checked_add_days(Days::new(choices.number() % 400 * u64::from(choices.byte() % 2))).unwrap_or(today);
        let pieces = Pieces { adult: choices.number32() % 2_000, child: u32::from(choices.byte() % 8) };
        let known = Known {
            version: versions.in_force(&version.programme, today),
            history: &history,
            stock: Stock { adult: choices.signed(), child: 5_000 },
            today,
            doubt_s: choices.number32(),
            heard: heard(choices),
        };
        let ask = Ask {
            document: &document,
            pieces,
            proxy: choices.flag().then_some(&proxy),
            proxy_cards_today: u32::from(choices.byte()),
            manager: choices.flag().then_some("林主任"),
        };
        judge(version, &known, &ask);
        let bought = quota::check(version, &history, born, pieces, today).is_ok() && pieces.total() > 0;
        let surely = choices.rarely();
        let in_force = known.version.is_some();
        if (bought && in_force) || surely {
            history.push(Past { day: today, pieces });
            sales.push((purchase(version, born, today, pieces, seq), bought || !in_force));
        }
    }
    let purchases: Vec<Purchase> = sales.iter().map(|(sale, _)| sale.clone()).collect();
    let findings = audit(&versions, &version.programme, &purchases, &[]);
    if sales.iter().all(|(_, allowed)| *allowed) && sales.iter().all(|(sale, _)| sale.pieces.total() > 0) {
        let before: Vec<_> = history.iter().filter(|past| past.day < version.from).collect();
        assert!(!before.is_empty() || findings.is_empty(), "the counter allowed what the audit finds: {findings:?}");
    }
    let mut turned = purchases;
    turned.reverse();
    turned.extend_from_slice(&turned.clone());
    assert_eq!(
        audit(&versions, &version.programme, &turned, &[]),
        findings,
        "the audit depends on the order of arrival"
    );
}

fn heard(choices: &mut Choices<'_>) -> Heard {
    match choices.byte() % 4 {
        0 => Heard::Never,
        1 => Heard::Now,
        _ => Heard::Ago { age_s: choices.number(), doubt_s: choices.number32() },
    }
}

/// A refusal names the right day; what is allowed is within every limit.
fn judge(version: &Version, known: &Known<'_>, ask: &Ask<'_>) {
    let birth = ask.document.birth();
    let decided = decide(known, ask);
    if let Err(refusal) = &decided {
        assert!(!refusal.zh().is_empty() && !refusal.en().is_empty() && !refusal.code().is_empty());
    }
    if let Err(Refusal::Turn { own, .. }) = decided {
        assert!(own.is_none_or(|own| own > known.today));
        let then = own.map(|own| examine(&Known { today: own, ..*known }, ask.document));
        assert!(!matches!(then, Some(Err(Refusal::Turn { .. }))), "sent away to a day that is not theirs");
    }
    let left = quota::remaining(version, known.history, birth, known.today);
    match left {
        Ok(most) => assert!(most.most() > 0 && most.most() <= LIMIT_PIECES_MAX),
        Err(Refusal::Bought { next: Some(next), .. }) => {
            assert!(next > known.today);
            assert!(quota::remaining(version, known.history, birth, next).is_ok(), "sent away to a day of nothing");
        }
        Err(Refusal::Bought { next: None, .. }) => {}
        Err(other) => panic!("{other:?} is no matter of quota"),
    }
    if decided.is_ok() {
        let limits = version.limits_for(birth);
        assert!(ask.pieces.total() > 0 && ask.pieces.adult <= limits.adult && ask.pieces.child <= limits.child);
        assert!(known.stock.covers(ask.pieces) && known.version.is_some());
        assert!(left.is_ok_and(|most| most.covers(ask.pieces)));
        assert!(ask.proxy.is_none() || ask.proxy_cards_today < version.proxy_cards_for(birth));
    }
    let _ = price(version, ask.pieces);
}

fn person(choices: &mut Choices<'_>, born: NaiveDate) -> Document {
    const NUMBERS: [(&str, &str); 5] =
        [("01", "A123456789"), ("02", "A100000001"), ("03", "AB00207171"), ("04", "XYZ"), ("05", "PA1234568")];
    let (kind, number) = choices.pick(&NUMBERS);
    let far = NaiveDate::from_ymd_opt(2300, 1, 1).expect("a day");
    Document::parse(kind, number, &born.to_string(), far).expect("a document of the list")
}

fn purchase(version: &Version, birth: NaiveDate, today: NaiveDate, pieces: Pieces, seq: u32) -> Purchase {
    let instant = second_of(today.and_hms_opt(9, 0, 0).expect("a time")) + i64::from(seq);
    Purchase {
        id: EntryId { actor: ActorId([1; 16]), seq },
        site: super::said::SITE.parse().expect("a site"),
        instant,
        doubt_s: 0,
        reading: Reading::Card,
        version: version.name.clone(),
        birth,
        pieces,
        watermark: 0,
        recorded: false,
    }
}

/// Mostly about the first months; sometimes anywhere from 1912 to 2199.
fn day(choices: &mut Choices<'_>) -> NaiveDate {
    let (from, days) = match choices.below(3) {
        0 => ((1912, 1, 1), u64::from(u16::from_be_bytes(choices.array())) % 69_000),
        1 => ((2004, 1, 1), u64::from(u16::from_be_bytes(choices.array())) % 7_000),
        _ => ((2020, 2, 1), u64::from(choices.byte())),
    };
    let (year, month, date) = from;
    NaiveDate::from_ymd_opt(year, month, date).expect("a day") + Days::new(days)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let people = [2, 40, 0, 0, 2, 6].into_iter().chain((0..90).map(|n| n % 11));
    let people: Vec<u8> = people.collect();
    (0..16u8).map(|which| [[which, 0].as_slice(), &people].concat()).collect()
}
