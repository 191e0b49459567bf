//! What a panic says: where it was and what stands in the source, never what was in hand
//! (docs/at-rest.md).

use std::process::{Command, Stdio};

/// Set for the child of the test below: what its panic says.
const PANIC: &str = "ATOLL_TEST_PANIC";

#[test]
fn a_panic_does_not_say_what_was_in_hand() {
    let said = |hook: &str| {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "panics::panics_when_told", "--nocapture", "--test-threads=1"])
            .env(PANIC, hook)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&[child.stdout, child.stderr].concat()).into_owned()
    };
    assert!(said("none").contains("A123456789"), "Rust's own words would have said it");
    for hook in ["edge", "hub"] {
        let said = said(hook);
        assert!(said.contains("panicked at") && said.contains("panics.rs"), "{said}");
        assert!(!said.contains("A123456789"), "{said}");
        assert!(said.contains("nothing was in hand"), "what was written in the source is shown: {said}");
    }
}

#[test]
fn panics_when_told() {
    let Ok(hook) = std::env::var(PANIC) else { return };
    match hook.as_str() {
        "edge" => edge::crash::leave_nothing_behind(),
        "hub" => hub::crash::leave_nothing_behind(),
        _ => {}
    }
    let number = String::from("A123456789證");
    let _ = std::panic::catch_unwind(|| panic!("nothing was in hand"));
    let _ = std::panic::catch_unwind(|| panic!("no room for {number}"));
    let _ = std::panic::catch_unwind(|| number[..11].len());
    let year: Result<i32, String> = number.parse().map_err(|_| number.clone());
    year.unwrap();
}
