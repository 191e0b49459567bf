//! What a crash leaves behind: no picture of the memory, and no words that could hold a person's
//! number (docs/at-rest.md).

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;

/// Forbids this process's core dumps and shows of a panic only what was written in the source. At the start of `main`.
pub fn leave_nothing_behind() {
    forbid_core_dumps();
    std::panic::set_hook(Box::new(|info| {
        // With no standard error there is nobody to tell.
        let _ = std::io::stderr().lock().write_all(words(info).as_bytes());
    }));
}

/// No file, because the limit is none, and nothing through a pipe, for which the limit does not count.
fn forbid_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if let Err(cause) =
            setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        {
            let _ = writeln!(std::io::stderr().lock(), "無法禁止核心傾印 core dumps cannot be forbidden: {cause}");
        }
    }
}

/// A message that was put together at run time may hold anything that was in hand; a literal holds nothing.
fn words(info: &PanicHookInfo<'_>) -> String {
    let said = info.payload().downcast_ref::<&'static str>().copied();
    let said = said.unwrap_or("(a message that was put together; it is not shown, it could hold a person's number)");
    let place = info.location().map_or_else(String::new, ToString::to_string);
    let backtrace = Backtrace::capture();
    let is_there = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = if is_there { format!("\n{backtrace}") } else { String::new() };
    format!("程式異常 panicked at {place}: {said}{backtrace}\n")
}
