//! The oracle has teeth: right outputs pass, every kind of wrong output fails.

mod town;

use super::{Doubles, Ends, Verdict, judge};
use crate::scenario::{self, DoublesPlan, write_doubles};
use town::{Ways, replay};

/// Two pharmacies cut from each other serve one person (x1, x2); the third refuses her after the heal (x3); and one of each refusal.
const SCENARIO: &str = r#"
{"at":"2020-02-06T09:00:00+08:00","do":"programme","programme":"mask-2020-02-06"}
{"at":"2020-02-06T09:00:00+08:00","do":"arrive","site":"5931102274","adult":4,"child":2}
{"at":"2020-02-06T09:00:00+08:00","do":"arrive","site":"2346160014","adult":10,"child":0}
{"at":"2020-02-06T09:00:00+08:00","do":"arrive","site":"2391030026","adult":10,"child":0}
{"at":"2020-02-06T09:10:00+08:00","do":"cut","site":"5931102274"}
{"at":"2020-02-06T09:10:00+08:00","do":"cut","site":"2346160014"}
{"at":"2020-02-06T09:11:00+08:00","do":"sell","site":"5931102274","ref":"x1","document":{"kind":"02","number":"A100000010","birth":"1986-03-15"},"adult":2,"child":0}
{"at":"2020-02-06T09:11:00+08:00","do":"sell","site":"2346160014","ref":"x2","document":{"kind":"01","number":"A100000010","birth":"1986-03-15"},"adult":2,"child":0}
{"at":"2020-02-06T09:11:30+08:00","do":"sell","site":"2346160014","ref":"x9","document":{"kind":"01","number":"A100000010","birth":"1986-03-15"},"adult":2,"child":0}
{"at":"2020-02-06T09:12:00+08:00","do":"heal","site":"5931102274"}
{"at":"2020-02-06T09:12:00+08:00","do":"heal","site":"2346160014"}
{"at":"2020-02-06T09:14:00+08:00","do":"sell","site":"2391030026","ref":"x3","document":{"kind":"01","number":"A100000010","birth":"1986-03-15"},"adult":2,"child":0}
{"at":"2020-02-06T09:15:00+08:00","do":"sell","site":"5931102274","ref":"x4","document":{"kind":"01","number":"A123456788","birth":"1986-03-15"},"adult":2,"child":0}
{"at":"2020-02-06T09:15:00+08:00","do":"sell","site":"5931102274","ref":"x5","document":{"kind":"01","number":"A123456789","birth":"1986-03-15"},"adult":2,"child":0}
{"at":"2020-02-06T09:15:00+08:00","do":"sell","site":"5931102274","ref":"x6","document":{"kind":"01","number":"B100000002","birth":"2007-12-31"},"adult":0,"child":1}
{"at":"2020-02-06T09:15:00+08:00","do":"sell","site":"5931102274","ref":"x7","document":{"kind":"01","number":"B100000002","birth":"2008-01-01"},"adult":1,"child":2}
{"at":"2020-02-06T09:15:00+08:00","do":"sell","site":"5931102274","ref":"x8","document":{"kind":"01","number":"B100000002","birth":"2008-01-01"},"adult":0,"child":2}
{"at":"2020-02-06T09:15:10+08:00","do":"withdraw","site":"5931102274","ref":"x8"}
{"at":"2020-02-06T09:15:11+08:00","do":"withdraw","site":"5931102274","ref":"x8"}
{"at":"2020-02-06T09:15:20+08:00","do":"sell","site":"5931102274","ref":"xa","document":{"kind":"01","number":"B100000002","birth":"2008-01-01"},"adult":2,"child":0}
{"at":"2020-02-06T09:15:30+08:00","do":"sell","site":"5931102274","ref":"xb","document":{"kind":"05","number":"300123456","birth":"1990-01-01"},"adult":2,"child":0}
"#;

/// What is right for it.
const OUTPUT: &str = r#"
{"ref":"x1","verdict":"sold","reason":null,"next":null}
{"ref":"x2","verdict":"sold","reason":null,"next":null}
{"ref":"x9","verdict":"refused","reason":"bought","next":"2020-02-13"}
{"ref":"x3","verdict":"refused","reason":"bought","next":"2020-02-13"}
{"ref":"x4","verdict":"refused","reason":"document","next":null}
{"ref":"x5","verdict":"refused","reason":"turn","next":null}
{"ref":"x6","verdict":"refused","reason":"child","next":null}
{"ref":"x7","verdict":"refused","reason":"limit","next":null}
{"ref":"x8","verdict":"sold","reason":null,"next":null}
{"ref":"x8","verdict":"withdrawn","reason":null,"next":null}
{"ref":"x8","verdict":"refused","reason":"unknown","next":null}
{"ref":"xa","verdict":"sold","reason":null,"next":null}
{"ref":"xb","verdict":"refused","reason":"stock","next":null}
{"case":"c1","programme":"mask","refs":["x1","x2"],"over":["x1"]}
{"site":"5931102274","stock":{"adult":0,"child":2}}
{"site":"2346160014","stock":{"adult":8,"child":0}}
{"site":"2391030026","stock":{"adult":10,"child":0}}
{"summary":{"sold":4}}
"#;

fn judged(output: &str) -> Verdict {
    judge(SCENARIO.trim_start(), output.trim_start())
}

#[test]
fn the_right_output_is_right() {
    let verdict = judged(OUTPUT);
    assert!(verdict.is_right(), "{verdict}");
    let figures = (verdict.sold, verdict.refused, verdict.withdrawn, verdict.cases, verdict.over, verdict.sites);
    assert_eq!(figures, (4, 7, 1, 1, 1, 3));
    let ends = |sold, bought, other| Ends { sold, bought, other };
    let Doubles { first, known, open, unknown } = verdict.doubles;
    assert_eq!(first, ends(3, 0, 5), "x1, x8, xa; the refused that never bought");
    assert_eq!((known, open, unknown), (ends(0, 2, 0), ends(0, 0, 0), ends(1, 0, 0)), "x9 and x3; x2");
}

#[test]
fn every_kind_of_wrong_output_is_wrong() {
    let case = r#"{"case":"c1","programme":"mask","refs":["x1","x2"],"over":["x1"]}"#;
    let sold = r#""verdict":"sold","reason":null,"next":null"#;
    let bought = r#""verdict":"refused","reason":"bought","next":"2020-02-13""#;
    for (kind, from, to) in [
        ("sold what must be refused", format!(r#""x3",{bought}"#), format!(r#""x3",{sold}"#)),
        ("own sale forgotten", format!(r#""x9",{bought}"#), format!(r#""x9",{sold}"#)),
        ("refused without evidence", format!(r#""x2",{sold}"#), format!(r#""x2",{bought}"#)),
        (
            "wrong next date",
            r#""x3","verdict":"refused","reason":"bought","next":"2020-02-13""#.into(),
            r#""x3","verdict":"refused","reason":"bought","next":"2020-02-12""#.into(),
        ),
        (
            "no next date",
            r#""x3","verdict":"refused","reason":"bought","next":"2020-02-13""#.into(),
            r#""x3","verdict":"refused","reason":"bought","next":null"#.into(),
        ),
        ("a next date with turn", r#""turn","next":null"#.into(), r#""turn","next":"2020-02-07""#.into()),
        ("wrong reason", r#""reason":"limit""#.into(), r#""reason":"stock""#.into()),
        (
            "turn not kept",
            r#""x5","verdict":"refused","reason":"turn""#.into(),
            r#""x5","verdict":"sold","reason":null"#.into(),
        ),
        ("a document let pass", r#""reason":"document""#.into(), r#""reason":"turn""#.into()),
        (
            "child masks to an adult",
            r#""x6","verdict":"refused","reason":"child""#.into(),
            r#""x6","verdict":"sold","reason":null"#.into(),
        ),
        (
            "sold without stock",
            r#""xb","verdict":"refused","reason":"stock""#.into(),
            r#""xb","verdict":"sold","reason":null"#.into(),
        ),
        (
            "withdrawn twice",
            r#""x8","verdict":"refused","reason":"unknown""#.into(),
            r#""x8","verdict":"withdrawn","reason":null"#.into(),
        ),
        (
            "a withdrawal refused",
            r#""x8","verdict":"withdrawn","reason":null"#.into(),
            r#""x8","verdict":"refused","reason":"unknown""#.into(),
        ),
        ("missed case", format!("{case}\n"), String::new()),
        (
            "false case",
            format!("{case}\n"),
            format!("{case}\n{{\"case\":\"c2\",\"programme\":\"mask\",\"refs\":[\"xa\"],\"over\":[\"xa\"]}}\n"),
        ),
        ("a case twice", format!("{case}\n"), format!("{case}\n{}\n", case.replace("c1", "c2"))),
        ("an id twice", format!("{case}\n"), format!("{case}\n{case}\n")),
        ("the wrong one over", r#""over":["x1"]"#.into(), r#""over":["x2"]"#.into()),
        ("both over", r#""over":["x1"]"#.into(), r#""over":["x1","x2"]"#.into()),
        ("none over", r#""over":["x1"]"#.into(), r#""over":[]"#.into()),
        ("a ref missed", r#""refs":["x1","x2"]"#.into(), r#""refs":["x1"]"#.into()),
        ("a ref too many", r#""refs":["x1","x2"]"#.into(), r#""refs":["x1","x2","xa"]"#.into()),
        ("a refused sale in a case", r#""refs":["x1","x2"]"#.into(), r#""refs":["x1","x2","x3"]"#.into()),
        ("wrong stock", r#""stock":{"adult":8,"child":0}"#.into(), r#""stock":{"adult":6,"child":0}"#.into()),
        ("no stock line", "{\"site\":\"2391030026\",\"stock\":{\"adult\":10,\"child\":0}}\n".into(), String::new()),
        ("an unknown site", "2391030026".into(), "2391030016".into()),
        ("an answer missing", format!("{{\"ref\":\"x2\",{sold}}}\n"), String::new()),
        (
            "an answer twice",
            format!("{{\"ref\":\"xa\",{sold}}}\n"),
            format!("{{\"ref\":\"xa\",{sold}}}\n{{\"ref\":\"xa\",{sold}}}\n"),
        ),
        ("no summary", "{\"summary\":{\"sold\":4}}\n".into(), String::new()),
        ("not JSON", "{\"summary\"".into(), "summary\"".into()),
    ] {
        assert!(OUTPUT.contains(&from), "{kind}: nothing to change");
        let verdict = judged(&OUTPUT.replacen(&from, &to, 1));
        assert!(!verdict.is_right(), "{kind} passed");
    }
}

#[test]
fn in_between_both_answers_are_right() {
    // x3 half a minute after the heal: known or not, both are right.
    let scenario = SCENARIO.replace("09:14:00", "09:12:30");
    let bought = r#""x3","verdict":"refused","reason":"bought","next":"2020-02-13""#;
    let output = OUTPUT.replace(bought, r#""x3","verdict":"sold","reason":null,"next":null"#);
    let output = output.replace(r#"["x1","x2"],"over":["x1"]"#, r#"["x1","x2","x3"],"over":["x1","x3"]"#);
    let output = output.replace(r#""2391030026","stock":{"adult":10"#, r#""2391030026","stock":{"adult":8"#);
    for (output, sold) in [(OUTPUT, 0), (&output, 1)] {
        let verdict = judge(scenario.trim_start(), output.trim_start());
        assert!(verdict.is_right(), "{verdict}");
        assert_eq!((verdict.doubles.open.sold, verdict.doubles.open.all()), (sold, 1), "x3");
    }
    assert!(!judged(&output).is_right());
}

#[test]
fn a_bad_scenario_is_named_by_its_line() {
    for (from, to) in
        [("\"do\":\"heal\"", "\"do\":\"mend\""), ("09:14:00", "09:01:00"), ("{\"at\":\"2020-02-06T09:14", "{at:")]
    {
        let verdict = judge(SCENARIO.replacen(from, to, 1).trim_start(), OUTPUT.trim_start());
        assert!(!verdict.is_right() && verdict.told[0].starts_with("scenario line 1"), "{verdict}");
    }
}

#[test]
fn a_town_that_hears_in_time_is_right_and_others_are_not() {
    let (mut late, mut early, mut cases, mut sold) = (0, 0, 0, 0);
    for seed in 0..100 {
        let scenario = scenario::nasty(seed, 250);
        let run = |delay_s, through_cuts| judge(&scenario, &replay(&scenario, Ways { delay_s, through_cuts }));
        for delay_s in [0, 20, 55] {
            let verdict = run(delay_s, false);
            assert!(verdict.is_right(), "seed {seed}, delay {delay_s}: {verdict}");
            cases += verdict.cases;
            sold += verdict.sold;
        }
        late += u32::from(!run(600, false).is_right());
        early += u32::from(!run(0, true).is_right());
    }
    assert!(cases > 100, "{cases} cases in {sold} sales");
    assert!(late > 50 && early > 50, "late {late}, early {early}");
}

#[test]
fn double_purchases_are_told_apart_by_what_can_have_been_known() {
    for up_percent in [1, 30, 70, 100] {
        let plan = DoublesPlan { seed: 1, sites: 12, days: 9, people: 1_000, up_percent };
        let mut scenario = Vec::new();
        let made = write_doubles(&plan, &mut scenario).unwrap();
        let scenario = String::from_utf8(scenario).unwrap();
        let run = |delay_s, through_cuts| judge(&scenario, &replay(&scenario, Ways { delay_s, through_cuts }));
        let verdict = run(20, false);
        assert!(verdict.is_right(), "{up_percent} %: {verdict}");
        let Doubles { first, known, open: _, unknown } = verdict.doubles;
        let again = verdict.doubles.again();
        assert_eq!((again.all(), again.sold), (made.doubles, verdict.over));
        assert_eq!((first.bought, known.sold, unknown.bought), (0, 0, 0), "{up_percent} %: {verdict}");
        // Who tells too late sells what must be known, and who hears through a cut refuses what nobody can have told.
        let late = run(24 * 3600, false).doubles;
        assert!(late.known.sold > 0, "{up_percent} %: {late:?}");
        let early = run(0, true).doubles;
        assert_eq!(early.unknown.bought > 0, up_percent < 100, "{up_percent} %: {early:?}");
    }
}

#[test]
fn sixty_sites_of_the_real_day() {
    let scenario = scenario::real_day(4, Some(60)).unwrap();
    let verdict = judge(&scenario, &replay(&scenario, Ways { delay_s: 5, through_cuts: false }));
    assert!(verdict.is_right() && verdict.sites == 60, "{verdict}");
}

/// `cargo test --release -p system-tests --lib -- --ignored national --nocapture`
#[test]
#[ignore = "five seconds in release, minutes without; writes the output to the file ATOLL_ORACLE_OUT"]
fn a_national_day() {
    let scenario = scenario::real_day(1, None).unwrap();
    let output = replay(&scenario, Ways { delay_s: 5, through_cuts: false });
    let start = std::time::Instant::now();
    let verdict = judge(&scenario, &output);
    eprintln!("{verdict}\njudged in {:?}", start.elapsed());
    assert!(verdict.is_right());
    if let Ok(path) = std::env::var("ATOLL_ORACLE_OUT") {
        std::fs::write(path, output).unwrap();
    }
}
