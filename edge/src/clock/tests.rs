//! Clocks that are set, reset, slewed and heard.

use super::*;

const START: i64 = 1_580_954_400;

fn at(wall_s: i64, mono_s: u64) -> Reading {
    Reading { wall_ms: wall_s * 1_000, mono_ms: mono_s * 1_000 }
}

fn sure(second: i64) -> Instant {
    Instant { second, doubt_s: 2 }
}

#[test]
fn never_synced_is_the_wall_clock_and_says_so() {
    let clock = Clock::restore(ClockState::default(), at(START, 5));
    assert_eq!(clock.now(at(START + 9, 14)), Instant { second: START + 9, doubt_s: u32::MAX });
}

#[test]
fn after_a_beacon_the_wall_clock_moves_nothing() {
    let mut clock = Clock::restore(ClockState::default(), at(START + 86_400, 5));
    assert!(clock.beacon(at(START + 86_400, 10), at(START + 86_400, 10), START).is_some());
    for wall in [START - 1_000_000, START, START + 1_000_000] {
        assert_eq!(clock.now(at(wall, 70)), Instant { second: START + 60, doubt_s: 2 });
    }
    let later = clock.now(at(0, 10 + 86_400));
    assert_eq!((later.second, later.doubt_s), (START + 86_400, 6), "50 ppm are 4.3 s a day");
}

#[test]
fn a_restart_without_a_line_keeps_the_correction_and_never_goes_back() {
    let mut clock = Clock::restore(ClockState::default(), at(START - 3_600, 0));
    clock.beacon(at(START - 3_600, 0), at(START - 3_600, 0), START);
    clock.wrote(sure(START + 10), at(START - 3_590, 10));
    let again = Clock::restore(clock.state(), at(START - 3_500, 3));
    let now = again.now(at(START - 3_500, 3));
    assert_eq!(now.second, START + 100);
    assert!((150..=155).contains(&now.doubt_s), "a minute, and the ninety seconds that it was off: {now:?}");
    // The wall clock was set back: the last good time goes on, also where nothing was written since the start.
    let now = again.now(at(START - 90_000, 33));
    assert_eq!(now, Instant { second: START + 100 + 30, doubt_s: u32::MAX });
    let slewed = again.now(at(START - 3_500 + 29, 33));
    assert!(slewed.doubt_s < 160, "a clock that is being disciplined is trusted: {slewed:?}");
}

#[test]
fn a_clock_moved_while_the_line_is_cut_is_remembered_over_a_restart() {
    let mut clock = Clock::restore(ClockState::default(), at(START, 0));
    clock.beacon(at(START, 0), at(START, 0), START);
    assert_eq!(clock.moved(at(START + 50, 50)), None, "nobody moved it");
    let kept = clock.moved(at(START - 90_000, 60)).expect("a day back");
    let again = Clock::restore(kept, at(START - 89_990, 0));
    let now = again.now(at(START - 89_990, 0));
    assert!((START + 69..=START + 71).contains(&now.second), "{now:?}");
}

/// Heard at START, written a second later, started again after so long with the wall clock off by so much.
fn started(after_s: i64, off_s: i64) -> Clock {
    let mut clock = Clock::restore(ClockState::default(), at(START, 0));
    clock.beacon(at(START, 0), at(START, 0), START);
    clock.wrote(sure(START + 1), at(START + 1, 1));
    Clock::restore(clock.state(), at(START + after_s + off_s, 0))
}

#[test]
fn a_clock_set_while_the_program_was_off_is_within_its_doubt() {
    const NIGHT: i64 = 14 * 3_600;
    const DAY: i64 = 86_400;
    for (after_s, off_s) in [
        (NIGHT, 0),
        (NIGHT, 8 * 3_600),
        (NIGHT, -8 * 3_600),
        (NIGHT, 400 * DAY),
        (10 * DAY, 30 * DAY),
        (10 * DAY, -3 * DAY),
        (60, 2 * DAY),
    ] {
        let clock = started(after_s, off_s);
        let now = clock.now(at(START + after_s + off_s, 0));
        let off = now.second.abs_diff(START + after_s);
        assert!(off <= u64::from(now.doubt_s), "{after_s} {off_s}: off by {off}, {now:?}");
        assert!(now.doubt_s < u32::MAX, "{after_s} {off_s}");
    }
    let at_once = started(30, 0).now(at(START + 30, 0));
    assert!(at_once.doubt_s < 100, "no room for anything: {at_once:?}");
}

#[test]
fn a_start_at_once_is_no_surer_than_what_was_written_before_it() {
    const NIGHT: i64 = 14 * 3_600;
    // Eight hours ahead after the night; sold, and started again at once.
    let mut clock = started(NIGHT, 8 * 3_600);
    let wall = START + NIGHT + 8 * 3_600;
    clock.wrote(clock.now(at(wall, 0)), at(wall, 0));
    let now = Clock::restore(clock.state(), at(wall + 30, 0)).now(at(wall + 30, 0));
    assert!(now.second.abs_diff(START + NIGHT + 30) <= u64::from(now.doubt_s), "{now:?}");
}

#[test]
fn a_beacon_is_kept_now_and_then() {
    let mut clock = Clock::restore(ClockState::default(), at(START, 0));
    let mut kept = 0;
    for minute in 0..60_u64 {
        let now = at(START + i64::try_from(minute).unwrap() * 60, minute * 60);
        kept += u32::from(clock.beacon(now, now, START + i64::try_from(minute).unwrap() * 60).is_some());
    }
    assert_eq!(kept, 6, "the first, and one in ten minutes");
}

#[test]
fn a_clock_reset_to_1970_says_so_and_may_be_set_right() {
    let mut clock = Clock::restore(started(0, 0).state(), at(100, 0));
    let now = clock.now(at(160, 60));
    assert_eq!(now, Instant { second: START + 61, doubt_s: u32::MAX }, "from the last thing written on");
    let lost = clock.moved(at(160, 60)).unwrap();
    assert_eq!((lost.offset_ms, lost.synced_second), (500, None), "half a century is no correction");
    assert_eq!(clock.moved(at(170, 70)), None, "noted once");
    let right = clock.now(at(START + 50_000, 90));
    assert_eq!(right, Instant { second: START + 50_000, doubt_s: u32::MAX });
    clock.wrote(right, at(START + 50_000, 90));
    assert_eq!(clock.now(at(200, 100)).second, START + 50_010, "and is not set back again");
    let again = Clock::restore(clock.state(), at(START + 50_060, 0)).now(at(START + 50_060, 0));
    assert_eq!(again, Instant { second: START + 50_060, doubt_s: u32::MAX }, "who set it right may have been wrong");
}

#[test]
fn a_correction_of_years_does_not_outlive_the_clock_that_it_was_for() {
    let mut clock = Clock::restore(ClockState::default(), at(100, 0));
    let kept = clock.beacon(at(100, 0), at(100, 0), START).unwrap();
    let still = Clock::restore(kept, at(100 + 3_600, 0)).now(at(100 + 3_600, 0));
    assert_eq!(still.second, START + 3_600);
    let set_right = Clock::restore(kept, at(START + 3_600, 0)).now(at(START + 3_600, 0));
    assert_eq!(set_right, Instant { second: START + 3_600, doubt_s: u32::MAX }, "nobody knows how well it was set");
}

#[test]
fn a_clock_set_forward_before_the_first_beacon_is_not_followed() {
    let mut clock = started(60, 0);
    assert_eq!(clock.moved(at(START + 70, 10)), None);
    for off_s in [8 * 3_600, 400 * 86_400] {
        let ahead = at(START + 90 + off_s, 30);
        assert_eq!(clock.now(ahead), Instant { second: START + 90, doubt_s: u32::MAX });
        assert!(clock.moved(ahead).is_some());
    }
    let fast = started(60, 0);
    assert_eq!(fast.now(at(START + 60 + 50, 10)).second, START + 70, "five times too fast");
    let kept = clock.state();
    let again = Clock::restore(kept, at(START + 100 + 400 * 86_400, 0));
    let now = again.now(at(START + 100 + 400 * 86_400, 0));
    assert!((START + 99..=START + 101).contains(&now.second), "{now:?}");
    assert_eq!(now.doubt_s, u32::MAX);
}

#[test]
fn the_hub_was_heard_so_long_ago() {
    let mut clock = Clock::restore(ClockState::default(), at(START, 0));
    assert_eq!(clock.beacon_age_s(at(START, 5)), None);
    clock.beacon(at(START, 10), at(START, 10), START);
    clock.beacon(at(START, 20), at(START, 22), START + 10);
    assert_eq!(clock.beacon_age_s(at(0, 52)), Some(30), "also where the older one is the better");
    let again = Clock::restore(clock.state(), at(START + 600, 0));
    assert_eq!(again.beacon_age_s(at(START + 600, 0)), Some(600));
}

#[test]
fn where_the_monotonic_clock_is_followed_no_entry_costs_a_second() {
    let mut clock = started(60, 0);
    for number in 0..100_u64 {
        let ms = 10_900 + number * 100;
        let reading = Reading { wall_ms: 0, mono_ms: ms };
        clock.wrote(clock.now(reading), reading);
    }
    assert_eq!(clock.now(at(0, 30)).second, START + 90);
}

#[test]
fn a_beacon_corrects_what_ran_ahead() {
    let mut clock = Clock::restore(ClockState::default(), at(START + 86_400, 0));
    clock.wrote(sure(START + 86_400), at(START + 86_400, 0));
    let kept = clock.beacon(at(START + 86_400, 1), at(START + 86_400, 1), START + 1).unwrap();
    assert_eq!((kept.offset_ms, kept.high_second), (-86_398_500, START + 1));
    assert_eq!(clock.now(at(START + 86_400, 2)).second, START + 2);
    let again = Clock::restore(kept, at(START + 86_400 + 5, 0));
    assert_eq!(again.now(at(START + 86_400 + 5, 0)).second, START + 6);
}

#[test]
fn a_worse_beacon_is_not_taken_and_a_broken_one_neither() {
    let mut clock = Clock::restore(ClockState::default(), at(START, 0));
    clock.beacon(at(START, 0), at(START, 0), START);
    assert_eq!(clock.beacon(at(START, 1), at(START, 21), START + 10), None, "twenty seconds on the way");
    assert_eq!(clock.now(at(START, 30)), Instant { second: START + 30, doubt_s: 2 });
    assert_eq!(clock.beacon(at(START, 40), at(START, 30), START), None);
    assert_eq!(clock.beacon(at(START, 40), at(START, 900), START), None);
}
