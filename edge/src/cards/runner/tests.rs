//! The keeper of the helper before scripts that play one.

use super::*;
use crate::cards::failure::CardFailure;
use crate::cards::lines::{MESSAGE_BYTES_MAX, PinState, TOKEN_BYTES_MAX};
use crate::cards::login::LoginFailure;
use crate::cards::pin::Pin;
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
    let script = format!("echo x >> {}; echo '{HELLO}'; echo '{UP}'; echo '{READERS}'; exec sleep 0.3", runs.display());
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

const CARDS: &str = r#"{"cards":[{"token":"0/1/a","reader":"a","label":"b","certificates":["3000"],"pin":"few-tries","has-pad":true}]}"#;
const SIGNED: &str = r#"{"signature":"0708"}"#;

/// A helper that answers the questions it is asked with these, in order; what it was asked lies in a file.
fn answers(folder: &Path, answers: &[(&str, &str)]) -> (watch::Sender<bool>, Cards) {
    let mut script = format!("echo '{HELLO}'; echo '{UP}';");
    for (say, outcome) in answers {
        script += "read line; echo \"$line\" >> asked; ";
        script += r#"n=$(echo "$line" | sed 's/.*"ask":\([0-9]*\).*/\1/'); "#;
        script += &format!(r#"printf '{{"say":"{say}","ask":%s,"outcome":%s}}\n' "$n" '{outcome}'; "#);
    }
    helper_in(&format!("cd {}; {script} exec sleep 60", folder.display()), folder)
}

fn pin() -> Pin {
    Pin::new("750315".to_owned()).unwrap()
}

#[tokio::test]
async fn certificates_and_a_signature_come_to_whoever_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (_stop, cards) = answers(folder.path(), &[("certificates", CARDS), ("signed", SIGNED)]);
    until(&cards, Readers::is_up).await;
    let found = cards.certificates().await.unwrap();
    assert_eq!((found[0].certificates.as_slice(), found[0].pin), (&[vec![0x30, 0]][..], PinState::FewTries));
    assert_eq!(cards.sign(&found[0].token, [1; 32], Some(pin()), b"challenge").await, Ok(vec![7, 8]));
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert!(asked.contains(r#""token":"0/1/a""#) && asked.contains(&"01".repeat(32)), "{asked}");
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let failed = r#"{"failed":{"pin-wrong":{"last_try":true}}}"#;
    let (_stop, cards) = answers(folder.path(), &[("signed", SIGNED), ("certificates", CARDS), ("signed", failed)]);
    until(&cards, Readers::is_up).await;
    assert_eq!(cards.certificates().await, Err(LoginFailure::Refused));
    assert_eq!(cards.sign("t", [1; 32], None, b"m").await, Err(LoginFailure::Refused));
    assert_eq!(cards.sign("t", [1; 32], None, b"m").await, Err(LoginFailure::PinWrong { last_try: true }));
}

#[tokio::test]
async fn a_question_dies_with_its_helper_and_no_later_one_hears_the_pin() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {}; echo '{HELLO}'; echo '{UP}'; [ -e asked ] && cat > again; read line; echo \"$line\" > asked; exit 1",
        folder.path().display()
    );
    let (_stop, cards) = helper_in(&script, folder.path());
    until(&cards, Readers::is_up).await;
    let (first, second) = tokio::join!(
        cards.sign("t", [1; 32], Some(pin()), b"m"),
        // Asked in the same breath: the helper ends before it reads this one.
        cards.sign("t", [2; 32], Some(pin()), b"m"),
    );
    assert_eq!((first, second), (Err(LoginFailure::HelperDown), Err(LoginFailure::HelperDown)));
    until(&cards, |readers| !readers.is_up()).await;
    assert_eq!(cards.certificates().await, Err(LoginFailure::HelperDown), "at once, while none runs");
    until(&cards, Readers::is_up).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let again = std::fs::read_to_string(folder.path().join("again")).unwrap_or_default();
    assert_eq!(again, "", "the next helper was asked nothing");
}

#[tokio::test]
async fn a_helper_of_another_version_gets_no_pin() {
    let folder = tempfile::tempdir().unwrap();
    let other = HELLO.replace(":2,", ":1,");
    let script = format!("cd {}; echo '{other}'; touch up; cat > asked", folder.path().display());
    let (_stop, cards) = helper_in(&script, folder.path());
    while !folder.path().join("up").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(cards.sign("t", [1; 32], Some(pin()), b"m").await, Err(LoginFailure::HelperDown));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("asked")).unwrap_or_default(), "");
}

/// A page may send anything back.
#[tokio::test]
async fn what_is_too_long_for_a_line_is_never_said_and_the_helper_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let (_stop, cards) = answers(folder.path(), &[("signed", SIGNED)]);
    until(&cards, Readers::is_up).await;
    let long = |bytes| "\u{1}".repeat(bytes);
    assert_eq!(cards.sign(&long(TOKEN_BYTES_MAX + 1), [1; 32], None, b"m").await, Err(LoginFailure::Removed));
    let message = vec![0; MESSAGE_BYTES_MAX + 1];
    assert_eq!(cards.sign("t", [1; 32], None, &message).await, Err(LoginFailure::Refused));
    cards.ask(Ask::Pull { reader: long(ASK_BYTES_MAX) });
    let longest = cards.sign(&long(TOKEN_BYTES_MAX), [1; 32], Some(pin()), &message[1..]).await;
    assert_eq!(longest, Ok(vec![7, 8]));
}
