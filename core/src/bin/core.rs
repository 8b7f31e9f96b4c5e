//! The `core` binary.

fn main() -> std::process::ExitCode {
    medcontext_core::cli::main()
}
