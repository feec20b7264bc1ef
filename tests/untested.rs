//! Comes after all other tests, by its name, and lists those that were left out since something was absent.
//! It fails when `SKYSIFT_REQUIRE` names what no test knows: a slip of the pen there would let tests hide.

#![allow(clippy::unwrap_used)] // As in the helpers of all tests.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose purpose is to print")]

#[path = "skysift/needed.rs"]
mod needed;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Whoever asks for a list of tests gets none from here.
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let mut fine = true;
    for name in needed::required() {
        if needed::THINGS.iter().all(|thing| thing.name != name) {
            let known: Vec<&str> = needed::THINGS.iter().map(|thing| thing.name).collect();
            eprintln!("{} names {name}; what tests need is {}", needed::REQUIRE, known.join(", "));
            fine = false;
        }
    }
    let left_out = needed::take_notes();
    if left_out.is_empty() {
        println!("\nno test was left out\n");
    } else {
        println!("\ntests that were left out:\n");
    }
    for (name, tests) in &left_out {
        let what = needed::THINGS.iter().find(|thing| thing.name == name).map_or("", |thing| thing.what);
        println!("  for want of {name} ({what})");
        for test in tests {
            println!("    {test}");
        }
        println!();
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
