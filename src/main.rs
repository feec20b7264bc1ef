//! The `skysift` program: starts the window, or runs one command.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    skysift::cli::run(std::env::args_os())
}
