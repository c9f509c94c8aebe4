//! Parse, run, exit. Nothing else lives here.

use std::process::ExitCode;

fn main() -> ExitCode {
    gsync::cli::main()
}
