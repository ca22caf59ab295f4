//! The command `gain`.

fn main() {
    std::process::exit(launcher::main(std::env::args_os(), None));
}
