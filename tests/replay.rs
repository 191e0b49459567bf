//! The replay, judged by an oracle that shares no code with the rules; and what it says to bad lines.

use std::time::Instant;

use harness::oracle;
use harness::replay::{BadLine, replay_text};
use harness::scenario::{nasty, places, real_day};
use serde_json::Value;
use shared::rules::programme::shipped_text;

const NASTY_SEEDS: u64 = 60;
const NASTY_EVENTS: usize = 300;
const SITES_OF_THE_SHORT_DAY: usize = 150;

fn judge(name: &str, scenario: &str) -> String {
    let answers = replay_text(scenario).unwrap();
    let verdict = oracle::judge(scenario, &answers);
    assert!(verdict.is_right(), "{name}: {verdict}");
    answers
}

/// The last line: what the replay counted.
fn summary(answers: &str) -> Value {
    serde_json::from_str::<Value>(answers.lines().last().unwrap()).unwrap()["summary"].take()
}

#[test]
fn hostile_little_towns_are_answered_rightly() {
    let (mut cases, mut refused) = (0, 0);
    for seed in 1..=NASTY_SEEDS {
        let answers = judge(&format!("SEED={seed}"), &nasty(seed, NASTY_EVENTS));
        let counted = summary(&answers);
        cases += counted["cases"].as_u64().unwrap();
        refused += counted["refused"].as_u64().unwrap();
    }
    assert!(cases > NASTY_SEEDS, "towns without cases prove nothing: {cases}");
    println!(
        "{NASTY_SEEDS} towns of {NASTY_EVENTS} events: {refused} refusals, {cases} cases, none missed, none false"
    );
}

#[test]
fn little_towns_that_book_are_answered_rightly() {
    let (mut booked, mut cases, mut wishes) = (0, 0, 0);
    for seed in 1..=NASTY_SEEDS {
        let answers = judge(&format!("SEED={seed}"), &places(seed, NASTY_EVENTS));
        let counted = summary(&answers);
        booked += counted["booked"].as_u64().unwrap();
        cases += counted["cases"].as_u64().unwrap();
        wishes += answers.lines().filter(|line| line.contains(r#""verdict":"wish""#)).count();
    }
    assert!(booked > 20 * NASTY_SEEDS && cases > 0 && wishes > 0, "{booked} booked, {cases} cases, {wishes} wishes");
    println!("{NASTY_SEEDS} towns of {NASTY_EVENTS} events: {booked} bookings, {wishes} of them wishes, {cases} cases");
}

#[test]
fn a_part_of_the_real_first_day_is_answered_rightly() {
    judge("2020-02-06", &real_day(1, Some(SITES_OF_THE_SHORT_DAY)).unwrap());
}

#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn the_whole_real_first_day_is_answered_rightly() {
    let scenario = real_day(1, None).unwrap();
    let started = Instant::now();
    let counted = summary(&judge("2020-02-06", &scenario));
    println!("the whole first day in {:.0?}: {counted}", started.elapsed());
}

#[test]
fn the_same_scenario_gives_the_same_answers() {
    let scenario = nasty(7, NASTY_EVENTS);
    assert_eq!(replay_text(&scenario).unwrap(), replay_text(&scenario).unwrap());
}

#[test]
fn a_version_may_be_given_whole() {
    let whole: Value = toml::from_str(shipped_text("mask-2020-02-06").unwrap()).unwrap();
    let rest = r#"{"at":"2020-02-06T09:00:00+08:00","do":"arrive","site":"5931102274","adult":2,"child":0}
{"at":"2020-02-06T09:00:01+08:00","do":"sell","site":"5931102274","ref":"x","document":{"kind":"01","number":"A123456798","birth":"1986-03-15"},"adult":2,"child":0}"#;
    let line = |programme: Value| {
        serde_json::json!({"at": "2020-02-06T08:00:00+08:00", "do": "programme", "programme": programme}).to_string()
    };
    let inline = replay_text(&format!("{}\n{rest}", line(whole))).unwrap();
    let named = replay_text(&format!("{}\n{rest}", line("mask-2020-02-06".into()))).unwrap();
    assert_eq!(inline, named);
    assert!(inline.starts_with(r#"{"next":null,"number":null,"reason":null,"ref":"x","verdict":"sold"}"#), "{inline}");
}

#[test]
fn a_version_that_minds_old_knowledge_is_rehearsed_through_a_cut() {
    let mut version: toml::Table = toml::from_str(shipped_text("mask-2020-04-19").unwrap()).unwrap();
    let steps = "stale = \"one-piece\"\nvery_stale = \"manager\"\n";
    version.insert("knowledge".to_owned(), toml::Value::Table(toml::from_str(steps).unwrap()));
    let mut refs = 0;
    let mut sell = |at: &str, adult: u32| {
        refs += 1;
        let document = serde_json::json!({"kind": "05", "number": format!("P{refs}"), "birth": "1986-03-15"});
        serde_json::json!({
            "at": format!("2020-05-{at}:00+08:00"), "do": "sell", "site": "5931102274", "ref": format!("x{refs}"),
            "document": document, "adult": adult, "child": 0,
        })
    };
    let line = |at: &str, what: &str| serde_json::json!({"at": format!("2020-05-{at}:00+08:00"), "do": what, "site": "5931102274", "adult": 90, "child": 0});
    let published = serde_json::json!({"at": "2020-05-04T08:00:00+08:00", "do": "programme", "programme": version});
    let cut = |at: &str, what: &str| serde_json::json!({"at": format!("2020-05-{at}:00+08:00"), "do": what, "site": "5931102274"});
    let lines = [
        published,
        line("04T09:00", "arrive"),
        sell("04T09:10", 9),
        cut("04T09:11", "cut"),
        sell("04T11:00", 9),
        sell("04T13:00", 9),
        sell("04T13:01", 1),
        sell("08T10:00", 1),
        cut("08T10:01", "heal"),
        sell("08T10:02", 9),
    ];
    let scenario: Vec<String> = lines.iter().map(Value::to_string).collect();
    let answers: Vec<Value> =
        replay_text(&scenario.join("\n")).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |at: usize| answers[at]["reason"].as_str().or(answers[at]["verdict"].as_str()).unwrap();
    let said: Vec<&str> = (0..6).map(said).collect();
    assert_eq!(said, ["sold", "sold", "limit", "sold", "manager", "sold"], "{answers:?}");
}

#[test]
fn where_two_programmes_are_in_force_the_last_published_is_meant() {
    let scenario = r#"{"at":"2022-04-29T08:00:00+08:00","do":"programme","programme":"mask-2020-04-19"}
{"at":"2022-04-29T08:00:00+08:00","do":"programme","programme":"kit-2022-04-28"}
{"at":"2022-04-29T09:00:00+08:00","do":"arrive","site":"5931102274","adult":78,"child":0}
{"at":"2022-04-29T09:00:01+08:00","do":"sell","site":"5931102274","ref":"a","document":{"kind":"01","number":"A123456789","birth":"1986-03-15"},"adult":1,"child":0}
{"at":"2022-04-29T09:00:02+08:00","do":"sell","site":"5931102274","ref":"b","document":{"kind":"01","number":"A123456789","birth":"1986-03-15"},"adult":1,"child":0}"#;
    let answers: Vec<Value> =
        replay_text(scenario).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0]["verdict"], "sold");
    assert_eq!((&answers[1]["reason"], &answers[1]["next"]), (&"bought".into(), &"2022-06-06".into()), "one a round");
    assert_eq!(answers[2]["stock"]["adult"], 77);
}

#[test]
fn a_bad_line_is_named() {
    let good = r#"{"at":"2020-02-06T08:00:00+08:00","do":"programme","programme":"mask-2020-02-06"}"#;
    for (bad, why) in [
        ("{", "EOF"),
        (r#"{"at":"yesterday","do":"cut","site":"5931102274"}"#, "yesterday"),
        (r#"{"at":"2020-02-06T09:00:00+08:00","do":"dance"}"#, "dance"),
        (r#"{"at":"2020-02-06T09:00:00+08:00","do":"cut","site":"593"}"#, "593"),
        (r#"{"at":"2020-02-06T09:00:00+08:00","do":"arrive","site":"5931102274","adult":-2,"child":0}"#, "-2"),
        (r#"{"at":"2020-02-06T07:00:00+08:00","do":"cut","site":"5931102274"}"#, "earlier"),
        (r#"{"at":"2020-02-06T09:00:00+08:00","do":"programme","programme":"mask-1999"}"#, "mask-1999"),
        (r#"{"at":"2020-02-06T09:00:00+08:00","do":"programme","programme":{"name":"x"}}"#, "programme"),
        (r#"{"at":"2020-02-06T09:00:00+08:00","do":"book","site":"5931102274"}"#, "missing field"),
    ] {
        let cause = replay_text(&format!("{good}\n\n{bad}\n")).unwrap_err();
        let line = cause.downcast_ref::<BadLine>().unwrap_or_else(|| panic!("{bad}: {cause:#}"));
        assert_eq!(line.number, 3, "{bad}");
        assert!(line.why.contains(why), "{bad}: {}", line.why);
    }
}
