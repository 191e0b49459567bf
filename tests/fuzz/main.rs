//! libFuzzer in front of the target that `ATOLL_FUZZ_TARGET` names. `scripts/fuzz` builds and runs it.

#![no_main]

use std::sync::OnceLock;

use harness::fuzz::{Target, target};
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(|input: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("ATOLL_FUZZ_TARGET").unwrap_or_default();
        target(&name).unwrap_or_else(|| panic!("ATOLL_FUZZ_TARGET={name} is no target"))
    });
    (target.holds)(input);
});
