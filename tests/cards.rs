//! Card readers, by the real `atoll-card` before the real card service with virtual readers (docs/cards.md).

use std::time::{Duration, Instant};

use edge::cards::failure::CardFailure;
use edge::cards::lines::{Ask, CardState, Outcome, Said};
use edge::cards::nhi::{NhiRecord, read};
use harness::cards::played::Play;
use harness::cards::{Helper, Lab, reader};
use harness::fleet::{binary, free_tcp_port, until};
use harness::prepared::{MORNING, SITE, serve, skipped, tool};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);

/// Two readers and the helper; none where the machine gives no namespaces.
fn lab() -> Option<(TempDir, Lab, Helper)> {
    let folder = tempfile::tempdir().unwrap();
    match Lab::new(folder.path()).unwrap() {
        Some(lab) => {
            let helper = lab.helper().unwrap();
            helper
                .next("both readers", |said| match said {
                    Said::Readers { readers } => (readers == [reader(0), reader(1)]).then_some(()),
                    _ => None,
                })
                .unwrap();
            Some((folder, lab, helper))
        }
        None => {
            skipped("no namespaces here for a card service");
            None
        }
    }
}

/// A record: card number, name in Big5, number, birth date in the ROC calendar.
fn record(name: &[u8], number: &str, birth: &str) -> Vec<u8> {
    let padding = vec![0; 20 - name.len()];
    [b"000012345678", name, &padding, number.as_bytes(), birth.as_bytes(), b"F", b"1080101"].concat()
}

fn anna() -> Vec<u8> {
    record(&[0xA4, 0xFD, 0xA4, 0x70], "A123456789", "0750315")
}

fn boris() -> Vec<u8> {
    record(&[0xB3, 0xAF], "A100000001", "0750315")
}

/// The next card in a reader.
fn comes(helper: &Helper, slot: usize, state: CardState) -> u64 {
    helper
        .next("a card that comes", |said| match said {
            Said::Card { reader: at, insertion, state: now } => {
                (at == reader(slot) && now == state).then_some(insertion)
            }
            _ => None,
        })
        .unwrap()
}

/// What reading it gives, and after how many tries.
fn outcome(helper: &mut Helper, slot: usize, insertion: u64) -> (Outcome, u32) {
    helper.ask(&Ask::Read { reader: reader(slot), insertion }).unwrap();
    answer(helper, slot, insertion)
}

fn answer(helper: &Helper, slot: usize, wanted: u64) -> (Outcome, u32) {
    helper
        .next("an answer", |said| match said {
            Said::Read { reader: at, insertion, outcome, tries, .. } if at == reader(slot) && insertion == wanted => {
                Some((outcome, tries))
            }
            _ => None,
        })
        .unwrap()
}

fn person(outcome: &Outcome) -> NhiRecord {
    match outcome {
        Outcome::Record(bytes) => read(bytes.bytes(), "2020-02-06".parse().unwrap()).unwrap(),
        Outcome::Failed(failure) => panic!("not read: {}", failure.code()),
    }
}

fn failure(outcome: &Outcome) -> CardFailure {
    match outcome {
        Outcome::Record(_) => panic!("a record came"),
        Outcome::Failed(failure) => *failure,
    }
}

#[test]
fn two_readers_side_by_side_read_two_people() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    lab.insert(0, Play::nhi(&anna())).unwrap();
    let first = comes(&helper, 0, CardState::Inserted);
    lab.insert(1, Play::nhi(&boris())).unwrap();
    let second = comes(&helper, 1, CardState::Inserted);
    helper.ask(&Ask::Read { reader: reader(0), insertion: first }).unwrap();
    let (other, _) = outcome(&mut helper, 1, second);
    assert_eq!(person(&other).document.number(), "A100000001");
    lab.pull(0).unwrap();
    assert_eq!(comes(&helper, 0, CardState::Removed), first);
    lab.insert(0, Play::nhi(&boris())).unwrap();
    let third = comes(&helper, 0, CardState::Inserted);
    assert!(third > second, "every card has a number of its own");
    let (of_the_first, _) = outcome(&mut helper, 0, first);
    assert_eq!(failure(&of_the_first), CardFailure::Removed, "nobody else's record answers for it");
    assert_eq!(person(&outcome(&mut helper, 0, third).0).document.number(), "A100000001");
}

#[test]
fn a_card_is_read_with_its_name_and_a_child_s_birth_date() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    let child = record(&[0xA4, 0xFD, 0xA4, 0x70], "A123456789", "1020506");
    for play in [Play::nhi(&child), Play::Nhi0(hex(&child)), Play::Slow(hex(&child), 300)] {
        lab.insert(0, play.clone()).unwrap();
        let insertion = comes(&helper, 0, CardState::Inserted);
        let read = person(&outcome(&mut helper, 0, insertion).0);
        assert_eq!(read.document.birth(), "2013-05-06".parse().unwrap(), "{play:?}");
        assert_eq!((read.name.text(), read.name.is_certain()), ("王小", true));
        lab.pull(0).unwrap();
        comes(&helper, 0, CardState::Removed);
    }
    // FAF0 is a character of somebody's own in Taiwan, and another one in the libraries.
    lab.insert(0, Play::nhi(&record(&[0xA4, 0xFD, 0xFA, 0xF0], "A123456789", "0750315"))).unwrap();
    let insertion = comes(&helper, 0, CardState::Inserted);
    assert!(!person(&outcome(&mut helper, 0, insertion).0).name.is_certain());
}

#[test]
fn other_cards_and_silent_chips_say_what_they_are() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    lab.insert(0, Play::Other).unwrap();
    let other = comes(&helper, 0, CardState::Inserted);
    assert_eq!(failure(&outcome(&mut helper, 0, other).0), CardFailure::NotNhi);
    lab.insert(1, Play::Mute).unwrap();
    let mute = comes(&helper, 1, CardState::Mute);
    assert_eq!(failure(&outcome(&mut helper, 1, mute).0), CardFailure::Mute);
    let short = anna()[..40].to_vec();
    lab.pull(0).unwrap();
    comes(&helper, 0, CardState::Removed);
    lab.insert(0, Play::nhi(&short)).unwrap();
    let cut = comes(&helper, 0, CardState::Inserted);
    let (Outcome::Record(bytes), _) = outcome(&mut helper, 0, cut) else { panic!("the helper judges no record") };
    assert!(read(bytes.bytes(), "2020-02-06".parse().unwrap()).is_err());
}

#[test]
fn a_card_that_is_pulled_while_it_is_read_gives_nobody() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    for play in [Play::PulledInSelect, Play::PulledInRead] {
        lab.insert(0, play.clone()).unwrap();
        let insertion = comes(&helper, 0, CardState::Inserted);
        let (pulled, _) = outcome(&mut helper, 0, insertion);
        assert_eq!(failure(&pulled), CardFailure::Removed, "{play:?}");
        // The next one is read.
        lab.insert(0, Play::nhi(&anna())).unwrap();
        let next = comes(&helper, 0, CardState::Inserted);
        assert_eq!(person(&outcome(&mut helper, 0, next).0).document.number(), "A123456789");
        lab.pull(0).unwrap();
        comes(&helper, 0, CardState::Removed);
    }
}

#[test]
fn a_contact_that_is_lost_once_is_made_again_and_the_card_is_read() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    lab.insert(0, Play::Shaky(hex(&anna()), 1)).unwrap();
    let insertion = comes(&helper, 0, CardState::Inserted);
    let (found, tries) = outcome(&mut helper, 0, insertion);
    assert_eq!(person(&found).document.number(), "A123456789");
    assert!(tries > 1, "it was not lost: {tries}");
}

#[test]
fn a_card_that_hangs_is_answered_for_and_the_other_reader_goes_on() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    lab.insert(0, Play::Hang).unwrap();
    let hung = comes(&helper, 0, CardState::Inserted);
    helper.ask(&Ask::Read { reader: reader(0), insertion: hung }).unwrap();
    lab.insert(1, Play::nhi(&anna())).unwrap();
    let other = comes(&helper, 1, CardState::Inserted);
    assert_eq!(person(&outcome(&mut helper, 1, other).0).document.number(), "A123456789", "meanwhile");
    assert_eq!(failure(&answer(&helper, 0, hung).0), CardFailure::Hung);
    assert_eq!(failure(&outcome(&mut helper, 0, hung).0), CardFailure::Hung, "it still does");
    lab.pull(0).unwrap();
    comes(&helper, 0, CardState::Removed);
    lab.insert(0, Play::nhi(&boris())).unwrap();
    let next = comes(&helper, 0, CardState::Inserted);
    assert_eq!(person(&outcome(&mut helper, 0, next).0).document.number(), "A100000001");
}

#[test]
fn the_card_service_is_killed_and_comes_back_and_the_helper_stays() {
    let Some((_folder, mut lab, mut helper)) = lab() else { return };
    let is = |helper: &Helper, wanted: bool| {
        helper
            .next("news of the service", |said| matches!(said, Said::Service { up } if up == wanted).then_some(()))
            .unwrap();
    };
    lab.kill_service().unwrap();
    is(&helper, false);
    lab.start_service().unwrap();
    is(&helper, true);
    lab.insert(0, Play::nhi(&anna())).unwrap();
    let insertion = comes(&helper, 0, CardState::Inserted);
    assert_eq!(person(&outcome(&mut helper, 0, insertion).0).document.number(), "A123456789");
}

/// A whole counter: the edge starts the helper, the helper reads, the page is filled.
#[test]
fn a_card_in_the_reader_fills_the_form_of_a_real_edge_and_one_that_is_pulled_empties_it() {
    let Some((_folder, mut lab, helper)) = lab() else { return };
    drop(helper);
    let folder = tempfile::tempdir().unwrap();
    let edge = tool("atoll-edge", folder.path(), MORNING).unwrap();
    edge.run(&["init", "--site", SITE]).unwrap();
    let edge = edge.under(vec![("PCSCLITE_CSOCK_NAME", lab.socket().into())]);
    let (port, program) = (free_tcp_port().unwrap(), binary("atoll-card").unwrap());
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["serve", "--listen", &listen, "--card-helper", program.to_str().unwrap()];
    let (_serving, http) = serve(&edge, &arguments, port).unwrap();
    let state = || http.get("/api/v1/cards").unwrap().1;
    let log = folder.path().with_extension("log");
    let both = until("both readers", SOON, || (state()["readers"].as_array()?.len() == 2).then_some(()));
    both.unwrap_or_else(|cause| panic!("{cause}: {}\n{}", state(), std::fs::read_to_string(&log).unwrap_or_default()));
    let (_, _, cookie) = http.form("/cards/choose", &[("reader", &reader(0))], "").unwrap();
    let is_filled = || Some(http.page("/masks", &cookie).ok()?.contains(r#"value="A123456789""#));
    let mut took = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        lab.insert(0, Play::nhi(&anna())).unwrap();
        until("the form is filled", SOON, || is_filled()?.then_some(())).unwrap();
        took.push(began.elapsed().as_secs_f64());
        lab.pull(0).unwrap();
        until("it is empty", SOON, || (!is_filled()?).then_some(())).unwrap();
    }
    println!("from the card to the filled form: {took:.2?} s; the virtual reader is looked at every 0.4 s");
    let health = &state()["health"][0];
    assert_eq!((health["reads"].as_u64(), health["suspect"].as_bool()), (Some(5), Some(false)));
}

fn hex(record: &[u8]) -> String {
    record.iter().map(|byte| format!("{byte:02x}")).collect()
}
