//! The keeper of the helper before scripts that play one.

use super::*;
use crate::cards::failure::CardFailure;
use crate::trial::{THURSDAY, desk_at};

const SOON: Duration = Duration::from_secs(10);
const HELLO: &str = r#"{"say":"hello","protocol":2,"demonstration":false}"#;
const UP: &str = r#"{"say":"service","up":true}"#;
const READERS: &str = r#"{"say":"readers","readers":["a"]}"#;
const CARD: &str = r#"{"say":"card","reader":"a","insertion":1,"state":"inserted"}"#;
const READ: &str = r#"{"say":"read","reader":"a","insertion":1,"ms":1,"tries":1,"outcome":{"failed":"not-nhi"}}"#;

/// A helper that is a line of shell.
fn helper(script: &str) -> (watch::Sender<bool>, Cards) {
    helper_in(script, tempfile::tempdir().unwrap().path())
}

fn helper_in(script: &str, folder: &Path) -> (watch::Sender<bool>, Cards) {
    let arguments = vec!["-c".into(), script.into()];
    let (runner, cards) = runner("sh".into(), arguments, desk_at(THURSDAY, &[]), folder);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(runner.run(stopped));
    (stop, cards)
}

async fn until(cards: &Cards, is: impl Fn(&Readers) -> bool) -> Readers {
    tokio::time::timeout(SOON, cards.readers().wait_for(|readers| is(readers))).await.unwrap().unwrap().clone()
}

#[tokio::test]
async fn a_card_that_comes_is_asked_for_and_its_answer_told() {
    let script =
        format!("echo '{HELLO}'; echo '{UP}'; echo '{READERS}'; echo '{CARD}'; read ask; echo '{READ}'; exec sleep 60");
    let (_stop, cards) = helper(&script);
    until(&cards, |readers| readers.record(1) == Err(CardFailure::NotNhi)).await;
    assert_eq!(cards.readers().borrow().trouble(), None);
}

#[tokio::test]
async fn how_a_reader_has_fared_outlives_the_program_and_a_broken_file_is_counted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("echo '{HELLO}'; echo '{UP}'; echo '{READERS}'; echo '{CARD}'; echo '{READ}'; exec sleep 60");
    for times in 1..=3 {
        let (_stop, cards) = helper_in(&script, folder.path());
        until(&cards, |readers| readers.record(1) == Err(CardFailure::NotNhi)).await;
        let failed = cards.readers().borrow().health()["a"].failures[&CardFailure::NotNhi];
        assert_eq!(failed, times);
    }
    std::fs::write(folder.path().join(KEPT_FILE), "nonsense").unwrap();
    let (_stop, cards) = helper_in(&script, folder.path());
    until(&cards, |readers| readers.record(1) == Err(CardFailure::NotNhi)).await;
    assert_eq!(cards.readers().borrow().health()["a"].failures[&CardFailure::NotNhi], 1);
}

#[tokio::test]
async fn a_helper_that_dies_is_started_again_and_meanwhile_no_card_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let script = format!("echo x >> {}; echo '{HELLO}'; echo '{UP}'; echo '{READERS}'; sleep 0.3", runs.display());
    let (_stop, cards) = helper(&script);
    until(&cards, |readers| readers.trouble().is_none()).await;
    until(&cards, |readers| readers.trouble() == Some(CardFailure::HelperDown)).await;
    until(&cards, |readers| readers.trouble().is_none()).await;
    assert!(std::fs::read_to_string(runs).unwrap().lines().count() >= 2);
}

#[tokio::test]
async fn nonsense_is_passed_over_and_a_line_without_an_end_ends_the_helper() {
    let (_stop, cards) =
        helper(&format!("echo nonsense; printf '\\377\\n'; echo '{HELLO}'; echo '{UP}'; exec sleep 60"));
    until(&cards, |readers| readers.trouble() == Some(CardFailure::NoReader)).await;
    let (_stop, cards) = helper(&format!("echo '{HELLO}'; echo '{UP}'; head -c 700000 /dev/zero; exec sleep 60"));
    until(&cards, |readers| readers.trouble() == Some(CardFailure::NoReader)).await;
    until(&cards, |readers| readers.trouble() == Some(CardFailure::HelperDown)).await;
}

#[tokio::test]
async fn where_there_is_no_helper_the_counter_is_told_so() {
    let (runner, cards) =
        runner("/no/such/program".into(), vec![], desk_at(THURSDAY, &[]), Path::new("/no/such/folder"));
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(runner.run(stopped));
    assert_eq!(cards.readers().borrow().trouble(), Some(CardFailure::HelperDown));
    stop.send_replace(true);
    tokio::time::timeout(SOON, running).await.unwrap().unwrap();
}
