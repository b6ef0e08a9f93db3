//! Transcripts of the program: commands and their output.
//!
//! `TRYCMD=overwrite cargo test -p wa-cli --test it transcripts::` updates them.

use crate::support::{Emulator, clean, close_secret_files};

#[test]
fn without_a_network() {
    let cases = trycmd::TestCases::new();
    clean(&cases);
    close_secret_files();
    cases.case("tests/cmd/*.trycmd");
    cases.run();
}

#[test]
fn against_the_emulator() {
    // The files run in parallel, so each has its own phone numbers.
    let emulator = Emulator::start(&["1001", "1002", "1003", "1004", "1005"]);
    let cases = trycmd::TestCases::new();
    clean(&cases);
    close_secret_files();
    cases
        .env("WA_GRAPH_URL", emulator.url())
        .env("WA_ACCESS_TOKEN", emulator.token());
    cases.insert_var("[URL]", emulator.url()).unwrap();
    cases.case("tests/journey/*.trycmd");
    cases.run();
}
