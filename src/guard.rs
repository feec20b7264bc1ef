//! Turns panics in third-party code into error messages.
//!
//! Decoders may panic on malicious files, and burn panics when a device is lost or out of memory. Code that
//! is called through [`catch`] may do so: the caller gets the message, and nothing is printed.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `job`, and returns the message if it panics. Whatever `job` was changing may be in an inconsistent
/// state then, and must not be used after an error.
///
/// # Errors
/// The message of the panic, on one line.
pub(crate) fn catch<T>(job: impl FnOnce() -> T) -> Result<T, String> {
    let before = CATCHING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(job));
    CATCHING.set(before);
    outcome.map_err(|panic| message(panic.as_ref()))
}

/// The thread that searches the system's fonts: it panics if there are none. The thread that waits for it
/// panics, too, and that panic is caught.
const FONTS_THREAD: &str = "egui_system_font_provider";

/// Keeps caught panics from being printed to stderr; others are still printed.
pub(crate) fn silence_caught_panics() {
    let print = take_hook();
    set_hook(Box::new(move |panic| {
        if !CATCHING.get() && std::thread::current().name() != Some(FONTS_THREAD) {
            print(panic);
        }
    }));
}

fn message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    let line = message.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("no reason was given").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_first_line() {
        assert_eq!(catch(|| 3), Ok(3));
        let outcome: Result<(), String> = catch(|| panic!("\n  out of memory.\nbacktrace"));
        assert_eq!(outcome, Err("out of memory".to_owned()));
        let index = [0_usize; 0].len();
        assert!(catch(|| [1, 2][index + 2]).is_err_and(|message| message.contains("out of bounds")));
    }
}
