//! The short run of the fuzz targets (docs/fuzzing.md): the kept inputs, then changed ones, always the same.

use data_encoding::HEXLOWER;
use harness::fuzz::{TARGETS, corpus, mutated, target};

/// Tells which input it was, should the target panic.
struct Telling<'a> {
    name: &'static str,
    what: String,
    input: &'a [u8],
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} breaks on {}: {}", self.name, self.what, HEXLOWER.encode(self.input));
        }
    }
}

fn seed() -> u64 {
    std::env::var("ATOLL_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

fn rounds(usual: u64) -> u64 {
    std::env::var("ATOLL_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

fn short(name: &str) {
    let target = target(name).unwrap_or_else(|| panic!("{name} is no target"));
    let known = corpus::known(target).unwrap();
    let run = |what: String, input: &[u8]| {
        let _telling = Telling { name: target.name, what, input };
        (target.holds)(input);
    };
    for (number, input) in known.iter().enumerate() {
        run(format!("known input {number}"), input);
    }
    let seed = seed();
    for round in 0..rounds(target.rounds) {
        run(format!("SEED={seed} round {round}"), &mutated(&known, seed, round));
    }
}

macro_rules! short_runs {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                short(stringify!($name));
            }
        )+

        #[test]
        fn every_target_has_its_short_run() {
            let named = [$(stringify!($name)),+];
            assert_eq!(TARGETS.each_ref().map(|target| target.name), named);
        }
    };
}

short_runs!(
    frame,
    message,
    entry,
    feed,
    digest,
    enrol,
    identity,
    document,
    card,
    certificate,
    names,
    version,
    edge_session,
    hub_session,
    both_sessions,
    door,
    node,
    edge_web,
    hub_web,
);

#[test]
fn the_same_seed_is_the_same_input() {
    let known = corpus::known(&TARGETS[0]).unwrap();
    for round in 0..50 {
        assert_eq!(mutated(&known, 7, round), mutated(&known, 7, round));
    }
    assert_ne!(mutated(&known, 7, 1), mutated(&known, 8, 1));
}
